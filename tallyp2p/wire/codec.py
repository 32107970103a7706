"""Messages to frames and back (protocol_spec 02 and 03).

Every frame begins with its kind and a byte of flags.  What HELLO has fixed for a connection
does not travel again: a VOTE of derived probes is 6 bytes and the packed votes.

Decoding is strict.  Every limit is checked before anything is parsed or allocated, each
message has exactly one encoding, and any bytes give a message or :class:`RemoteError`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from ..bits import packed_size, well_formed
from ..errors import LocalError, Reason, RemoteError
from ..messages import (
    Ballot,
    Bye,
    Digest,
    DigestEntry,
    Error,
    Have,
    Hello,
    Kind,
    Message,
    Peers,
    Ping,
    Pong,
    Want,
)
from ..parameters import LIMITS, Ids, RunParameters
from .hello import ENDPOINT, decode_hello, encode_hello
from .ids import decode_ids, encode_ids

__all__ = ["FLAG_AUTHOR", "FLAG_IDS", "MAGIC", "Codec"]

MAGIC = b"TALLY"
FLAG_AUTHOR, FLAG_IDS = 0x01, 0x02
_NONE = 0xFFFFFFFF  # stands for "no round"

_HEAD = struct.Struct(">BB")
_VOTE = struct.Struct(">BBI")
_BYE = struct.Struct(">BBBI")
_PING = struct.Struct(">BBII")
_PONG = struct.Struct(">BBIII")
_HAVE = struct.Struct(">BBI")
_DIGEST_ENTRY = struct.Struct(">IH16s")
_HAVE_ENTRY = struct.Struct(">8s16s")
_WANT_ENTRY = struct.Struct(">8sI")

_EARLY = frozenset({Kind.HELLO, Kind.BYE, Kind.ERROR})  # may come before HELLO
_SHORT = frozenset({Kind.HELLO, Kind.BYE, Kind.ERROR})  # of at most LIMITS.hello bytes


class Codec:
    """Encodes and decodes for one peer of one run.  `author` is the peer's own author id."""

    def __init__(self, run: RunParameters, author: bytes) -> None:
        self._author = author
        self._explicit = run.ids is Ids.EXPLICIT
        self._span = run.rounds_per_ballot
        self._count, self._pool = run.votes, run.pool
        self._bits, self._highest = run.bits, run.highest_label
        self._votes_size = packed_size(run.votes, run.bits)
        self._encoders: dict[type, Callable[[Any], bytes]] = {
            Hello: lambda m: _HEAD.pack(Kind.HELLO, 0) + MAGIC + encode_hello(m),
            Bye: _encode_bye,
            Error: lambda m: bytes((Kind.ERROR, 0, m.code)) + m.text.encode(),
            Ping: lambda m: _PING.pack(Kind.PING, 0, m.nonce, m.roster),
            Pong: lambda m: _PONG.pack(Kind.PONG, 0, m.nonce, m.roster, _or_none(m.round)),
            Peers: _encode_peers,
            Digest: _encode_digest,
            Have: _encode_have,
            Want: _encode_want,
        }
        self._decoders: dict[int, Callable[[bytes, bytes], Message]] = {
            Kind.VOTE: self._decode_vote,
            Kind.HELLO: _decode_hello,
            Kind.BYE: _decode_bye,
            Kind.ERROR: _decode_error,
            Kind.PING: _decode_ping,
            Kind.PONG: _decode_pong,
            Kind.PEERS: _decode_peers,
            Kind.DIGEST: _decode_digest,
            Kind.HAVE: _decode_have,
            Kind.WANT: _decode_want,
        }

    # --- the two doors ------------------------------------------------------------------

    def encode(self, message: Message) -> bytes:
        """The frame of `message`.

        Raises :class:`LocalError` for a message that a receiver would refuse.
        """
        if type(message) is Ballot:
            return self._encode_vote(message)
        try:
            frame = self._encoders[type(message)](message)
            if self.decode(frame, self._author) == message:
                return frame
        except (RemoteError, struct.error, ValueError, KeyError) as error:
            raise LocalError(f"{message!r} cannot be sent: {error}") from None
        raise LocalError(f"{message!r} cannot be sent: it would be read differently")

    def decode(self, frame: bytes, sender: bytes | None) -> Message:
        """The message of `frame`.

        `sender` is the author that HELLO has bound to the connection, None before HELLO.
        Raises :class:`RemoteError`, and nothing else, whatever the bytes.
        """
        size = len(frame)
        if size < 2:
            raise RemoteError(Reason.MALFORMED, f"a frame of {size} bytes")
        kind = frame[0]
        if sender is None and kind not in _EARLY:
            raise RemoteError(Reason.EARLY, f"kind {kind:#04x} before HELLO")
        decoder = self._decoders.get(kind)
        if decoder is None:
            raise RemoteError(Reason.TYPE, f"kind {kind:#04x} is unknown", optional=kind >= 0x80)
        if size > (LIMITS.hello if kind in _SHORT else LIMITS.frame):
            raise RemoteError(Reason.LIMIT, f"{size} bytes for kind {kind:#04x}")
        if frame[1] and kind != Kind.VOTE:
            raise RemoteError(Reason.MALFORMED, f"unknown flags {frame[1]:#04x}")
        return decoder(frame, sender or b"")

    # --- VOTE ---------------------------------------------------------------------------

    def _encode_vote(self, ballot: Ballot) -> bytes:
        flags, parts = 0, b""
        count = self._count
        if ballot.author != self._author:
            flags, parts = FLAG_AUTHOR, ballot.author
        if ballot.ids is not None:
            flags |= FLAG_IDS
            parts += encode_ids(ballot.ids)
            count = len(ballot.ids)
        problem = self._problem(ballot, count)
        if problem:
            raise LocalError(f"a ballot cannot be sent: {problem}")
        frame = _VOTE.pack(Kind.VOTE, flags, ballot.round) + parts + ballot.votes
        if _relayed_size(frame, flags) > LIMITS.frame:  # many explicit ids, far apart
            raise LocalError(f"a ballot of {len(frame)} bytes cannot be sent")
        return frame

    def _problem(self, ballot: Ballot, count: int) -> str:
        if len(ballot.author) != 8:
            return "its author is not 8 bytes"
        if (ballot.ids is not None) is not self._explicit:
            return "the run says otherwise whether ids travel"
        if count > self._count or (ballot.ids is not None and ballot.ids[-1] >= self._pool):
            return "its ids are too many or outside the pool"
        if not 0 <= ballot.round < _NONE or ballot.round % self._span:
            return f"round {ballot.round} is not the first round of a ballot"
        if len(ballot.votes) != packed_size(count, self._bits):
            return f"{count} votes are not {len(ballot.votes)} bytes"
        if well_formed(ballot.votes, count, self._bits, self._highest) != (True, True):
            return "a label is too high, or the padding is not zero"
        return ""

    def _decode_vote(self, frame: bytes, sender: bytes) -> Ballot:
        if len(frame) < 6:
            raise RemoteError(Reason.LENGTH, "a VOTE without a round")
        _, flags, round = _VOTE.unpack_from(frame)
        at, author, count, size = 6, sender, self._count, self._votes_size
        ids: tuple[int, ...] | None = None
        if flags or self._explicit:
            author, ids, at = self._decode_parts(frame, flags, sender)
            if ids is not None:
                count = len(ids)
                size = packed_size(count, self._bits)
        if len(frame) - at != size:
            raise RemoteError(Reason.LENGTH, f"{len(frame) - at} bytes of votes, not {size}")
        if round == _NONE or round % self._span:
            raise RemoteError(Reason.ROUND, f"round {round} is not the first of a ballot")
        votes = frame[at:]
        padding, labels = well_formed(votes, count, self._bits, self._highest)
        if not padding:
            raise RemoteError(Reason.PADDING, "padding bits that are not zero")
        if not labels:
            raise RemoteError(Reason.LABEL, f"a label above {self._highest}")
        return Ballot(author, round, votes, ids)

    def _decode_parts(
        self, frame: bytes, flags: int, sender: bytes
    ) -> tuple[bytes, tuple[int, ...] | None, int]:
        """Author and ids where the flags announce them, and where the votes begin."""
        if flags & ~(FLAG_AUTHOR | FLAG_IDS):
            raise RemoteError(Reason.MALFORMED, f"unknown flags {flags:#04x}")
        if bool(flags & FLAG_IDS) is not self._explicit:
            raise RemoteError(Reason.IDS, "the run says otherwise whether ids travel")
        if _relayed_size(frame, flags) > LIMITS.frame:
            raise RemoteError(Reason.LIMIT, "a ballot that is too large to be relayed")
        at, author = 6, sender
        if flags & FLAG_AUTHOR:
            author, at = frame[6:14], 14
            if len(author) < 8:
                raise RemoteError(Reason.LENGTH, "the frame ends within its author")
            if author == sender:
                raise RemoteError(Reason.AUTHOR, "the connection's own author is written out")
        if not self._explicit:
            return author, None, at
        ids, at = decode_ids(frame, at, self._count, self._pool)
        return author, ids, at


def _relayed_size(frame: bytes, flags: int) -> int:
    """Bytes of a VOTE when somebody else than its author sends it: with the author in it."""
    return len(frame) + (0 if flags & FLAG_AUTHOR else 8)


# --- the other kinds ----------------------------------------------------------------------


def _or_none(round: int | None) -> int:
    return _NONE if round is None else round


def _round_or_none(value: int) -> int | None:
    return None if value == _NONE else value


def _text(data: bytes) -> str:
    if len(data) > LIMITS.text:
        raise RemoteError(Reason.LIMIT, f"{len(data)} bytes of text")
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise RemoteError(Reason.MALFORMED, "a text that is not UTF-8") from None


def _exactly(frame: bytes, size: int) -> None:
    if len(frame) != size:
        raise RemoteError(Reason.LENGTH, f"{len(frame)} bytes, not {size}")


def _entries(frame: bytes, at: int, size: int, most: int) -> int:
    """How many entries of `size` bytes follow `at`."""
    count, rest = divmod(len(frame) - at, size)
    if rest or count < 0:
        raise RemoteError(Reason.LENGTH, f"{len(frame) - at} bytes are no entries of {size}")
    if count > most:
        raise RemoteError(Reason.LIMIT, f"{count} entries, more than {most}")
    return count


def _decode_hello(frame: bytes, sender: bytes) -> Hello:
    if frame[2:7] != MAGIC:
        raise RemoteError(Reason.VERSION, "HELLO without the magic bytes")
    return decode_hello(frame[7:])


def _encode_bye(bye: Bye) -> bytes:
    return _BYE.pack(Kind.BYE, 0, bye.code, _or_none(bye.last)) + bye.text.encode()


def _decode_bye(frame: bytes, sender: bytes) -> Bye:
    if len(frame) < _BYE.size:
        raise RemoteError(Reason.LENGTH, "BYE without code and last round")
    _, _, code, last = _BYE.unpack_from(frame)
    return Bye(_round_or_none(last), code, _text(frame[_BYE.size :]))


def _decode_error(frame: bytes, sender: bytes) -> Error:
    if len(frame) < 3:
        raise RemoteError(Reason.LENGTH, "ERROR without a code")
    return Error(frame[2], _text(frame[3:]))


def _decode_ping(frame: bytes, sender: bytes) -> Ping:
    _exactly(frame, _PING.size)
    _, _, nonce, roster = _PING.unpack(frame)
    return Ping(nonce, roster)


def _decode_pong(frame: bytes, sender: bytes) -> Pong:
    _exactly(frame, _PONG.size)
    _, _, nonce, roster, round = _PONG.unpack(frame)
    return Pong(nonce, roster, _round_or_none(round))


def _encode_peers(peers: Peers) -> bytes:
    parts = [bytes((Kind.PEERS, 0, len(peers.endpoints)))]
    for endpoint in peers.endpoints:
        raw = endpoint.encode("ascii")
        parts += [bytes((len(raw),)), raw]
    return b"".join(parts)


def _decode_peers(frame: bytes, sender: bytes) -> Peers:
    if len(frame) < 3:
        raise RemoteError(Reason.LENGTH, "PEERS without a count")
    if frame[2] > LIMITS.peers:
        raise RemoteError(Reason.LIMIT, f"{frame[2]} endpoints, more than {LIMITS.peers}")
    endpoints, at = [], 3
    for _ in range(frame[2]):
        end = at + 1 + frame[at] if at < len(frame) else len(frame) + 1
        if end > len(frame):
            raise RemoteError(Reason.LENGTH, "the frame ends within its endpoints")
        endpoint = frame[at + 1 : end].decode("latin-1")
        if not ENDPOINT.fullmatch(endpoint):
            raise RemoteError(Reason.MALFORMED, "an endpoint is not tcp://host:port or ipc://path")
        endpoints.append(endpoint)
        at = end
    _exactly(frame, at)
    return Peers(tuple(endpoints))


def _encode_digest(digest: Digest) -> bytes:
    entries = [_DIGEST_ENTRY.pack(e.round, e.count, e.hash) for e in digest.entries]
    return _HEAD.pack(Kind.DIGEST, 0) + b"".join(entries)


def _decode_digest(frame: bytes, sender: bytes) -> Digest:
    _entries(frame, 2, _DIGEST_ENTRY.size, LIMITS.digest)
    return Digest(tuple(DigestEntry(*e) for e in _DIGEST_ENTRY.iter_unpack(frame[2:])))


def _encode_have(have: Have) -> bytes:
    entries = [_HAVE_ENTRY.pack(author, tag) for author, tag in have.entries]
    return _HAVE.pack(Kind.HAVE, 0, have.round) + b"".join(entries)


def _decode_have(frame: bytes, sender: bytes) -> Have:
    _entries(frame, _HAVE.size, _HAVE_ENTRY.size, LIMITS.have)
    entries = tuple(_HAVE_ENTRY.iter_unpack(frame[_HAVE.size :]))
    if any(a[0] >= b[0] for a, b in zip(entries, entries[1:], strict=False)):
        raise RemoteError(Reason.MALFORMED, "authors that do not ascend")
    return Have(_HAVE.unpack_from(frame)[2], entries)


def _encode_want(want: Want) -> bytes:
    entries = [_WANT_ENTRY.pack(author, round) for author, round in want.entries]
    return _HEAD.pack(Kind.WANT, 0) + b"".join(entries)


def _decode_want(frame: bytes, sender: bytes) -> Want:
    _entries(frame, 2, _WANT_ENTRY.size, LIMITS.want)
    return Want(tuple(_WANT_ENTRY.iter_unpack(frame[2:])))
