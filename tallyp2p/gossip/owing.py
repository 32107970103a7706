"""Own ballots that others have asked for and that are not cast yet (ROUND-5).

A peer that expects ours and hears nothing asks for it with WANT, perhaps before we are there.
It is told so, and gets the ballot when it is cast.
"""

from __future__ import annotations

from ..parameters import LIMITS

__all__ = ["Owing"]


class Owing:
    """Who waits for which of our ballots, in at most `most` rounds."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._owed: dict[int, set[bytes]] = {}  # round -> authors

    def promise(self, round: int, author: bytes) -> bool:
        """`author` gets the ballot of `round` when it is cast; whether that is newly promised."""
        owed = self._owed.get(round)
        if owed is None:
            if len(self._owed) >= self._most:
                return False
            owed = self._owed[round] = set()
        if author in owed or len(owed) >= LIMITS.members:  # more would be strangers
            return False
        owed.add(author)
        return True

    def take(self, round: int) -> set[bytes]:
        """To whom the ballot of `round`, which is cast now, was promised."""
        return self._owed.pop(round, set())

    def forget_before(self, round: int) -> None:
        """Promises for rounds before `round` were left out and cannot be kept."""
        for old in [at for at in self._owed if at < round]:
            del self._owed[old]

    def check(self) -> None:
        """No more rounds than may be, each within the limits."""
        assert len(self._owed) <= self._most, len(self._owed)
        assert all(len(owed) <= LIMITS.members for owed in self._owed.values())
