"""A sound peer in the test's own process, and ways to break one thing about it.

No model: it votes the same label everywhere.  What is broken is a subclass or a patch of one
object, so that the players, which use the same package, are not broken with it.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from random import Random

import numpy as np

from tallyp2p.conformance.prober.case import chosen
from tallyp2p.conformance.prober.runner import Probe, probe
from tallyp2p.conformance.prober.verdict import Verdict
from tallyp2p.consensus.contributor import Election, IdArray, Vote
from tallyp2p.gossip.events import Started
from tallyp2p.gossip.machine import PeerMachine
from tallyp2p.parameters import Ids, RunParameters, Seal, Spreading, Timing
from tallyp2p.runtime.admission import Encryption
from tallyp2p.runtime.command import Process
from tallyp2p.runtime.meter import Meter
from tallyp2p.runtime.node import Node
from tallyp2p.runtime.transport import Transport
from tallyp2p.wire.codec import Codec
from tallyp2p.wire.electorate import Electorate
from tallyp2p.wire.seal import Sealer, identity_of

__all__ = ["BROADCAST", "LISTED", "SAMPLED", "SEALED", "Peer", "judge", "listening"]

# 10 votes of 3 bits: two bits of padding, and the labels 6 and 7 are too high.
SAMPLED = RunParameters(classes=5, pool=100, probes=5, rounds_per_ballot=2)
BROADCAST = RunParameters(
    classes=5,
    pool=100,
    probes=5,
    rounds_per_ballot=2,
    spreading=Spreading.BROADCAST,
    ids=Ids.EXPLICIT,
)
SEALED = RunParameters(classes=5, pool=100, probes=5, rounds_per_ballot=2, seal=Seal.ED25519)
_SECRET = Random(7).randbytes(32)  # of the peer under test, whatever its run
MEMBERS = Electorate.of([identity_of(_SECRET), identity_of(b"m" * 32)])
LISTED = replace(SEALED, electorate=MEMBERS.digest)


class Constant:
    """Votes 1 everywhere; takes `pause` seconds to learn."""

    def __init__(self, run: RunParameters, pause: float) -> None:
        self._run, self._pause = run, pause

    def vote(self, round: int, ids: IdArray | None) -> Vote:
        chosen = (
            np.arange(self._run.votes, dtype=np.uint32) if self._run.ids is Ids.EXPLICIT else None
        )
        return Vote(np.ones(self._run.votes, int), ids=chosen)

    def learn(self, round: int, elections: Sequence[Election]) -> Mapping[str, float]:
        time.sleep(self._pause)
        return {}


@dataclass
class Peer:
    """What to make the peer of; a broken one has another class, or is patched when made."""

    run: RunParameters = SAMPLED
    timing: Timing = field(default_factory=lambda: Timing(rounds=2**32 - 1))
    machine: type[PeerMachine] = PeerMachine
    codec: type[Codec] = Codec
    transport: type[Transport] = Transport
    node: type[Node] = Node
    entropy: Callable[[int], bytes] | None = None
    pause: float = 0.01
    encrypted: bool = False
    patch: Callable[[PeerMachine], None] = lambda machine: None
    patch_sealer: Callable[[Sealer], None] = lambda sealer: None


class InProcess(Process):
    """Stands for the peer's process: SIGTERM is `Node.stop`."""

    def __init__(self, stop: Callable[[], None], running: asyncio.Task[object]) -> None:
        super().__init__(0)
        self._stop, self._running = stop, running

    def gone(self) -> bool:
        return self._running.done()

    def terminate(self) -> None:
        self._stop()

    @property
    def code(self) -> int | None:
        return 0


@asynccontextmanager
async def listening(peer: Peer) -> AsyncIterator[tuple[str, Process]]:
    """The peer at work, alone: (endpoint, something to end it by)."""
    random = Random(7)
    secret, instance = random.randbytes(32), random.randbytes(8)
    sealed = peer.run.seal is Seal.ED25519
    identity = identity_of(secret) if sealed else secret
    machine = peer.machine(peer.run, peer.timing, identity, instance, random, "subject/1")
    peer.patch(machine)
    sealer = None
    if sealed:
        listed = MEMBERS if peer.run.electorate else None
        sealer = Sealer(peer.run.digest, secret, instance, machine.credentials, listed)
        peer.patch_sealer(sealer)
    transport = peer.transport(
        Meter(),
        encryption=Encryption.of(secret) if peer.encrypted else None,
        entropy=peer.entropy or os.urandom,
    )
    endpoint = transport.bind("tcp://127.0.0.1:*")
    codec = peer.codec(peer.run, machine.author, sealer)
    node = peer.node(machine, codec, transport, Constant(peer.run, peer.pause), peer.run)
    running = asyncio.create_task(node.run(Started(endpoint, fresh=True)))
    try:
        yield endpoint, InProcess(node.stop, running)
    finally:
        node.stop()
        await running


async def judge(peer: Peer, *only: str, run: RunParameters | None = None) -> Probe:
    """What the prober finds of `peer` in the cases whose ids begin so."""
    async with listening(peer) as (endpoint, process):
        return await probe(endpoint, chosen(only), run=run, process=process)


def verdicts(found: Probe) -> dict[str, Verdict]:
    """By case."""
    return {outcome.case.id: outcome.verdict for outcome in found.outcomes}
