"""What peers exchange, whatever carries it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

__all__ = ["Ballot", "Signature", "author_of"]


@lru_cache(maxsize=4096)  # asked several times for each HELLO
def author_of(identity: bytes) -> bytes:
    """The 8-byte author id of a 32-byte identity (NAME-2)."""
    return hashlib.sha256(identity).digest()[:8]


class Signature(NamedTuple):
    """Proof of who cast a ballot, in sealed runs (protocol_spec 07)."""

    identity: bytes  # 32 bytes, the author's Ed25519 public key
    signature: bytes  # 64 bytes, over what SEAL-3 says


@dataclass(frozen=True, slots=True)
class Ballot:
    """One author's votes for `rounds_per_ballot` rounds; also the message VOTE.

    There is at most one per author and round.  Votes stay packed as they were received:
    they are relayed, compared and stored as bytes and unpacked once, when they are counted.
    """

    author: bytes  # 8 bytes, the author id: SHA-256(identity)[:8]
    round: int  # the first round it covers, a multiple of rounds_per_ballot
    votes: bytes  # labels packed at `RunParameters.bits` each, see tallyp2p.bits
    ids: tuple[int, ...] | None = None  # probe ids, ascending; None when they are derived
    seal: Signature | None = None  # as it came; no part of what makes two ballots the same
