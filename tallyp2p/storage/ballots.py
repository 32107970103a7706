"""Ballots as bytes for a disk: all that makes a ballot, its signature included.

    author 8 | round u32 | ids u32 | votes u32 | sealed u8 | ids, each u32 | votes | seal 32 + 64

Numbers are big-endian, as in the protocol; `ids` is 0xffffffff where the run derives them.
A frame is not kept, since it says less: a VOTE does not name its author where the line does.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from ..payloads import Ballot, Signature

__all__ = ["ballot_bytes", "ballots_bytes", "read_ballot", "read_ballots"]

_HEAD = struct.Struct(">8sIIIB")
_DERIVED = 0xFFFFFFFF
_IDENTITY, _SIGNATURE = 32, 64


def ballot_bytes(ballot: Ballot) -> bytes:
    """One ballot."""
    ids = ballot.ids
    head = _HEAD.pack(
        ballot.author,
        ballot.round,
        _DERIVED if ids is None else len(ids),
        len(ballot.votes),
        ballot.seal is not None,
    )
    named = b"" if ids is None else struct.pack(f">{len(ids)}I", *ids)
    seal = b"" if ballot.seal is None else ballot.seal.identity + ballot.seal.signature
    return head + named + ballot.votes + seal


def ballots_bytes(ballots: Iterable[Ballot]) -> bytes:
    """Any number of ballots, one after the other."""
    return b"".join(map(ballot_bytes, ballots))


def read_ballot(data: bytes) -> Ballot:
    """The ballot of :func:`ballot_bytes`.  Raises :class:`ValueError` for anything else."""
    found = list(read_ballots(data))
    if len(found) != 1:
        raise ValueError(f"{len(found)} ballots where one should be")
    return found[0]


def read_ballots(data: bytes) -> Iterator[Ballot]:
    """The ballots of :func:`ballots_bytes`.  Raises :class:`ValueError` for anything else."""
    at = 0
    while at < len(data):
        if len(data) - at < _HEAD.size:
            raise ValueError("a ballot ends in its head")
        author, round, count, size, sealed = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        named = 0 if count == _DERIVED else count
        if sealed > 1 or 4 * named + size + sealed * (_IDENTITY + _SIGNATURE) > len(data) - at:
            raise ValueError("a ballot claims more bytes than there are")
        ids = None if count == _DERIVED else struct.unpack_from(f">{named}I", data, at)
        at += 4 * named
        votes = data[at : at + size]
        at += size
        seal = None
        if sealed:
            signed = at + _IDENTITY
            seal = Signature(data[at:signed], data[signed : signed + _SIGNATURE])
            at = signed + _SIGNATURE
        yield Ballot(author, round, votes, ids, seal)
