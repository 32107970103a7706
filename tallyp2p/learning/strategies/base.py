"""A way of learning from each other, in two halves that do not know one another.

*Exchange* is what a peer says of its probes; *combine* is what it makes of what it heard.
A :class:`Strategy` is one of each.  Both work on logits and ballots alone: neither sees a
model, an optimiser or private data, so a new way of learning is one small class.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from torch import Tensor

from ...consensus.contributor import Election, IdArray, LabelArray
from ...consensus.tally import Tally

__all__ = ["Combine", "Exchange", "Strategy"]

Positions = npt.NDArray[np.int64]


class Exchange(Protocol):
    """What a peer says of its probes."""

    def labels(self, logits: Tensor) -> LabelArray:
        """(n,) votes, 0 .. C - 1 or C for "no vote", from the peer's logits (n, C)."""
        ...


class Combine(Protocol):
    """What a peer makes of the ballots that it heard."""

    def tally(self, election: Election, own: bytes | None, ids: IdArray | None) -> Tally:
        """The count of an election.

        `own` is the peer's own author there, if its ballot is among them; `ids` the derived
        ids of that round if at hand, shape (votes,).
        """
        ...

    def targets(self, tally: Tally, positions: Positions) -> Tensor:
        """(n, C) float32: what to distil towards on the probes ``tally.ids[positions]``.

        Each row is a distribution, or all zero where there is nothing to learn.
        """
        ...


@dataclass(frozen=True, slots=True)
class Strategy:
    """One way of learning from each other."""

    exchange: Exchange
    combine: Combine
