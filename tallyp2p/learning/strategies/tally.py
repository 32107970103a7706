"""Combine: count the votes and distil towards the count."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ...consensus.contributor import Election, IdArray
from ...consensus.tally import Tally, count
from ...parameters import RunParameters
from ..settings import Target

__all__ = ["TallyTargets"]


@dataclass(frozen=True, slots=True)
class TallyTargets:
    """The share of each class among the votes, or the class with most votes (TallyTrain).

    With `assume_byzantine` = F above 0 (our choice), only where the plurality leads by more than F
    votes.  There it is what the voters other than any F of them decide, and of n votes those F
    can have moved the shares by no more than F / n in all.  Nothing is promised of where more than
    F are hostile, nor that those who are not are right.
    """

    run: RunParameters
    target: Target
    own_vote: bool  # whether the peer's own ballot counts
    assume_byzantine: int = 0

    def tally(self, election: Election, own: bytes | None, ids: IdArray | None) -> Tally:
        """Count an election; see :class:`~.base.Combine`."""
        return count(self.run, election, own, include_own=self.own_vote, ids=ids)

    def targets(self, tally: Tally, positions: npt.NDArray[np.int64]) -> Tensor:
        """(n, C) float32, all zero where nobody voted; see :class:`~.base.Combine`."""
        if self.target is Target.PLURALITY:
            winners = tally.plurality()[positions]
            rows = np.zeros((len(positions), tally.classes), dtype=np.float32)
            voted = np.flatnonzero(winners >= 0)
            rows[voted, winners[voted]] = 1.0
        else:
            rows = _votes(tally, positions)
            rows /= np.maximum(tally.voters[positions], 1).astype(np.float32)[:, None]
        if self.assume_byzantine:
            rows[tally.certified(self.assume_byzantine)[positions] < 0] = 0.0
        return torch.from_numpy(rows)


def _votes(tally: Tally, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """(n, C) votes on some probes; dense for them alone, however many probes there are."""
    if tally.table is not None:
        return tally.table[positions].astype(np.float32)
    cells = tally.cells()
    row_of = np.full(len(tally.ids), -1, dtype=np.int64)
    row_of[positions] = np.arange(len(positions))
    rows = row_of[cells.probe]
    here = rows >= 0
    votes = np.zeros((len(positions), tally.classes), dtype=np.float32)
    votes[rows[here], cells.label[here]] = cells.votes[here]
    return votes
