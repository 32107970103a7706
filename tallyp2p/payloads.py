"""What peers exchange, whatever carries it."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Ballot"]


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
