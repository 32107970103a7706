"""The oracle on the specification's own examples, and against the tally that ships."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import numpy as np
import pytest

from tallyp2p.bits import pack
from tallyp2p.consensus import probes, tally
from tallyp2p.consensus.contributor import Election
from tallyp2p.parameters import Ids, RunParameters
from tallyp2p.payloads import Ballot
from tallyp2p.simulator.oracle import disagreement, drawn, label_at, plurality

RUN = RunParameters(classes=3, pool=50, probes=4, rounds_per_ballot=2)


def test_the_example_of_the_specification() -> None:
    """TALLY-5: three ballots on ids 0 to 3, and ties in rounds 0 and 1."""
    ballots = (b"\x1b", b"\x2b", b"\x1f")
    votes = [[label_at(b, place, 2) for b in ballots] for place in range(4)]
    assert votes == [[0, 0, 0], [1, 2, 1], [2, 2, 3], [3, 3, 3]]
    cast = [[label for label in row if label < 3] for row in votes]
    found = [plurality(3, 0, probe, row) for probe, row in enumerate(cast)]
    assert found == [(0, 3), (1, 1), (2, 2), (-1, 0)]
    for round, winners in ((0, [0, 1, 0, 0]), (1, [1, 0, 0, 1])):
        assert [plurality(3, round, probe, [0, 1])[0] for probe in range(4)] == winners


@pytest.mark.parametrize("pool", [8, 50, 10_000])
def test_derived_ids_are_those_that_ballots_vote_on(pool: int) -> None:
    run = replace(RUN, pool=pool)
    for round in (0, 2, 700):
        assert drawn(run, round, run.votes) == probes.derive(run, round).tolist()


def elections(ids: Ids) -> list[tuple[RunParameters, Election]]:
    """Random ballots of a run, in many rounds, with ties and abstentions."""
    chance = np.random.default_rng(1)
    made = []
    for round in range(0, 60, 2):
        run = replace(RUN, ids=ids, classes=int(chance.choice([2, 3, 7])))
        ballots = []
        for author in range(1, 1 + int(chance.integers(1, 6))):
            labels = chance.integers(run.classes + 1, size=run.votes)
            named = None
            if ids is Ids.EXPLICIT:
                named = tuple(sorted(chance.choice(run.pool, run.votes, replace=False).tolist()))
            votes = pack(labels, run.bits)
            ballots.append(Ballot(author.to_bytes(8, "big"), round, votes, named))
        made.append((run, Election(round, tuple(ballots))))
    return made


@pytest.mark.parametrize("ids", list(Ids))
def test_it_agrees_with_the_tally_that_ships(ids: Ids) -> None:
    for run, election in elections(ids):
        assert disagreement(run, election, 99, Random(0)) == ""


@pytest.mark.parametrize("ids", list(Ids))
def test_another_tie_rule_is_seen(ids: Ids, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = tally._decide_dense
    monkeypatch.setattr(tally, "_decide_dense", lambda table, at: honest(table, np.zeros_like(at)))
    told = [disagreement(run, election, 99, Random(0)) for run, election in elections(ids)]
    assert sum(map(bool, told)) > 10 and "has plurality" in " ".join(told)


def test_a_vote_too_many_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    run, election = elections(Ids.DERIVED)[0]
    more = replace(election, ballots=(*election.ballots, replace(election.ballots[0], author=b"x")))
    monkeypatch.setattr(
        "tallyp2p.simulator.oracle.count", lambda r, e, own: tally.count(r, more, own)
    )
    assert disagreement(run, election, 99, Random(0))
