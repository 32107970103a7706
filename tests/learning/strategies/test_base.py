"""Another way of learning fits the learner by being two small classes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from tallyp2p.consensus.contributor import Election, IdArray, LabelArray
from tallyp2p.consensus.tally import Tally, count
from tallyp2p.learning.choosers import RandomChooser
from tallyp2p.learning.learner import Learner
from tallyp2p.learning.settings import LearningSettings
from tallyp2p.learning.sources import inputs_of
from tallyp2p.learning.strategies.base import Strategy
from tests.learning.playing import OTHER, ballot, built, constant, derived, learner


class Parity:
    """Votes 0 or 1: whether the most probable class is odd."""

    def labels(self, logits: torch.Tensor) -> LabelArray:
        labels: LabelArray = (logits.argmax(dim=1) % 2).numpy()
        return labels


@dataclass(frozen=True)
class Contrary:
    """Pulls towards class 5, whatever was voted."""

    run: Any

    def tally(self, election: Election, own: bytes | None, ids: IdArray | None) -> Tally:
        return count(self.run, election, own, ids=ids)

    def targets(self, tally: Tally, positions: np.ndarray[Any, np.dtype[np.int64]]) -> torch.Tensor:
        targets = torch.zeros(len(positions), tally.classes)
        targets[:, 5] = 1.0
        return targets


def test_learner_follows_a_strategy_of_ones_own() -> None:
    made = built(rounds=80)
    run, probes = made.run, torch.rand(300, 64, generator=torch.Generator().manual_seed(0))
    one = Learner(
        learner(made).trainer,
        Strategy(Parity(), Contrary(run)),
        RandomChooser(run.pool, torch.Generator()),
        run,
        LearningSettings(warmup=0, kl_weight=10.0),
        80,
        inputs_of(probes),
        None,
    )
    assert set(one.vote(0, derived(run, 0)).labels.tolist()) <= {0, 1}
    before = softened(one, probes)
    for round in range(0, 80, run.rounds_per_ballot):
        one.vote(round, derived(run, round))
        heard = ballot(run, OTHER, round, constant(run, 2))
        one.learn(round, [Election(round, (heard,))])
    assert softened(one, probes) > 3 * before
    assert one.evaluate() is None


def softened(one: Learner, probes: torch.Tensor) -> float:
    """The mean probability of class 5."""
    with torch.inference_mode():
        return float(torch.softmax(one.trainer.model(probes), dim=1)[:, 5].mean())
