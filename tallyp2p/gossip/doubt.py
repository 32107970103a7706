"""How long a peer bears silence before it suspects: longer, the more often it was mistaken.

Where many messages are lost, or where the own computer is starved, healthy members look silent.
A peer that hears again from those it suspected learns that its own ear is the poor one, and
waits longer; with every run of answers it becomes quicker again.  (protocol_spec 04, MEMBER-4.
After Lifeguard's local health; levels and numbers are our choice.)
"""

from __future__ import annotations

from ..parameters import Timing

__all__ = ["Doubt"]

_ANSWERS = 32  # questions answered in time until a level of doubt is gone


class Doubt:
    """A level from 0; silence is borne (1 + level) · `suspect_after`, at most half a deadline."""

    def __init__(self, timing: Timing) -> None:
        self._unit = timing.suspect_after
        self._most = max(0, int(timing.deadline / 2 / timing.suspect_after) - 1)
        self._level = self._answered = 0

    @property
    def bears(self) -> float:
        """Seconds of silence after which a member is suspect."""
        return self._unit * (1 + self._level)

    def mistaken(self) -> None:
        """A member that was suspect for its silence is there."""
        self._level, self._answered = min(self._level + 1, self._most), 0

    def answered(self) -> None:
        """A question was answered before anybody was suspect."""
        if self._level:
            self._answered += 1
            if self._answered >= _ANSWERS:
                self._level, self._answered = self._level - 1, 0
