"""The honest side of a siege: a few real peers in one process, told by lines of JSON.

    python -m tests.hostile.house --peers 3
    python -m tests.hostile.house --peers 3 --encrypted    # and with an electorate

First comes a line with the run's descriptor and the endpoints, then every tenth of a second
one with what is held and what was done; `siege` reads them.  It ends when its input does.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from random import Random

import numpy as np
import psutil

from tallyp2p.birth import Birth
from tallyp2p.consensus.contributor import Election, IdArray, Vote
from tallyp2p.errors import Reason
from tallyp2p.gossip import events
from tallyp2p.gossip.events import RoundClosed
from tallyp2p.gossip.machine import PeerMachine
from tallyp2p.messages import Hello, Message
from tallyp2p.parameters import RunParameters, Seal, Spreading, Timing
from tallyp2p.runtime.admission import Encryption
from tallyp2p.runtime.meter import Meter
from tallyp2p.runtime.node import Node
from tallyp2p.runtime.transport import Transport
from tallyp2p.wire.electorate import Electorate
from tallyp2p.wire.seal import identity_of

RUN = RunParameters(
    seed=5,
    pool=300,
    probes=32,
    rounds_per_ballot=1,
    spreading=Spreading.BROADCAST,
    seal=Seal.ED25519,
)
TIMING = Timing(rounds=2**31, deadline=3.0, patience=0.3, gossip_interval=0.5)
TURNED = hashlib.sha256(b"turned").digest()  # the secret key of a member that means harm
_PAUSE = 0.02  # s that a learner takes for a round
_EVERY = 0.1  # s between two reports


def secret_of(index: int) -> bytes:
    """The secret key of an honest peer; whoever attacks does not use it."""
    return hashlib.sha256(b"honest %d" % index).digest()


def electorate_of(peers: int) -> Electorate:
    """The honest, and one that has turned."""
    return Electorate.of(map(identity_of, (TURNED, *map(secret_of, range(peers)))))


class Slow:
    """Votes by chance, and takes its time to learn nothing."""

    def __init__(self, index: int) -> None:
        self._chance = Random(index)

    def vote(self, round: int, ids: IdArray | None) -> Vote:
        return Vote(np.array([self._chance.randrange(RUN.classes) for _ in range(RUN.votes)]))

    def learn(self, round: int, elections: Sequence[Election]) -> Mapping[str, float]:
        time.sleep(_PAUSE)
        return {}


class Seen:
    """What all peers of the house lived through."""

    def __init__(self) -> None:
        self.honest: set[bytes] = set()  # identities
        self.authors: set[bytes] = set()
        self.frames = 0  # from others than the honest, that reached a decoder
        self.delivered: Counter[str] = Counter()  # messages of them that a machine was given
        self.refused: Counter[str] = Counter()
        self.rounds = 0  # closed by the first peer
        self.missed = 0  # honest ballots that were not there when a round was closed
        self.spoiled = 0  # honest ballots that were annulled


class Watched(PeerMachine):
    """A machine, with a witness of what others than the honest bring to its door."""

    seen: Seen

    def handle(self, event: events.Event, now: float) -> list[events.Effect]:
        if isinstance(event, events.Received):
            message, author = event.message, self.sender(event.link)
            honest = author in self.seen.authors
            if isinstance(message, Hello):
                honest = message.identity in self.seen.honest
            if not honest:
                self.seen.delivered[type(message).__name__] += 1
        elif isinstance(event, events.Trespassed):
            self.seen.refused[event.reason.name] += 1
        return super().handle(event, now)


class Counting:
    """A codec, with a count of the frames that others than the honest brought to it."""

    def __init__(self, codec: object, seen: Seen) -> None:
        self._codec, self._seen = codec, seen
        self.encode = codec.encode  # type: ignore[attr-defined]
        self.seal = codec.seal  # type: ignore[attr-defined]

    def decode(self, frame: bytes, sender: bytes | None) -> Message:
        seen = self._seen
        seen.frames += 1
        message: Message = self._codec.decode(frame, sender)  # type: ignore[attr-defined]
        if sender in seen.authors or (
            isinstance(message, Hello) and message.identity in seen.honest
        ):
            seen.frames -= 1
        return message


def peer(index: int, peers: int, listed: Electorate | None, seen: Seen) -> tuple[Node, str]:
    """One honest peer, listening."""
    secret, run = secret_of(index), RUN
    encryption = None
    if listed is not None:
        run = replace(RUN, electorate=listed.digest)
        encryption = Encryption.of(secret, listed.curve_keys)
    transport = Transport(Meter(curve=listed is not None), encryption=encryption)
    endpoint = transport.bind("tcp://127.0.0.1:*")
    birth = Birth.of(
        run, replace(TIMING, quorum=peers), secret, os.urandom(8), b"chance %d" % index, "house/1"
    )
    machine = Watched(*birth.parts())
    machine.seen = seen
    seen.honest.add(birth.identity)
    seen.authors.add(machine.author)

    def watch(notice: object) -> None:
        if isinstance(notice, RoundClosed):
            seen.rounds += index == 0
            seen.missed += len(seen.authors & set(notice.missing))
        elif isinstance(notice, events.Refused) and notice.reason == Reason.EQUIVOCATION:
            seen.spoiled += any(author.hex() in notice.text for author in seen.authors)

    codec = Counting(birth.codec(machine, secret, listed), seen)
    return Node(machine, codec, transport, Slow(index), run, [watch], linger_ms=100), endpoint


async def live(peers: int, listed: Electorate | None) -> None:
    """All peers, until the input ends."""
    seen, me = Seen(), psutil.Process()
    made = [peer(index, peers, listed, seen) for index in range(peers)]
    endpoints = tuple(endpoint for _, endpoint in made)
    running = [
        asyncio.create_task(node.run(events.Started(endpoint, endpoints, fresh=True)))
        for node, endpoint in made
    ]
    run = RUN if listed is None else replace(RUN, electorate=listed.digest)
    print(json.dumps({"run": run.descriptor, "endpoints": endpoints}), flush=True)
    loop = asyncio.get_running_loop()
    ended = loop.run_in_executor(None, sys.stdin.read)
    while not ended.done() and not any(task.done() for task in running):
        told = {
            "at": time.monotonic(),
            "cpu": time.process_time(),
            "rss": me.memory_info().rss,
            "fds": me.num_fds(),
            "frames": seen.frames,
            "delivered": dict(seen.delivered),
            "refused": dict(seen.refused),
            "rounds": seen.rounds,
            "missed": seen.missed,
            "spoiled": seen.spoiled,
        }
        print(json.dumps(told), flush=True)
        await asyncio.wait([ended], timeout=_EVERY)
    for node, _ in made:
        node.stop()
    await asyncio.gather(*running)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--peers", type=int, default=3)
    parser.add_argument("--encrypted", action="store_true")
    chosen = parser.parse_args()
    asyncio.run(live(chosen.peers, electorate_of(chosen.peers) if chosen.encrypted else None))
