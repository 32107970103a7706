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

from collections.abc import Iterator, Sequence
from functools import lru_cache, reduce

import numpy as np
import numpy.typing as npt

from .errors import LocalError

__all__ = [
    "MOST_BITS",
    "pack",
    "packed_size",
    "unpack",
    "unpack_lanes",
    "unpack_rows",
    "well_formed",
]

MOST_BITS = 24
_BLOCK = 16_384  # groups of eight at a time: what is made on the way stays in the cache
_SMALL = 64  # labels up to which one integer packs faster than lanes; measured
_MEDIUM = 4_096  # ... and checks faster

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


def unpack_lanes(
    rows: npt.NDArray[np.uint8], count: int, bits: int
) -> Iterator[tuple[range, npt.NDArray[np.integer]]]:
    """The same labels in an order that costs less, for who does not mind which.

    Yields (places, labels): places in each row, and the labels there, shape (n, len(places)).
    """
    _check_bits(bits)
    if bits in (8, 16):
        yield range(count), unpack_rows(rows, count, bits)
        return
    n, _ = rows.shape
    for first, column in enumerate(_columns(_grouped(rows, count, bits), bits)):
        places = range(first, count, 8)
        yield places, column.reshape(n, -1)[:, : len(places)]


def well_formed(data: bytes, count: int, bits: int, highest: int) -> tuple[bool, bool]:
    """Whether the padding is zero, and whether every label is at most `highest`.

    `data` must have the right length.  Made for one ballot at a time: no loop over labels and
    no array up to a few thousand of them.  With 4 and 8 bits a byte tells by itself whether
    its labels are in range; with others all labels are compared at once inside one integer.
    """
    spare = len(data) * 8 - count * bits
    if spare and data[-1] & ((1 << spare) - 1):
        return False, True
    top = (1 << bits) - 1
    if highest >= top:
        return True, True
    if bits in (4, 8):
        return True, not data.translate(None, _good_bytes(bits, highest))
    if count > _MEDIUM:
        return True, bool(unpack(data, count, bits).max() <= highest)
    # Every second label has its neighbour's place above it free to carry into, and a label
    # carries when top - highest is added to it exactly if it is above `highest`.
    ones = _every_second(count, bits)
    labels, slack, carry = ones * top, ones * (top - highest), ones << bits
    value = int.from_bytes(data, "big") >> spare
    even, odd = value & labels, value >> bits & labels
    return True, not (even + slack | odd + slack) & carry


def _check_bits(bits: int) -> None:
    if not 1 <= bits <= MOST_BITS:
        raise LocalError(f"labels take 1 to {MOST_BITS} bits, not {bits}")


@lru_cache(maxsize=32)
def _every_second(count: int, bits: int) -> int:
    """An integer with a 1 at the foot of every second of `count` labels of `bits` bits."""
    pairs = (count + 1) // 2
    return ((1 << 2 * bits * pairs) - 1) // ((1 << 2 * bits) - 1)


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


def _pack_nibbles(labels: npt.NDArray[np.integer]) -> bytes:
    """Labels of 4 bits, two at a time: the first of a pair is the low byte of a word."""
    nibbles = np.zeros(len(labels) + len(labels) % 2, np.uint8)
    nibbles[: len(labels)] = labels
    pairs = nibbles.view("<u2")
    return (pairs << 4 | pairs >> 8).astype(np.uint8).tobytes()


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
    blocks = range(0, len(labels), 8 * _BLOCK)
    return b"".join(_pack_block(labels[at : at + 8 * _BLOCK], bits) for at in blocks)


def _pack_block(labels: npt.NDArray[np.integer], bits: int) -> bytes:
    if bits == 4:
        return _pack_nibbles(labels)
    count = len(labels)
    groups = -(-count // 8)
    word = _word(bits)
    if count % 8:
        labels = np.concatenate([labels, np.zeros(-count % 8, labels.dtype)])
    columns = labels.reshape(groups, 8)
    lanes = [columns[:, label].astype(word) for label in range(8)]
    out = np.empty((groups, bits), np.uint8)
    for byte, parts in enumerate(_plan(bits)):
        pieces = []
        for label, left, right in parts:
            lane = lanes[label] >> word(right) if right else lanes[label]
            piece = lane.astype(np.uint8, copy=False)
            pieces.append(piece << np.uint8(left) if left else piece)
        out[:, byte] = reduce(np.bitwise_or, pieces)
    return out.tobytes()[: packed_size(count, bits)]


def _grouped(rows: npt.NDArray[np.uint8], count: int, bits: int) -> npt.NDArray[np.uint8]:
    """Rows of packed labels as groups of eight labels, shape (n * groups, bits), zeros added."""
    n, width = rows.shape
    if width != packed_size(count, bits):
        raise LocalError(f"{count} labels of {bits} bits are not {width} bytes")
    lacking = -(-count // 8) * bits - width
    if lacking:
        rows = np.concatenate([rows, np.zeros((n, lacking), np.uint8)], axis=1)
    return rows.reshape(-1, bits)


def _unpack_lanes(
    rows: npt.NDArray[np.uint8], count: int, bits: int
) -> npt.NDArray[np.unsignedinteger]:
    n, groups = len(rows), -(-count // 8)
    data = _grouped(rows, count, bits)
    out = np.empty((n * groups, 8), _word(bits))
    for at in range(0, n * groups, _BLOCK):
        _unpack_block(data[at : at + _BLOCK], bits, out[at : at + _BLOCK])
    return out.reshape(n, groups * 8)[:, :count]


def _unpack_block(
    data: npt.NDArray[np.uint8], bits: int, out: npt.NDArray[np.unsignedinteger]
) -> None:
    """Unpack groups, shape (n, bits), to their labels, shape (n, 8)."""
    for label, column in enumerate(_columns(data, bits)):
        out[:, label] = column


def _columns(data: npt.NDArray[np.uint8], bits: int) -> Iterator[npt.NDArray[np.unsignedinteger]]:
    """From groups, shape (n, bits), all first labels, shape (n,), then all second, to eight."""
    word = _word(bits)
    mask = word((1 << bits) - 1)
    lanes = np.ascontiguousarray(data.T)
    columns: list[npt.NDArray[np.unsignedinteger] | None] = [None] * 8
    for byte, parts in enumerate(_plan(bits)):
        wide = lanes[byte] if word is np.uint8 else lanes[byte].astype(word)
        for label, left, right in parts:
            piece = wide >> word(left) if left else wide
            if right:
                piece = piece << word(right)
            before = columns[label]
            columns[label] = piece if before is None else before | piece
    for column in columns:
        assert column is not None
        yield column & mask
