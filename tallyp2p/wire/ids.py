"""Probe ids on the wire, where authors choose their probes (protocol_spec 02, IDS clauses).

Two forms, and for each list of ids exactly one of them is allowed: a *range* when the ids are
consecutive, *gaps* otherwise.  Gaps are variable-length integers (LEB128: seven bits a byte,
lowest first, the top bit says that more follow), so neighbours in the pool cost one byte.
"""

from __future__ import annotations

import struct

from ..errors import LocalError, Reason, RemoteError

__all__ = ["decode_ids", "encode_ids"]

_RANGE, _GAPS = 1, 2
_RANGE_HEAD = struct.Struct(">BIH")  # form, first id, count
_GAPS_HEAD = struct.Struct(">BH")  # form, count


def encode_ids(ids: tuple[int, ...]) -> bytes:
    """Ids, ascending, at least one and at most 65,535, in their only encoding."""
    if not 1 <= len(ids) <= 0xFFFF:
        raise LocalError(f"a ballot names 1 to 65535 probes, not {len(ids)}")
    if not all(a < b for a, b in zip(ids, ids[1:], strict=False)) or not (
        0 <= ids[0] and ids[-1] < 2**32
    ):
        raise LocalError("probe ids must ascend and fit 32 bits")
    if ids[-1] - ids[0] == len(ids) - 1:
        return _RANGE_HEAD.pack(_RANGE, ids[0], len(ids))
    out = bytearray(_GAPS_HEAD.pack(_GAPS, len(ids)))
    previous = -1
    for index, value in enumerate(ids):
        gap = value if index == 0 else value - previous - 1
        previous = value
        while gap > 0x7F:
            out.append(gap & 0x7F | 0x80)
            gap >>= 7
        out.append(gap)
    return bytes(out)


def decode_ids(frame: bytes, at: int, most: int, pool: int) -> tuple[tuple[int, ...], int]:
    """The ids that start at `at`, and where they end.

    Raises :class:`RemoteError` (IDS) when there are more than `most`, when one is not below
    `pool`, or when this is not their only encoding; (LENGTH) when the frame ends before them.
    """
    form = frame[at] if at < len(frame) else 0
    if form == _RANGE:
        if len(frame) < at + _RANGE_HEAD.size:
            raise RemoteError(Reason.LENGTH, "the frame ends within its probe ids")
        _, first, count = _RANGE_HEAD.unpack_from(frame, at)
        if not 1 <= count <= most or first + count > pool:
            raise RemoteError(Reason.IDS, f"{count} probe ids from {first} on")
        return tuple(range(first, first + count)), at + _RANGE_HEAD.size
    if form != _GAPS:
        raise RemoteError(Reason.IDS, f"{form} is no form of probe ids")
    if len(frame) < at + _GAPS_HEAD.size:
        raise RemoteError(Reason.LENGTH, "the frame ends within its probe ids")
    _, count = _GAPS_HEAD.unpack_from(frame, at)
    if not 1 <= count <= most:
        raise RemoteError(Reason.IDS, f"{count} probe ids where 1 to {most} are allowed")
    at += _GAPS_HEAD.size
    ids: list[int] = []
    previous = -1
    for _ in range(count):
        gap, at = _decode_gap(frame, at)
        previous += gap + 1
        if previous >= pool:
            raise RemoteError(Reason.IDS, f"probe id {previous} in a pool of {pool}")
        ids.append(previous)
    if ids[-1] - ids[0] == count - 1:
        raise RemoteError(Reason.IDS, "consecutive probe ids that are not sent as a range")
    return tuple(ids), at


def _decode_gap(frame: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(frame):
            raise RemoteError(Reason.LENGTH, "the frame ends within its probe ids")
        byte = frame[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if byte == 0 and shift:
                raise RemoteError(Reason.IDS, "a gap is not encoded in the fewest bytes")
            return value, at
        shift += 7
        if shift > 28:
            raise RemoteError(Reason.IDS, "a gap does not fit 32 bits")
