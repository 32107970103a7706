"""Targets from ballots."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tallyp2p.bits import pack
from tallyp2p.consensus.contributor import Election
from tallyp2p.learning.settings import Target
from tallyp2p.learning.strategies.tally import TallyTargets
from tallyp2p.parameters import RunParameters
from tallyp2p.payloads import Ballot

A, B, C = (bytes([letter]) * 8 for letter in b"abc")


def ballots(run: RunParameters, *votes: list[int]) -> Election:
    named = zip((A, B, C), votes, strict=False)
    return Election(0, tuple(Ballot(author, 0, pack(v, run.bits)) for author, v in named))


@pytest.mark.parametrize("classes", [3, 400_000])  # a dense tally, and a sparse one
def test_histogram_and_plurality_by_hand(classes: int) -> None:
    run = RunParameters(classes=classes, pool=9, probes=4, rounds_per_ballot=1)
    no = classes
    election = ballots(run, [0, 1, no, 2], [0, 2, no, 2], [1, 2, no, no])
    shares = TallyTargets(run, Target.HISTOGRAM, own_vote=True)
    tally = shares.tally(election, A, None)
    rows = shares.targets(tally, np.array([3, 0, 2]))
    assert rows.shape == (3, classes) and rows.dtype == torch.float32
    expected = torch.tensor([[0, 0, 1], [2 / 3, 1 / 3, 0], [0, 0, 0]])
    assert torch.allclose(rows[:, :3], expected) and not rows[:, 3:].any()
    most = TallyTargets(run, Target.PLURALITY, own_vote=True)
    rows = most.targets(tally, np.array([1, 0, 2]))
    assert rows[:, :3].tolist() == [[0, 0, 1], [1, 0, 0], [0, 0, 0]] and not rows[:, 3:].any()


def test_own_vote_can_be_left_out() -> None:
    run = RunParameters(classes=3, pool=9, probes=1, rounds_per_ballot=1)
    election = ballots(run, [0], [1])
    without = TallyTargets(run, Target.HISTOGRAM, own_vote=False)
    rows = without.targets(without.tally(election, A, None), np.array([0]))
    assert rows.tolist() == [[0, 1, 0]]


@pytest.mark.parametrize("classes", [3, 400_000])
@pytest.mark.parametrize("target", list(Target))
def test_only_probes_with_a_margin_above_the_assumed_faults_teach(
    classes: int, target: Target
) -> None:
    run = RunParameters(classes=classes, pool=9, probes=4, rounds_per_ballot=1)
    election = ballots(run, [0, 1, 2, 1], [0, 1, 2, 2], [0, 2, classes, 0])
    careful = TallyTargets(run, target, own_vote=True, assume_byzantine=1)
    rows = careful.targets(careful.tally(election, A, None), np.array([0, 1, 2, 3]))
    # margins 3, 1, 2, 0
    assert rows.any(dim=1).tolist() == [True, False, True, False]
    assert rows[0, 0] == 1 and rows[2, 2] == 1


@settings(deadline=None)
@given(st.data())
def test_so_many_hostile_ballots_move_shares_by_their_own_share(data: st.DataObject) -> None:
    """In total variation, F of n votes move a probe's shares by at most F / n; and what is
    taught has the class that the others alone decide on."""
    run = RunParameters(classes=3, pool=9, probes=4, rounds_per_ballot=1, abstain=False)
    label = st.lists(st.integers(0, 2), min_size=4, max_size=4)
    honest = data.draw(st.lists(label, min_size=1, max_size=6))
    hostile = data.draw(st.lists(label, min_size=1, max_size=3))
    targets = TallyTargets(run, Target.HISTOGRAM, True, assume_byzantine=len(hostile))
    everything = TallyTargets(run, Target.HISTOGRAM, True)
    of = [bytes([at]) * 8 for at in range(10)]

    def election(votes: list[list[int]]) -> Election:
        pairs = zip(of, votes, strict=False)
        return Election(0, tuple(Ballot(author, 0, pack(v, run.bits)) for author, v in pairs))

    places = np.arange(4)
    # The hostile take the places of as many honest ones whose votes nobody knows.
    mixed = everything.tally(election(honest + hostile), None, None)
    other = data.draw(st.lists(label, min_size=len(hostile), max_size=len(hostile)))
    true = everything.tally(election(honest + other), None, None)
    moved = everything.targets(mixed, places) - everything.targets(true, places)
    total = len(honest) + len(hostile)
    assert (moved.abs().sum(dim=1) / 2 <= len(hostile) / total + 1e-6).all()
    taught = targets.targets(mixed, places)
    alone = everything.tally(election(honest), None, None).plurality()
    for at in places[taught.any(dim=1).numpy()]:
        assert int(taught[at].argmax()) == alone[at]
