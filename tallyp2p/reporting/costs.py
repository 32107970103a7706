"""What ballots would have cost if each had carried more than votes.

The schedule stays: as many ballots, sent as often to the same peers.  Only what each carries
is another, so the framing is that of one larger message.
"""

from __future__ import annotations

from ..wire.accounting import framed

__all__ = ["dense_weights", "soft_labels"]

_FLOAT = 4  # bytes of a float32
_HEADER = 6  # bytes of a VOTE message before its votes (kind, flags, round)


def soft_labels(ballots: int, votes: int, classes: int) -> tuple[int, int]:
    """Payload and wire bytes of `ballots` messages with a float32 per vote and class."""
    return _sent(ballots, votes * classes * _FLOAT)


def dense_weights(ballots: int, weights: int) -> tuple[int, int]:
    """Payload and wire bytes of `ballots` messages with a whole model of float32 `weights`."""
    return _sent(ballots, weights * _FLOAT)


def _sent(ballots: int, payload: int) -> tuple[int, int]:
    return ballots * payload, ballots * framed(_HEADER + payload)
