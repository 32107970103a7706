"""What a peer would have reached alone, measured beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..consensus.contributor import Election, IdArray, Vote
from .learner import Course, Learner, due
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
        settings: LearningSettings,
        rounds: int,
        test: Source,
    ) -> None:
        self.learner = learner
        self.alone = alone
        self._settings = settings
        self._rounds = rounds
        self._test = test

    def vote(self, round: int, ids: IdArray | None) -> Vote:
        """The learner's vote."""
        return self.learner.vote(round, ids)

    def learn(self, round: int, elections: Sequence[Election]) -> Mapping[str, float]:
        """The learner's figures, and `alone` when an evaluation is due."""
        course = self.learner.prepare(round, elections)
        figures = self.learner.train(course)
        self.alone.model.train()
        for _ in course.pulls:
            self.alone.step()
        return figures | self.conclude(course)

    def conclude(self, course: Course) -> dict[str, float]:
        """The last part of `learn`, when both models have made as many steps."""
        figures = self.learner.conclude(course)
        if due(course.round, course.rounds, self._settings.evaluate_every, self._rounds):
            figures["alone"] = self.evaluate_alone()
        return figures

    def evaluate_alone(self) -> float:
        """The accuracy on the test set, 0 .. 1, of the model that never hears a vote."""
        return evaluate(self.alone.model, self._test)

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
