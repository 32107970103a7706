"""Synthetic voters vote as well, and err as much alike, as they were told."""

from __future__ import annotations

import numpy as np
import pytest

from tallyp2p.bits import unpack
from tallyp2p.consensus.contributor import Election
from tallyp2p.consensus.tally import count
from tallyp2p.parameters import Ids, RunParameters
from tallyp2p.simulator.spec import Voting
from tallyp2p.simulator.voters import Electorate
from tallyp2p.wire.codec import Codec

RUN = RunParameters(pool=20_000, probes=5_000, rounds_per_ballot=2)


def authors(count: int) -> list[bytes]:
    return [index.to_bytes(8, "big") for index in range(1, count + 1)]


@pytest.mark.parametrize("accuracy", [0.6, 0.9])
@pytest.mark.parametrize("correlation", [0.0, 0.5, 1.0])
def test_accuracy_and_correlation_are_as_stated(accuracy: float, correlation: float) -> None:
    electorate = Electorate(RUN, Voting(accuracy=accuracy, correlation=correlation), seed=1)
    ids = electorate.derived(0)
    ballot = electorate.ballot(b"author 1", 0)
    labels = unpack(ballot.votes, RUN.votes, RUN.bits)
    right = labels == electorate.truth[ids]
    lured = labels == electorate.lure[ids]
    assert np.mean(right) == pytest.approx(accuracy, abs=0.02)
    share = correlation + (1 - correlation) / 9  # the lure is one of the nine wrong classes
    assert lured.sum() / (~right).sum() == pytest.approx(share, abs=0.05)


@pytest.mark.parametrize("uneven", [0.1, 0.4])
def test_probes_are_as_unlike_as_stated(uneven: float) -> None:
    voting = Voting(accuracy=0.7, uneven=uneven)
    electorate = Electorate(RUN, voting, seed=1)
    truth = electorate.truth[electorate.derived(0)]
    right = np.mean(
        [
            unpack(electorate.ballot(author, 0).votes, RUN.votes, RUN.bits) == truth
            for author in authors(200)
        ],
        axis=0,
    )
    assert right.mean() == pytest.approx(0.7, abs=0.01)
    noise = 0.7 * 0.3 / 200  # of 200 voters
    assert right.var() == pytest.approx(uneven * 0.7 * 0.3 + noise, rel=0.05)


def test_votes_are_withheld_as_often_as_stated() -> None:
    electorate = Electorate(RUN, Voting(accuracy=0.5, abstain=0.25), seed=1)
    labels = unpack(electorate.ballot(b"author 1", 0).votes, RUN.votes, RUN.bits)
    assert np.mean(labels == RUN.classes) == pytest.approx(0.25, abs=0.02)
    silent = RunParameters(pool=64, probes=32, rounds_per_ballot=2, abstain=False)
    told = Electorate(silent, Voting(accuracy=0.5, abstain=0.25), seed=1).ballot(b"author 1", 0)
    assert unpack(told.votes, silent.votes, silent.bits).max() < silent.classes


def test_a_ballot_follows_from_its_seed_author_round_and_life_alone() -> None:
    one, two = Electorate(RUN, Voting(), seed=3), Electorate(RUN, Voting(), seed=3)
    two.ballot(b"author 2", 8)  # the order of asking does not matter
    first = one.ballot(b"author 1", 4)
    assert first == two.ballot(b"author 1", 4)
    others = [
        one.ballot(b"author 2", 4),
        one.ballot(b"author 1", 6),
        one.ballot(b"author 1", 4, life=1),
        one.ballot(b"author 1", 4, rival=1),
        one.ballot(b"author 1", 4, wrong=True),
        Electorate(RUN, Voting(), seed=4).ballot(b"author 1", 4),
    ]
    assert len({ballot.votes for ballot in (first, *others)}) == 7


def test_a_tally_outvotes_errors_that_are_not_alike() -> None:
    figures = {}
    for correlation in (0.0, 1.0):
        electorate = Electorate(RUN, Voting(accuracy=0.6, correlation=correlation), seed=2)
        ballots = tuple(electorate.ballot(author, 0) for author in authors(15))
        tally = count(RUN, Election(0, ballots), None)
        figures[correlation] = electorate.accuracy(tally)
    assert figures[0.0] > 0.99
    assert 0.7 < figures[1.0] < 0.9  # binomial: 15 voters at 0.6 against one rival class


def test_colluding_voters_name_one_wrong_class() -> None:
    electorate = Electorate(RUN, Voting(), seed=2)
    one, two = (electorate.ballot(author, 0, wrong=True) for author in authors(2))
    assert one.votes == two.votes
    assert electorate.accuracy(count(RUN, Election(0, (one, two)), None)) == 0


def test_named_ids_are_such_as_the_codec_takes() -> None:
    run = RunParameters(pool=500, ids=Ids.EXPLICIT)
    ballot = Electorate(run, Voting(), seed=0).ballot(b"author 1", 0)
    assert ballot.ids is not None and len(ballot.ids) == run.votes
    codec = Codec(run, b"author 1")
    assert codec.decode(codec.encode(ballot), b"author 1") == ballot


def test_errors_that_are_not_alike_fall_on_all_wrong_classes_alike() -> None:
    voting = Voting(accuracy=0.5, correlation=0.25, abstain=0.1)
    electorate = Electorate(RUN, voting, seed=1)
    ids = electorate.derived(0)
    labels = np.concatenate(
        [unpack(electorate.ballot(a, 0).votes, RUN.votes, RUN.bits) for a in authors(20)]
    )
    away = (labels.astype(int) - np.tile(electorate.truth[ids], 20)) % RUN.classes
    lured = labels == np.tile(electorate.lure[ids], 20)
    cast = labels < RUN.classes
    shares = np.bincount(away[cast & ~lured], minlength=RUN.classes) / len(labels)
    # Of 40 % errors three quarters fall on nine wrong classes alike; one of them is the lure.
    assert shares[1:] == pytest.approx(0.4 * 0.75 / 9 * (8 / 9), rel=0.1)
