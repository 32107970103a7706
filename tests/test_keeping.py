"""What is found on disk, and what follows from it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tallyp2p.errors import FailureError, SettingsError
from tallyp2p.gossip.body import Kept
from tallyp2p.gossip.events import Resumed
from tallyp2p.keeping import common_round, differences, in_use, kept_rounds, recall
from tallyp2p.learning.builder import Built
from tallyp2p.learning.state import Memory
from tallyp2p.parameters import Timing
from tallyp2p.profiles import Profile, load, to_toml
from tallyp2p.reporting.rundir import peer_dir
from tallyp2p.simulator.spec import WorldSpec
from tallyp2p.simulator.world import World
from tests.runtime.test_node import Idle
from tests.world import SMALL_RUN, ballot_of

AUTHOR = b"12345678"
PROFILE = load("default", {"rounds": 40, "checkpoint.every": 2})


class Counter:
    """A learner whose state is a number."""

    def __init__(self) -> None:
        self.number = 0

    def snapshot(self) -> dict[str, Any]:
        return {"number": self.number}

    def restore(self, state: Mapping[str, Any]) -> None:
        self.number = state["number"]


def built() -> tuple[Built, Counter]:
    counter = Counter()
    memory = Memory(counter.snapshot, counter.restore)
    return Built(Idle(), SMALL_RUN, 1, lambda: {}, memory), counter


def lived(run: Path, rounds: int, profile: Profile = PROFILE, start: int | None = 0) -> Path:
    """A peer that has made so many rounds of two, and kept a state before each but the first."""
    mine = peer_dir(run, 0)
    made, counter = built()
    found = recall(mine, profile, SMALL_RUN, AUTHOR, made)
    for round in range(0, rounds, 2):
        found.keeper.cast(round, lambda r=round: ballot_of(SMALL_RUN, AUTHOR, r))  # type: ignore[misc]
        counter.number = round + 2
        found.keeper.learnt(round + 2, 0.0)
        others = tuple(ballot_of(SMALL_RUN, b"another.", r) for r in (round, round + 2))
        own = ballot_of(SMALL_RUN, AUTHOR, round)
        found.keeper.save(Kept(start, (own, *others), ("tcp://10.0.0.1:1",)))
    found.keeper.close()
    return mine


def found(run: Path, at: int | None = None, profile: Profile = PROFILE) -> Any:
    made, counter = built()
    recalled = recall(peer_dir(run, 0), profile, SMALL_RUN, AUTHOR, made, at)
    recalled.keeper.close()
    return recalled, counter.number


def test_a_new_peer_begins(tmp_path: Path) -> None:
    recalled, number = found(tmp_path)
    assert recalled.resumed is None and recalled.ballots == () and number == 0


def test_a_peer_goes_on_from_its_newest_state(tmp_path: Path) -> None:
    lived(tmp_path, 10)
    recalled, number = found(tmp_path)
    assert number == 10 and recalled.resumed == Resumed(10, 0, 8)
    own = [b.round for b in recalled.ballots if b.author == AUTHOR]
    others = [b.round for b in recalled.ballots if b.author != AUTHOR]
    assert own == [0, 2, 4, 6, 8] and others == [8, 10], "others' ballots may be ahead"
    assert recalled.endpoints == ("tcp://10.0.0.1:1",)


def test_a_swarm_may_name_the_round(tmp_path: Path) -> None:
    lived(tmp_path, 10)
    recalled, number = found(tmp_path, at=6)
    assert number == 6 and recalled.resumed == Resumed(6, 0, 8)
    assert [b.round for b in recalled.ballots if b.author == AUTHOR] == [0, 2, 4]
    recalled, number = found(tmp_path, at=0)
    assert number == 0 and recalled.resumed == Resumed(0, 0, 8) and recalled.ballots == ()
    with pytest.raises(FailureError, match="no state in"):
        found(tmp_path, at=2)


def test_a_damaged_state_is_passed_over_and_said(tmp_path: Path) -> None:
    mine = lived(tmp_path, 10)
    files = sorted((mine / "checkpoints").iterdir())
    files[-1].write_bytes(files[-1].read_bytes()[:100])
    recalled, number = found(tmp_path)
    assert number == 8 and recalled.resumed == Resumed(8, 0, 8)
    [text] = recalled.said
    assert "state of round 10 is damaged and is passed over" in text
    for file in files:
        file.write_bytes(b"")
    with pytest.raises(FailureError, match="no state in .* can be read; remove that directory"):
        found(tmp_path)


def test_without_states_it_joins_anew_with_its_old_ballots(tmp_path: Path) -> None:
    lived(tmp_path, 6, replace(PROFILE, checkpoint=replace(PROFILE.checkpoint, every=0)))
    recalled, _ = found(tmp_path)
    assert recalled.resumed is None and [b.round for b in recalled.ballots] == [0, 2, 4]
    lived(tmp_path / "undecided", 6, start=None)
    recalled, _ = found(tmp_path / "undecided")
    assert recalled.resumed is None, "it never had a first round"


def test_other_settings_are_refused_by_name(tmp_path: Path) -> None:
    lived(tmp_path, 4)
    other = load("default", {"rounds": 48, "learning.lr": 0.5, "checkpoint.every": 2})
    words = "of other settings: there learning.lr = .*, not 0.5; timing.rounds = 40, not 48"
    with pytest.raises(SettingsError, match=words):
        found(tmp_path, profile=other)
    found(tmp_path, profile=load("default", {"rounds": 40, "deadline": 9, "checkpoint.every": 5}))
    with pytest.raises(SettingsError, match="another peer or another run"):
        recall(peer_dir(tmp_path, 0), PROFILE, SMALL_RUN, b"somebody", built()[0])


def test_what_differs_is_named_where_it_matters() -> None:
    assert differences(to_toml(PROFILE), to_toml(PROFILE)) == []
    other = load("default", {"rounds": 40, "network.listen": "tcp://127.0.0.1:7000"})
    assert differences(to_toml(PROFILE), to_toml(other)) == []
    seeded = to_toml(replace(PROFILE, seed=7))
    assert differences(to_toml(PROFILE), seeded) == ["seed = 0, not 7"]
    younger = to_toml(PROFILE).replace("[learning]\n", '[learning]\nnew = "x"\n')
    assert differences(to_toml(PROFILE), younger) == ["learning.new = None, not 'x'"]


def test_the_round_of_a_swarm_is_the_newest_that_all_have() -> None:
    assert common_round([[24, 16, 8], [32, 24, 16], [24, 16]], 8) == 24
    assert common_round([[8], []], 8) == 0, "it had only begun"
    assert common_round([[], []], 8) == 0
    assert common_round([[80, 72, 64], []], 8) is None, "somebody lost all"
    assert common_round([[80, 72, 64], [48]], 8) is None


def test_which_states_are_whole_and_who_is_in_use(tmp_path: Path) -> None:
    mine = lived(tmp_path, 10)
    assert kept_rounds(tmp_path, 0) == [10, 8, 6]
    sorted((mine / "checkpoints").iterdir())[1].write_bytes(b"x")
    assert kept_rounds(tmp_path, 0) == [10, 6] and kept_rounds(tmp_path, 1) == []
    assert not in_use(tmp_path, 0) and not in_use(tmp_path, 1)
    alive = recall(mine, PROFILE, SMALL_RUN, AUTHOR, built()[0])
    assert in_use(tmp_path, 0)
    alive.keeper.close()
    assert not in_use(tmp_path, 0)


@pytest.mark.parametrize("size", [0, 100])
def test_a_journal_that_is_older_than_the_state_is_refused(tmp_path: Path, size: int) -> None:
    """It was removed, or laid back from a copy: what it has forgotten would be voted on anew."""
    journal = lived(tmp_path, 10) / "journal"
    journal.write_bytes(journal.read_bytes()[:size])
    with pytest.raises(SettingsError, match="no ballot of round 8, which this peer has cast"):
        found(tmp_path)
    assert not in_use(tmp_path, 0)


def test_a_state_is_plain_to_read(tmp_path: Path) -> None:
    """For people and other tools: one JSON text in a safetensors file."""
    mine = lived(tmp_path, 4)
    newest = sorted((mine / "checkpoints").iterdir())[-1]
    data = newest.read_bytes()
    size = int.from_bytes(data[:8], "little")
    said = json.loads(json.loads(data[8 : 8 + size])["__metadata__"]["tallyp2p"])
    assert said["notes"]["round"] == 4 and said["tree"]["learner"] == {"number": 4}


def test_the_simulators_disk_is_this_one(tmp_path: Path) -> None:
    """What a simulated peer has after a crash is what a real one has whose states are all gone."""
    world = World(WorldSpec(peers=3, run=SMALL_RUN, timing=Timing(rounds=40)))
    while len(world._disk.get(1, {})) < 5:
        world.clock.step()
    cast = dict(world._disk[1])
    host = world.peers[1]
    whose = host.machine.author
    made, _ = built()
    first = recall(tmp_path, PROFILE, SMALL_RUN, whose, made)
    for round, ballot in cast.items():
        assert first.keeper.cast(round, lambda b=ballot: b) == ballot  # type: ignore[misc]
    first.keeper.close()
    world.crash(1, noticed=True, disk=True)
    world.restart(1)
    again = recall(tmp_path, PROFILE, SMALL_RUN, whose, made)
    assert again.resumed is None
    assert again.ballots == tuple(world.peers[1].machine.ledger.everything())
    other = ballot_of(SMALL_RUN, whose, 4, "another")
    simulated = world._vote(world.peers[1], 4)
    assert again.keeper.cast(4, lambda: other) == simulated == cast[4]
    again.keeper.close()
