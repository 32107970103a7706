"""What other exchanges would have cost, worked by hand."""

from __future__ import annotations

from tallyp2p.reporting.costs import dense_weights, soft_labels


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
