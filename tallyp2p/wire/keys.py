"""Identities as text, and the CURVE key that follows from each (protocol_spec 07, KEY clauses).

An identity is an Ed25519 public key.  The connection to its owner is encrypted under an
X25519 key of the same secret, so whoever knows an identity knows that key too, and no second
list of keys has to be kept true.  The two curves are one in two shapes: the map between them
is RFC 7748's (4.1), and the secret is the one that RFC 8032 (5.1.5) signs with.
"""

from __future__ import annotations

import base64
import hashlib
import re
from functools import lru_cache

from ..errors import LocalError, SettingsError
from .seal import identity_of, usable

__all__ = [
    "IDENTITY_TEXT",
    "curve_keys",
    "curve_public",
    "identity_from_text",
    "identity_text",
    "is_identity",
]

IDENTITY_TEXT = r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]"
"""A regular expression of the text form: 32 bytes have 256 bits, so the last of the 43 digits
of 6 bits ends in two zeros."""

_PRIME = 2**255 - 19
_D = -121665 * pow(121666, -1, _PRIME) % _PRIME  # of the Edwards curve (RFC 8032, 5.1)
_TEXT = re.compile(IDENTITY_TEXT, re.A)


def identity_text(identity: bytes) -> str:
    """`identity`, 32 bytes, in its one text form: 43 characters of base64url, unpadded."""
    if len(identity) != 32:
        raise LocalError(f"an identity has 32 bytes, not {len(identity)}")
    return base64.urlsafe_b64encode(identity).decode("ascii").rstrip("=")


def identity_from_text(text: str) -> bytes:
    """The identity, 32 bytes, of its text form.

    Raises :class:`SettingsError` for any other text, and for one that is nobody's key.
    """
    if not _TEXT.fullmatch(text):
        raise SettingsError(
            f"{text[:80]!r} is not a public key: `tallyp2p keygen` prints one, 43 letters, "
            "digits, - and _"
        )
    identity = base64.urlsafe_b64decode(text + "=")
    if not is_identity(identity):
        raise SettingsError(f"{text!r} cannot be anybody's public key: copy it once more")
    return identity


def is_identity(identity: bytes) -> bool:
    """Whether 32 bytes are a point of the curve in its one form, not of small order (KEY-1)."""
    if len(identity) != 32:
        return False
    return usable(identity) and _on_curve(identity)


@lru_cache(maxsize=4096)
def _on_curve(identity: bytes) -> bool:
    y = _y(identity)
    above, below = y * y - 1, _D * y * y + 1  # x^2 = above / below: a square, or no point
    return pow(above * below, (_PRIME - 1) // 2, _PRIME) in (0, 1)


@lru_cache(maxsize=4096)
def curve_public(identity: bytes) -> bytes:
    """The X25519 public key, 32 bytes, of the peer with this identity: u = (1 + y) / (1 - y).

    Raises :class:`LocalError` for what is no identity (see :func:`is_identity`).
    """
    if not is_identity(identity):
        raise LocalError("only an identity has a CURVE key")
    y = _y(identity)
    u = (1 + y) * pow(1 - y, -1, _PRIME) % _PRIME
    return u.to_bytes(32, "little")


def curve_keys(secret: bytes) -> tuple[bytes, bytes]:
    """(public, secret): the X25519 pair, 32 bytes each, of an identity's secret key (KEY-2)."""
    half = bytearray(hashlib.sha512(secret).digest()[:32])
    half[0] &= 248
    half[31] = half[31] & 127 | 64
    return curve_public(identity_of(secret)), bytes(half)


def _y(identity: bytes) -> int:
    return int.from_bytes(identity, "little") & (2**255 - 1)
