"""One peer in a terminal: what it is told as plain lines, and how it ends as an exit code."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..assemble import (
    Member,
    Seat,
    build,
    check_endpoint,
    check_open,
    key_seat,
    most_talked_to,
    named_seat,
    new_seat,
    shard_seat,
    will_encrypt,
)
from ..birth import check_listed
from ..errors import FailureError, SettingsError
from ..gossip.events import MemberChanged, Notice, Refused
from ..parameters import Seal
from ..profiles import Profile
from ..reporting.table import percent, printable, size
from ..runtime.addresses import exposed
from ..runtime.discovery import check_lan
from ..runtime.files import allow_files
from ..runtime.node import Progress, Trouble
from ..runtime.reaching import wider
from ..tracing.recording import TraceFile
from .errors import DONE, INTERRUPTED
from .former import read_former, remember
from .member import RENDEZVOUS, Outcome, live
from .options import neighbours_line
from .refusals import refusal
from .rundirs import new_run_dir, write_config

if TYPE_CHECKING:
    from ..wire.electorate import Electorate

__all__ = ["Foreground"]

_PAUSE = 2.0  # s between two lines about progress
_REFUSALS = 32  # different lines about refusals
_WONDER = 5.0  # s until a line says that nobody has answered yet; then twice as long, and so on

_CAUSES = {
    ("alive", "hello"): "joined",
    ("alive", "heard"): "is heard again",
    ("alive", "restarted"): "was started again",
    ("alive", "vouched"): "lives, as others have shown",
    ("suspect", "silent"): "is silent",
    ("suspect", "lost"): "is not reached any more",
    ("gone", "bye"): "has left",
    ("gone", "expired"): "is given up",
}


@dataclass(slots=True)
class Foreground:
    """`tallyp2p peer`, once its options are understood."""

    profile: Profile
    seeds: tuple[str, ...]
    shard: int | None
    name: str | None
    run_dir: Path | None  # where to write
    joining: bool  # that directory's run is to be taken part in, not a new one
    insecure: bool
    say: Callable[[str], None]
    encrypt: bool | None = None  # None: nobody said
    trace: Path | None = None  # where to record what it lives through
    lan: bool = False  # find others, and be found, by multicast DNS
    key: Path | None = None  # the file of the identity's secret key
    electorate: Electorate | None = None  # who may take part, where the run has a list
    seated: bool = False  # run_dir is a seat's, with all that this peer needs, to be started anew
    moved: bool = False  # where it listens is new to the seat, and to be kept there
    former: bool = False  # run_dir was written by the peer that this one is again
    open_run: bool = False  # let anybody vote who can reach this peer
    _told_at: float = 0.0
    _descriptor: str = ""  # of the own run, once that is known
    _own: str = ""  # the own author id, likewise
    _proves: bool = False  # whether connections prove keys, and those are identities
    _refusals: set[str] = field(default_factory=set)
    _last: Progress | None = None
    _answered: bool = False  # somebody has said something, be it no

    def run(self) -> int:
        """Until the peer is done; the exit code.  Raises what ends in one sentence."""
        for seed in self.seeds:
            check_endpoint(seed)
        encrypt = will_encrypt(
            self.profile, self.seeds, encrypt=self.encrypt, insecure=self.insecure
        )
        check_open(self.profile, self.profile.network.listen, self.open_run or self.insecure)
        if self.lan:
            check_lan(self.profile.network.listen)
        allow_files(most_talked_to(self.profile))
        with ExitStack() as files:
            secret = None
            if self.key is not None:
                from ..admission.keyfile import held_key  # brings OpenSSL

                secret = files.enter_context(held_key(self.key))
            return self._live(self.seat(secret), encrypt)

    def _live(self, seat: Seat, encrypt: bool) -> int:
        self._proves = encrypt and self.profile.run.seal is not Seal.NONE
        trace = None if self.trace is None else TraceFile(self.trace)
        if self.run_dir is not None and not (self.joining or self.seated or self.former):
            write_config(new_run_dir(self.run_dir), self.profile)
            remember(self.run_dir, seat, self.key, self.seeds)
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(DONE))  # nobody knows us yet
        self.say(f"reading shard {seat.index} of {self.profile.peers} ...")
        outcome = asyncio.run(
            live(
                self.profile,
                seat,
                build(self.profile, seat.index),
                seeds=(*self.seeds, *self.endpoints(seat.index)),
                run_dir=self.run_dir,
                meet=self.joining,
                lan=self.lan,
                insecure=self.insecure,
                encrypt=encrypt,
                electorate=self.electorate,
                trace=trace,
                greet=self._greet,
                observers=[self.observe],
            )
        )
        return self._farewell(outcome)

    def seat(self, secret: bytes | None = None) -> Seat:
        """Which peer to be; `secret`: what is in the file of its key."""
        shard = self.shard
        if self.former and self.run_dir is not None:
            found = read_former(self.run_dir)
            shard = found.shard  # of another it would not find its journal, and vote anew
            if found.secret is not None:
                return replace(shard_seat(self.profile, shard), secret=found.secret)
        if secret is not None:
            return key_seat(self.profile, secret, shard, self.electorate)
        if self.electorate is not None:
            raise SettingsError("--electorate goes with --key FILE: a list names its members' keys")
        check_listed(self.profile.run.electorate, None, b"")
        if self.name is not None:
            return named_seat(self.profile, self.name, self.shard)
        if self.shard is not None:
            return shard_seat(self.profile, self.shard)
        return new_seat(self.profile)

    def endpoints(self, own: int) -> list[str]:
        """Where the other peers of the run directory listened when they started."""
        if not self.joining or self.run_dir is None:
            return []
        found = sorted((self.run_dir / RENDEZVOUS).glob("*.endpoint"))
        if not found:
            raise SettingsError(f"{self.run_dir} is not the directory of a swarm's run")
        return [file.read_text("ascii").strip() for file in found if file.stem != f"{own:02d}"]

    def _greet(self, member: Member) -> None:
        self._descriptor, self._own = member.run.descriptor, member.author.hex()
        self._stay()
        self.say(
            f"peer {_short(member.author)} listens at {member.endpoint} "
            f"(run {member.run.run.hex()}, {member.rounds} rounds)"
        )
        if member.resumed is not None:
            self.say(f"going on from round {member.resumed.round}, as kept in {self.run_dir}")
        if known := neighbours_line(self.profile):
            self.say(known.strip())
        if self.joining:
            self.say(f"joining the peers of {self.run_dir} ...")
        elif self.seeds:
            self.say(f"joining at {', '.join(self.seeds)} ...")
            if instead := wider(self.profile.network.listen, self.seeds):
                self.say(
                    "WARNING: only this host can reach the address at which this peer listens: "
                    f"add --listen {instead.replace('*', 'PORT')}"
                )
            self._wonder(self.seeds, _WONDER)
        if self.lan:
            alone = member.endpoint.startswith(("tcp://127.", "tcp://[::1]"))
            self.say(
                "looking for peers of this run on this host alone, for no other can reach this "
                "address: add --listen tcp://0.0.0.0:* to find those of the local network"
                if alone
                else "looking for peers of this run on the local network ..."
            )
        elif not (self.joining or self.seeds):
            how = "tallyp2p join TOKEN" if self.seated else "tallyp2p peer"
            listed = self.profile.run.electorate or not exposed(self.profile.network.listen)
            asked = " --insecure-listen" if self.insecure else " --open"
            far = "" if listed else f" --listen tcp://0.0.0.0:*{asked}"
            self.say(f"waiting to be joined:  {how} --seed {member.endpoint}{far}")

    def _wonder(self, seeds: tuple[str, ...], after: float) -> None:
        """Say now and then, twice as long after each time, that nobody has answered yet."""

        def look() -> None:
            if not self._answered:
                self.say(
                    f"nobody has answered at {' or '.join(seeds[:3])} yet: see that a peer of this "
                    "run listens there, and that no firewall is between; trying on"
                )
                self._wonder(seeds, 2 * after)

        asyncio.get_running_loop().call_later(after, look)

    def _stay(self) -> None:
        """Have the seat's directory say where its peer listens, now that it could."""
        if self.moved and self.run_dir is not None:
            from ..admission.place import keep_listen

            try:
                keep_listen(self.run_dir, self.profile.network.listen)
            except FailureError as error:
                self.say(f"WARNING: {error}; start this peer with the same --listen again")

    def observe(self, told: Notice | Progress | Trouble) -> None:
        """Say what the machine tells, progress at most every two seconds."""
        if isinstance(told, Progress):
            self._last = told
            now = time.monotonic()
            if now >= self._told_at + _PAUSE:
                self._told_at = now
                self.say(self._state(told))
        elif isinstance(told, Trouble):
            pass  # it stands in the log, which a terminal shows
        elif isinstance(told, MemberChanged):
            self._answered = True
            what = _CAUSES.get((told.state, told.cause), told.state)
            self.say(f"peer {_short(told.author)} {what}")
        elif isinstance(told, Refused):
            self._answered |= told.by_them
            line = printable(refusal(told, self._descriptor, self._own, proved=self._proves))
            if line not in self._refusals and len(self._refusals) < _REFUSALS:
                self._refusals.add(line)  # a stranger may knock every second
                self.say(line)

    def _state(self, progress: Progress) -> str:
        made = min(progress.round + self.profile.run.rounds_per_ballot, self.profile.timing.rounds)
        words = [f"round {made}/{self.profile.timing.rounds}", f"{progress.alive} alive"]
        if "accuracy" in progress.figures:
            words.append(f"swarm {percent(progress.figures['accuracy'])}")
        if "alone" in progress.figures:
            words.append(f"alone {percent(progress.figures['alone'])}")
        words.append(f"sent {size(_wire(progress.bytes, 'sent'))}")
        words.append(f"received {size(_wire(progress.bytes, 'received'))}")
        return "  ".join(words)

    def _farewell(self, outcome: Outcome) -> int:
        if self._last is not None:
            self.say(self._state(self._last))
        if outcome.finish.completed:
            code = DONE
            self.say("done")
        elif outcome.signals:
            code = INTERRUPTED if signal.SIGINT in outcome.signals else DONE
            self.say("left")
        else:
            hint = ""
            if self._last is None:  # it never made a round
                hint = "; see that other peers run, with the same settings, and join one by --seed"
            raise FailureError(f"this peer stopped: {printable(outcome.finish.text)}{hint}")
        if outcome.abandoned or outcome.signals:
            # A training step may run on in its thread, and the interpreter cannot end beneath it;
            # and who is told to leave on a busy host has no seconds for taking torch apart.
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
        return code


def _short(author: bytes) -> str:
    return author.hex()[:8]


def _wire(counted: Mapping[str, Mapping[str, Mapping[str, Any]]], way: str) -> int:
    return int(counted[way]["total"]["wire"])
