"""What the tables claim, at a size that a test can bear; and that their worlds are honest."""

from __future__ import annotations

import pytest

from simulations import byzantine, flippers, jury, scale, spread
from simulations.recording import Row


@pytest.mark.parametrize("seed", range(3))
def test_a_tally_is_whole_within_ten_gossip_rounds(seed: int) -> None:
    """At 30 % loss.  Asking the author alone took 32 peers up to 6.6 rounds."""
    rounds = spread.whole_after(32, 0.3, seed)
    assert rounds is not None and 0.5 < rounds <= 5.5


def test_nothing_is_lost_before_the_swarm_has_met() -> None:
    rounds = spread.whole_after(8, 0.0, 0)
    assert rounds is not None and rounds < 0.3


def cell(**changes: object) -> Row:
    return {"hears": "all", "accuracy": 0.75, "colluders": "runner-up", "share": 0.2} | changes


def test_what_is_certified_is_what_the_honest_decide() -> None:
    """While as many collude as are assumed; beyond that it can be anything."""
    kept = byzantine.decided(cell(), abstain=False, ballots=3)
    assert kept["differing"] == 0 and kept["right"] > kept["plurality"] + 0.05
    broken = byzantine.decided(cell(share=0.4), abstain=False, ballots=3)
    assert broken["differing"] > 0 and broken["right"] < 0.2


def test_the_plurality_is_as_an_independent_simulation_of_the_counting_found_it() -> None:
    for share, quoted in zip(byzantine.QUOTED_AT, byzantine.QUOTED[0.75], strict=True):
        found = byzantine.decided(cell(share=share), abstain=False, ballots=4)
        assert found["plurality"] == pytest.approx(quoted, abs=0.04), share


def test_abstaining_voters_withhold_what_they_should() -> None:
    shy = byzantine.decided(cell(share=0.0), abstain=True, ballots=3)
    plain = byzantine.decided(cell(share=0.0), abstain=False, ballots=3)
    assert shy["plurality"] > plain["plurality"]


def test_who_looks_is_worse_than_who_does_not() -> None:
    looking, blind = (
        byzantine.decided(cell(share=0.45, colluders=kind), abstain=False, ballots=3)["plurality"]
        for kind in ("runner-up", "lure")
    )
    assert looking < blind


@pytest.mark.slow
def test_three_flippers_of_ten_are_left_out_where_peers_know_the_same() -> None:
    """Real learners: 69 % where everybody is believed, 86 % where three need not be."""
    cell = {"alpha": 100.0, "flippers": 3, "seed": 0}
    misled, careful = (
        flippers.measure({**cell, "assumed": assumed}, rounds=240)["swarm"] for assumed in (0, 3)
    )
    assert careful > misled + 0.08


def test_more_ballots_are_more_right() -> None:
    voters = {"accuracy": 0.6, "correlation": 0.0, "uneven": 0.0}
    one, four, all_of_them = (
        jury.measure({**voters, "hears": hears}, peers=30, ballots=2)["right"]
        for hears in ("1", "4", "all")
    )
    assert 0.5 < one < four - 0.1 < all_of_them - 0.2


def test_a_rumour_is_counted_as_it_runs() -> None:
    """It may triple with each ballot, and takes a few more for the last."""
    assert scale.counted(2, 2) == scale.counted(3, 2) == 1
    assert all(5 <= scale.counted(128, 2, seed) <= 8 for seed in range(5))
    assert 9 <= scale.counted(10_000, 2) <= 13


def test_a_sampled_ballot_costs_its_bytes_and_spreads_as_a_rumour() -> None:
    row = scale.measure({"hears": "2 of all", "peers": 27, "loss": 0.0})
    # Two receivers, a header of 6 bytes, 256 votes of 4 bits, 2 bytes of ZMTP, 8 rounds.
    assert row["votes_wire"] == pytest.approx(2 * (6 + 128 + 2) / 8, rel=0.01)
    assert row["connections"] == 26 and row["reached"] == 27
    assert 3 <= row["ballots"] <= 7  # at best three times as many a ballot
