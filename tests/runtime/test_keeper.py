"""What is kept while a peer runs, and what becomes of it where the disk refuses."""

from __future__ import annotations

import asyncio
import errno
import json
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tallyp2p.consensus.contributor import Election, IdArray, Vote
from tallyp2p.gossip.body import Kept
from tallyp2p.gossip.events import Cast, Effect, Finish, Learn, Resumed, Started, VoteOn, Withheld
from tallyp2p.payloads import Ballot
from tallyp2p.runtime.keeper import Keeper
from tallyp2p.runtime.meter import Meter
from tallyp2p.runtime.node import Node, Progress, Trouble
from tallyp2p.runtime.transport import Transport
from tallyp2p.storage.ballots import read_ballots
from tallyp2p.storage.generations import Generations
from tallyp2p.storage.journal import Journal
from tests.runtime.test_node import HERE, RUN, Idle, Plain, Script
from tests.storage.faults import FaultyDisk
from tests.waiting import LONG, eventually
from tests.world import ballot_of

AUTHOR = b"script.."
NOTHING = Kept(0, (), ())


class Frozen:
    """A state that is a count of its freezings."""

    def __init__(self) -> None:
        self.times = 0

    def freeze(self, notes: Mapping[str, Any], ballots: bytes) -> bytes:
        self.times += 1
        rounds = [ballot.round for ballot in read_ballots(ballots)]
        return json.dumps({**notes, "ballots": rounds, "times": self.times}).encode()


def keeper(
    directory: Path, disk: FaultyDisk | None = None, every: int = 2, **where: Any
) -> tuple[Keeper, Frozen]:
    frozen = Frozen()
    journal = Journal(directory / "journal", RUN.digest, AUTHOR, disk)
    generations = Generations(directory / "states", disk)
    made = Keeper(journal, generations, frozen, {"who": "me"}, span=2, every=every, **where)
    return made, frozen


def states(directory: Path) -> list[dict[str, Any]]:
    made = Generations(directory / "states")
    return [json.loads(made.read(g) or b"") for g in made.found()]


def test_a_ballot_is_kept_before_it_is_given_out(tmp_path: Path) -> None:
    made, _ = keeper(tmp_path)
    ballot = ballot_of(RUN, AUTHOR, 4)
    assert made.cast(4, lambda: ballot) == ballot
    made.close()
    again, _ = keeper(tmp_path)
    other = ballot_of(RUN, AUTHOR, 4, "another")
    assert again.cast(4, lambda: other) == ballot, "what may have been sent is sent again"
    again.close()


def test_a_learner_that_has_voted_is_not_asked_twice(tmp_path: Path) -> None:
    made, _ = keeper(tmp_path)
    ballot = made.cast(4, lambda: ballot_of(RUN, AUTHOR, 4))
    made.close()
    asked: list[int] = []

    def vote() -> Ballot:
        asked.append(6)
        return ballot_of(RUN, AUTHOR, 6)

    again, _ = keeper(tmp_path, round=4, voted=True)
    assert again.cast(4, vote) == ballot and not asked
    assert again.cast(6, vote) is not None and asked == [6]
    again.close()


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_a_ballot_that_the_disk_does_not_take_is_withheld(tmp_path: Path, error: int) -> None:
    disk = FaultyDisk(-1, error)
    made, _ = keeper(tmp_path, disk)
    disk.at = len(disk.calls)
    assert made.cast(0, lambda: ballot_of(RUN, AUTHOR, 0)) is None
    [text] = made.troubles()
    assert "the ballot of round 0 is not sent" in text and "training goes on" in text
    assert made.troubles() == []
    assert made.cast(2, lambda: ballot_of(RUN, AUTHOR, 2)) is not None
    made.close()


def test_states_are_due_every_so_many_ballots_and_after_long_steps(tmp_path: Path) -> None:
    made, _ = keeper(tmp_path, every=2)
    assert [round for round in range(2, 14, 2) if made.due(round)] == [4, 8, 12]
    made.learnt(6, 3.0)
    assert made.due(6), "a step so long could not be waited for when told to leave"
    made.close()
    never, frozen = keeper(tmp_path, every=0)
    assert not never.due(4)
    never.save(NOTHING)
    assert frozen.times == 0
    never.close()


def test_a_state_says_where_it_stands(tmp_path: Path) -> None:
    made, frozen = keeper(tmp_path)
    ballots = tuple(ballot_of(RUN, AUTHOR, round) for round in (0, 2))
    made.learnt(4, 0.1)
    made.save(Kept(0, ballots, ("tcp://h:1",)))
    made.save(NOTHING)  # nothing has happened since
    made.cast(4, lambda: ballot_of(RUN, AUTHOR, 4))
    made.save(Kept(0, ballots, ()))
    made.close()
    [after] = states(tmp_path)
    assert (after["round"], after["voted"], after["who"]) == (4, True, "me")
    assert after["ballots"] == [0, 2] and frozen.times == 2


@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EIO, errno.EROFS])
def test_a_state_that_the_disk_does_not_take_is_told_and_tried_again(
    tmp_path: Path, error: int
) -> None:
    disk = FaultyDisk(-1, error)
    made, _ = keeper(tmp_path, disk)
    made.learnt(4, 0.1)
    made.save(NOTHING)
    made.learnt(8, 0.1)
    disk.at = len(disk.calls) + 2
    made.save(NOTHING)
    [text] = made.troubles()
    assert "state of round 8 was not kept" in text and "the newest is that of round 4" in text
    assert [state["round"] for state in states(tmp_path)] == [4]
    made.save(NOTHING)
    assert [state["round"] for state in states(tmp_path)] == [8, 4] and not made.troubles()
    made.close()


def test_a_state_that_nobody_can_write_down_does_not_stop_a_peer(tmp_path: Path) -> None:
    made, frozen = keeper(tmp_path)
    frozen.freeze = lambda notes, ballots: 1 / 0  # type: ignore[method-assign,assignment,return-value]
    made.learnt(4, 0.1)
    made.save(NOTHING)
    assert "cannot be kept: ZeroDivisionError" in made.troubles()[0]
    assert not made.due(8)
    made.close()


# --- in a node ------------------------------------------------------------------------------


class Kept8(Script):
    """A machine with something to keep."""

    def kept(self) -> Kept:
        return Kept(0, (ballot_of(RUN, AUTHOR, 0),), ("tcp://h:1",))


def node(
    script: Script, made: Keeper, told: list[object], learner: Any = None, patience: float = 1.0
) -> Node:
    transport = Transport(Meter())
    transport.bind(HERE)
    return Node(
        script,
        Plain(),
        transport,
        learner or Idle(),
        RUN,
        [told.append],
        linger_ms=200,
        patience=patience,
        keeper=made,
        resumed=Resumed(0, 0, -1),
    )


def rounds(count: int) -> dict[str, Any]:
    """A machine that votes and learns `count` ballots."""

    def next_one(event: Any) -> list[Effect]:
        following = event.round + 2
        return [VoteOn(following)] if following < 2 * count else [Finish(True)]

    return {
        "Started": lambda event: [VoteOn(0)],
        "Cast": lambda event: [Learn(event.ballot.round, ())],
        "Withheld": lambda event: [Learn(event.round, ())],
        "Learned": next_one,
    }


async def test_a_node_keeps_each_ballot_and_states_in_time_and_at_the_end(tmp_path: Path) -> None:
    script, told = Kept8(**rounds(5)), list[object]()
    made, frozen = keeper(tmp_path, every=2)
    await asyncio.wait_for(node(script, made, told).run(Started(HERE)), LONG)
    assert isinstance(script.heard[0], Resumed), "before it starts"
    assert [s["round"] for s in states(tmp_path)] == [10, 8, 4] and frozen.times == 3
    assert all(not s["voted"] and s["endpoints"] == ["tcp://h:1"] for s in states(tmp_path))
    made.close()
    journal = Journal(tmp_path / "journal", RUN.digest, AUTHOR)
    assert [ballot.round for ballot in journal.before(100)] == [0, 2, 4, 6, 8]
    journal.close()


async def test_a_full_disk_does_not_stop_a_node_and_everybody_is_told(tmp_path: Path) -> None:
    disk = FaultyDisk(-1, errno.ENOSPC)
    made, _ = keeper(tmp_path, disk, every=1)

    class Full(FaultyDisk):
        def write(self, descriptor: int, data: memoryview, offset: int) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    disk.__class__ = Full
    script, told = Kept8(**rounds(3)), list[object]()
    finish = await asyncio.wait_for(node(script, made, told).run(Started(HERE)), LONG)
    assert finish.completed
    assert [type(e) for e in script.heard if isinstance(e, Cast | Withheld)] == [Withheld] * 3
    texts = [t.text for t in told if isinstance(t, Trouble)]
    assert sum("is not sent" in t for t in texts) == 3
    assert sum("state of round" in t for t in texts) >= 3
    made.close()


class Slow(Idle):
    """Trains until it is let go."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), threading.Event()

    def learn(self, round: int, elections: Sequence[Election]) -> Mapping[str, float]:
        self.begun.set()
        self.go.wait(LONG)
        return {"loss": 1.0}

    def vote(self, round: int, ids: IdArray | None) -> Vote:
        return Vote(np.zeros(RUN.votes, dtype=np.int64))


async def test_who_is_told_to_leave_amid_training_keeps_what_it_has_learnt(tmp_path: Path) -> None:
    made, _ = keeper(tmp_path, every=100)
    script, told, learner = Kept8(**rounds(5)), list[object](), Slow()
    alive = node(script, made, told, learner)
    running = asyncio.ensure_future(alive.run(Started(HERE)))
    await asyncio.to_thread(learner.begun.wait, LONG)
    alive.stop()
    asyncio.get_running_loop().call_later(0.2, learner.go.set)
    finish = await asyncio.wait_for(running, LONG)
    assert not finish.completed and not alive.abandoned
    [state] = states(tmp_path)
    assert (state["round"], state["voted"]) == (2, False)
    assert [t.round for t in told if isinstance(t, Progress)] == [0], "its figures are told, too"
    made.close()


async def test_a_step_that_does_not_end_in_time_is_given_up_and_said(tmp_path: Path) -> None:
    made, _ = keeper(tmp_path, every=1)
    script, told, learner = Kept8(**rounds(5)), list[object](), Slow()
    alive = node(script, made, told, learner, patience=0.1)
    running = asyncio.ensure_future(alive.run(Started(HERE)))
    await asyncio.to_thread(learner.begun.wait, LONG)
    alive.stop()
    await asyncio.wait_for(running, LONG)
    learner.go.set()
    assert alive.abandoned and states(tmp_path) == []
    assert "was given up; no state is kept" in [t.text for t in told if isinstance(t, Trouble)][0]
    made.close()


async def test_who_is_told_to_leave_with_its_ballot_cast_is_not_asked_again(tmp_path: Path) -> None:
    made, _ = keeper(tmp_path, every=100)
    script, told = Kept8(Started=lambda event: [VoteOn(0)]), list[object]()
    alive = node(script, made, told)
    running = asyncio.ensure_future(alive.run(Started(HERE)))
    await eventually(lambda: any(isinstance(event, Cast) for event in script.heard))
    alive.stop()
    await asyncio.wait_for(running, LONG)
    [state] = states(tmp_path)
    assert (state["round"], state["voted"]) == (0, True)
    made.close()
