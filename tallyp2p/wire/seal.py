"""Seals: Ed25519 signatures over what travels (protocol_spec 07).

Libraries differ in which signatures they accept, and a ballot that only some peers accept
would split their tallies.  So the specification fixes one rule (SEAL-5, SEAL-6).  OpenSSL,
through `cryptography`, checks [S]B - [k]A = R byte for byte and S < L; points of small order
and of more than one form are refused here.  Imported only where a run is sealed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from typing import Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from ..errors import LocalError, Reason, RemoteError
from ..messages import Kind
from ..payloads import Ballot, Signature

__all__ = [
    "Listed",
    "NOT_LISTED",
    "SIGNATURE",
    "Sealer",
    "Speaker",
    "identity_of",
    "sign",
    "usable",
    "verify",
]

SIGNATURE = 64  # bytes
NOT_LISTED = "not on the list of members of this run: ask for an invitation"
_DOMAINS = {
    Kind.HELLO: b"TALLY1-SEAL-HELLO",
    Kind.BYE: b"TALLY1-SEAL-BYE",
    Kind.VOTE: b"TALLY1-SEAL-VOTE",
}
_REMEMBERED = 4096  # good signatures; 0.5 MB
_PRIME = 2**255 - 19
_SMALL = frozenset(  # y of the eight points of small order: registries/small-order.json
    bytes.fromhex(y)
    for y in (
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    )
)

Speaker = tuple[bytes, bytes]
"""(identity, instance) of whoever HELLO has bound to a connection."""


def identity_of(secret: bytes) -> bytes:
    """The identity, 32 bytes, of a secret key of 32 bytes."""
    public = Ed25519PrivateKey.from_private_bytes(secret).public_key()
    return public.public_bytes(Encoding.Raw, PublicFormat.Raw)


def sign(secret: bytes, text: bytes) -> bytes:
    """The signature, 64 bytes, of `text` by `secret`; the same every time (RFC 8032)."""
    return Ed25519PrivateKey.from_private_bytes(secret).sign(text)


def verify(identity: bytes, text: bytes, signature: bytes) -> bool:
    """Whether `signature` (64 bytes) is good for `text` by `identity` (32): SEAL-5, SEAL-6."""
    if not (usable(identity) and usable(signature[:32])):
        return False
    try:
        _public(identity).verify(signature, text)
    except InvalidSignature:
        return False
    return True


def usable(point: bytes) -> bool:
    """Whether the 32 bytes of a point are its one form, and it is not of small order (SEAL-6)."""
    y = point[:31] + bytes((point[31] & 0x7F,))
    return y not in _SMALL and int.from_bytes(y, "little") < _PRIME


@lru_cache(maxsize=1024)
def _public(identity: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(identity)


class Listed(Protocol):
    """A list of members, as far as the codec has to do with it (see `electorate`)."""

    @property
    def digest(self) -> str:
        """What the run calls it."""

    def __contains__(self, identity: object) -> bool: ...


class Sealer:
    """Signs for one peer of one sealed run, and checks what others have signed.

    `secret`: 32 bytes, the own secret key; None: only check.  `run`: the run digest, 32
    bytes.  `known` tells who is bound to the connection of an author id, None when nobody.
    `electorate`: who may take part, where the run has a list of them.
    """

    def __init__(
        self,
        run: bytes,
        secret: bytes | None,
        instance: bytes = b"",
        known: Callable[[bytes], Speaker | None] = lambda author: None,
        electorate: Listed | None = None,
    ) -> None:
        self.electorate = electorate
        self._good: dict[bytes, None] = {}  # hashes of what was checked, oldest first
        self._run = run
        self._known = known
        self._instance = instance
        self._key = None if secret is None else Ed25519PrivateKey.from_private_bytes(secret)
        self._identity = b"" if secret is None else identity_of(secret)
        self._author = hashlib.sha256(self._identity).digest()[:8]

    def speaker(self, author: bytes) -> Speaker:
        """Who speaks as `author`.  Raises :class:`RemoteError` when nobody said HELLO so."""
        if self._key is not None and author == self._author:
            return self._identity, self._instance
        known = self._known(author)
        if known is None:
            raise RemoteError(Reason.SEAL, "the sender's key is not known")
        return known

    def text(self, kind: Kind, frame: bytes, at: int, instance: bytes = b"") -> bytes:
        """What is signed (SEAL-3); `frame` is without its signature, `at`: where ids begin."""
        if kind is Kind.VOTE:
            return _DOMAINS[kind] + self._run + frame[2:6] + frame[at:]
        return _DOMAINS[kind] + (self._run + instance if kind is Kind.BYE else b"") + frame

    def admit(self, identity: bytes, endpoint: str = "") -> None:
        """Raises :class:`RemoteError` (AUTHOR) for who is not on the run's list (ELECT-3).

        `endpoint`: where one who says HELLO can be told so.
        """
        if self.electorate is not None and identity not in self.electorate:
            raise RemoteError(Reason.AUTHOR, NOT_LISTED, endpoint=endpoint)

    def check(self, identity: bytes, text: bytes, signature: bytes) -> None:
        """Raises :class:`RemoteError` (SEAL) unless the signature is good.

        What was good is remembered for a while: ballots come more than once where they are
        broadcast, or repeated by who means harm, and to check one again takes 50 times as long.
        """
        seen = hashlib.sha256(identity + signature + text).digest()
        if seen in self._good:
            return
        if not verify(identity, text, signature):
            raise RemoteError(Reason.SEAL, "the signature is not good")
        if len(self._good) >= _REMEMBERED:
            del self._good[next(iter(self._good))]
        self._good[seen] = None

    def sign(self, text: bytes) -> bytes:
        """The own signature.  Raises :class:`LocalError` without a secret key."""
        if self._key is None:
            raise LocalError("this peer has no key to sign with")
        return self._key.sign(text)

    def sign_message(self, kind: Kind, frame: bytes) -> bytes:
        """HELLO or BYE with its signature behind it."""
        return frame + self.sign(self.text(kind, frame, 2, self._instance))

    def sign_ballot(self, ballot: Ballot, frame: bytes) -> Signature:
        """The seal of an own ballot, given its frame without author and signature."""
        if ballot.author != self._author:
            raise LocalError("only its author can seal a ballot")
        return Signature(self._identity, self.sign(self.text(Kind.VOTE, frame, 6)))
