"""Numbers that prove where a member listens: only who was sent one can bring it back.

They are not drawn from the machine's generator, since who is sent enough of what that draws can
work out the rest of it.  Each is the beginning of a SHA-256 over a key and a count, which tells
nothing of the others.  (Our choice; protocol_spec 04, CONTACT-8, VIEW-3.)
"""

from __future__ import annotations

import hashlib

__all__ = ["Nonces"]


class Nonces:
    """One stream of such numbers.  `key`: bytes that no other peer can guess."""

    def __init__(self, key: bytes) -> None:
        self._key, self._count = key, 0

    def draw(self) -> int:
        """The next one, 1 to 2^32 - 1."""
        nonce = 0
        while not nonce:  # PONG with nonce 0 answers something else
            words = b"tallyp2p nonce" + self._key + self._count.to_bytes(8, "big")
            nonce = int.from_bytes(hashlib.sha256(words).digest()[:4], "big")
            self._count += 1
        return nonce
