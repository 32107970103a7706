"""Frames put together from chapters 2, 3 and 7, without our package; wrong ones too.

`Voice` is what one peer would say; what it is given is what it writes, good or not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests.conformance import ed25519, reference

__all__ = [
    "NONE",
    "Raw",
    "Voice",
    "digest",
    "error",
    "gaps",
    "have",
    "hello_frame",
    "leb128",
    "msgpack",
    "peers",
    "ping",
    "pong",
    "span",
    "want",
]

NONE = 0xFFFFFFFF
Run = Mapping[str, Any]


def u8(value: int) -> bytes:
    return value.to_bytes(1, "big")


def u16(value: int) -> bytes:
    return value.to_bytes(2, "big")


def u32(value: int) -> bytes:
    return value.to_bytes(4, "big")


def _none(value: int | None) -> bytes:
    return u32(NONE if value is None else value)


# --- msgpack, as the MAP clauses have it -----------------------------------------------------


class Raw(bytes):
    """Bytes that stand in a map as they are."""


def msgpack(value: Any) -> bytes:
    """The one form of `value`; dictionaries are written with their keys ascending."""
    if isinstance(value, Raw):
        return bytes(value)
    if value is None:
        return b"\xc0"
    if isinstance(value, bool):
        return b"\xc3" if value else b"\xc2"
    if isinstance(value, int):
        return _integer(value)
    if isinstance(value, str):
        raw = value.encode()
        return _head(len(raw), 0xA0, 32, (0xD9, 0xDA)) + raw
    if isinstance(value, bytes):
        return _head(len(value), 0, 0, (0xC4, 0xC5)) + value
    if isinstance(value, list):
        return _head(len(value), 0x90, 16, (None, 0xDC)) + b"".join(map(msgpack, value))
    pairs = sorted((key.encode(), msgpack(key) + msgpack(item)) for key, item in value.items())
    return _head(len(value), 0x80, 16, (None, 0xDE)) + b"".join(pair for _, pair in pairs)


def _head(size: int, short: int, below: int, longer: tuple[int | None, int]) -> bytes:
    if size < below:
        return u8(short + size)
    one, two = longer
    return u8(one) + u8(size) if one is not None and size < 256 else u8(two) + u16(size)


def _integer(value: int) -> bytes:
    if -32 <= value < 128:
        return value.to_bytes(1, "big", signed=value < 0)
    first, size = (0xCC, 1) if value > 0 else (0xD0, 1)
    while not (0 <= value < 2 ** (8 * size) if value > 0 else value >= -(2 ** (8 * size - 1))):
        first, size = first + 1, size * 2
    return u8(first) + value.to_bytes(size, "big", signed=value < 0)


# --- probe ids -------------------------------------------------------------------------------


def leb128(value: int) -> bytes:
    out = b""
    while value > 0x7F:
        out, value = out + u8(value & 0x7F | 0x80), value >> 7
    return out + u8(value)


def span(first: int, count: int) -> bytes:
    """Form 1."""
    return b"\x01" + u32(first) + u16(count)


def gaps(ids: Sequence[int]) -> bytes:
    """Form 2."""
    out, before = b"\x02" + u16(len(ids)), -1
    for number in ids:
        out, before = out + leb128(number - before - 1), number
    return out


def ids_bytes(ids: Sequence[int]) -> bytes:
    """In their one form (IDS-2)."""
    if ids[-1] - ids[0] == len(ids) - 1:
        return span(ids[0], len(ids))
    return gaps(ids)


# --- messages that nobody signs --------------------------------------------------------------


def error(code: int, text: str = "") -> bytes:
    return b"\x03\x00" + u8(code) + text.encode()


def ping(nonce: int, roster: int = 0) -> bytes:
    return b"\x04\x00" + u32(nonce) + u32(roster)


def pong(nonce: int, roster: int = 0, round: int | None = None) -> bytes:
    return b"\x05\x00" + u32(nonce) + u32(roster) + _none(round)


def peers(endpoints: Sequence[str | bytes]) -> bytes:
    raw = [one if isinstance(one, bytes) else one.encode() for one in endpoints]
    return b"\x06\x00" + u8(len(raw)) + b"".join(u8(len(one)) + one for one in raw)


def digest(entries: Iterable[tuple[int, int, bytes]]) -> bytes:
    return b"\x11\x00" + b"".join(u32(at) + u16(count) + mark for at, count, mark in entries)


def have(round: int, entries: Iterable[tuple[bytes, bytes]]) -> bytes:
    return b"\x12\x00" + u32(round) + b"".join(who + tag for who, tag in entries)


def want(entries: Iterable[tuple[bytes, int]]) -> bytes:
    return b"\x13\x00" + b"".join(who + u32(round) for who, round in entries)


def hello_frame(fields: Any, flags: int = 0, magic: bytes = b"TALLY") -> bytes:
    return b"\x01" + u8(flags) + magic + msgpack(fields)


# --- what one peer says ----------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Voice:
    """One process of one peer.  `secret` only in sealed runs."""

    run: Run
    name: str
    endpoint: str
    life: int = 0
    sealed_as: str = ""  # whose key it signs with, if not its own
    key: bytes = b""  # its secret key, if not one that follows from its name
    process: bytes = b""  # its instance, likewise

    @property
    def sealed(self) -> bool:
        return bool(self.run["seal"] == "ed25519")

    @property
    def secret(self) -> bytes:
        return self.key or hashlib.sha256(f"secret {self.sealed_as or self.name}".encode()).digest()

    @property
    def identity(self) -> bytes:
        if self.sealed:
            return ed25519.identity(replace(self, sealed_as="").secret)
        return hashlib.sha256(f"identity {self.name}".encode()).digest()

    @property
    def author(self) -> bytes:
        return hashlib.sha256(self.identity).digest()[:8]

    @property
    def instance(self) -> bytes:
        if self.process:
            return self.process
        return hashlib.sha256(f"life {self.life} of {self.name}".encode()).digest()[:8]

    @property
    def sender(self) -> dict[str, str]:
        """What HELLO binds to its connection."""
        return {"identity": self.identity.hex(), "instance": self.instance.hex()}

    def again(self) -> Voice:
        """The same peer in its next life."""
        return replace(self, life=self.life + 1)

    def fields(self, **changes: Any) -> dict[str, Any]:
        """HELLO's map; a change to None leaves a key out."""
        found = {
            "agent": "x/1",
            "endpoint": self.endpoint,
            "identity": self.identity,
            "instance": self.instance,
            "known": 2,
            "met": True,
            "run": reference.run_digest(self.run),
            "versions": [1, 1],
        }
        found.update({key.replace("_", "-"): value for key, value in changes.items()})
        return {key: value for key, value in found.items() if value is not None}

    def _signed(self, frame: bytes, domain: bytes, before: bytes = b"") -> bytes:
        if not self.sealed:
            return frame
        frame = frame[:1] + u8(frame[1] | 4) + frame[2:]
        return frame + ed25519.sign(self.secret, domain + before + frame)

    def hello(self, **changes: Any) -> bytes:
        return self._signed(hello_frame(self.fields(**changes)), b"TALLY1-SEAL-HELLO")

    def bye(self, code: int = 0, last: int | None = None, text: str = "") -> bytes:
        frame = b"\x02\x00" + u8(code) + _none(last) + text.encode()
        before = reference.run_digest(self.run) + self.instance
        return self._signed(frame, b"TALLY1-SEAL-BYE", before)

    def vote(
        self,
        round: int,
        votes: bytes,
        ids: Sequence[int] | bytes | None = None,
        relayed: bool = False,
        flags: int | None = None,
    ) -> bytes:
        """Its ballot, as it says it itself, or as somebody passes it on."""
        named = ids if isinstance(ids, bytes | None) else ids_bytes(ids)
        set_flags = (0 if named is None else 2) | (1 if relayed else 0)
        body = u32(round) + (named or b"") + votes
        head = b"\x10" + u8(set_flags | (4 if self.sealed else 0) if flags is None else flags)
        if not self.sealed:
            return head + u32(round) + (self.author if relayed else b"") + body[4:]
        signature = self.seal(body)
        return head + u32(round) + (self.identity if relayed else b"") + body[4:] + signature

    def seal(self, body: bytes) -> bytes:
        """The signature of a ballot: `body` is its round, ids and votes (SEAL-3)."""
        text = b"TALLY1-SEAL-VOTE" + reference.run_digest(self.run) + body
        return ed25519.sign(self.secret, text)
