"""The packing of votes against a model that joins strings of 0 and 1."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyp2p.bits import (
    MOST_BITS,
    pack,
    packed_size,
    unpack,
    unpack_lanes,
    unpack_rows,
    well_formed,
)
from tallyp2p.errors import LocalError


def model(labels: list[int], bits: int) -> bytes:
    text = "".join(f"{label:0{bits}b}" for label in labels)
    text += "0" * (-len(text) % 8)
    return bytes(int(text[at : at + 8], 2) for at in range(0, len(text), 8))


@st.composite
def packings(draw: st.DrawFn, most: int = 200) -> tuple[list[int], int]:
    """Labels and their width; counts fall on both sides of the switch between methods."""
    bits = draw(st.integers(1, MOST_BITS))
    count = draw(st.integers(0, most))
    seed = draw(st.integers(0, 2**32 - 1))
    labels = np.random.default_rng(seed).integers(0, 2**bits, count).tolist()
    return labels, bits


@pytest.mark.parametrize(
    ("labels", "bits", "expected"),
    [
        ([3, 1, 4, 1, 5, 9, 2, 6], 4, "31415926"),
        ([1, 0, 1], 1, "a0"),  # 101 and five zeros
        ([7, 0, 7], 3, "e380"),  # 111 000 11|1 0000000
        ([100, 27], 7, "c86c"),  # 1100100 0|011011 00
        ([1000, 1], 11, "7d0004"),  # 01111101 000|00000 000001|00
        ([255], 8, "ff"),
        ([0x1234], 16, "1234"),
        ([0xABCDEF], 24, "abcdef"),
    ],
)
def test_worked_by_hand(labels: list[int], bits: int, expected: str) -> None:
    assert pack(labels, bits).hex() == expected
    assert unpack(bytes.fromhex(expected), len(labels), bits).tolist() == labels


@given(packings())
def test_packing_is_the_model_and_comes_back(packing: tuple[list[int], int]) -> None:
    labels, bits = packing
    packed = pack(labels, bits)
    assert packed == model(labels, bits)
    assert len(packed) == packed_size(len(labels), bits)
    assert pack(np.array(labels, dtype=np.int64), bits) == packed
    unpacked = unpack(packed, len(labels), bits)
    assert unpacked.tolist() == labels
    assert unpacked.dtype.itemsize <= 4


@pytest.mark.parametrize("bits", range(1, MOST_BITS + 1))
@pytest.mark.parametrize("count", [63, 64, 65, 71, 72, 73])
def test_both_methods_agree_where_they_meet(bits: int, count: int) -> None:
    labels = np.random.default_rng(bits * 100 + count).integers(0, 2**bits, count)
    assert pack(labels, bits) == model(labels.tolist(), bits)
    assert unpack(pack(labels, bits), count, bits).tolist() == labels.tolist()


@pytest.mark.parametrize("bits", [1, 4, 7, 11, 24])
@pytest.mark.parametrize("more", [-1, 0, 1, 9])
def test_blocks_join_without_a_seam(bits: int, more: int) -> None:
    count = 8 * 16_384 + more
    labels = np.random.default_rng(bits).integers(0, 2**bits, count)
    packed = pack(labels, bits)
    assert packed == model(labels.tolist(), bits)
    assert np.array_equal(unpack(packed, count, bits), labels)


@given(packings(most=70), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_rows_are_unpacked_as_if_alone(packing: tuple[list[int], int], n: int, seed: int) -> None:
    labels, bits = packing
    count = len(labels)
    random = np.random.default_rng(seed)
    rows = random.integers(0, 256, (n, packed_size(count, bits)), dtype=np.uint8)
    matrix = unpack_rows(rows, count, bits)
    assert matrix.shape == (n, count)
    for row, found in zip(rows, matrix, strict=True):
        assert found.tolist() == unpack(row.tobytes(), count, bits).tolist()


@given(packings(), st.data())
def test_padding_is_not_read_and_is_reported(
    packing: tuple[list[int], int], data: st.DataObject
) -> None:
    labels, bits = packing
    packed = pack(labels, bits)
    spare = len(packed) * 8 - len(labels) * bits
    top = (1 << bits) - 1
    assert well_formed(packed, len(labels), bits, top) == (True, True)
    if spare:
        dirt = data.draw(st.integers(1, (1 << spare) - 1))
        dirty = packed[:-1] + bytes([packed[-1] | dirt])
        assert unpack(dirty, len(labels), bits).tolist() == labels
        assert not well_formed(dirty, len(labels), bits, top)[0]


@given(packings(), st.data())
def test_the_highest_label_is_found(packing: tuple[list[int], int], data: st.DataObject) -> None:
    labels, bits = packing
    highest = data.draw(st.integers(0, (1 << bits) - 1))
    packed = pack(labels, bits)
    expected = all(label <= highest for label in labels)
    assert well_formed(packed, len(labels), bits, highest) == (True, expected)


@pytest.mark.parametrize("bits", [3, 4, 7, 8, 11])
@pytest.mark.parametrize("count", [1, 5, 31, 65, 150])
def test_one_label_too_high_is_found_wherever_it_is(bits: int, count: int) -> None:
    highest = (1 << bits) - 2
    for at in range(count):
        labels = [highest] * count
        labels[at] += 1
        assert well_formed(pack(labels, bits), count, bits, highest) == (True, False)


@pytest.mark.parametrize("count", [4_096, 4_097])
def test_both_ways_of_checking_agree_where_they_meet(count: int) -> None:
    labels = [100] * count
    assert well_formed(pack(labels, 7), count, 7, 100) == (True, True)
    labels[count // 2] = 101
    assert well_formed(pack(labels, 7), count, 7, 100) == (True, False)


@pytest.mark.parametrize("count", [3, 100])
@pytest.mark.parametrize("label", [-1, 16])
def test_a_label_that_does_not_fit_is_refused(label: int, count: int) -> None:
    with pytest.raises(LocalError):
        pack([0] * (count - 1) + [label], 4)
    with pytest.raises(LocalError):
        pack(np.array([0] * (count - 1) + [label]), 4)


@pytest.mark.parametrize("bits", [0, MOST_BITS + 1])
def test_widths_outside_the_range_are_refused(bits: int) -> None:
    with pytest.raises(LocalError):
        pack([0], bits)
    with pytest.raises(LocalError):
        unpack(b"\0", 1, bits)


def test_a_wrong_length_is_refused() -> None:
    with pytest.raises(LocalError):
        unpack(b"\0\0", 2, 4)
    with pytest.raises(LocalError):
        unpack_rows(np.zeros((2, 3), np.uint8), 2, 4)


@pytest.mark.parametrize("bits", [1, 3, 4, 7, 8, 11, 16, 24])
@pytest.mark.parametrize("count", [4_095, 4_096, 4_097, 131_071, 131_072, 131_081])
def test_long_lists_are_the_model_and_are_checked(count: int, bits: int) -> None:
    """Lengths around those at which other methods take over."""
    labels = np.random.default_rng(count + bits).integers(0, max(1, 2**bits - 1), count)
    planes = labels[:, None] >> np.arange(bits - 1, -1, -1) & 1
    packed = pack(labels, bits)
    assert packed == np.packbits(planes.astype(np.uint8)).tobytes()
    assert np.array_equal(unpack(packed, count, bits), labels)
    assert well_formed(packed, count, bits, 2**bits - 2) == (True, True)
    labels[count // 2] = 2**bits - 1
    assert well_formed(pack(labels, bits), count, bits, 2**bits - 2) == (True, False)


@pytest.mark.parametrize("bits", [1, 4, 7, 8, 11, 16, 17])
@pytest.mark.parametrize("count", [1, 7, 8, 9, 250, 256])
def test_lanes_hold_the_same_labels_at_the_places_they_name(bits: int, count: int) -> None:
    labels = np.random.default_rng(bits * 1000 + count).integers(0, 1 << bits, (5, count))
    rows = np.frombuffer(b"".join(pack(row, bits) for row in labels), np.uint8).reshape(5, -1)
    found = np.full((5, count), -1)
    for places, lane in unpack_lanes(rows, count, bits):
        found[:, places.start : places.stop : places.step] = lane
    assert (found == labels).all()
