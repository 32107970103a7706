"""The network between real processes fails, and heals: nobody needs to be started again."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.faults.air import Rules
from tests.faults.field import LATE, QUICK, Field, Nursery

pytestmark = pytest.mark.slow

DEADLINE = float(QUICK["timing.deadline"])
GOSSIP = float(QUICK["timing.gossip_interval"])
PEERS = range(4)


def cut(here: set[int], there: set[int]) -> tuple[tuple[int, int], ...]:
    """Nothing passes from the ones to the others."""
    return tuple((a, b) for a in sorted(here) for b in sorted(there))


def held(field: Field, healed: float, alone: int | None = None) -> None:
    """What must be true at the end: all rounds made, equal tallies soon after all was well.

    `alone`: who was cut off from all others; it doubts its own ear, falls behind, and may skip
    rounds when it hears them again.
    """
    history = field.history()
    for peer in PEERS:
        (life,) = history.of(peer)
        missing = set(range(0, field.rounds, 2)) - set(life.elections())
        assert field.rounds - 2 not in missing
        assert not missing or peer == alone
    assert not history.equivocations()
    assert not history.lacking(PEERS, within=10 * GOSSIP, after=healed)
    assert max(history.waits(PEERS)) < DEADLINE + LATE


def test_one_peer_is_cut_off_and_comes_back(nursery: Nursery, tmp_path: Path) -> None:
    here, there = {3}, {0, 1, 2}
    with Field(nursery, tmp_path, peers=4, rounds=56, settings=QUICK, pause=0.25) as field:
        field.start(PEERS)
        field.until_round(PEERS, 4)
        field.air(Rules(cut=cut(here, there) + cut(there, here)))
        before = {peer: field.newest(peer).round for peer in PEERS}
        time.sleep(5)
        for peer in there:  # they go on
            field.until_round([peer], before[peer] + 2)
        field.air(Rules())
        healed = time.monotonic()
        field.finish()
        held(field, healed, alone=3)


def test_a_cut_that_outlasts_the_patience_of_tcp(nursery: Nursery, tmp_path: Path) -> None:
    """By then TCP would wait 11 s more, and a listener read nothing under a name that it has."""
    settings = {**QUICK, "timing.gone_after": "60"}
    here, there = {0, 1}, {2, 3}
    with Field(nursery, tmp_path, peers=4, rounds=64, settings=settings, pause=0.7) as field:
        field.start(PEERS)
        field.until_round(PEERS, 2)
        field.air(Rules(cut=cut(here, there) + cut(there, here)))
        time.sleep(14)
        field.air(Rules())
        healed = time.monotonic()
        field.until(lambda: field.alive(PEERS) == 4, 9, "all to be heard again")
        field.finish()
        held(field, healed)


def test_a_peer_that_nobody_hears_holds_up_nobody_for_long(
    nursery: Nursery, tmp_path: Path
) -> None:
    with Field(nursery, tmp_path, peers=4, rounds=48, settings=QUICK, pause=0.25) as field:
        field.start(PEERS)
        field.until_round(PEERS, 4)
        field.air(Rules(cut=cut({2}, {0, 1, 3})))
        time.sleep(4)
        field.air(Rules())
        healed = time.monotonic()
        field.finish()
        held(field, healed)


def test_loss_on_one_way_only(nursery: Nursery, tmp_path: Path) -> None:
    with Field(nursery, tmp_path, peers=4, rounds=40, settings=QUICK) as field:
        lossy = tuple((1, other, 0.3) for other in PEERS if other != 1)
        field.air(Rules(lossy=lossy, delay=0.005, jitter=0.02, twice=0.1))
        field.start(PEERS)
        field.finish()
        held(field, 0.0)


def test_who_joins_late_counts_like_all_from_then_on(nursery: Nursery, tmp_path: Path) -> None:
    settings = {**QUICK, "timing.quorum": "2"}
    with Field(nursery, tmp_path, peers=4, rounds=100, settings=settings) as field:
        field.start([0, 1, 2], seeds=[field.endpoint(peer) for peer in (0, 1, 2)])
        field.until_round([0, 1, 2], 10)
        field.welcome(3, seeds=[field.endpoint(1)])
        field.finish()
        history = field.history()
    begin = min(history.of(3)[0].elections())
    assert 10 < begin < 90
    tallies = [history.of(peer)[0].elections() for peer in PEERS]
    for round in range(begin, 100, 2):
        assert len({tally[round] for tally in tallies}) == 1, round
        assert len(tallies[0][round]) == 4
