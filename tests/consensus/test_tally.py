"""Counting: by hand, against a plain reading of the specification, and dense against sparse."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyp2p.bits import pack
from tallyp2p.consensus import probes, tally
from tallyp2p.consensus.contributor import Election
from tallyp2p.consensus.tally import Tally, count
from tallyp2p.errors import LocalError
from tallyp2p.parameters import Ids, RunParameters
from tallyp2p.payloads import Ballot
from tests.conformance import reference

A, B, C, D = (bytes(7) + bytes([number]) for number in (1, 2, 3, 4))

# 3 classes and abstention: labels 0 .. 3, 2 bits; 4 votes are one byte.
FOUR = RunParameters(classes=3, pool=4, probes=4, rounds_per_ballot=1)
IDS = np.array([0, 1, 2, 3], dtype=np.uint32)


def by_hand(*votes: int, round: int = 0) -> Tally:
    """Ballots of one byte each, as bits: 0b00_01_10_11 is 0, 1, 2, no vote."""
    ballots = tuple(
        Ballot(author, round, bytes([byte]))
        for author, byte in zip((A, B, C, D), votes, strict=False)
    )
    return count(FOUR, Election(round, ballots), own=A, ids=IDS)


# --- by hand -------------------------------------------------------------------------------


def test_three_ballots_counted_by_hand() -> None:
    counted = by_hand(0b00_01_10_11, 0b00_10_10_11, 0b00_01_11_11)
    assert counted.voters.tolist() == [3, 3, 2, 0]
    assert counted.plurality().tolist() == [0, 1, 2, -1]
    assert counted.margin().tolist() == [3, 1, 2, 0]
    third = np.float32(1 / 3)
    shares = np.array([[1, 0, 0], [0, 2 * third, third], [0, 0, 1], [0, 0, 0]], dtype=np.float32)
    np.testing.assert_allclose(counted.histogram(), shares, rtol=1e-6)
    assert counted.histogram().dtype == np.float32
    cells = counted.cells()
    assert list(zip(cells.probe, cells.label, cells.votes, strict=True)) == [
        (0, 0, 3),
        (1, 1, 2),
        (1, 2, 1),
        (2, 2, 2),
    ]


@pytest.mark.parametrize(
    ("round", "winners"),
    [
        # 0 and 1 tie on every probe.  The order starts at (id + round) mod 3.
        (0, [0, 1, 0, 0]),  # starts 0, 1, 2, 0: from 2 the next is 0
        (1, [1, 0, 0, 1]),  # starts 1, 2, 0, 1
        (2, [0, 0, 1, 0]),  # starts 2, 0, 1, 2
    ],
)
def test_ties_by_hand(round: int, winners: list[int]) -> None:
    counted = by_hand(0b00_00_00_00, 0b01_01_01_01, round=round)
    assert counted.plurality().tolist() == winners
    assert counted.margin().tolist() == [0, 0, 0, 0]


def test_the_tie_rule_favours_no_class() -> None:
    """Over ids 0 .. 2999 each of three tied classes wins exactly a third."""
    run = RunParameters(classes=3, abstain=False, pool=3_000, probes=3_000, rounds_per_ballot=1)
    ids = np.arange(3_000, dtype=np.uint32)
    ballots = tuple(
        Ballot(author, 0, reference.pack([label] * 3_000, 2))
        for label, author in enumerate((A, B, C))
    )
    winners = count(run, Election(0, ballots), own=None, ids=ids).plurality()
    assert np.bincount(winners).tolist() == [1_000, 1_000, 1_000]


def test_the_sum_of_id_and_round_does_not_wrap_at_32_bits() -> None:
    """(2^32 - 2) + (2^32 - 2) = 2^33 - 4 = 1 mod 3 (2^33 = 2 mod 3, less 1); wrapped, it is 0.

    TIE-1.
    """
    run = RunParameters(classes=3, pool=2**32 - 1, probes=1, rounds_per_ballot=1)
    ballots = (Ballot(A, 2**32 - 2, b"\x00"), Ballot(B, 2**32 - 2, b"\x40"))
    ids = np.array([2**32 - 2], dtype=np.uint32)
    assert count(run, Election(2**32 - 2, ballots), None, ids=ids).plurality().tolist() == [1]


def test_the_own_ballot_counts_unless_it_is_left_out() -> None:
    ballots = (Ballot(A, 0, bytes([0b00_00_00_00])), Ballot(B, 0, bytes([0b01_01_01_11])))
    election = Election(0, ballots)
    assert count(FOUR, election, own=B, ids=IDS).voters.tolist() == [2, 2, 2, 1]
    without = count(FOUR, election, own=B, include_own=False, ids=IDS)
    assert without.voters.tolist() == [1, 1, 1, 1]
    assert without.plurality().tolist() == [0, 0, 0, 0]
    assert count(FOUR, election, own=None, include_own=False).voters.sum() == 7


def test_explicit_ids_are_joined_in_ascending_order() -> None:
    """TALLY-2."""
    run = replace(FOUR, ids=Ids.EXPLICIT, pool=100)
    ballots = (
        Ballot(A, 0, bytes([0b00_01_10_11]), (5, 9, 20, 21)),
        Ballot(B, 0, bytes([0b01_01_00_00]), (9, 70)),
    )
    counted = count(run, Election(0, ballots), own=None)
    assert counted.ids.tolist() == [5, 9, 20, 21, 70] and counted.ids.dtype == np.uint32
    assert counted.voters.tolist() == [1, 2, 1, 0, 1]
    assert counted.plurality().tolist() == [0, 1, 2, -1, 1]
    assert counted.margin().tolist() == [1, 2, 1, 0, 1]


def test_nobody_voted() -> None:
    """TALLY-4, TALLY-5."""
    counted = by_hand()
    assert counted.ids.tolist() == [0, 1, 2, 3]
    assert counted.plurality().tolist() == [-1] * 4 and not counted.histogram().any()
    assert counted.margin().tolist() == [0] * 4 and len(counted.cells().votes) == 0
    nothing = count(replace(FOUR, ids=Ids.EXPLICIT), Election(0, ()), own=None)
    assert nothing.ids.shape == (0,) and nothing.histogram().shape == (0, 3)
    assert nothing.plurality().shape == (0,)


def test_derived_ids_are_those_of_the_run() -> None:
    run = RunParameters()
    assert count(run, Election(8, ()), None).ids.tolist() == probes.derive(run, 8).tolist()


# --- against the plain reading -------------------------------------------------------------


@st.composite
def elections(draw: st.DrawFn) -> tuple[RunParameters, Election]:
    explicit = draw(st.booleans())
    run = RunParameters(
        classes=draw(st.sampled_from([2, 3, 4, 10, 255, 256, 70_000])),
        abstain=draw(st.booleans()),
        pool=draw(st.integers(6, 12)),
        probes=draw(st.integers(1, 3)),
        rounds_per_ballot=draw(st.integers(1, 2)),
        ids=Ids.EXPLICIT if explicit else Ids.DERIVED,
    )
    # Few different labels, so that ties are the rule and not the exception.
    labels = st.sampled_from(sorted({0, 1, run.classes // 2, run.classes - 1, run.highest_label}))
    round = draw(st.sampled_from([0, 6, 2**32 - 4]))
    ballots = []
    for author in draw(st.lists(st.integers(0, 9), unique=True, max_size=6)):
        size, ids = run.votes, None
        if explicit:
            ids = tuple(
                sorted(draw(st.sets(st.integers(0, run.pool - 1), min_size=1, max_size=run.votes)))
            )
            size = len(ids)
        votes = draw(st.lists(labels, min_size=size, max_size=size))
        ballots.append(
            Ballot(author.to_bytes(8, "big"), round, reference.pack(votes, run.bits), ids)
        )
    return run, Election(round, tuple(ballots))


def expected_of(run: RunParameters, election: Election) -> dict[int, dict[str, object]]:
    derived = probes.derive(run, election.round).tolist()
    read = []
    for ballot in election.ballots:
        ids = derived if ballot.ids is None else ballot.ids
        labels = reference.unpack(ballot.votes, len(ids), run.bits)
        read.append(list(zip(ids, labels, strict=True)))
    return reference.tally(read, run.classes, election.round)


@given(elections(), st.sampled_from([0, tally._DENSE_CELLS]))
def test_dense_and_sparse_counts_equal_the_plain_reading(
    case: tuple[RunParameters, Election], most: int
) -> None:
    run, election = case
    expected = expected_of(run, election)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tally, "_DENSE_CELLS", most)
        patch.setattr(tally, "_BATCH", 7)  # several batches
        counted = count(run, election, own=None)
    dense = len(counted.ids) * run.classes <= most
    assert (counted.table is not None) == dense == (counted.sparse is None)
    cells = counted.cells()
    for index, probe in enumerate(counted.ids.tolist()):
        want = expected.get(probe, {"counts": {}, "plurality": -1, "margin": 0})
        here = cells.probe == index
        counts = dict(zip(cells.label[here].tolist(), cells.votes[here].tolist(), strict=True))
        assert counts == want["counts"]
        assert counted.voters[index] == sum(counts.values())
        assert counted.plurality()[index] == want["plurality"]
        assert counted.margin()[index] == want["margin"]
    assert counted.digest() == reference.tally_digest(run.run, election.round, expected)
    order = cells.probe * run.classes + cells.label
    assert (np.diff(order) > 0).all()
    if dense and len(counted.ids):
        sums = counted.histogram().sum(axis=1)
        np.testing.assert_allclose(sums, counted.voters > 0, rtol=1e-6)


@given(elections(), st.data())
def test_the_order_of_the_ballots_does_not_matter(
    case: tuple[RunParameters, Election], data: st.DataObject
) -> None:
    run, election = case
    other = Election(election.round, tuple(data.draw(st.permutations(election.ballots))))
    assert count(run, election, None).digest() == count(run, other, None).digest()


@given(elections(), st.integers(0, 4), st.data())
def test_what_is_certified_stands_without_any_of_the_faulty(
    case: tuple[RunParameters, Election], faulty: int, data: st.DataObject
) -> None:
    run, election = case
    certified = count(run, election, None).certified(faulty)
    away = data.draw(st.sets(st.integers(0, 5), max_size=faulty))
    honest = tuple(b for index, b in enumerate(election.ballots) if index not in away)
    rest = count(run, Election(election.round, honest), None)
    alone = dict(zip(rest.ids.tolist(), rest.plurality().tolist(), strict=True))
    ids = count(run, election, None).ids.tolist()
    for probe, label in zip(ids, certified.tolist(), strict=True):
        assert label in (-1, alone.get(probe))


def test_certified_by_hand() -> None:
    counted = by_hand(0b00_01_10_11, 0b00_10_10_11, 0b00_01_11_11)  # margins 3, 1, 2, 0
    assert counted.certified(0).tolist() == [0, 1, 2, -1]
    assert counted.certified(1).tolist() == [0, -1, 2, -1]
    assert counted.certified(2).tolist() == [0, -1, -1, -1]
    with pytest.raises(LocalError, match="-1 faulty"):
        counted.certified(-1)


# --- limits and refusals -------------------------------------------------------------------


def test_no_table_above_a_million_cells() -> None:
    run = RunParameters(classes=500_001, pool=2, probes=2, rounds_per_ballot=1)
    assert run.bits == 19
    ballot = Ballot(A, 0, reference.pack([500_000, 500_001], 19))
    counted = count(run, Election(0, (ballot,)), own=None)
    assert counted.table is None
    assert counted.cells().label.tolist() == [500_000]
    assert counted.plurality().tolist() == [500_000, -1]
    with pytest.raises(LocalError, match=r"cells\(\)"):
        counted.histogram()


@pytest.mark.parametrize(
    ("ballots", "words"),
    [
        ((Ballot(A, 0, b"\x00"), Ballot(A, 0, b"\x00")), "one ballot of each author"),
        ((Ballot(A, 1, b"\x00"),), "another round"),
        ((Ballot(A, 0, b"\x00\x00"),), "take 1 bytes"),
        ((Ballot(A, 0, b"\x00", (0, 1, 2, 3)),), "derived ids"),
    ],
)
def test_ballots_that_no_codec_lets_in_are_a_bug_of_ours(
    ballots: tuple[Ballot, ...], words: str
) -> None:
    with pytest.raises(LocalError, match=words):
        count(FOUR, Election(0, ballots), own=None)


def test_a_label_above_the_highest_does_not_spill_into_the_next_probe() -> None:
    run = replace(FOUR, classes=2, abstain=True)  # labels 0 .. 2 in 2 bits
    with pytest.raises(LocalError, match="above 2"):
        count(run, Election(0, (Ballot(A, 0, bytes([0b00_11_00_00])),)), own=None)


@pytest.mark.parametrize("ids", [None, (), (0, 1, 2, 3, 4)])
def test_explicit_ballots_name_one_to_all_probes(ids: tuple[int, ...] | None) -> None:
    run = replace(FOUR, ids=Ids.EXPLICIT, pool=9)
    with pytest.raises(LocalError):
        count(run, Election(0, (Ballot(A, 0, b"\x00", ids),)), own=None)


def test_derived_ids_of_another_shape_are_refused() -> None:
    with pytest.raises(LocalError, match="shape"):
        count(FOUR, Election(0, ()), own=None, ids=IDS[:3])


@pytest.mark.parametrize(("classes", "votes"), [(10, 251), (100, 250), (255, 256), (300, 249)])
def test_many_ballots_at_once_are_counted_like_few(classes: int, votes: int) -> None:
    """Enough bytes that votes are taken in the order in which they unpack soonest."""
    run = RunParameters(classes=classes, pool=2_000, probes=votes, rounds_per_ballot=1)
    labels = np.random.default_rng(classes).integers(0, classes + 1, (200, votes))
    ballots = tuple(
        Ballot(at.to_bytes(8, "big"), 0, pack(row, run.bits)) for at, row in enumerate(labels)
    )
    counted = count(run, Election(0, ballots), None)
    expected = np.zeros((votes, classes + 1), dtype=int)
    for row in labels:
        expected[np.arange(votes), row] += 1
    assert counted.table is not None and (counted.table == expected[:, :classes]).all()
    assert (counted.voters == 200 - expected[:, classes]).all()


def test_one_label_too_high_among_many_is_refused() -> None:
    run = RunParameters(classes=100, pool=2_000, probes=250, rounds_per_ballot=1)
    labels = np.zeros((200, 250), dtype=int)
    labels[137, 249] = 101
    ballots = tuple(
        Ballot(at.to_bytes(8, "big"), 0, pack(row, run.bits)) for at, row in enumerate(labels)
    )
    with pytest.raises(LocalError, match="a label above 100"):
        count(run, Election(0, ballots), None)
