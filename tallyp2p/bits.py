"""Labels to bits and back: the packing of votes (protocol_spec 02, BITS clauses).

A label takes exactly `bits` bits, most significant bit first, one after the other with no
gaps; the last byte is filled with zero bits.  So hexadecimal reads as votes where `bits` is
4, 8 or 16.

A group of eight labels always ends on a byte boundary (8 * bits bits are `bits` bytes), so
the bits of each label lie at the same place in every group.  Large inputs are packed lane by
lane: for each of the eight positions, one shift and mask over all groups at once.  Small
ones go through one big integer, which is faster below about a hundred labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, reduce

import numpy as np
import numpy.typing as npt

from .errors import LocalError

__all__ = ["MOST_BITS", "pack", "packed_size", "unpack", "unpack_rows", "well_formed"]

MOST_BITS = 24
_SMALL = 64

Labels = Sequence[int] | npt.NDArray[np.integer]


def packed_size(count: int, bits: int) -> int:
    """Bytes that `count` labels of `bits` bits take."""
    return (count * bits + 7) // 8


def pack(labels: Labels, bits: int) -> bytes:
    """Labels, each 0 .. 2^bits - 1, as packed bytes.

    Raises :class:`LocalError` when a label does not fit or `bits` is not 1 .. MOST_BITS.
    """
    _check_bits(bits)
    count = len(labels)
    if count == 0:
        return b""
    if count <= _SMALL:
        values = labels.tolist() if isinstance(labels, np.ndarray) else labels
        return _pack_small(values, bits)
    array = np.asarray(labels)
    if array.min() < 0 or array.max() >> bits:
        raise LocalError(f"a label does not fit {bits} bits")
    if bits == 8:
        return array.astype(np.uint8).tobytes()
    if bits == 16:
        return array.astype(">u2").tobytes()
    return _pack_lanes(array, bits)


def unpack(data: bytes, count: int, bits: int) -> npt.NDArray[np.integer]:
    """`count` labels from packed bytes; shape (count,), the smallest unsigned dtype that fits.

    Padding bits are not looked at.  Raises :class:`LocalError` when `data` has another length.
    """
    _check_bits(bits)
    if len(data) != packed_size(count, bits):
        raise LocalError(f"{count} labels of {bits} bits are not {len(data)} bytes")
    rows = np.frombuffer(data, np.uint8).reshape(1, len(data))
    return unpack_rows(rows, count, bits).reshape(count)


def unpack_rows(rows: npt.NDArray[np.uint8], count: int, bits: int) -> npt.NDArray[np.integer]:
    """`count` labels from each row of packed bytes.

    `rows`: uint8, shape (n, packed_size(count, bits)); returns shape (n, count).
    """
    _check_bits(bits)
    n, width = rows.shape
    if width != packed_size(count, bits):
        raise LocalError(f"{count} labels of {bits} bits are not {width} bytes")
    if bits == 8:
        return rows
    if bits == 16:
        return np.ascontiguousarray(rows).view(">u2")
    return _unpack_lanes(rows, count, bits)


def well_formed(data: bytes, count: int, bits: int, highest: int) -> tuple[bool, bool]:
    """Whether the padding is zero, and whether every label is at most `highest`.

    `data` must have the right length.  Made for one ballot at a time: no array is made for
    4 and 8 bits, where a byte tells by itself whether its labels are in range.
    """
    spare = len(data) * 8 - count * bits
    if spare and data[-1] & ((1 << spare) - 1):
        return False, True
    if highest >= (1 << bits) - 1:
        return True, True
    if bits in (4, 8):
        return True, not data.translate(None, _good_bytes(bits, highest))
    if count <= _SMALL:
        value, mask = int.from_bytes(data, "big") >> spare, (1 << bits) - 1
        for _ in range(count):
            if value & mask > highest:
                return True, False
            value >>= bits
        return True, True
    return True, bool(unpack(data, count, bits).max() <= highest)


def _check_bits(bits: int) -> None:
    if not 1 <= bits <= MOST_BITS:
        raise LocalError(f"labels take 1 to {MOST_BITS} bits, not {bits}")


@lru_cache(maxsize=64)
def _good_bytes(bits: int, highest: int) -> bytes:
    """All byte values whose labels (two of 4 bits, or one of 8) are at most `highest`."""
    if bits == 8:
        return bytes(range(highest + 1))
    return bytes(b for b in range(256) if b >> 4 <= highest and b & 15 <= highest)


def _pack_small(labels: Sequence[int], bits: int) -> bytes:
    value = 0
    for label in labels:
        if not 0 <= label < 1 << bits:
            raise LocalError(f"label {label} does not fit {bits} bits")
        value = value << bits | label
    size = packed_size(len(labels), bits)
    return (value << (size * 8 - len(labels) * bits)).to_bytes(size, "big")


@lru_cache(maxsize=32)
def _plan(bits: int) -> tuple[tuple[tuple[int, int, int], ...], ...]:
    """For each byte of a group of eight labels: (label, left shift, right shift) that fill it."""
    plan = []
    for byte in range(bits):
        parts = []
        for label in range(byte * 8 // bits, min(8, -(-(byte + 1) * 8 // bits))):
            # The label ends `shift` bits above this byte's end, or below it when negative.
            shift = (byte + 1) * 8 - (label + 1) * bits
            parts.append((label, max(shift, 0), max(-shift, 0)))
        plan.append(tuple(parts))
    return tuple(plan)


def _word(bits: int) -> type[np.unsignedinteger]:
    if bits <= 8:
        return np.uint8
    return np.uint16 if bits <= 16 else np.uint32


def _pack_lanes(labels: npt.NDArray[np.integer], bits: int) -> bytes:
    count = len(labels)
    groups = -(-count // 8)
    word = _word(bits)
    lanes = np.zeros((8, groups), word)
    full = count // 8
    lanes[:, :full] = labels[: full * 8].reshape(full, 8).T
    if full < groups:
        lanes[: count - full * 8, full] = labels[full * 8 :]
    out = np.empty((groups, bits), np.uint8)
    for byte, parts in enumerate(_plan(bits)):
        pieces = []
        for label, left, right in parts:
            lane = lanes[label] >> word(right) if right else lanes[label]
            piece = lane.astype(np.uint8) << np.uint8(left) if left else lane.astype(np.uint8)
            pieces.append(piece)
        out[:, byte] = reduce(np.bitwise_or, pieces)
    return out.tobytes()[: packed_size(count, bits)]


def _unpack_lanes(
    rows: npt.NDArray[np.uint8], count: int, bits: int
) -> npt.NDArray[np.unsignedinteger]:
    n, width = rows.shape
    groups = -(-count // 8)
    if width < groups * bits:
        rows = np.concatenate([rows, np.zeros((n, groups * bits - width), np.uint8)], axis=1)
    data = np.ascontiguousarray(rows.reshape(n * groups, bits).T)
    word = _word(bits)
    out = np.empty((n * groups, 8), word)
    mask = word((1 << bits) - 1)
    columns: list[npt.NDArray[np.unsignedinteger] | None] = [None] * 8
    for byte, parts in enumerate(_plan(bits)):
        wide = data[byte] if word is np.uint8 else data[byte].astype(word)
        for label, left, right in parts:
            piece = wide >> word(left) if left else wide
            if right:
                piece = piece << word(right)
            before = columns[label]
            columns[label] = piece if before is None else before | piece
    for label in range(8):
        column = columns[label]
        assert column is not None
        out[:, label] = column & mask
    return out.reshape(n, groups * 8)[:, :count]
