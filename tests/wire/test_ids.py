"""Probe ids on the wire: one encoding for each list, and nothing past the limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyp2p.errors import LocalError, Reason, RemoteError
from tallyp2p.wire.ids import decode_ids, encode_ids

POOL = 2**32 - 1
MOST = 65_535

HAND = [
    ((0,), "01 00000000 0001"),
    ((100, 101, 102), "01 00000064 0003"),
    ((0, 2), "02 0002 00 01"),
    ((5, 134, 135), "02 0003 05 8001 00"),  # 134 = 5 + 1 + 128
    ((127, 129), "02 0002 7f 01"),
    ((128, 130), "02 0002 8001 01"),
    ((300, 20_000), "02 0002 ac02 f399 01"),  # 300 = 2 * 128 + 44; 19699 = 115 + 25*128 + 1*16384
    ((0, POOL - 1), "02 0002 00 fdffffff0f"),
]

ids = st.lists(st.integers(0, POOL - 1), min_size=1, max_size=80, unique=True).map(
    lambda chosen: tuple(sorted(chosen))
)
runs = st.tuples(st.integers(0, 2**31), st.integers(1, 500)).map(
    lambda pair: tuple(range(pair[0], pair[0] + pair[1]))
)


def reason(data: bytes, most: int = MOST, pool: int = POOL) -> Reason:
    with pytest.raises(RemoteError) as caught:
        decode_ids(data, 0, most, pool)
    return caught.value.reason


@pytest.mark.parametrize(("chosen", "encoded"), HAND)
def test_worked_by_hand(chosen: tuple[int, ...], encoded: str) -> None:
    data = bytes.fromhex(encoded)
    assert encode_ids(chosen) == data
    assert decode_ids(data, 0, MOST, POOL) == (chosen, len(data))


@given(ids | runs, st.binary(max_size=8), st.binary(max_size=8))
def test_ids_come_back_from_the_middle_of_a_frame(
    chosen: tuple[int, ...], before: bytes, after: bytes
) -> None:
    encoded = encode_ids(chosen)
    found, end = decode_ids(before + encoded + after, len(before), MOST, POOL)
    assert found == chosen
    assert end == len(before) + len(encoded)


@given(
    st.tuples(
        st.sampled_from([b"\x01", b"\x02", b"\x02\x00\x02", b"\x02\x00\x03", b""]),
        st.binary(max_size=20),
    ).map(b"".join),
    st.integers(1, 10),
    st.integers(1, 2**32 - 1),
)
def test_any_bytes_give_their_only_encoding_or_are_refused(
    data: bytes, most: int, pool: int
) -> None:
    try:
        found, end = decode_ids(data, 0, most, pool)
    except RemoteError as error:
        assert error.reason in (Reason.IDS, Reason.LENGTH)
        return
    assert encode_ids(found) == data[:end]
    assert 1 <= len(found) <= most
    assert all(a < b for a, b in zip(found, found[1:], strict=False))
    assert 0 <= found[0] and found[-1] < pool


@pytest.mark.parametrize(
    ("data", "why"),
    [
        ("01 00000064 0000", Reason.IDS),  # none
        ("02 0000", Reason.IDS),
        ("01 00000000 0005", Reason.IDS),  # more than four
        ("02 0005 00 01 01 01 01", Reason.IDS),
        ("01 00000061 0004", Reason.IDS),  # 97 .. 100 in a pool of 100
        ("02 0002 00 63", Reason.IDS),  # 0 and 100
        ("02 0002 05 00", Reason.IDS),  # 5 and 6 are a range
        ("02 0001 05", Reason.IDS),  # so is 5 alone
        ("02 0002 8000 01", Reason.IDS),  # 0 in two bytes
        ("02 0002 00 ffffffffff", Reason.IDS),  # a gap of more than 32 bits
        ("02 0002 00 ffffffffff01", Reason.IDS),
        ("00", Reason.IDS),
        ("03 0001 00", Reason.IDS),
        ("", Reason.IDS),
        ("01 00000064 00", Reason.LENGTH),
        ("02 00", Reason.LENGTH),
        ("02 0002 00", Reason.LENGTH),
        ("02 0002 00 80", Reason.LENGTH),
    ],
)
def test_refusals(data: str, why: Reason) -> None:
    assert reason(bytes.fromhex(data), most=4, pool=100) is why


@pytest.mark.parametrize("chosen", [(), (3, 2), (2, 2), (-1, 4), (0, 2**32), tuple(range(65_536))])
def test_what_cannot_be_sent_is_a_mistake_of_the_caller(chosen: tuple[int, ...]) -> None:
    with pytest.raises(LocalError):
        encode_ids(chosen)
