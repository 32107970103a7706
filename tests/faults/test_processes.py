"""A peer's process is frozen, starved, or read too slowly: the others go on, and keep it."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.faults.field import LATE, QUICK, Field, Nursery
from tests.faults.history import History
from tests.faults.quota import Quota

pytestmark = pytest.mark.slow

DEADLINE = float(QUICK["timing.deadline"])
GOSSIP = float(QUICK["timing.gossip_interval"])
HEALTHY = (0, 1, 3)


def kept(history: History) -> None:
    """No healthy peer was suspected by another, nor missed in a round."""
    authors = {history.of(peer)[0].author.hex() for peer in HEALTHY}
    for peer in HEALTHY:
        (life,) = history.of(peer)
        for _, change in life.notices("member_changed"):
            well = change["state"] == "alive" or change["cause"] == "bye"
            assert well or change["author"] not in authors, change
        for _, closed in life.notices("round_closed"):
            assert not authors & set(closed["missing"]), closed
    assert max(history.waits(HEALTHY)) < DEADLINE + LATE
    assert not history.equivocations()


def test_a_frozen_peer_is_waited_for_once_and_comes_back(nursery: Nursery, tmp_path: Path) -> None:
    with Field(nursery, tmp_path, peers=4, rounds=48, settings=QUICK, pause=0.25) as field:
        field.start(range(4))
        field.until_round(range(4), 4)
        field.signal([2], signal.SIGSTOP)
        time.sleep(5)
        field.signal([2], signal.SIGCONT)
        thawed = time.monotonic()
        field.finish()
        history = field.history()
        assert field.newest(2).round == 46
    kept(history)
    assert not history.lacking(range(4), within=10 * GOSSIP, after=thawed)


def test_a_slow_reader_is_not_lost(nursery: Nursery, tmp_path: Path) -> None:
    with Field(nursery, tmp_path, peers=4, rounds=40, settings=QUICK, pause=0.2) as field:
        field.start(range(4))
        field.until_round(range(4), 4)
        for _ in range(20):  # it reads for 20 ms, and for 280 ms everything waits in its queues
            field.signal([2], signal.SIGSTOP)
            time.sleep(0.28)
            field.signal([2], signal.SIGCONT)
            time.sleep(0.02)
        field.finish()
        history = field.history()
    kept(history)
    assert not history.lacking(range(4), within=10 * GOSSIP)


def test_a_starved_peer_makes_nobody_lose_a_healthy_one(nursery: Nursery, tmp_path: Path) -> None:
    with (
        Quota(0.05) as quota,
        Field(nursery, tmp_path, peers=4, rounds=40, settings=QUICK, pause=0.2) as field,
    ):
        field.start(range(4))
        field.until_round(range(4), 4)
        quota.take(field.newest(2).id)
        time.sleep(6)
        quota.free(field.newest(2).id)
        field.finish()
        history = field.history()
    kept(history)
