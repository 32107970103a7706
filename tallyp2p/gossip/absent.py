"""Members that went by silence, and when to look for them again.

Both sides of a network that is cut give each other up; when it heals, somebody must dial first.
A member that said BYE is not looked for.  The distances grow, so that the dead cost little.
(protocol_spec 04, MEMBER-9.)
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

__all__ = ["Absent"]

_LONGEST = 32  # the pause between two looks, in first pauses


@dataclass(slots=True)
class _Missed:
    endpoint: str
    at: float
    pause: float


class Absent:
    """Who is looked for, by author.

    `first`: seconds until the first look, on average; `most`: how many are remembered.
    """

    def __init__(self, first: float, most: int, random: Random) -> None:
        self._first, self._most, self._random = first, most, random
        self._missed: dict[bytes, _Missed] = {}  # the longest missed first

    def miss(self, author: bytes, endpoint: str, now: float) -> None:
        """`author` went by silence; it was at `endpoint`."""
        self._missed.pop(author, None)
        if len(self._missed) >= self._most:
            del self._missed[next(iter(self._missed))]
        self._missed[author] = _Missed(endpoint, now + self._spread(self._first), self._first)

    def back(self, author: bytes) -> None:
        """`author` is here again, or has said that it leaves."""
        self._missed.pop(author, None)

    def due(self, now: float) -> str | None:
        """The endpoint of one that it is time to look for, and which then has to wait twice as
        long as before."""
        for missed in self._missed.values():
            if now >= missed.at:
                missed.pause = min(2 * missed.pause, _LONGEST * self._first)
                missed.at = now + self._spread(missed.pause)
                return missed.endpoint
        return None

    def wake_at(self) -> float | None:
        """When the next one is due."""
        if not self._missed:  # as mostly, and asked after most events
            return None
        return min(missed.at for missed in self._missed.values())

    def check(self) -> None:
        """No more than the limit."""
        assert len(self._missed) <= self._most, len(self._missed)

    def _spread(self, pause: float) -> float:
        """From half to one and a half: what was lost together is not looked for together."""
        return pause * (0.5 + self._random.random())
