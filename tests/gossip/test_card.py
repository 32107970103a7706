"""What a peer says of itself."""

from __future__ import annotations

from random import Random

from tallyp2p.gossip.card import Card
from tallyp2p.messages import GREASE_KINDS


def test_now_and_then_something_means_nothing() -> None:
    """GREASE-2."""
    card, chance = Card(bytes(32), bytes(8), "test/1"), Random(0)
    extras = [extra for _ in range(800) if (extra := card.extra(chance))]
    assert 50 < len(extras) < 150
    assert all(key.startswith("grease-") and len(value) == 1 for [(key, value)] in extras)
    greased = [grease for _ in range(800) if (grease := card.nothing(chance))]
    assert 50 < len(greased) < 150
    assert {grease.kind for grease in greased} == set(GREASE_KINDS)
    assert max(len(grease.body) for grease in greased) == 16


def test_who_does_not_want_to_says_nothing_of_the_kind() -> None:
    card, chance = Card(bytes(32), bytes(8), "test/1", grease=False), Random(0)
    assert not any(card.extra(chance) or card.nothing(chance) for _ in range(99))
