"""Numbers that prove an endpoint: the same for one key, and nothing that others can tell."""

from __future__ import annotations

import hashlib
from random import Random

from tallyp2p.gossip.nonces import Nonces


def test_each_is_a_hash_of_its_own() -> None:
    """A trace replays with the same key; nothing is told of one number by another."""
    one, again, other = Nonces(b"key"), Nonces(b"key"), Nonces(b"kex")
    drawn = [one.draw() for _ in range(200)]
    assert drawn == [again.draw() for _ in range(200)]
    assert not {*drawn} & {other.draw() for _ in range(200)}
    words = b"tallyp2p nonce" + b"key" + bytes(7) + b"\x02"
    assert drawn[2] == int.from_bytes(hashlib.sha256(words).digest()[:4], "big")


def test_they_are_not_what_the_visible_generator_draws() -> None:
    """Who is sent 624 numbers of that one knows all that follow."""
    seed = bytes(16)
    nonces, chance = Nonces(seed), Random(seed)
    visible = {chance.getrandbits(32) for _ in range(1000)}
    assert not visible & {nonces.draw() for _ in range(1000)}
