"""Sightings forget old rounds, and none of what they add up to."""

from __future__ import annotations

from tallyp2p.payloads import Ballot
from tallyp2p.simulator.sightings import Sightings

AUTHOR = b"author 1"


def seen(kept: int, rounds: int) -> Sightings:
    """Each round is cast at its number, and comes to life 7 half a second later, twice."""
    sightings = Sightings(kept)
    for round in range(0, rounds, 2):
        ballot = Ballot(AUTHOR, round, bytes([round]))
        sightings.cast(AUTHOR, round, float(round))
        page = sightings.page(round)
        assert page is not None
        assert page.arrive(7, AUTHOR)
        sightings.came(page, ballot, round + 0.5)
        assert not page.arrive(7, AUTHOR), "it was there already"
    return sightings


def test_sums_do_not_depend_on_what_is_kept() -> None:
    short, long = seen(4, 40), seen(100, 40)
    assert short.waits() == long.waits() == [0.5] * 20
    assert short.reach == long.reach


def test_old_rounds_are_dropped_and_do_not_come_back() -> None:
    sightings = seen(4, 40)
    assert list(sightings.rounds().items()) == [(34, 34.0), (36, 36.0), (38, 38.0)]
    assert sightings.page(32) is None
    sightings.cast(AUTHOR, 32, 99.0)
    assert sightings.reach[32].last == 32.0
    assert (sightings.reached(38, 7), sightings.reached(32, 7)) == ({AUTHOR}, frozenset())


def test_a_second_vote_for_a_round_does_not_count() -> None:
    sightings = seen(100, 4)
    sightings.cast(AUTHOR, 2, 9.0)
    assert sightings.waits() == [0.5, 0.5]
