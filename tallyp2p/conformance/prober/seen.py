"""What came from the peer under test."""

from __future__ import annotations

from dataclasses import dataclass

from ...messages import Message

__all__ = ["Seen"]


@dataclass(frozen=True, slots=True)
class Seen:
    """One message that the peer under test sent to a player."""

    at: float
    player: str
    link: bytes  # routing id of the connection
    first: bool  # on its connection
    frame: bytes
    message: Message | None  # None: the codec refuses it
    problem: str = ""  # why
    optional: bool = False  # a kind that receivers pass over, such as grease
