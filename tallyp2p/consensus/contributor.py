"""The seam between deciding and learning: what a learner must be able to do.

A shell calls these two methods, one at a time, outside its event loop.  A learner never
learns where it runs, and a protocol test can pass three lines instead of a model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ..payloads import Ballot

__all__ = ["Contributor", "Election", "Vote"]

IdArray = npt.NDArray[np.uint32]
LabelArray = npt.NDArray[np.integer]


@dataclass(frozen=True, slots=True)
class Vote:
    """One peer's labels for one ballot, before packing."""

    labels: LabelArray  # shape (votes,), 0 .. C - 1, or C for "no vote" where allowed
    ids: IdArray | None = None  # shape (votes,), ascending, when the peer chose; else None


@dataclass(frozen=True, slots=True)
class Election:
    """All ballots that were heard for one round; what a tally is made from."""

    round: int
    ballots: tuple[Ballot, ...]  # by author; the peer's own is among them


class Contributor(Protocol):
    """A learner, as the protocol sees it."""

    def vote(self, round: int, ids: IdArray | None) -> Vote:
        """Labels for the ballot that starts at `round`.

        `ids`, shape (votes,), are the derived probe ids in ballot order; None when the run
        lets each author choose, in which case the returned vote names its ids.
        """
        ...

    def learn(self, round: int, elections: Sequence[Election]) -> Mapping[str, float]:
        """Train through the rounds that the ballot of `round` covers.

        `elections` are those that gained ballots since the last call: under `lockstep`
        exactly that of `round`; under other paces older ones too, and perhaps none with
        another author's ballot.  Returns figures for the metrics file.
        """
        ...
