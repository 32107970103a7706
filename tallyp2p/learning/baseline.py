"""What a peer would have reached alone, measured beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..consensus.contributor import Election, IdArray, Vote
from ..parameters import RunParameters
from .learner import Learner, due
from .settings import LearningSettings
from .sources import Source
from .training import Trainer, evaluate

__all__ = ["WithBaseline"]


class WithBaseline:
    """A learner, and a second model that never hears a vote.  A Contributor.

    `alone` has the same data, the same initial weights, the same batches and makes the same
    number of steps.  Its accuracy is reported as `alone` whenever the learner's is.
    """

    def __init__(
        self,
        learner: Learner,
        alone: Trainer,
        run: RunParameters,
        settings: LearningSettings,
        rounds: int,
        test: Source,
    ) -> None:
        self.learner = learner
        self.alone = alone
        self._run = run
        self._settings = settings
        self._rounds = rounds
        self._test = test

    def vote(self, round: int, ids: IdArray | None) -> Vote:
        """The learner's vote."""
        return self.learner.vote(round, ids)

    def learn(self, round: int, elections: Sequence[Election]) -> Mapping[str, float]:
        """The learner's figures, and `alone` when an evaluation is due."""
        figures = dict(self.learner.learn(round, elections))
        rounds = min(self._run.rounds_per_ballot, self._rounds - round)
        self.alone.model.train()
        for _ in range(rounds * self._settings.local_steps):
            self.alone.step()
        if due(round, rounds, self._settings.evaluate_every, self._rounds):
            figures["alone"] = evaluate(self.alone.model, self._test)
        return figures

    def evaluate(self) -> float | None:
        """The learner's accuracy on the test set, 0 .. 1."""
        return self.learner.evaluate()

    def snapshot(self) -> dict[str, Any]:
        """Both models' states."""
        return {"learner": self.learner.snapshot(), "alone": self.alone.snapshot()}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a snapshot, bit for bit."""
        self.learner.restore(state["learner"])
        self.alone.restore(state["alone"])
