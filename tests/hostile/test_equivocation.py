"""Authors with two faces: what all honest peers hold in the end, simulated and on real sockets."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from itertools import pairwise
from typing import cast

import pytest

from tallyp2p.gossip.events import Started
from tallyp2p.gossip.machine import PeerMachine
from tallyp2p.parameters import Seal, Timing
from tallyp2p.simulator.spec import Hostile, Hostility, Link
from tallyp2p.simulator.world import World
from tests.hostile import house, members
from tests.simulator.worlds import BROADCAST, world

SEALED = replace(BROADCAST, seal=Seal.ED25519)
ROUGH = Link(loss=0.2, jitter=0.3, reorder=0.2, double=0.1)


def held(machine: PeerMachine, author: bytes, round: int) -> int:
    """How many ballots of an author a peer can show for a round; 2 are the proof."""
    return len(machine.ledger.wanted(author, round))


@pytest.mark.parametrize(
    ("peers", "equivocators", "seed"),
    [(n, f, seed) for n, f in ((4, 1), (7, 1), (7, 2), (10, 3)) for seed in range(2)],
)
def test_every_honest_peer_ends_with_the_proof_and_the_same_ballots(
    peers: int, equivocators: int, seed: int
) -> None:
    """LEDGER-4, LEDGER-5, REPAIR-4: whoever was told what, and in whatever order it came."""
    spec = world(
        peers=peers,
        run=SEALED,
        timing=Timing(rounds=24, gossip_interval=0.5),
        links=ROUGH,
        exact=True,  # every signature is checked
        hostile=(Hostile(tuple(range(equivocators)), Hostility.EQUIVOCATE),),
    )
    played = World(spec, seed)
    played.run()
    honest = [host.machine for host in played.hosts[equivocators:]]
    cheats = [host.machine.author for host in played.hosts[:equivocators]]
    step, proofs = spec.run.rounds_per_ballot, 0
    for round in range(0, spec.timing.rounds - 3 * step, step):  # the last may still travel
        for one, other in pairwise(honest):
            assert one.ledger.ballots(round) == other.ledger.ballots(round), (seed, round)
        counted = {ballot.author for ballot in honest[0].ledger.ballots(round)}
        voted = {m.author for m in honest if held(m, m.author, round)}
        assert counted >= voted, (seed, round)
        for cheat in cheats:
            shown = {held(machine, cheat, round) for machine in honest}
            # 1 or 0 only where just one of its ballots, or none, came to any honest peer.
            assert len(shown) == 1 and (shown == {1}) is (cheat in counted), (seed, round)
            proofs += shown == {2}
    assert proofs > 3 * equivocators, seed


async def test_the_proof_spreads_over_real_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    """A member by hand tells one peer one thing and the other two another, for 20 rounds."""
    monkeypatch.setattr(house, "_PAUSE", 0.2)  # else rounds are forgotten before they are compared
    seen = house.Seen()
    made = [house.peer(index, 3, None, seen) for index in range(3)]
    endpoints = [endpoint for _, endpoint in made]
    running = [
        asyncio.create_task(node.run(Started(endpoint, tuple(endpoints), fresh=True)))
        for node, endpoint in made
    ]
    machines = [cast(PeerMachine, node._machine) for node, _ in made]
    try:
        await members.two_faces(house.RUN, endpoints, 20)
        async with asyncio.timeout(20):
            while not (cheat := _cheat(machines, seen)) or _proofs(machines, cheat) < 20:
                await asyncio.sleep(0.1)
        for round in range(200):
            assert all(machine.ledger.get(cheat, round) is None for machine in machines)
        assert seen.spoiled == 0
    finally:
        for node, _ in made:
            node.stop()
        await asyncio.gather(*running)


def _cheat(machines: list[PeerMachine], seen: house.Seen) -> bytes:
    """The one author that is not of the house."""
    known = set(machines[0].members()) - seen.authors
    return next(iter(known), b"")


def _proofs(machines: list[PeerMachine], cheat: bytes) -> int:
    """Rounds for which every peer holds the pair."""
    return sum(
        all(len(machine.ledger.wanted(cheat, round)) == 2 for machine in machines)
        for round in range(200)
    )
