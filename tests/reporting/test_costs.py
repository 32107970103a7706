"""What other exchanges would have cost, worked by hand; the meter agrees with the envelope."""

from __future__ import annotations

import pytest

from tallyp2p.reporting.costs import Envelope, dense_weights, envelope, soft_labels
from tallyp2p.wire.accounting import Meter


def test_soft_labels() -> None:
    # 256 votes x 10 classes x 4 bytes = 10,240; message 10,246; frame 10,255 on the wire.
    assert soft_labels(1, 256, 10) == (10_240, 10_255)
    assert soft_labels(76, 256, 10) == (76 * 10_240, 76 * 10_255)


def test_a_small_message_takes_less_framing() -> None:
    # 31 votes x 2 classes x 4 bytes = 248; message 254, at most 255: 2 bytes; with 32, 262: 9.
    assert soft_labels(1, 31, 2) == (248, 256)
    assert soft_labels(1, 32, 2) == (256, 271)


def test_dense_weights() -> None:
    assert dense_weights(2, 8_970) == (2 * 35_880, 2 * 35_895)


def test_signed_and_encrypted_as_the_ballots_were() -> None:
    # 6 + 64 bytes of header and signature; 10,310 + 33 of the box + 9 of framing.
    assert soft_labels(1, 256, 10, Envelope(70, 0, True)) == (10_240, 10_352)
    assert soft_labels(2, 256, 10, Envelope(70, 7, False)) == (20_480, 2 * 10_326)
    assert dense_weights(1, 8_970, Envelope(70, 7, True)) == (35_880, 35_880 + 70 + 42)


@pytest.mark.parametrize("curve", [False, True])
def test_the_envelope_is_what_the_meter_counted_around_the_votes(curve: bool) -> None:
    meter = Meter(curve=curve)
    own = b"\x10\x04" + bytes(4 + 10 + 64)  # sealed
    relayed = b"\x10\x05" + bytes(4 + 32 + 10 + 64)  # with its author's identity
    for frame in (own, relayed, bytes(300)):
        meter.sent(frame)
    assert envelope(meter.snapshot()["sent"]) == Envelope((70 + 102) / 2, 0.0, curve)
    assert envelope(Meter(curve=curve).snapshot()["sent"]) == Envelope()
