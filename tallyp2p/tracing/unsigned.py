"""A seal without a key, for traces: a trace must not hold a secret, and needs to prove nothing."""

from __future__ import annotations

from ..wire.seal import SIGNATURE, Sealer

__all__ = ["Unsigned"]


class Unsigned(Sealer):
    """Stands where a peer's sealer was: signs with zeros, and takes every signature as good."""

    def __init__(self, run: bytes, identity: bytes, instance: bytes) -> None:
        super().__init__(run, None, known=lambda author: (identity, instance))

    def sign(self, text: bytes) -> bytes:
        """64 zero bytes."""
        return bytes(SIGNATURE)

    def check(self, identity: bytes, text: bytes, signature: bytes) -> None:
        """Never raises: the peer that was recorded has checked it."""
