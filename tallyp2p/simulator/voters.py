"""Synthetic learners: they vote with a stated accuracy, and err together to a stated degree.

Every probe has a true class and one *lure*, a wrong class.  A voter names the true class with
its accuracy; of its errors the share `correlation` falls on the lure, and the rest on any
wrong class alike.  Correlated errors are what a tally cannot outvote.  Probes may be `uneven`:
their accuracies then follow a Beta distribution with the stated mean, and `uneven` is the share
of the variance of right and wrong that lies between probes (our choice).

All follows from seed, author, round and life, so the same vote comes out whenever it is asked
for, in whatever order, on every machine.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

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
_KEPT = 64  # rounds whose probe ids are remembered


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
        self._right: npt.NDArray[np.float64] = _accuracies(voting, run.pool, seed)
        self._ids: dict[int, npt.NDArray[np.uint32]] = {}

    def ballot(
        self, author: bytes, round: int, *, life: int = 0, wrong: bool = False, rival: int = 0
    ) -> Ballot:
        """The ballot of `author` for `round`.

        `life`: which start of a peer that remembers nothing; `wrong`: all votes on the lure;
        `rival`: another number, another ballot of the same author and round.
        """
        run = self._run
        key = [self._seed, 1, int.from_bytes(author, "big"), round, life, rival]
        chance = np.random.default_rng(key)
        if run.ids is Ids.DERIVED:
            ids = self.derived(round)
        else:
            ids = np.sort(chance.choice(run.pool, run.votes, replace=False)).astype(np.uint32)
        labels = self.lure[ids] if wrong else self._labels(chance, ids)
        named = None if run.ids is Ids.DERIVED else tuple(int(i) for i in ids)
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
        ids = self._ids.get(round)
        if ids is None:
            while len(self._ids) >= _KEPT:
                del self._ids[next(iter(self._ids))]
            ids = self._ids[round] = probes.derive(self._run, round)
        return ids

    def accuracy(self, tally: Tally) -> float:
        """Share of a tally's probes whose plurality is the true class."""
        return float(np.mean(tally.plurality() == self.truth[tally.ids]))

    def _labels(self, chance: np.random.Generator, ids: npt.NDArray[np.uint32]) -> _Labels:
        voting, classes = self._voting, self._run.classes
        truth, lure = self.truth[ids], self.lure[ids]
        drawn = chance.random(len(ids))
        other = (truth + chance.integers(1, classes, size=len(ids))) % classes
        lured = chance.random(len(ids)) < voting.correlation
        right = drawn < self._right[ids]
        labels = np.where(right, truth, np.where(lured, lure, other))
        if voting.abstain and self._run.abstain:
            labels[~right & (drawn >= 1 - voting.abstain)] = classes
        return labels


def _accuracies(voting: Voting, pool: int, seed: int) -> npt.NDArray[np.float64]:
    """(pool,) how often a voter names the true class of each probe."""
    mean, uneven = voting.accuracy, voting.uneven
    if not uneven or mean in (0, 1):
        return np.full(pool, mean)
    weight = 1 / uneven - 1  # variance mean (1 - mean) / (weight + 1)
    return np.random.default_rng([seed, 2]).beta(mean * weight, (1 - mean) * weight, size=pool)
