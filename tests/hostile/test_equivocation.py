"""Authors with two faces: what all honest peers hold in the end, simulated and on real sockets."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from tallyp2p.gossip.events import Started
from tallyp2p.gossip.machine import PeerMachine
from tests.hostile import house, members
from tests.hostile.equivocation import SIZES, main, play
from tests.waiting import eventually


@pytest.mark.parametrize(
    ("peers", "equivocators", "seed"), [(*size, seed) for size in SIZES for seed in range(2)]
)
def test_every_honest_peer_ends_with_the_proof_and_the_same_ballots(
    peers: int, equivocators: int, seed: int
) -> None:
    """LEDGER-4, LEDGER-5, REPAIR-4: whoever was told what, and in whatever order it came."""
    ended = play(peers, equivocators, seed)
    assert not ended.unlike
    assert ended.proofs > 3 * equivocators


@pytest.mark.slow
def test_the_command_plays_all_sizes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seeds", "1"]) == 0
    assert capsys.readouterr().out.count("goal 0") == len(SIZES)


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
        cheat = b""

        def proved() -> bool:
            nonlocal cheat
            cheat = _cheat(machines, seen)
            return bool(cheat) and _proofs(machines, cheat) >= 20

        await eventually(proved)
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
