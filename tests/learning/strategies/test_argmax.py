"""Votes from logits."""

from __future__ import annotations

import math

import torch

from tallyp2p.learning.strategies.argmax import ArgmaxVotes

# Top probabilities 0.5, 0.9 and 0.75.
LOGITS = torch.tensor([[0.0, 0.0], [0.0, math.log(9)], [math.log(3), 0.0]])


def test_unsure_votes_are_withheld() -> None:
    assert ArgmaxVotes(0.8).labels(LOGITS).tolist() == [2, 1, 2]
    assert ArgmaxVotes(0.6).labels(LOGITS).tolist() == [2, 1, 0]


def test_threshold_zero_always_votes() -> None:
    labels = ArgmaxVotes(0.0).labels(torch.cat([LOGITS, torch.full((1, 2), math.nan)]))
    assert labels.tolist()[1:3] == [1, 0] and labels.max() <= 1


def test_a_model_that_broke_down_withholds() -> None:
    assert ArgmaxVotes(0.5).labels(torch.full((1, 3), math.nan)).tolist() == [3]
