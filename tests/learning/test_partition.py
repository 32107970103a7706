"""Dealing: nothing is lost, nothing is dealt twice, nobody has nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyp2p.errors import SettingsError
from tallyp2p.learning.partition import LEAST, deal, draw, split


@given(
    seed=st.integers(0, 1000),
    peers=st.integers(1, 30),
    alpha=st.sampled_from([1e-3, 0.1, 1.0, 100.0]),
    total=st.integers(30, 400),
)
def test_every_example_goes_to_one_peer_and_every_peer_has_some(
    seed: int, peers: int, alpha: float, total: int
) -> None:
    labels = np.random.default_rng(seed).integers(0, 7, total)
    hands = deal(labels, peers, alpha, np.random.default_rng(seed))
    assert sorted(np.concatenate(hands).tolist()) == list(range(total))
    assert min(map(len, hands)) >= min(LEAST, total // peers)
    assert all(np.all(np.diff(hand) > 0) for hand in hands)


def test_small_alpha_is_skew_and_large_alpha_is_none() -> None:
    labels = np.repeat(np.arange(10), 100)

    def common(alpha: float) -> float:
        """The share of its most frequent class, mean over peers."""
        hands = deal(labels, 10, alpha, np.random.default_rng(0))
        return float(np.mean([np.bincount(labels[h]).max() / len(h) for h in hands]))

    assert common(0.1) > 0.4
    assert common(1000.0) < 0.15


def test_deal_repeats_with_its_seed() -> None:
    labels = np.arange(100) % 10
    one, same, other = (deal(labels, 4, 0.5, np.random.default_rng(s)) for s in (1, 1, 2))
    assert all(np.array_equal(a, b) for a, b in zip(one, same, strict=True))
    assert not all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_more_peers_than_examples_is_refused() -> None:
    with pytest.raises(SettingsError, match="too few for 5 peers"):
        deal(np.zeros(4, dtype=np.int64), 5, 1.0, np.random.default_rng(0))


def test_split_is_disjoint() -> None:
    parts = split(20, (10, 4, 5), np.random.default_rng(0))
    assert [len(part) for part in parts] == [10, 4, 5]
    assert len(set(np.concatenate(parts).tolist())) == 19


@given(
    seed=st.integers(0, 1000),
    size=st.integers(1, 40),
    alpha=st.sampled_from([1e-3, 0.1, 1.0, 100.0]),
)
def test_a_drawn_shard_holds_as_many_different_examples_as_stated(
    seed: int, size: int, alpha: float
) -> None:
    labels = np.random.default_rng(seed).integers(0, 7, 40)
    hand = draw(labels, size, alpha, np.random.default_rng(seed))
    assert len(hand) == size and np.all(np.diff(hand) > 0)
    assert 0 <= hand[0] and hand[-1] < 40


def test_drawn_shards_are_skewed_as_dealt_ones_are() -> None:
    labels = np.repeat(np.arange(10), 100)

    def common(alpha: float) -> float:
        hands = [draw(labels, 40, alpha, np.random.default_rng(seed)) for seed in range(50)]
        return float(np.mean([np.bincount(labels[h]).max() / len(h) for h in hands]))

    assert common(0.1) > 0.5
    assert common(1000.0) < 0.25


def test_a_shard_larger_than_all_is_refused() -> None:
    with pytest.raises(SettingsError, match="too few for a shard of 5"):
        draw(np.zeros(4, dtype=np.int64), 5, 1.0, np.random.default_rng(0))
