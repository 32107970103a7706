"""Which probes a peer chooses."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tallyp2p.consensus.tally import Tally
from tallyp2p.learning.choosers import MarginChooser, make_chooser
from tallyp2p.learning.settings import Chooser


def tally(margins: dict[int, int]) -> Tally:
    """A tally in which each probe has this margin, between two classes."""
    ids = np.array(sorted(margins), dtype=np.uint32)
    table = np.array([[margins[i] + 1, 1] for i in ids.tolist()], dtype=np.uint32)
    return Tally(bytes(8), 0, 2, ids, table.sum(axis=1).astype(np.int64), table, None)


@pytest.mark.parametrize("kind", list(Chooser))
def test_choice_is_distinct_ascending_and_of_the_generator(kind: Chooser) -> None:
    def choices(seed: int) -> list[list[int]]:
        chooser = make_chooser(kind, 50, torch.Generator().manual_seed(seed))
        return [chooser.choose(20).tolist() for _ in range(3)]

    first = choices(1)
    assert all(ids == sorted(set(ids)) and len(ids) == 20 for ids in first)
    assert first == choices(1) != choices(2)
    assert first[0] != first[1]
    assert make_chooser(kind, 7, torch.Generator()).choose(7).tolist() == list(range(7))
    assert make_chooser(kind, 7, torch.Generator()).choose(3).dtype == np.uint32


def test_margin_prefers_unseen_then_small_margins() -> None:
    chooser = MarginChooser(8, torch.Generator().manual_seed(0))
    chooser.heard(tally({0: 3, 1: 0, 2: 5, 3: 1, 4: 2, 5: 4}))  # 6 and 7 are unseen
    assert chooser.choose(2).tolist() == [6, 7]
    assert chooser.choose(4).tolist() == [1, 3, 6, 7]
    chooser.heard(tally({1: 9, 6: 8, 7: 8}))
    assert chooser.choose(3).tolist() == [0, 3, 4]


@pytest.mark.parametrize("kind", list(Chooser))
def test_snapshot_continues(kind: Chooser) -> None:
    chooser = make_chooser(kind, 50, torch.Generator().manual_seed(3))
    chooser.heard(tally({i: i % 3 for i in range(50)}))
    chooser.choose(10)
    state = chooser.snapshot()
    expected = [chooser.choose(10).tolist() for _ in range(3)]
    fresh = make_chooser(kind, 50, torch.Generator())
    fresh.restore(state)
    assert [fresh.choose(10).tolist() for _ in range(3)] == expected
