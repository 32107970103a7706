"""Ed25519 in plain arithmetic (RFC 8032, and SEAL-5 and SEAL-6): short, slow, and no library.

Points are (X, Y, Z, T) with x = X/Z, y = Y/Z, xy = T/Z on -x² + y² = 1 + d x² y² mod P.
"""

from __future__ import annotations

import hashlib

__all__ = [
    "BASE",
    "ORDER",
    "PRIME",
    "SMALL",
    "TORSION",
    "Point",
    "add",
    "challenge",
    "encode",
    "good",
    "good_with_cofactor",
    "identity",
    "point",
    "scalar",
    "sign",
    "times",
]

PRIME = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493  # of BASE: L
_D = -121665 * pow(121666, -1, PRIME) % PRIME

Point = tuple[int, int, int, int]
_ZERO: Point = (0, 1, 1, 0)


def add(a: Point, b: Point) -> Point:
    e = (a[1] - a[0]) * (b[1] - b[0]) % PRIME
    f = (a[1] + a[0]) * (b[1] + b[0]) % PRIME
    g = 2 * a[3] * b[3] * _D % PRIME
    h = 2 * a[2] * b[2] % PRIME
    i, j, k, m = f - e, h - g, h + g, f + e
    return i * j % PRIME, k * m % PRIME, j * k % PRIME, i * m % PRIME


def times(number: int, at: Point) -> Point:
    total = _ZERO
    while number:
        if number & 1:
            total = add(total, at)
        at, number = add(at, at), number >> 1
    return total


def encode(at: Point) -> bytes:
    """y, and the lowest bit of x as the top bit."""
    over = pow(at[2], -1, PRIME)
    x, y = at[0] * over % PRIME, at[1] * over % PRIME
    return (y | (x & 1) << 255).to_bytes(32, "little")


def point(data: bytes) -> Point | None:
    """The point that 32 bytes encode; None when there is none, or y is not below P."""
    value = int.from_bytes(data, "little")
    sign, y = value >> 255, value & (1 << 255) - 1
    square = (y * y - 1) * pow(_D * y * y + 1, -1, PRIME) % PRIME
    x = pow(square, (PRIME + 3) // 8, PRIME)
    if (x * x - square) % PRIME:
        x = x * pow(2, (PRIME - 1) // 4, PRIME) % PRIME
    if (x * x - square) % PRIME or y >= PRIME or (x == 0 and sign):
        return None
    x = PRIME - x if x & 1 != sign else x
    return x, y, 1, x * y % PRIME


BASE = point((4 * pow(5, -1, PRIME) % PRIME).to_bytes(32, "little")) or _ZERO


def _torsion() -> Point:
    """A point of order 8: what the group's order leaves of a point outside of BASE's multiples."""
    for y in range(2, 100):
        at = point(y.to_bytes(32, "little"))
        if at is not None:
            rest = times(ORDER, at)
            if encode(times(4, rest)) != encode(_ZERO):
                return rest
    raise AssertionError("half of all points would do")


TORSION = _torsion()
SMALL = sorted({encode(times(n, TORSION)) for n in range(8)})
"""The eight points of small order."""

_SMALL_Y = {bytes((*at[:31], at[31] & 0x7F)) for at in SMALL}


def _secret(seed: bytes) -> tuple[int, bytes]:
    digest = hashlib.sha512(seed).digest()
    number = int.from_bytes(digest[:32], "little")
    return number & (1 << 254) - 8 | 1 << 254, digest[32:]


def scalar(seed: bytes) -> int:
    """The secret number of a secret key."""
    return _secret(seed)[0]


def identity(seed: bytes) -> bytes:
    """The public key of a secret key."""
    return encode(times(scalar(seed), BASE))


def challenge(r: bytes, key: bytes, text: bytes) -> int:
    """k."""
    return int.from_bytes(hashlib.sha512(r + key + text).digest(), "little") % ORDER


def sign(seed: bytes, text: bytes) -> bytes:
    number, prefix = _secret(seed)
    nonce = int.from_bytes(hashlib.sha512(prefix + text).digest(), "little") % ORDER
    r = encode(times(nonce, BASE))
    s = (nonce + challenge(r, identity(seed), text) * number) % ORDER
    return r + s.to_bytes(32, "little")


def _parts(key: bytes, text: bytes, signature: bytes) -> tuple[int, Point, int]:
    """(S, A, k), or S = 0 and no point where S, A or R is refused by itself."""
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    for at in (key, r):
        value = int.from_bytes(at, "little") & (1 << 255) - 1
        if bytes((*at[:31], at[31] & 0x7F)) in _SMALL_Y or value >= PRIME:
            return 0, _ZERO, 0
    a = point(key)
    if a is None or s >= ORDER:
        return 0, _ZERO, 0
    return s, a, challenge(r, key, text)


def _found(s: int, a: Point, k: int) -> Point:
    """[S]B - [k]A."""
    return add(times(s, BASE), times(k, (-a[0] % PRIME, a[1], a[2], -a[3] % PRIME)))


def good(key: bytes, text: bytes, signature: bytes) -> bool:
    """SEAL-5 and SEAL-6."""
    s, a, k = _parts(key, text, signature)
    return a != _ZERO and encode(_found(s, a, k)) == signature[:32]


def good_with_cofactor(key: bytes, text: bytes, signature: bytes) -> bool:
    """What some libraries check instead: both sides times 8."""
    s, a, k = _parts(key, text, signature)
    r = point(signature[:32])
    if a == _ZERO or r is None:
        return False
    return encode(times(8, _found(s, a, k))) == encode(times(8, r))
