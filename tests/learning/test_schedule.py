"""Warm-up, then a straight line to the floor."""

from __future__ import annotations

import pytest

from tallyp2p.learning.schedule import Schedule


def test_weights_by_hand() -> None:
    schedule = Schedule(weight=4.0, warmup=10, floor=0.5, rounds=31)
    expected = {0: 0.0, 9: 0.0, 10: 4.0, 20: 3.0, 30: 2.0}
    assert {round: schedule.at(round) for round in expected} == pytest.approx(expected)


def test_no_decay_and_full_decay() -> None:
    assert Schedule(2.0, 0, 1.0, 5).at(4) == 2.0
    assert Schedule(2.0, 0, 0.0, 5).at(4) == 0.0


def test_run_that_is_all_or_nearly_all_warm_up() -> None:
    assert Schedule(2.0, 30, 0.3, 20).at(19) == 0.0
    assert Schedule(2.0, 19, 0.3, 20).at(19) == 2.0
