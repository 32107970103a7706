"""What signatures and encryption cost: 8 peers that really learn the digits, as processes.

The CPU time of all peers for one round, training included, from the first ballot counted to the
last: in clear, with signed ballots, and signed and encrypted; and what a ballot weighs.

    python -m tests.benchmarks.secure
"""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tallyp2p.assemble import assemble, build, shard_seat, swarm_profile
from tallyp2p.bits import pack
from tallyp2p.gossip.events import RoundClosed, Started
from tallyp2p.parameters import RunParameters, Seal
from tallyp2p.payloads import Ballot, author_of
from tallyp2p.profiles import Profile, load
from tallyp2p.runtime.launcher import Job, Launcher
from tallyp2p.runtime.rendezvous import Rendezvous
from tallyp2p.wire.accounting import framed
from tallyp2p.wire.codec import Codec
from tallyp2p.wire.seal import Sealer, identity_of

from .record import parser, report

PEERS = 8
LEVELS: Mapping[str, Mapping[str, Any]] = {
    "in clear": {},
    "signed": {"run.seal": "ed25519"},
    "signed and encrypted": {"run.seal": "ed25519", "network.encrypt": True},
}


async def take_part(profile: Profile, directory: Path, index: int) -> dict[str, Any]:
    """One peer; the CPU seconds of its process for each round but the first ballot."""
    marks: list[tuple[int, float]] = []

    def watch(told: object) -> None:
        if isinstance(told, RoundClosed):
            marks.append((told.round, time.process_time()))

    built = build(profile, index)
    member = assemble(profile, shard_seat(profile, index), built, observers=[watch])
    rendezvous = Rendezvous(directory, index, PEERS)
    rendezvous.announce(member.endpoint)
    running = asyncio.create_task(member.node.run(Started(member.endpoint, fresh=True)))
    async for other in rendezvous.others():
        member.node.discover(other)
    finish = await running
    (first, began), (last, ended) = marks[0], marks[-1]
    sent = member.meter.snapshot()["sent"]["total"]["wire"]
    return {
        "completed": finish.completed,
        "cpu": (ended - began) / (last - first),
        "sent": sent / member.rounds,
    }


def peer(profile: Profile, directory: Path, index: int) -> None:
    measured = asyncio.run(take_part(profile, directory, index))
    (directory / f"{index}.json").write_text(json.dumps(measured))


def swarm(profile: Profile) -> list[dict[str, Any]]:
    """What each of the peers measured."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        jobs = [
            Job(peer, (profile, directory, index), directory / "log.txt") for index in range(PEERS)
        ]
        with Launcher(jobs, preload="tallyp2p.cli.preload") as launcher:
            launcher.start()
            launcher.wait(600)
            codes = launcher.poll()
        if any(codes):
            raise SystemExit(f"exit codes {codes}:\n{(directory / 'log.txt').read_text()}")
        return [json.loads((directory / f"{i}.json").read_text()) for i in range(PEERS)]


def ballot_bytes() -> list[tuple[str, float, str, str]]:
    """A ballot of one round of 32 probes and 10 classes, as it leaves its author."""
    rows: list[tuple[str, float, str, str]] = []
    for name, seal in (("in clear", Seal.NONE), ("signed", Seal.ED25519)):
        run = RunParameters(probes=32, rounds_per_ballot=1, seal=seal)
        secret = bytes(range(32))
        sealer = Sealer(run.digest, secret) if seal is Seal.ED25519 else None
        author = author_of(identity_of(secret))
        codec = Codec(run, author, sealer)
        votes = pack(np.arange(32) % 10, run.bits)
        frame = codec.encode(codec.seal(Ballot(author, 0, votes)))
        goal = "120" if sealer else ""
        rows += [
            (f"a ballot of 32 votes, {name}", len(frame), "bytes", goal),
            (f"the same on TCP, {name}", framed(len(frame)), "bytes", ""),
            (f"the same on TCP, {name}, encrypted", framed(len(frame), curve=True), "bytes", ""),
        ]
    return rows


def main() -> None:
    options = parser((__doc__ or "").splitlines()[0])
    options.add_argument("--rounds", type=int, default=96)
    options.add_argument("--times", type=int, default=3, help="swarms of each kind, in turn")
    chosen = options.parse_args()
    rows = ballot_bytes()
    for ballots in (8, 1):  # rounds in a ballot: the default, and the most that it could cost
        cpu: dict[str, list[float]] = {level: [] for level in LEVELS}
        sent: dict[str, float] = {}
        for _ in range(chosen.times):
            for level, settings in LEVELS.items():
                wanted = {"peers": PEERS, "rounds": chosen.rounds, "rounds_per_ballot": ballots}
                results = swarm(swarm_profile(load("default", {**wanted, **settings})))
                assert all(result["completed"] for result in results)
                cpu[level].append(1e3 * sum(result["cpu"] for result in results))
                sent[level] = statistics.mean(result["sent"] for result in results)
        clear = statistics.median(cpu["in clear"])
        for level in LEVELS:
            took = statistics.median(cpu[level])
            what = f"ballots of {ballots}, {level}"
            goal = "1.5" if "encrypted" in level else ""
            rows += [
                (f"{what}: CPU of a round, 8 peers", took, "ms", ""),
                (f"{what}: least", min(cpu[level]), "ms", ""),
                (f"{what}: most", max(cpu[level]), "ms", ""),
                (f"{what}: times that in clear", took / clear, "", goal),
                (f"{what}: sent by a peer in a round", sent[level], "bytes", ""),
            ]
    report("secure", rows, chosen.out, peers=PEERS, rounds=chosen.rounds, times=chosen.times)


if __name__ == "__main__":
    main()
