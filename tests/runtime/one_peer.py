"""One whole peer without a model, for a process of its own: see test_processes.py.

Its learner takes `pause` seconds for each ballot, and rests as long as there is a file `hold`.
What it saw is left in DIRECTORY as JSON.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random

import numpy as np

from tallyp2p.consensus.contributor import Election, IdArray, Vote
from tallyp2p.gossip.events import MemberChanged, Notice, RoundClosed, Started
from tallyp2p.gossip.machine import PeerMachine
from tallyp2p.parameters import RunParameters, Timing
from tallyp2p.runtime.meter import Meter
from tallyp2p.runtime.node import Node, Progress, Trouble
from tallyp2p.runtime.rendezvous import Rendezvous
from tallyp2p.runtime.signals import stop_on
from tallyp2p.runtime.transport import Transport
from tallyp2p.wire.codec import Codec

RUN = RunParameters(probes=8, rounds_per_ballot=2)


class Slow:
    """Votes its index everywhere, and learns nothing, slowly."""

    def __init__(self, label: int, pause: float, hold: Path) -> None:
        self.label = label
        self.pause = pause
        self.hold = hold

    def vote(self, round: int, ids: IdArray | None) -> Vote:
        return Vote(np.full(RUN.votes, self.label))

    def learn(self, round: int, elections: Sequence[Election]) -> Mapping[str, float]:
        time.sleep(self.pause)
        while self.hold.exists():
            time.sleep(0.01)
        return {}


async def take_part(
    directory: Path,
    index: int,
    peers: int,
    rounds: int,
    pause: float,
    again: bool,
    deadline: float,
) -> None:
    heard: dict[int, int] = {}
    waited: list[float] = []
    changes: list[tuple[str, str]] = []

    def watch(notice: Notice | Progress | Trouble) -> None:
        if isinstance(notice, RoundClosed):
            heard[notice.round] = len(notice.heard)
            waited.append(notice.waited)
        elif isinstance(notice, MemberChanged):
            changes.append((notice.state, notice.cause))
            if again:  # whom it met
                (directory / f"{index}.back").touch()
        elif isinstance(notice, Progress):
            (directory / f"{index}.round").write_text(str(notice.round))

    timing = Timing(rounds=rounds, quorum=2 if again else peers, deadline=deadline, patience=0.3)
    transport = Transport(Meter())
    endpoint = transport.bind("tcp://127.0.0.1:*")
    machine = PeerMachine(
        RUN, timing, hashlib.sha256(b"%d" % index).digest(), os.urandom(8), Random(index)
    )
    codec = Codec(RUN, machine.author)
    node = Node(machine, codec, transport, Slow(index, pause, directory / "hold"), RUN, [watch])
    rendezvous = Rendezvous(directory / "meet", index, peers)
    seeds = tuple([other async for other in rendezvous.others()]) if again else ()
    rendezvous.announce(endpoint)
    with stop_on(node.stop, signal.SIGTERM):
        running = asyncio.create_task(node.run(Started(endpoint, seeds, fresh=not again)))
        if not again:
            async for other in rendezvous.others():
                node.discover(other)
        finish = await running
    seen = {
        "completed": finish.completed,
        "text": finish.text,
        "abandoned": node.abandoned,
        "heard": heard,
        "waited": max(waited, default=0.0),
        "changes": changes,
    }
    (directory / f"{index}.json").write_text(json.dumps(seen))


if "ARGUMENTS" in globals():
    asyncio.run(take_part(*globals()["ARGUMENTS"]))
