"""A peer's life in a process: meeting through a directory, writing, failing."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tallyp2p.assemble import shard_seat, swarm_profile
from tallyp2p.cli.member import RENDEZVOUS, Outcome, live
from tallyp2p.consensus.contributor import Election, IdArray, Vote
from tallyp2p.errors import FailureError
from tallyp2p.learning.builder import Built
from tallyp2p.parameters import RunParameters
from tallyp2p.profiles import Profile, load
from tests.waiting import LONG


class Constant:
    """Votes 1 and learns nothing, or fails."""

    def __init__(self, votes: int, fails: bool = False) -> None:
        self._votes = votes
        self._fails = fails

    def vote(self, round: int, ids: IdArray | None) -> Vote:
        return Vote(np.ones(self._votes, dtype=np.int64))

    def learn(self, round: int, elections: Sequence[Election]) -> Mapping[str, float]:
        if self._fails:
            raise RuntimeError("out of ideas")
        return {"loss": 1.0}


def together() -> Profile:
    return swarm_profile(load("default", {"peers": 2, "rounds": 20}))


def start(run: Path, index: int, fails: bool = False) -> asyncio.Task[Outcome]:
    profile = together()
    parameters = RunParameters()
    built = Built(
        Constant(parameters.votes, fails), parameters, weights=5, digests=lambda: {"weights": "00"}
    )
    seat = shard_seat(profile, index)
    life = live(profile, seat, built, run_dir=run, meet=True, fresh=True, leave_on=())
    return asyncio.ensure_future(life)


def lines(run: Path, index: int) -> list[dict[str, Any]]:
    text = (run / f"peer-{index:02d}" / "metrics.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


async def test_two_meet_through_the_directory_and_write_what_happened(tmp_path: Path) -> None:
    outcomes = await asyncio.gather(start(tmp_path, 0), start(tmp_path, 1))
    assert [outcome.finish.completed for outcome in outcomes] == [True, True]
    assert not any(outcome.abandoned or outcome.signals for outcome in outcomes)
    assert len(list((tmp_path / RENDEZVOUS).glob("*.endpoint"))) == 2
    for index in (0, 1):
        told = lines(tmp_path, index)
        assert told[0]["event"] == "started"
        assert told[0]["weights"] == 5
        assert sum(line["event"] == "round" for line in told) == 3  # 8 + 8 + 4 rounds
        last = told[-1]
        assert (last["event"], last["completed"], last["rounds"]) == ("finished", True, 20)
        assert last["digests"] == {"weights": "00"}
        assert last["bytes"]["sent"]["votes"]["payload"] == 3 * RunParameters().votes * 4 // 8


class Patient(Constant):
    """Votes first when as many as it waits for are about to vote."""

    def __init__(self, votes: int, all_there: threading.Barrier) -> None:
        super().__init__(votes)
        self._all_there: threading.Barrier | None = all_there

    def vote(self, round: int, ids: IdArray | None) -> Vote:
        if self._all_there is not None:  # in a thread of its own, so that nobody else stands still
            self._all_there.wait(LONG)
            self._all_there = None
        return super().vote(round, ids)


async def test_where_few_are_enough_to_begin_all_are_waited_for(tmp_path: Path) -> None:
    """Two would make their rounds before the third process has started, and it came too late.
    Rounds here take a millisecond, so none is made before the third takes part, too."""
    profile = swarm_profile(
        load("default", {"peers": 3, "rounds": 20, "run.degree": 1, "run.view": 2})
    )
    assert profile.timing.quorum == 2
    parameters = RunParameters(degree=1, view=2)
    all_there = threading.Barrier(3)

    def begin(index: int) -> asyncio.Task[Outcome]:
        learner = Patient(parameters.votes, all_there)
        built = Built(learner, parameters, weights=5, digests=dict)
        life = live(
            profile,
            shard_seat(profile, index),
            built,
            run_dir=tmp_path,
            meet=True,
            fresh=True,
            leave_on=(),
        )
        return asyncio.ensure_future(life)

    early = [begin(0), begin(1)]
    while len(list((tmp_path / RENDEZVOUS).glob("*.endpoint"))) < 2:
        await asyncio.sleep(0.01)
    done, _ = await asyncio.wait(early, timeout=0.5)
    assert not done
    outcomes = await asyncio.gather(*early, begin(2))
    assert all(outcome.finish.completed for outcome in outcomes)


async def test_learner_that_fails_is_named_in_the_last_line(tmp_path: Path) -> None:
    broken, other = start(tmp_path, 0, fails=True), start(tmp_path, 1)
    with pytest.raises(FailureError, match="out of ideas"):
        await broken
    other.cancel()
    with suppress(asyncio.CancelledError):  # or it has made its rounds alone by now
        await other
    last = lines(tmp_path, 0)[-1]
    assert (last["event"], last["completed"]) == ("finished", False)
    assert "out of ideas" in last["text"]
