"""Hosts, the air between them and real peers on them: what the tests of faults play with.

A `Field` of N has N hosts; host K runs peer K of N, `tallyp2p peer --shard K/N`, as often as it is
started.  Everything ends with the block, and also when the test dies.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from tallyp2p.admission.keyfile import make_key
from tallyp2p.wire.electorate import Electorate
from tallyp2p.wire.keys import identity_text
from tests.faults.air import Rules, address
from tests.faults.history import History, Life
from tests.faults.phases import Phase
from tests.waiting import LONG

__all__ = ["LATE", "PORT", "QUICK", "Field", "Nursery", "Process", "Program"]

PORT = 7000

# Little learning, many ballots: what is tried is not what they learn.  But what a peer votes
# depends at once on what it has heard, so one that forgot anything votes otherwise.
_SMALL = {
    "run.spreading": "broadcast",
    "run.probes": "8",
    "run.rounds_per_ballot": "2",
    "learning.local_steps": "1",
    "learning.warmup": "0",
    "learning.abstain_below": "0",
    "learning.evaluate_every": "1000",
}
LATE = 3.5  # seconds by which a busy host's timers may be late
# Timing in which a test sees within seconds what takes the shipped timing a minute.
QUICK = {
    "timing.deadline": "6",
    "timing.patience": "0.5",
    "timing.suspect_after": "2",
    "timing.gone_after": "10",
    "timing.probe_interval": "1",
    "timing.gossip_interval": "1",
}


@dataclass(slots=True)
class Process:
    """One start of one peer."""

    peer: int
    life: int  # 0 for the first start
    id: int
    directory: Path  # its log and trace
    run: Path  # what it writes and keeps; that of the life before, where it went on
    code: int | None = None  # exit code; minus the signal that killed it

    @property
    def log(self) -> str:
        """What it printed."""
        path = self.directory / "log"
        return path.read_text() if path.exists() else ""

    @property
    def round(self) -> int:
        """The last round that it trained through; -1 before the first."""
        return max((line["round"] for line in self.metrics("round")), default=-1)

    def metrics(self, event: str) -> list[dict[str, Any]]:
        """The whole lines of its metrics that are of one kind."""
        found = list(self.run.glob("peer-*/metrics.jsonl"))
        text = found[0].read_text() if found else ""
        lines = [json.loads(line) for line in text.split("\n")[:-1]]
        return [line for line in lines if line["event"] == event]


class Program:
    """A program of ours that answers each line with a line, and ends with its input."""

    def __init__(self, module: str, *arguments: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        self.first = self._read()

    def ask(self, line: str) -> Any:
        """What it answers to a line."""
        assert self.process.stdin is not None
        self.process.stdin.write(line)
        self.process.stdin.flush()
        return self._read()

    def _read(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, f"{self.process.args!r} ended"
        return json.loads(line)

    def end(self) -> None:
        """Close its input, and wait until it is gone."""
        with self.process:
            self.process.communicate()


class Nursery(Program):
    """A process that peers are forked from.  It takes seconds to start, so let fields share it."""

    def __init__(self) -> None:
        super().__init__("tests.faults.nursery")


@dataclass
class Field:
    """N hosts and their peers; a context manager.

    `settings`: of the profile, by name, over those of a small quick run; `pause`: seconds that a
    learner rests after each ballot; `seed` decides which packets are lost; `secure`: ballots are
    signed, connections encrypted, and nobody else is let in.
    """

    nursery: Nursery
    directory: Path
    peers: int
    rounds: int
    settings: Mapping[str, str] = field(default_factory=dict)
    pause: float = 0.1
    seed: int = 1
    secure: bool = False
    processes: list[Process] = field(default_factory=list)

    def __enter__(self) -> Field:
        self.directory.mkdir(parents=True, exist_ok=True)
        if self.secure:
            self._identities = [make_key(self._key(peer)) for peer in range(self.peers)]
            self._members.write_text(Electorate.of(self._identities).text)
        self._air = Program("tests.faults.air", self.peers, self.seed)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in self.processes:
            if process.code is None:
                with suppress(ProcessLookupError):
                    os.kill(process.id, signal.SIGKILL)
        self._air.end()

    def endpoint(self, peer: int) -> str:
        """Where a peer is joined."""
        listen = f"tcp://{address(peer)}:{PORT}"
        if not self.secure:
            return listen
        return f"{listen}#{identity_text(self._identities[peer])}"

    def _key(self, peer: int) -> Path:
        return self.directory / f"{peer:02d}.key"

    @property
    def _hold(self) -> Path:
        return self.directory / "hold"

    @property
    def _members(self) -> Path:
        return self.directory / "members"

    def namespace(self, host: int) -> str:
        """A path by which another process can enter a host's namespace."""
        return f"/proc/{self._air.process.pid}/fd/{self._air.first[host]}"

    def air(self, rules: Rules) -> dict[str, int]:
        """Let other rules hold from now on; what became of the packets so far."""
        return dict(self._air.ask(rules.line()))

    def start(
        self,
        peers: Iterable[int],
        *,
        seeds: Iterable[str] | None = None,
        options: Iterable[str] = (),
        phase: Phase | None = None,
        ballots: int = 0,
        **order: Any,
    ) -> list[Process]:
        """Start peers, each on its host, to join at all others (or at `seeds`).

        A peer that was started before goes on as itself, with what its disk has kept.
        `options` are more of `tallyp2p peer`; `phase`: they die there, once they have trained
        through `ballots` ballots; the rest of `order` is as the nursery reads it.
        """
        started = []
        for peer in peers:
            lives = [process for process in self.processes if process.peer == peer]
            life = len(lives)
            directory = self.directory / f"{peer:02d}-{life}"
            directory.mkdir()
            run = lives[-1].run if lives else directory / "run"
            answer = self.nursery.ask(
                json.dumps(
                    {
                        "arguments": [*self.command(peer, directory, run, seeds), *options],
                        "namespace": self.namespace(peer),
                        "log": str(directory / "log"),
                        "pause": self.pause,
                        "hold": str(self._hold),
                        "phase": phase,
                        "ballots": ballots,
                        "others": self.peers - 1,
                        **order,
                    }
                )
                + "\n"
            )
            started.append(Process(peer, life, answer["child"], directory, run))
        self.processes += started
        return started

    def command(
        self, peer: int, directory: Path, run: Path, seeds: Iterable[str] | None
    ) -> list[str]:
        """The arguments of `tallyp2p`."""
        at = [self.endpoint(other) for other in range(self.peers) if other != peer]
        settings = {**_SMALL, "timing.rounds": str(self.rounds), **self.settings}
        settings.setdefault("timing.quorum", str(self.peers))
        if self.secure:
            settings["run.seal"] = "ed25519"
        new = [
            f"--shard={peer}/{self.peers}",
            f"--out={run}",
            *([f"--key={self._key(peer)}"] if self.secure else []),
            *[f"--set={name}={value}" for name, value in settings.items()],
        ]
        return [
            "peer",
            *([f"--resume={run}"] if run.exists() else new),
            f"--listen=tcp://{address(peer)}:{PORT}",
            f"--electorate={self._members}" if self.secure else "--insecure-listen",
            f"--trace={directory / 'trace.jsonl'}",
            *[f"--seed={endpoint}" for endpoint in (at if seeds is None else seeds)],
        ]

    def strangers(self, host: int, endpoint: str, count: int) -> Program:
        """A process on a host that opens idle connections to a peer and keeps them."""
        return Program("tests.faults.strangers", self.namespace(host), endpoint, count)

    def welcome(self, peer: int, **more: Any) -> None:
        """Start a peer; all learners rest until it has joined.

        How long a process takes to start is the host's matter, and the others must not be done
        with their rounds before.
        """
        self._hold.touch()
        self.start([peer], **more)
        self.until(lambda: "joined" in self.newest(peer).log, LONG, f"peer {peer} to join")
        self._hold.unlink()

    def signal(self, peers: Iterable[int], number: signal.Signals) -> None:
        """Send a signal to the newest process of each peer."""
        for peer in peers:
            os.kill(self.newest(peer).id, number)

    def newest(self, peer: int) -> Process:
        """The process of a peer that was started last."""
        return next(one for one in reversed(self.processes) if one.peer == peer)

    def ended(self) -> bool:
        """Whether all processes have; their codes are filled in."""
        codes = self.nursery.ask("{}\n")["codes"]
        for process in self.processes:
            process.code = codes.get(str(process.id), process.code)
        return all(process.code is not None for process in self.processes)

    def alive(self, peers: Iterable[int]) -> int:
        """How many members are alive, itself included, by the one of these that knows of fewest."""
        told = [self.newest(peer).metrics("round") for peer in peers]
        return min(lines[-1]["alive"] if lines else 0 for lines in told)

    def dead(self, peers: Iterable[int]) -> bool:
        """Whether the newest process of each of these has ended."""
        self.ended()
        return all(self.newest(peer).code is not None for peer in peers)

    def until(self, condition: Callable[[], bool], seconds: float, what: str) -> float:
        """Wait for something to become true; how long it took.  Fails with all logs."""
        begin = time.monotonic()
        while not condition():
            waited = time.monotonic() - begin
            assert waited < seconds, f"waited {seconds} s for {what}\n{self.logs()}"
            time.sleep(0.05)
        return time.monotonic() - begin

    def until_round(self, peers: Iterable[int], round: int, seconds: float = 120.0) -> None:
        """Wait until each of these peers has trained through `round`."""
        those = list(peers)
        self.until(
            lambda: self._well() and all(self.newest(peer).round >= round for peer in those),
            seconds,
            f"round {round} of peers {those}",
        )

    def finish(self, seconds: float = 120.0) -> None:
        """Wait until all processes have ended; fails where one that was not killed failed."""
        self.until(lambda: self._well() and self.ended(), seconds, "all processes to end")

    def _well(self) -> bool:
        """True; fails where a process did that nobody killed."""
        self.ended()
        for process in self.processes:
            assert process.code in (None, 0, -signal.SIGKILL), f"{process}\n{process.log}"
        return True

    def history(self) -> History:
        """What all of them lived through."""
        return History(
            [Life.read(one.peer, one.life, one.directory / "trace.jsonl") for one in self.processes]
        )

    def logs(self) -> str:
        """The ends of what all of them printed."""
        return "\n".join(f"--- {one}\n{one.log[-800:]}" for one in self.processes)
