"""What the protocol costs: 8 peers as processes, with a learner that does nothing.

Per round, from one ballot counted to the next, with ballots of a single round, sampled and
broadcast; and an idle peer of the same swarm, one that waits for a ninth to begin.

    python -m tests.benchmarks.overhead
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from tallyp2p.consensus.contributor import Election, IdArray, Vote
from tallyp2p.gossip.events import Notice, RoundClosed, Started
from tallyp2p.gossip.machine import PeerMachine
from tallyp2p.parameters import RunParameters, Spreading, Timing
from tallyp2p.runtime.launcher import Job, Launcher
from tallyp2p.runtime.meter import Meter
from tallyp2p.runtime.node import Node, Progress, Trouble
from tallyp2p.runtime.rendezvous import Rendezvous
from tallyp2p.runtime.transport import Transport
from tallyp2p.wire.codec import Codec

from .record import parser, report

PEERS = 8
WARM_UP = 20  # rounds that do not count


class Idle:
    """A learner that does nothing."""

    def __init__(self, votes: int) -> None:
        self.labels = np.zeros(votes, dtype=np.int64)

    def vote(self, round: int, ids: IdArray | None) -> Vote:
        return Vote(self.labels)

    def learn(self, round: int, elections: Sequence[Election]) -> Mapping[str, float]:
        return {}


async def take_part(
    directory: Path, index: int, run: RunParameters, timing: Timing, idle: float | None
) -> dict[str, Any]:
    """One peer; what it measured."""
    closed: list[float] = []
    missing = 0

    def watch(notice: Notice | Progress | Trouble) -> None:
        nonlocal missing
        if isinstance(notice, RoundClosed):
            closed.append(time.monotonic())
            missing += len(notice.missing)

    transport = Transport(Meter())
    endpoint = transport.bind("tcp://127.0.0.1:*")
    machine = PeerMachine(
        run, timing, hashlib.sha256(b"%d" % index).digest(), os.urandom(8), Random(index)
    )
    codec, learner = Codec(run, machine.author), Idle(run.votes)
    node = Node(machine, codec, transport, learner, run, [watch])
    rendezvous = Rendezvous(directory, index, PEERS)
    rendezvous.announce(endpoint)
    running = asyncio.create_task(node.run(Started(endpoint, fresh=True)))
    async for other in rendezvous.others():
        node.discover(other)
    measured: dict[str, Any] = {}
    if idle is not None:
        measured = await be_idle(transport, idle)
        node.stop()
    finish = await running
    durations = [after - before for before, after in zip(closed, closed[1:], strict=False)]
    return measured | {
        "completed": finish.completed,
        "text": finish.text,
        "rounds": durations[WARM_UP:],
        "missing": missing,
    }


async def be_idle(transport: Transport, seconds: float) -> dict[str, float]:
    """CPU share and bytes per second (sent, wire) of a peer that only keeps its members."""
    await asyncio.sleep(5)
    cpu, sent = time.process_time(), transport.meter.snapshot()["sent"]["total"]["wire"]
    await asyncio.sleep(seconds)
    return {
        "cpu": (time.process_time() - cpu) / seconds * 100,
        "sent": (transport.meter.snapshot()["sent"]["total"]["wire"] - sent) / seconds,
    }


def peer(
    directory: Path, index: int, run: RunParameters, timing: Timing, idle: float | None
) -> None:
    measured = asyncio.run(take_part(directory, index, run, timing, idle))
    (directory / f"{index}.json").write_text(json.dumps(measured))


def swarm(run: RunParameters, timing: Timing, idle: float | None = None) -> list[dict[str, Any]]:
    """What each of the peers measured."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        jobs = [
            Job(peer, (directory, index, run, timing, idle), directory / "log.txt")
            for index in range(PEERS)
        ]
        with Launcher(jobs, preload="tallyp2p.runtime.node") as launcher:
            launcher.start()
            launcher.wait(300)
            codes = launcher.poll()
        if any(codes):
            raise SystemExit(f"exit codes {codes}:\n{(directory / 'log.txt').read_text()}")
        return [json.loads((directory / f"{i}.json").read_text()) for i in range(PEERS)]


def main() -> None:
    options: argparse.ArgumentParser = parser((__doc__ or "").splitlines()[0])
    options.add_argument("--rounds", type=int, default=300)
    options.add_argument("--idle", type=float, default=30.0, help="seconds of idling; 0: none")
    chosen = options.parse_args()
    rows: list[tuple[str, float, str, str]] = []
    for spreading, goal in ((Spreading.SAMPLED, "10"), (Spreading.BROADCAST, "20")):
        run = RunParameters(pool=10_000, rounds_per_ballot=1, spreading=spreading)
        results = swarm(run, Timing(rounds=chosen.rounds, quorum=PEERS))
        rounds = sorted(seconds * 1e3 for result in results for seconds in result["rounds"])
        rows += [
            (f"a round, {spreading}, median", statistics.median(rounds), "ms", goal),
            (f"a round, {spreading}, 99 of 100", rounds[len(rounds) * 99 // 100], "ms", ""),
            (f"ballots missed, {spreading}", sum(r["missing"] for r in results), "", ""),
            (f"peers completed, {spreading}", sum(r["completed"] for r in results), "", ""),
        ]
    if chosen.idle:
        timing = Timing(quorum=PEERS + 1, join_deadline=10 * chosen.idle)
        results = swarm(RunParameters(), timing, chosen.idle)
        rows += [
            ("an idle peer, CPU", statistics.mean(r["cpu"] for r in results), "%", "0.5"),
            ("an idle peer, sent", statistics.mean(r["sent"] for r in results), "B/s", "50"),
        ]
    report("overhead", rows, chosen.out, peers=PEERS, rounds=chosen.rounds)


if __name__ == "__main__":
    main()
