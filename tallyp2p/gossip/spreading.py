"""To whom a ballot goes, and whose ballots are expected, in each round.

``sampled``: everybody derives the same fresh random digraph from (run, round, roster), so a
peer hears exactly ``degree`` ballots and knows from whom to expect them.
``broadcast``: to everybody, from everybody.
"""

from __future__ import annotations

from ..consensus.digraph import receivers, senders
from ..parameters import RunParameters, Spreading
from .membership import Membership

__all__ = ["Routes"]


class Routes:
    """Receivers and senders of each round, remembered until the roster changes."""

    def __init__(self, run: RunParameters, membership: Membership) -> None:
        self._run = run
        self._membership = membership
        self._version = -1
        self._start: int | None = None
        self._cache: dict[int, tuple[tuple[bytes, ...], tuple[bytes, ...]]] = {}

    def receivers(self, round: int, start: int | None) -> tuple[bytes, ...]:
        """Authors to whom the own ballot of `round` goes, without the own."""
        return self._routes(round, start)[0]

    def expected(self, round: int, start: int | None) -> tuple[bytes, ...]:
        """Authors whose ballots for `round` will come without asking, without the own."""
        return self._routes(round, start)[1]

    def _routes(self, round: int, start: int | None) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
        if self._version != self._membership.version or self._start != start:
            self._cache.clear()
            self._version, self._start = self._membership.version, start
        if round not in self._cache:
            if len(self._cache) > 64:
                self._cache.clear()
            self._cache[round] = self._derive(round, start)
        return self._cache[round]

    def _derive(self, round: int, start: int | None) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
        me = self._membership.author
        roster = self._membership.roster(round, start)
        if me not in roster:
            return (), ()
        if self._run.spreading is Spreading.BROADCAST:
            others = tuple(author for author in roster if author != me)
            return others, others
        run, degree = self._run.run, self._run.degree
        return (
            tuple(receivers(run, round, roster, me, degree)),
            tuple(senders(run, round, roster, me, degree)),
        )
