"""Peers are killed in every phase of the protocol, and come back: real processes, lost packets."""

from __future__ import annotations

import signal
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from tests.faults.air import Rules
from tests.faults.field import LATE, QUICK, Field, Nursery
from tests.faults.history import History
from tests.faults.phases import Phase
from tests.waiting import LONG

pytestmark = pytest.mark.slow

DEADLINE = float(QUICK["timing.deadline"])
GOSSIP = float(QUICK["timing.gossip_interval"])
PAIRS = tuple(zip(list(Phase)[::2], list(Phase)[1::2], strict=True))


@pytest.mark.parametrize("phases", PAIRS, ids="-".join)
def test_half_of_the_peers_die_and_one_returns(
    nursery: Nursery, tmp_path: Path, phases: tuple[Phase, ...]
) -> None:
    """Two swarms at once: they mostly wait, and share nothing."""
    settings = {**QUICK, "timing.quorum": "3", "checkpoint.every": "1"}
    with ExitStack() as swarms:
        fields = [
            swarms.enter_context(
                Field(nursery, tmp_path / phase, peers=5, rounds=40, settings=settings, pause=0.15)
            )
            for phase in phases
        ]
        for field, phase in zip(fields, phases, strict=True):
            field.air(Rules(loss=0.05, delay=0.002, jitter=0.01))
            field.start([0, 1, 2])
            field.start([3, 4], phase=phase, ballots=0 if phase is Phase.HELLO else 2)
        for field in fields:
            field.until(partial(field.dead, [3, 4]), LONG, "two peers to die")
            field.welcome(4)
        for field in fields:
            field.finish()
            assert field.newest(4).round == 38
            survived(field.history())


def survived(history: History) -> None:
    """The others closed every round in time, hold the same ballots, and nobody voted twice."""
    survivors = (0, 1, 2)
    assert not history.equivocations()
    assert not history.lacking(survivors, within=10 * GOSSIP)
    for peer in survivors:
        assert [life.elections().keys() for life in history.of(peer)] == [set(range(0, 40, 2))]
    assert max(history.waits(survivors)) < DEADLINE + LATE


def test_a_peer_killed_and_started_again_and_again_votes_once_a_round(
    nursery: Nursery, tmp_path: Path
) -> None:
    settings = {**QUICK, "timing.quorum": "3"}
    with Field(nursery, tmp_path, peers=4, rounds=60, settings=settings, pause=0.15) as field:
        field.air(Rules(loss=0.05))
        field.start(range(4))
        for round in (4, 14, 24):
            field.until_round([0], round)
            field.signal([3], signal.SIGKILL)
            field.until(lambda: field.dead([3]), LONG, "the peer to die")
            field.welcome(3)
        field.finish()
        history = field.history()
        assert field.newest(3).round == 58
    assert not history.equivocations()
    assert not history.lacking((0, 1, 2), within=10 * GOSSIP)


def test_who_comes_back_where_nobody_tells_it_what_it_voted_votes_the_same(
    nursery: Nursery, tmp_path: Path
) -> None:
    """All have its ballots, its learner is three ballots behind, and goes on all alone at first.

    It hears nobody, so it learns otherwise, and by large steps: what it votes now it would not
    have voted then.  (Without its journal this fails.)
    """
    settings = {**QUICK, "checkpoint.every": "4"}
    settings |= {"learning.lr": "0.05", "learning.kl_weight": "10", "run.probes": "64"}
    with Field(
        nursery, tmp_path, peers=4, rounds=80, settings=settings, pause=0.2, secure=True
    ) as field:
        field.start([0, 1, 2])
        field.start([3], phase=Phase.COUNTED, ballots=7)
        field.until(lambda: field.dead([3]), LONG, "the peer to die")
        others = [(3, other) for other in (0, 1, 2)]
        field.air(Rules(cut=(*others, *((there, here) for here, there in others))))
        field.start([3], options=["--set=timing.quorum=1"])
        field.until_round([3], 20)
        field.air(Rules())
        field.finish()
        history = field.history()
        assert field.newest(3).round == 78
    again = [b.round for _, b in history.of(3)[1].ballots() if b.author == history.of(3)[1].author]
    assert again[:4] == [8, 10, 12, 14]
    assert not history.equivocations()
