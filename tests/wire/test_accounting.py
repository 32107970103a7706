"""Bytes by channel and layer, against frames taken apart by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyp2p.wire.accounting import Meter, Weight, framed, handshake_bytes, weigh

PLAIN = bytes.fromhex("1000 00000007") + bytes(16)
RELAYED = bytes.fromhex("1001 00000007 a1a2a3a4a5a6a7a8") + bytes(16)
RANGE = bytes.fromhex("1002 00000007 01 00000064 0004") + b"\x12\x34"
GAPS = bytes.fromhex("1003 00000007 a1a2a3a4a5a6a7a8 02 0003 05 8001 00") + b"\x12\x30"
PING = bytes.fromhex("0400 00000001 00000002")


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (PLAIN, Weight(16, 0, 6, True)),
        (RELAYED, Weight(16, 0, 14, True)),
        (RANGE, Weight(2, 7, 6, True)),
        (GAPS, Weight(2, 7, 14, True)),  # form 1, count 2, varints of 1, 2 and 1 bytes
        (PING, Weight(0, 0, 10, False)),
        (b"", Weight(0, 0, 0, False)),
        (b"\x10\x00\x00", Weight(0, 0, 3, False)),  # too short to be a VOTE
        (RANGE[:12], Weight(0, 0, 12, True)),  # breaks off in its ids
        (GAPS[:18], Weight(0, 0, 18, True)),
        (bytes.fromhex("1002 00000007 09 0003"), Weight(0, 0, 9, True)),  # no form of ids
    ],
)
def test_frames_are_divided(frame: bytes, expected: Weight) -> None:
    assert weigh(frame) == expected


@given(st.one_of(st.binary(max_size=300), st.binary(max_size=300).map(lambda b: b"\x10" + b)))
def test_any_bytes_have_a_weight_that_adds_up(frame: bytes) -> None:
    weight = weigh(frame)
    assert weight.votes + weight.ids + weight.header == len(frame)
    assert min(weight.votes, weight.ids, weight.header) >= 0


@pytest.mark.parametrize(("size", "wire"), [(0, 2), (22, 24), (255, 257), (256, 265)])
def test_framing_has_a_short_and_a_long_form(size: int, wire: int) -> None:
    assert framed(size) == wire


@pytest.mark.parametrize(("size", "wire"), [(0, 35), (22, 57), (222, 257), (223, 265)])
def test_encryption_adds_33_bytes_and_may_need_the_long_form(size: int, wire: int) -> None:
    assert framed(size, curve=True) == wire


def test_handshakes_of_both_sides() -> None:
    # Greeting 64, frame header 2, "\x05READY" 6, Socket-Type 12 + 4 + 6, Identity 9 + 4 + id.
    assert handshake_bytes("DEALER", 9) == 64 + 2 + 6 + 22 + 22 == 116
    assert handshake_bytes("ROUTER", 0) == 64 + 2 + 6 + 22 + 13 == 107
    # CURVE: greeting, HELLO 200, INITIATE 257 with 44 of metadata; WELCOME 168, READY 30 with 35.
    assert handshake_bytes("DEALER", 9, curve=True) == 64 + 202 + 9 + 257 + 44 == 576
    assert handshake_bytes("ROUTER", 0, curve=True) == 64 + 170 + 2 + 30 + 35 == 301


def test_encryption_shows_on_the_wire_and_nowhere_else() -> None:
    plain, curve = Meter(), Meter(curve=True)
    for meter in (plain, curve):
        for frame in (PLAIN, RELAYED, GAPS, PING):
            meter.sent(frame)
        meter.inbound()
    clear, boxed = plain.snapshot()["sent"], curve.snapshot()["sent"]
    more = {channel: boxed[channel]["wire"] - clear[channel]["wire"] for channel in clear}
    assert more == {"votes": 3 * 33, "ids": 0, "control": 33 + 301 - 107, "total": 4 * 33 + 194}
    for channel in clear:
        for layer in ("payload", "message", "messages"):
            assert boxed[channel][layer] == clear[channel][layer]


def test_a_meter_adds_up_by_channel_and_layer() -> None:
    meter = Meter()
    for frame in (PLAIN, RELAYED, GAPS, PING):
        meter.sent(frame)
    meter.received(bytes(300))
    meter.outbound()
    snapshot = meter.snapshot()
    assert snapshot["sent"] == {
        "votes": {
            "payload": 16 + 16 + 2,
            "message": 22 + 30 + 16,
            "wire": 24 + 32 + 18,
            "messages": 3,
        },
        "ids": {"payload": 7, "message": 7, "wire": 7, "messages": 0},
        "control": {"payload": 0, "message": 10, "wire": 12 + 116, "messages": 1},
        "total": {"payload": 41, "message": 85, "wire": 209, "messages": 4},
    }
    assert snapshot["received"]["control"] == {
        "payload": 0,
        "message": 300,
        "wire": 309 + 107,
        "messages": 1,
    }
    assert snapshot["received"]["votes"]["messages"] == 0


@given(st.lists(st.sampled_from([PLAIN, RELAYED, RANGE, GAPS, PING, PLAIN + bytes(300)])))
def test_a_meter_counts_what_frames_weigh(frames: list[bytes]) -> None:
    meter = Meter()
    for frame in frames:
        meter.received(frame)
    received = meter.snapshot()["received"]
    assert received["votes"]["payload"] == sum(weigh(frame).votes for frame in frames)
    assert received["ids"]["payload"] == sum(weigh(frame).ids for frame in frames)
    assert received["total"]["message"] == sum(len(frame) for frame in frames)
    assert received["total"]["wire"] == sum(framed(len(frame)) for frame in frames)
    assert received["total"]["messages"] == len(frames)


def test_both_ends_of_a_connection_agree_on_its_handshake() -> None:
    dialling, listening = Meter(), Meter()
    dialling.outbound()
    listening.inbound()
    for mine, theirs in (("sent", "received"), ("received", "sent")):
        assert dialling.snapshot()[mine]["control"] == listening.snapshot()[theirs]["control"]


def test_a_snapshot_stands_still() -> None:
    meter = Meter()
    before = meter.snapshot()
    meter.sent(PING)
    assert before["sent"]["total"]["message"] == 0
