"""Who hears whom in one round of a sampled run (protocol_spec 05, DIGRAPH).

Members are shuffled into a ring by a hash of (run, round, author); each sends to the next
d of the ring and hears the previous d.  So every member has exactly min(d, n - 1) receivers
and as many senders, everybody with the same roster agrees on them, and each round mixes
afresh.  One more member changes only the routes of its d neighbours on either side.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import lru_cache

from ..errors import LocalError

__all__ = ["receivers", "ring", "senders"]

_DOMAIN = b"TALLY1-DIGRAPH"


def ring(run_id: bytes, round: int, members: Iterable[bytes]) -> tuple[bytes, ...]:
    """`members` in the order of the ring of `round`, whatever order they come in.

    `members` are author ids; one that comes twice counts once.
    """
    return _ring(run_id, round, tuple(members))


@lru_cache(maxsize=16)
def _ring(run_id: bytes, round: int, members: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Kept, since a peer asks twice a round, and all peers of one process ask for the same."""
    prefix = _DOMAIN + run_id + round.to_bytes(4, "big")
    sha256 = hashlib.sha256
    keyed = sorted((sha256(prefix + author).digest(), author) for author in set(members))
    return tuple(author for _, author in keyed)


def receivers(
    run_id: bytes, round: int, members: Iterable[bytes], me: bytes, degree: int
) -> tuple[bytes, ...]:
    """Whom `me` sends its ballot of `round`: the next min(degree, n - 1) of the ring.

    Raises :class:`LocalError` when `me` is not one of `members`.
    """
    return _stretch(ring(run_id, round, members), me, degree, 1)


def senders(
    run_id: bytes, round: int, members: Iterable[bytes], me: bytes, degree: int
) -> tuple[bytes, ...]:
    """Whose ballots of `round` `me` hears: the previous min(degree, n - 1), nearest first.

    Raises :class:`LocalError` when `me` is not one of `members`.
    """
    return _stretch(ring(run_id, round, members), me, degree, -1)


def _stretch(around: tuple[bytes, ...], me: bytes, degree: int, step: int) -> tuple[bytes, ...]:
    if me not in around:
        raise LocalError(f"{me.hex()} is not a member, so it has no neighbours")
    at, size = around.index(me), len(around)
    return tuple(around[(at + step * k) % size] for k in range(1, min(degree, size - 1) + 1))
