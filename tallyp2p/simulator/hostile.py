"""Peers that mean harm: what they send besides, or instead of, what the protocol says."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from ..messages import Ballot, Kind, Message

__all__ = ["equivocator", "garbage"]

_LONGEST = 300  # bytes of a frame of garbage
_KINDS = tuple(int(kind) for kind in Kind)
_SHAPES = 4


def garbage(chance: Random) -> bytes:
    """A frame that is hardly a message: noise, a known kind with noise, or a broken one."""
    shape = chance.randrange(_SHAPES)
    if shape == 0:
        return chance.randbytes(chance.randrange(_LONGEST))
    kind = chance.choice(_KINDS)
    if shape == 1:
        return bytes((kind,))
    flags = 0 if shape == 2 else chance.randrange(256)
    return bytes((kind, flags)) + chance.randbytes(chance.randrange(64))


def equivocator(author: bytes, rival: Callable[[int], Ballot]) -> Callable[[str, Message], Message]:
    """What an equivocator sends instead: every second endpoint gets the rival ballot.

    `rival` makes the own other ballot of a round, sealed where the run is sealed.
    """
    sides: dict[str, bool] = {}
    made: dict[int, Ballot] = {}

    def twist(endpoint: str, message: Message) -> Message:
        if type(message) is not Ballot or message.author != author:
            return message
        if not sides.setdefault(endpoint, len(sides) % 2 == 1):
            return message
        if message.round not in made:
            made[message.round] = rival(message.round)
        return made[message.round]

    return twist
