"""Frames by hand say the same as the codec, where both can say it."""

from __future__ import annotations

from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyp2p.conformance.prober import frames
from tallyp2p.messages import Hello, Want
from tallyp2p.parameters import RunParameters
from tallyp2p.wire.codec import Codec
from tallyp2p.wire.hello import encode_hello

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def in_order(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: in_order(value[key]) for key in sorted(value, key=str.encode)}
    return [in_order(item) for item in value] if isinstance(value, list) else value


@given(PLAIN)
def test_values_are_packed_as_msgpack_does(value: Any) -> None:
    assert frames.pack(value) == msgpack.packb(in_order(value), use_bin_type=True)


@pytest.mark.parametrize("size", [0, 15, 16, 31, 32, 255, 256, 65_535])
def test_sizes_at_the_borders(size: int) -> None:
    values: tuple[Any, ...] = ("x" * size, b"x" * size, [0] * size)
    for value in values:
        assert frames.pack(value) == msgpack.packb(value, use_bin_type=True)


def test_a_number_that_is_none() -> None:
    with pytest.raises(ValueError, match="64 bits"):
        frames.pack(2**64)


def test_verbatim_parts_stay() -> None:
    value: Any = {"b": frames.Verbatim(b"\xcd\x00\x01"), "a": 1}
    assert frames.pack(value) == b"\x82\xa1a\x01\xa1b\xcd\x00\x01"


def test_hello_and_want_are_those_of_the_codec() -> None:
    run = RunParameters()
    hello = Hello(bytes(32), bytes(8), "ipc://a", run.digest)
    codec = Codec(run, b"12345678")
    assert frames.hello(encode_hello(hello)) == codec.encode(hello)
    want = ((b"12345678", 0), (b"abcdefgh", 16))
    assert frames.want(*want) == codec.encode(Want(want))


def test_a_vote_by_hand() -> None:
    assert frames.vote(6, b"body", 0x03).hex() == "100300000006" + b"body".hex()
