"""Peers that mean harm: what they send besides, or instead of, what the protocol says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

from ..messages import Ballot, Hello, Kind, Message, Pong

__all__ = ["Twist", "claimant", "equivocator", "garbage", "liar"]

Twist = Callable[[str, Message], Message]
"""(endpoint, what the machine wants to send there) -> what is sent."""

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


def liar(ahead: int) -> Twist:
    """What a peer sends instead that says it is `ahead` rounds further."""

    def twist(endpoint: str, message: Message) -> Message:
        if isinstance(message, Hello | Pong) and message.round is not None:
            return replace(message, round=message.round + ahead)
        return message

    return twist


def claimant(victim: str) -> Twist:
    """What a peer sends instead that says it listens at `victim`, where another does."""

    def twist(endpoint: str, message: Message) -> Message:
        return replace(message, endpoint=victim) if isinstance(message, Hello) else message

    return twist


def equivocator(author: bytes, rival: Callable[[int], Ballot]) -> Twist:
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
