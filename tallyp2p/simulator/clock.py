"""Virtual time: a heap of what is to be done, by moment, then by order of asking.

Nothing waits.  The clock jumps from one moment to the next, so a quiet hour costs nothing,
and two things of the same moment happen in the order in which they were asked for.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from math import inf
from typing import Any

__all__ = ["Clock"]

_Entry = tuple[float, int, Callable[..., None], tuple[Any, ...]]


class Clock:
    """`now` in virtual seconds since the world began, and all that is still to come."""

    def __init__(self) -> None:
        self.now = 0.0
        self.steps = 0  # how many actions were done
        self._heap: list[_Entry] = []
        self._order = 0

    def at(self, moment: float, action: Callable[..., None], *arguments: Any) -> None:
        """Do `action(*arguments)` at `moment`; what lies in the past is done next."""
        self._order += 1
        now = self.now
        when = moment if moment > now else now
        heapq.heappush(self._heap, (when, self._order, action, arguments))

    def after(self, delay: float, action: Callable[..., None], *arguments: Any) -> None:
        """Do `action(*arguments)` in `delay` seconds."""
        self.at(self.now + delay, action, *arguments)

    def next(self) -> float | None:
        """The moment of the next action; None when nothing is left."""
        return self._heap[0][0] if self._heap else None

    def step(self, limit: float = inf) -> bool:
        """Jump to the next action and do it; False when there is none up to the moment `limit`."""
        heap = self._heap
        if not heap or heap[0][0] > limit:
            return False
        self.now, _, action, arguments = heapq.heappop(heap)
        self.steps += 1
        action(*arguments)
        return True
