"""VOTE: one ballot and nothing else (protocol_spec 03, VOTE clauses; 07, SEAL clauses).

    10 flags round(4) [author] [ids] votes [signature(64)]

The author is written out only when somebody else passes the ballot on: 8 bytes, or in sealed
runs its identity of 32 bytes, so that whoever gets it can check the signature.
"""

from __future__ import annotations

import struct
from dataclasses import replace
from typing import TYPE_CHECKING

from ..bits import packed_size, well_formed
from ..errors import LocalError, Reason, RemoteError
from ..messages import Kind
from ..parameters import LIMITS, Ids, RunParameters
from ..payloads import Ballot, Signature, author_of
from .ids import decode_ids, encode_ids

if TYPE_CHECKING:
    from .seal import Sealer

__all__ = ["FLAG_AUTHOR", "FLAG_IDS", "FLAG_SEAL", "SIGNATURE", "VoteCodec"]

FLAG_AUTHOR, FLAG_IDS, FLAG_SEAL = 0x01, 0x02, 0x04
SIGNATURE = 64  # bytes at the end of a sealed frame
_HEAD = struct.Struct(">BBI")
_NO_ROUND = 0xFFFFFFFF


class VoteCodec:
    """Ballots to frames and back, for one peer of one run."""

    def __init__(self, run: RunParameters, author: bytes, sealer: Sealer | None) -> None:
        self._author = author
        self._sealer = sealer
        self._explicit = run.ids is Ids.EXPLICIT
        self._plain = not self._explicit and sealer is None  # no flags but that of relaying
        self._span = run.rounds_per_ballot
        self._count, self._pool = run.votes, run.pool
        self._bits, self._highest = run.bits, run.highest_label
        self._votes_size = packed_size(run.votes, run.bits)
        self._author_size = 8 if sealer is None else 32

    # --- out ------------------------------------------------------------------------------

    def seal(self, ballot: Ballot) -> Ballot:
        """The own `ballot`, signed where the run is sealed: once, before it is first sent."""
        if self._sealer is None or ballot.seal is not None:
            return ballot
        return replace(ballot, seal=self._sealer.sign_ballot(ballot, self._frame(ballot, 0, b"")))

    def encode(self, ballot: Ballot) -> bytes:
        """The frame of `ballot`.  Raises :class:`LocalError` if a receiver would refuse it."""
        problem = self._problem(ballot)
        if problem:
            raise LocalError(f"a ballot cannot be sent: {problem}")
        flags, author, signature = 0, b"", b""
        if ballot.author != self._author:
            flags, author = FLAG_AUTHOR, ballot.author
        if ballot.seal is not None:
            flags |= FLAG_SEAL
            signature = ballot.seal.signature
            author = ballot.seal.identity if author else b""
        frame = self._frame(ballot, flags, author) + signature
        if self._relayed_size(frame, flags) > LIMITS.frame:  # many explicit ids, far apart
            raise LocalError(f"a ballot of {len(frame)} bytes cannot be sent")
        return frame

    def _frame(self, ballot: Ballot, flags: int, author: bytes) -> bytes:
        ids = b""
        if ballot.ids is not None:
            flags |= FLAG_IDS
            ids = encode_ids(ballot.ids)
        return _HEAD.pack(Kind.VOTE, flags, ballot.round) + author + ids + ballot.votes

    def _problem(self, ballot: Ballot) -> str:
        count = self._count if ballot.ids is None else len(ballot.ids)
        if len(ballot.author) != 8:
            return "its author is not 8 bytes"
        if (ballot.ids is not None) is not self._explicit:
            return "the run says otherwise whether ids travel"
        if count > self._count or (ballot.ids and ballot.ids[-1] >= self._pool):
            return "its ids are too many or outside the pool"
        if not 0 <= ballot.round < _NO_ROUND or ballot.round % self._span:
            return f"round {ballot.round} is not the first round of a ballot"
        if len(ballot.votes) != packed_size(count, self._bits):
            return f"{count} votes are not {len(ballot.votes)} bytes"
        if well_formed(ballot.votes, count, self._bits, self._highest) != (True, True):
            return "a label is too high, or the padding is not zero"
        if (ballot.seal is None) is not (self._sealer is None):
            return "the run says otherwise whether ballots are signed"
        if ballot.seal is not None and author_of(ballot.seal.identity) != ballot.author:
            return "its author and its identity are two"
        return ""

    # --- in -------------------------------------------------------------------------------

    def decode(self, frame: bytes, sender: bytes) -> Ballot:
        """The ballot of a VOTE's frame; the signature is checked last, for it costs most."""
        if len(frame) < 6:
            raise RemoteError(Reason.LENGTH, "a VOTE without a round")
        _, flags, round = _HEAD.unpack_from(frame)
        at, end, author, count, size = 6, len(frame), sender, self._count, self._votes_size
        ids: tuple[int, ...] | None = None
        seal: Signature | None = None
        if flags or not self._plain:
            author, at, seal = self._decode_parts(frame, flags, sender)
            end -= 0 if seal is None else SIGNATURE
            begin = at
            if self._explicit:
                ids, at = decode_ids(frame[:end], at, self._count, self._pool)
                count = len(ids)
                size = packed_size(count, self._bits)
        if end - at != size:
            raise RemoteError(Reason.LENGTH, f"{end - at} bytes of votes, not {size}")
        if round == _NO_ROUND or round % self._span:
            raise RemoteError(Reason.ROUND, f"round {round} is not the first of a ballot")
        votes = frame[at:end]
        padding, labels = well_formed(votes, count, self._bits, self._highest)
        if not padding:
            raise RemoteError(Reason.PADDING, "padding bits that are not zero")
        if not labels:
            raise RemoteError(Reason.LABEL, f"a label above {self._highest}")
        if seal is not None:
            assert self._sealer is not None
            text = self._sealer.text(Kind.VOTE, frame[:end], begin)
            self._sealer.check(seal.identity, text, seal.signature)
        return Ballot(author, round, votes, ids, seal)

    def _decode_parts(
        self, frame: bytes, flags: int, sender: bytes
    ) -> tuple[bytes, int, Signature | None]:
        """(author, where what follows it begins, seal), as flags and run say."""
        if flags & ~(FLAG_AUTHOR | FLAG_IDS | FLAG_SEAL):
            raise RemoteError(Reason.MALFORMED, f"unknown flags {flags:#04x}")
        if bool(flags & FLAG_IDS) is not self._explicit:
            raise RemoteError(Reason.IDS, "the run says otherwise whether ids travel")
        if bool(flags & FLAG_SEAL) is not (self._sealer is not None):
            raise RemoteError(Reason.SEAL, "the run says otherwise whether ballots are signed")
        if self._relayed_size(frame, flags) > LIMITS.frame:
            raise RemoteError(Reason.LIMIT, "a ballot that is too large to be relayed")
        at = 6 + (self._author_size if flags & FLAG_AUTHOR else 0)
        if len(frame) < at + (SIGNATURE if flags & FLAG_SEAL else 0):
            raise RemoteError(Reason.LENGTH, "the frame ends within its author or signature")
        named = frame[6:at]
        author = sender
        if named:
            author = named if self._sealer is None else author_of(named)
            if author == sender:
                raise RemoteError(Reason.AUTHOR, "the connection's own author is written out")
        if self._sealer is None:
            return author, at, None
        if named:
            self._sealer.admit(named)
        identity = named or self._sealer.speaker(sender)[0]
        return author, at, Signature(identity, frame[-SIGNATURE:])

    def _relayed_size(self, frame: bytes, flags: int) -> int:
        """Bytes of a VOTE when another than its author sends it: with the author in it."""
        return len(frame) + (0 if flags & FLAG_AUTHOR else self._author_size)
