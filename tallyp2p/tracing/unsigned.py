"""A seal without a key, for traces: a trace must not hold a secret, and needs to prove nothing."""

from __future__ import annotations

from dataclasses import dataclass

from ..wire.seal import SIGNATURE, Sealer

__all__ = ["Unsigned"]


@dataclass(frozen=True, slots=True)
class _Anybody:
    """Stands where the list of members was: the peer that was recorded has looked there."""

    digest: str

    def __contains__(self, identity: object) -> bool:
        return True


class Unsigned(Sealer):
    """Stands where a peer's sealer was: signs with zeros, and takes every signature as good.

    `electorate`: what the run calls its list of members, "" where it has none.
    """

    def __init__(self, run: bytes, identity: bytes, instance: bytes, electorate: str = "") -> None:
        listed = _Anybody(electorate) if electorate else None
        super().__init__(run, None, known=lambda author: (identity, instance), electorate=listed)

    def sign(self, text: bytes) -> bytes:
        """64 zero bytes."""
        return bytes(SIGNATURE)

    def check(self, identity: bytes, text: bytes, signature: bytes) -> None:
        """Never raises: the peer that was recorded has checked it."""
