"""What was sent and seen, for whoever wants to know why a case is not OK."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Entry", "Log"]

_MOST = 400  # entries of one case that are kept, the newest


@dataclass(frozen=True, slots=True)
class Entry:
    """One message, or what else happened."""

    at: float  # seconds since the beginning of the probe
    who: str  # the player
    way: str  # "sent", "seen" or "note"
    frame: bytes
    words: str


class Log:
    """Entries of one case."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.entries: deque[Entry] = deque(maxlen=_MOST)

    def sent(self, who: str, frame: bytes, words: str) -> None:
        """A player sent this."""
        self.entries.append(Entry(self._clock(), who, "sent", frame, words))

    def seen(self, who: str, frame: bytes, words: str) -> None:
        """The peer sent this to a player."""
        self.entries.append(Entry(self._clock(), who, "seen", frame, words))

    def note(self, who: str, words: str) -> None:
        """Something that is no message."""
        self.entries.append(Entry(self._clock(), who, "note", b"", words))
