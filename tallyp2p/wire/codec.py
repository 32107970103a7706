"""Messages to frames and back (protocol_spec 02 and 03).

Every frame begins with its kind and a byte of flags.  What HELLO has fixed for a connection
does not travel again: a VOTE of derived probes is 6 bytes and the packed votes.

Decoding is strict.  Every limit is checked before anything is parsed or allocated, each
message has exactly one encoding, and any bytes give a message or :class:`RemoteError`.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..errors import LocalError, Reason, RemoteError
from ..messages import (
    GREASE_KINDS,
    Ballot,
    Bye,
    Digest,
    DigestEntry,
    Error,
    Grease,
    Have,
    Hello,
    Kind,
    Message,
    Peers,
    Ping,
    Pong,
    Want,
)
from ..parameters import LIMITS, RunParameters, Seal
from .hello import ENDPOINT, decode_hello, encode_hello
from .vote import FLAG_AUTHOR, FLAG_IDS, FLAG_SEAL, SIGNATURE, VoteCodec

if TYPE_CHECKING:
    from .seal import Sealer

__all__ = ["FLAG_AUTHOR", "FLAG_IDS", "FLAG_SEAL", "MAGIC", "Codec"]

MAGIC = b"TALLY"
_NONE = 0xFFFFFFFF  # stands for "no round"

_HEAD = struct.Struct(">BB")
_BYE = struct.Struct(">BBBI")
_PING = struct.Struct(">BBII")
_PONG = struct.Struct(">BBIII")
_HAVE = struct.Struct(">BBI")
_DIGEST_ENTRY = struct.Struct(">IH16s")
_HAVE_ENTRY = struct.Struct(">8s16s")
_WANT_ENTRY = struct.Struct(">8sI")

_EARLY = frozenset({Kind.HELLO, Kind.BYE, Kind.ERROR})  # may come before HELLO
_SHORT = frozenset({Kind.HELLO, Kind.BYE, Kind.ERROR})  # of at most LIMITS.hello bytes
_FLAGS: dict[int, int] = {Kind.BYE: FLAG_SEAL, Kind.VOTE: 0xFF, Kind.HELLO: 0xFF}  # 0xFF: later


class Codec:
    """Encodes and decodes for one peer of one run.

    `author` is the peer's own author id; `sealer` signs and checks, and is needed where the
    run is sealed and only there.
    """

    def __init__(self, run: RunParameters, author: bytes, sealer: Sealer | None = None) -> None:
        if (run.seal is Seal.ED25519) is not (sealer is not None):
            raise LocalError("a sealer goes with a sealed run, and only with one")
        listed = None if sealer is None else sealer.electorate
        if ("" if listed is None else listed.digest) != run.electorate:
            raise LocalError("a list of members goes with the run that names it, and only with it")
        self._author = author
        self._run = run.digest
        self._sealer = sealer
        self._vote = VoteCodec(run, author, sealer)
        self._newest: Message | None = None  # what was encoded last,
        self._frame = b""  # and its frame
        self._encoders: dict[type, Callable[[Any], bytes]] = {
            Hello: self._encode_hello,
            Bye: self._encode_bye,
            Error: lambda m: bytes((Kind.ERROR, 0, m.code)) + m.text.encode(),
            Ping: lambda m: _PING.pack(Kind.PING, 0, m.nonce, m.roster),
            Pong: lambda m: _PONG.pack(Kind.PONG, 0, m.nonce, m.roster, _or_none(m.round)),
            Peers: _encode_peers,
            Digest: _encode_digest,
            Have: _encode_have,
            Want: _encode_want,
        }
        self._decoders: dict[int, Callable[[bytes, bytes], Message]] = {
            Kind.VOTE: self._vote.decode,
            Kind.HELLO: self._decode_hello,
            Kind.BYE: self._decode_bye,
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
        if message is not self._newest:  # one ballot, HELLO or BYE goes to many
            self._frame = self._encoded(message)
            self._newest = message
        return self._frame

    def _encoded(self, message: Message) -> bytes:
        if type(message) in (Ballot, Grease):
            return self.frame(message)
        try:
            frame = self.frame(message)
            if self.decode(frame, self._author) == message:
                return frame
        except (RemoteError, struct.error, ValueError, KeyError) as error:
            raise LocalError(f"{message!r} cannot be sent: {error}") from None
        raise LocalError(f"{message!r} cannot be sent: it would be read differently")

    def frame(self, message: Message) -> bytes:
        """The same frame, not read back; for a caller that made `message` by the rules.

        Nothing is promised of what it raises, or gives, for a message that breaks them.
        """
        if type(message) is Ballot:
            return self._vote.encode(message)
        if type(message) is Grease:
            if message.kind not in GREASE_KINDS or len(message.body) > 16:
                raise LocalError(f"{message!r} is no grease")
            return bytes((message.kind, 0)) + message.body
        return self._encoders[type(message)](message)

    def decode(self, frame: bytes, sender: bytes | None) -> Message:
        """The message of `frame`.

        `sender` is the author that HELLO has bound to the connection, None before HELLO.
        Raises :class:`RemoteError`, and nothing else, whatever the bytes.
        """
        size = len(frame)
        if size < 2:
            raise RemoteError(Reason.MALFORMED, f"a frame of {size} bytes")
        kind = frame[0]
        try:
            if size > (LIMITS.hello if kind in _SHORT else LIMITS.frame):  # first of all (FRAME-15)
                raise RemoteError(Reason.LIMIT, f"{size} bytes for kind {kind:#04x}")
            if sender is None and kind not in _EARLY:
                raise RemoteError(Reason.EARLY, f"kind {kind:#04x} before HELLO")
            decoder = self._decoders.get(kind)
            if decoder is None:
                text = f"kind {kind:#04x} is unknown"
                raise RemoteError(Reason.TYPE, text, optional=kind >= 0x80)
            if frame[1] & ~_FLAGS.get(kind, 0):
                raise RemoteError(Reason.MALFORMED, f"unknown flags {frame[1]:#04x}")
            return decoder(frame, sender or b"")
        except RemoteError as error:
            error.optional |= kind == Kind.ERROR  # never answered by ERROR, whatever it holds
            raise

    def seal(self, ballot: Ballot) -> Ballot:
        """The own `ballot`, signed where the run is sealed."""
        return self._vote.seal(ballot)

    # --- HELLO and BYE, which are signed in sealed runs -----------------------------------

    def _sealed(self, kind: Kind, body: bytes) -> bytes:
        """The frame of HELLO or BYE."""
        if self._sealer is None:
            return bytes((kind, 0)) + body
        return self._sealer.sign_message(kind, bytes((kind, FLAG_SEAL)) + body)

    def _split(self, frame: bytes) -> tuple[bytes, bytes]:
        """(frame without its signature, signature): empty where flag 04 is not set."""
        if not frame[1] & FLAG_SEAL:
            return frame, b""
        if len(frame) < 2 + SIGNATURE:
            raise RemoteError(Reason.LENGTH, "the frame ends within its signature")
        return frame[:-SIGNATURE], frame[-SIGNATURE:]

    def _agrees(self, signature: bytes) -> bool:
        """Whether there must be a signature, and thus one to check; it is (SEAL-2)."""
        if bool(signature) is not (self._sealer is not None):
            raise RemoteError(Reason.SEAL, "the run says otherwise whether messages are signed")
        return self._sealer is not None

    def _encode_hello(self, hello: Hello) -> bytes:
        return self._sealed(Kind.HELLO, MAGIC + encode_hello(hello))

    def _decode_hello(self, frame: bytes, sender: bytes) -> Hello:
        flags = frame[1]
        frame, signature = self._split(frame)
        if frame[2:7] != MAGIC:
            raise RemoteError(Reason.VERSION, "HELLO without the magic bytes")
        hello = decode_hello(frame[7:])
        if flags & ~FLAG_SEAL:  # only now: in another version flags mean something else
            raise RemoteError(Reason.MALFORMED, f"unknown flags {flags:#04x}")
        if hello.run == self._run and self._agrees(signature):  # another run: CONTACT-3 alone
            assert self._sealer is not None
            self._sealer.admit(hello.identity, hello.endpoint)
            text = self._sealer.text(Kind.HELLO, frame, 2)
            self._sealer.check(hello.identity, text, signature)
        return hello

    def _encode_bye(self, bye: Bye) -> bytes:
        body = _BYE.pack(Kind.BYE, 0, bye.code, _or_none(bye.last))[2:] + bye.text.encode()
        return self._sealed(Kind.BYE, body)

    def _decode_bye(self, frame: bytes, sender: bytes) -> Bye:
        frame, signature = self._split(frame)
        if len(frame) < _BYE.size:
            raise RemoteError(Reason.LENGTH, "BYE without code and last round")
        _, _, code, last = _BYE.unpack_from(frame)
        bye = Bye(_round_or_none(last), code, _text(frame[_BYE.size :]))
        if sender and self._agrees(signature):  # before HELLO it is only shown
            assert self._sealer is not None
            identity, instance = self._sealer.speaker(sender)
            text = self._sealer.text(Kind.BYE, frame, 2, instance)
            self._sealer.check(identity, text, signature)
        return bye


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
    head = bytes((Kind.PEERS, 0, len(peers.endpoints)))
    return head + "".join([chr(len(at)) + at for at in peers.endpoints]).encode("latin-1")


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
