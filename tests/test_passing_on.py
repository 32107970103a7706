"""Broadcast where nobody knows everybody, on real sockets: all end with the same tallies."""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from pathlib import Path
from typing import Any

from tallyp2p.consensus.contributor import IdArray, Vote
from tallyp2p.gossip import events
from tallyp2p.parameters import RunParameters, Spreading, Timing
from tests.test_homes import Synthetic, real_peer
from tests.waiting import LONG, eventually

PEERS, VIEW = 12, 4
RUN = RunParameters(
    pool=40, probes=4, rounds_per_ballot=2, spreading=Spreading.BROADCAST, view=VIEW
)
LAST = 4  # the round whose ballot nobody casts before all hold all earlier ones


class Held(Synthetic):
    """A voter that holds its last ballot back: a host may need any time for the others."""

    def __init__(self, released: threading.Event, *given: Any) -> None:
        super().__init__(*given)
        self.released = released

    def vote(self, round: int, ids: IdArray | None) -> Vote:
        if round == LAST:
            self.released.wait(2 * LONG)
        return super().vote(round, ids)


async def test_twelve_peers_that_choose_four_each_hold_every_ballot(tmp_path: Path) -> None:
    """VIEW-11 to VIEW-13."""
    timing = Timing(
        rounds=LAST + 2, quorum=VIEW // 2 + 1, deadline=LONG, patience=0.2, gossip_interval=0.2
    )
    released = threading.Event()
    made = [
        real_peer(RUN, timing, index, tmp_path / f"{index}.jsonl", partial(Held, released))
        for index in range(PEERS)
    ]
    machines = [machine for _, machine, _ in made]
    endpoints = [endpoint for _, _, endpoint in made]
    running = [
        asyncio.create_task(
            # Each is told of three others only: the rest it learns of from those.
            node.run(events.Started(endpoint, tuple((endpoints * 2)[at + 1 : at + 4]), fresh=True))
        )
        for at, (node, _, endpoint) in enumerate(made)
    ]
    voters = {machine.author for machine in machines}
    try:
        await eventually(
            lambda: all(
                machine.ledger.authors(round) == voters
                for machine in machines
                for round in range(0, LAST, 2)
            )
        )
    finally:
        released.set()
    for round in range(0, LAST, 2):
        assert len({machine.ledger.ballots(round) for machine in machines}) == 1
    finishes = await asyncio.gather(*running)
    assert all(finish.completed for finish in finishes)
