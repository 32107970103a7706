"""Promises of ballots: kept once, forgotten when left out, bounded (ROUND-5)."""

from __future__ import annotations

from tallyp2p.gossip.owing import Owing
from tallyp2p.parameters import LIMITS


def test_a_promise_is_kept_once() -> None:
    owing = Owing(4)
    owing.promise(8, b"somebody")
    owing.promise(8, b"somebody")
    owing.promise(16, b"another.")
    assert owing.take(8) == {b"somebody"}
    assert owing.take(8) == set()
    owing.check()


def test_rounds_that_are_left_out_are_forgotten() -> None:
    owing = Owing(4)
    for round in (0, 8, 16):
        owing.promise(round, b"somebody")
    owing.forget_before(16)
    assert owing.take(8) == set() and owing.take(16) == {b"somebody"}


def test_strangers_that_come_and_go_fill_a_round_and_no_more() -> None:
    owing = Owing(4)
    for number in range(LIMITS.members + 9):
        owing.promise(0, number.to_bytes(8, "big"))
    assert len(owing.take(0)) == LIMITS.members


def test_no_more_rounds_are_owed_than_may_be() -> None:
    owing = Owing(4)
    kept = [owing.promise(round, b"somebody") for round in range(0, 48, 8)]
    assert kept == [True] * 4 + [False] * 2
    owing.check()
