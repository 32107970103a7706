"""Synthetic learners: they vote with a stated accuracy, and err together to a stated degree.

Every probe has a true class and one *lure*, a wrong class.  A voter names the true class with
its accuracy; of its errors the share `correlation` falls on the lure, and the rest on any
wrong class alike.  Correlated errors are what a tally cannot outvote.  Probes may be `uneven`:
their accuracies then follow a Beta distribution with the stated mean, and `uneven` is the share
of the variance of right and wrong that lies between probes (our choice).

All follows from seed, author, round and life, so the same vote comes out whenever it is asked
for, in whatever order, on every machine.  Each vote takes one number from 0 to 1, 64 bits of
SHAKE-128 over all that it follows from: a generator of numpy's takes longer to make than the
votes of a small ballot to draw.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..bits import pack
from ..consensus import probes
from ..consensus.contributor import Election
from ..consensus.tally import Tally
from ..parameters import Ids, RunParameters
from ..payloads import Ballot
from .learners import Accuracies, Point, Voter
from .spec import Voting

__all__ = ["Electorate"]

_Labels = npt.NDArray[np.int64]
_Shares = npt.NDArray[np.float64]
_KEPT = 64  # rounds whose probes are remembered


@dataclass(frozen=True, slots=True)
class _Sheet:
    """Probes that are voted on together; all arrays are of shape (votes,)."""

    ids: npt.NDArray[np.uint32]
    truth: _Labels
    lure: _Labels
    right: _Shares  # a number below it is a vote for the true class
    slope: _Shares  # number * slope + rise, for all others: below 0 the lure, else
    rise: _Shares  # which of the wrong classes, counted from the true one


class Electorate:
    """The probes of a run, what is true of them, and how each author votes.

    Implements :class:`~.learners.Learners`; nobody learns.
    """

    def __init__(self, run: RunParameters, voting: Voting, seed: int) -> None:
        self._run, self._voting, self._seed = run, voting, seed
        chance = np.random.default_rng([seed, 0])
        classes = run.classes
        self.truth: _Labels = chance.integers(classes, size=run.pool)
        self.lure: _Labels = (self.truth + chance.integers(1, classes, size=run.pool)) % classes
        self._right: _Shares = _accuracies(voting, run.pool, seed)
        self._sheets: dict[int, _Sheet] = {}

    def ballot(
        self, author: bytes, round: int, *, life: int = 0, wrong: bool = False, rival: int = 0
    ) -> Ballot:
        """The ballot of `author` for `round`.

        `life`: which start of a peer that remembers nothing; `wrong`: all votes on the lure;
        `rival`: another number, another ballot of the same author and round.
        """
        run, key = self._run, [self._seed, int.from_bytes(author, "big"), round, life, rival]
        named = None
        if run.ids is Ids.DERIVED:
            sheet = self._derived(round)
        else:
            chosen = np.random.default_rng(key).choice(run.pool, run.votes, replace=False)
            sheet = self._sheet(np.sort(chosen).astype(np.uint32))
            named = tuple(sheet.ids.tolist())
        labels = sheet.lure if wrong else self._labels(sheet, _numbers(key, run.votes))
        return Ballot(author, round, pack(labels, run.bits), named)

    def vote(self, voter: Voter, round: int, *, wrong: bool = False, rival: int = 0) -> Ballot:
        """The ballot of a voter, wherever it sits; see :meth:`ballot`."""
        return self.ballot(voter.author, round, life=voter.life, wrong=wrong, rival=rival)

    def learn(self, voter: Voter, round: int, elections: Sequence[Election]) -> None:
        """Nothing is learnt."""

    def accuracies(self, honest: Collection[int]) -> Accuracies | None:
        """None: there are no models."""
        return None

    def newest(self) -> Point | None:
        """None, for the same reason."""
        return None

    def derived(self, round: int) -> npt.NDArray[np.uint32]:
        """The derived probe ids of a round; all peers have the same, so they are kept."""
        return self._derived(round).ids

    def accuracy(self, tally: Tally) -> float:
        """Share of a tally's probes whose plurality is the true class."""
        return float(np.mean(tally.plurality() == self.truth[tally.ids]))

    def _derived(self, round: int) -> _Sheet:
        sheet = self._sheets.get(round)
        if sheet is None:
            while len(self._sheets) >= _KEPT:
                del self._sheets[next(iter(self._sheets))]
            sheet = self._sheets[round] = self._sheet(probes.derive(self._run, round))
        return sheet

    def _sheet(self, ids: npt.NDArray[np.uint32]) -> _Sheet:
        voting, right = self._voting, self._right[ids]
        wrong = np.maximum(1 - self._withheld() - right, 1e-9)  # share of votes for wrong classes
        apart = self._run.classes - 1  # wrong classes, of which any may come
        slope = apart / (max(1 - voting.correlation, 1e-9) * wrong)
        rise = -slope * (right + voting.correlation * wrong)
        return _Sheet(ids, self.truth[ids], self.lure[ids], right, slope, rise)

    def _withheld(self) -> float:
        """Share of votes that say nothing."""
        return self._voting.abstain if self._run.abstain else 0.0

    def _labels(self, sheet: _Sheet, numbers: _Shares) -> _Labels:
        classes, truth = self._run.classes, sheet.truth
        other = numbers * sheet.slope + sheet.rise
        wrong = (truth + 1 + other.astype(np.int64)) % classes
        right = numbers < sheet.right
        labels: _Labels = np.where(right, truth, np.where(other < 0, sheet.lure, wrong))
        if withheld := self._withheld():
            labels[~right & (numbers >= 1 - withheld)] = classes
        return labels


def _numbers(key: Sequence[int], count: int) -> _Shares:
    """(count,) numbers from 0 to below 1 that follow from `key` alone."""
    drawn = hashlib.shake_128(f"tallyp2p votes {key}".encode()).digest(8 * count)
    return (np.frombuffer(drawn, "<u8") >> 11) * np.float64(2.0**-53)


def _accuracies(voting: Voting, pool: int, seed: int) -> _Shares:
    """(pool,) how often a voter names the true class of each probe."""
    mean, uneven = voting.accuracy, voting.uneven
    if not uneven or mean in (0, 1):
        return np.full(pool, mean)
    weight = 1 / uneven - 1  # variance mean (1 - mean) / (weight + 1)
    return np.random.default_rng([seed, 2]).beta(mean * weight, (1 - mean) * weight, size=pool)
