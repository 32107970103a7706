"""Targets from ballots."""

from __future__ import annotations

import numpy as np
import pytest
import torch

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
