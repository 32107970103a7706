"""Frames written by hand, right or wrong on purpose.

The codec refuses to make what a receiver would refuse, so what breaks a rule is put together
here, from the text of chapters 2 and 3.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from ...messages import Kind

__all__ = ["NONE", "Verbatim", "hello", "pack", "vote", "want"]

NONE = 0xFFFFFFFF


class Verbatim(bytes):
    """msgpack that is written as it stands."""


Value = None | bool | int | str | bytes | list["Value"] | Mapping[str, "Value"]


def pack(value: Value) -> bytes:
    """`value` in the form of the MAP clauses; `Verbatim` parts as they are."""
    match value:
        case Verbatim():
            return bytes(value)
        case None:
            return b"\xc0"
        case bool():
            return b"\xc3" if value else b"\xc2"
        case int():
            return _integer(value)
        case str():
            raw = value.encode()
            return _head(len(raw), ((31, 0xA0), (255, 0xD9), (65535, 0xDA))) + raw
        case bytes():
            return _head(len(value), ((255, 0xC4), (65535, 0xC5))) + value
        case list():
            return _head(len(value), ((15, 0x90), (65535, 0xDC))) + b"".join(map(pack, value))
        case _:
            items = sorted((key.encode(), key) for key in value)
            body = b"".join(pack(key) + pack(value[key]) for _, key in items)
            return _head(len(value), ((15, 0x80), (65535, 0xDE))) + body


def _integer(value: int) -> bytes:
    if -32 <= value <= 127:
        return bytes((value & 0xFF,))
    formats = "BHIQ" if value > 0 else "bhiq"
    first = 0xCC if value > 0 else 0xD0
    for index, form in enumerate(formats):
        try:
            return bytes((first + index,)) + struct.pack(f">{form}", value)
        except struct.error:
            continue
    raise ValueError(f"{value} does not fit 64 bits")


def _head(size: int, forms: tuple[tuple[int, int], ...]) -> bytes:
    """The shortest header for `size`: (most, first byte), short ones with the size in it."""
    most, first = next(form for form in forms if size <= form[0])
    if most < 32:
        return bytes((first + size,))
    return bytes((first,)) + size.to_bytes(1 if most == 255 else 2, "big")


def hello(fields: Mapping[str, Value] | bytes, magic: bytes = b"TALLY") -> bytes:
    """A HELLO with this map, unsigned."""
    body = bytes(fields) if isinstance(fields, bytes) else pack(fields)
    return bytes((Kind.HELLO, 0)) + magic + body


def vote(round: int, body: bytes, flags: int = 0) -> bytes:
    """A VOTE with this body behind its round, unsigned."""
    return struct.pack(">BBI", Kind.VOTE, flags, round) + body


def want(*entries: tuple[bytes, int]) -> bytes:
    """A WANT for these authors and rounds."""
    return bytes((Kind.WANT, 0)) + b"".join(a + struct.pack(">I", r) for a, r in entries)
