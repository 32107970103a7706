"""What ballots would have cost if each had carried more than votes.

The schedule stays: as many ballots, sent as often to the same peers, signed and encrypted as they
were.  Only what each carries is another, so the framing is that of one larger message.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ..wire.accounting import framed

__all__ = ["PLAIN", "Envelope", "dense_weights", "envelope", "soft_labels"]

_FLOAT = 4  # bytes of a float32
_HEADER = 6  # bytes of a VOTE message before its votes (kind, flags, round)
_CURVE = framed(0, curve=True) - framed(0)  # bytes that encryption adds to a message


class Envelope(NamedTuple):
    """What a ballot has around its votes, on average."""

    header: float = _HEADER  # bytes; with its signature, and its author where others sent it on
    ids: float = 0.0  # bytes that name its probes
    curve: bool = False  # whether it travelled encrypted


PLAIN = Envelope()


def envelope(sent: Mapping[str, Mapping[str, int]]) -> Envelope:
    """That of the ballots that a peer sent; `sent`: channel -> layer, see `wire.accounting`."""
    votes = sent["votes"]
    ballots = votes["messages"]
    if not ballots:
        return PLAIN
    header = (votes["message"] - votes["payload"]) / ballots
    curve = votes["wire"] - votes["message"] >= _CURVE * ballots
    return Envelope(header, sent["ids"]["wire"] / ballots, curve)


def soft_labels(
    ballots: int, votes: int, classes: int, around: Envelope = PLAIN
) -> tuple[int, int]:
    """Payload and wire bytes of `ballots` messages with a float32 per vote and class."""
    return _sent(ballots, votes * classes * _FLOAT, around.header + around.ids, around.curve)


def dense_weights(ballots: int, weights: int, around: Envelope = PLAIN) -> tuple[int, int]:
    """Payload and wire bytes of `ballots` messages with a whole model of float32 `weights`, which
    need no probes named."""
    return _sent(ballots, weights * _FLOAT, around.header, around.curve)


def _sent(ballots: int, payload: int, header: float, curve: bool) -> tuple[int, int]:
    size = round(header) + payload
    framing = framed(size, curve=curve) - size
    return ballots * payload, round(ballots * (payload + header + framing))
