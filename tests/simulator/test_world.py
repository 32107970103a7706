"""Whole worlds: one seed, one story; and seeded defects are found and can be replayed."""

from __future__ import annotations

import gc
import json
import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tallyp2p.consensus.ledger import Ledger
from tallyp2p.gossip.repair import Repair
from tallyp2p.gossip.rounds import Rounds
from tallyp2p.parameters import Ids, Pace, Seal, Timing
from tallyp2p.payloads import author_of
from tallyp2p.simulator.invariants import Violation
from tallyp2p.simulator.reading import load, to_toml
from tallyp2p.simulator.spec import (
    Churn,
    Crash,
    Group,
    Hostile,
    Hostility,
    Link,
    Partition,
    WorldSpec,
)
from tallyp2p.simulator.world import World
from tests.simulator.worlds import BROADCAST, RUN, world

ROUGH = Link(loss=0.2, jitter=0.1, reorder=0.1, double=0.1)


# --- one seed, one story --------------------------------------------------------------------


def test_a_calm_world_makes_all_rounds() -> None:
    result = World(world()).run()
    assert result.finish == {"completed": 5, "left": 0, "gave_up": 0, "crashed": 0, "unfinished": 0}
    assert (result.rounds["closed_least"], result.rounds["closed_most"]) == (12, 12)
    assert result.same_tallies == 1.0 and result.settled["rounds"] > 3


@pytest.mark.parametrize("run", [RUN, replace(BROADCAST, ids=Ids.EXPLICIT)])
@pytest.mark.parametrize("pace", list(Pace))
def test_every_pace_and_way_of_spreading(run: object, pace: Pace) -> None:
    result = World(world(run=run, timing=Timing(rounds=24, pace=pace), links=ROUGH)).run()
    assert result.finish["completed"] == 5


def test_one_seed_one_trace_and_another_seed_another() -> None:
    spec = world(links=ROUGH, churn=Churn(every=3.0, down=2.0, begin=3.0, end=9.0))
    hashes = [World(spec, seed).run().trace_hash for seed in (1, 1, 2)]
    assert hashes[0] == hashes[1] != hashes[2]


def test_with_a_view_a_peer_begins_with_few_endpoints_and_ends_with_its_ballots() -> None:
    run = replace(RUN, view=4, degree=2)
    played = World(world(peers=20, run=run, timing=Timing(rounds=16, view_interval=2.0)))
    result = played.run()
    assert result.trace_hash == World(played.spec).run().trace_hash
    assert played.watch.missing == 0 and played.watch.heard == 2 * len(played.watch.waits)
    known = max(len(host.machine.members()) for host in played.hosts)
    assert known <= 4 * 4 + 1 < 20 - 1, "nobody knows everybody"


def test_peers_may_have_the_identities_of_others_who_really_ran() -> None:
    made = World(world(), secrets=lambda peer: bytes([peer]) * 32)
    assert [host.machine.author for host in made.hosts] == [
        author_of(bytes([peer]) * 32) for peer in range(5)
    ]


def test_decoding_or_not_makes_no_difference() -> None:
    """Where messages travel as objects, all frames are those of the exact world."""
    hostile = (Hostile((4,), Hostility.GARBAGE), Hostile((3,), Hostility.EQUIVOCATE))
    for run in (BROADCAST, RUN, replace(BROADCAST, ids=Ids.EXPLICIT), replace(RUN, view=3)):
        spec = world(run=run, links=ROUGH, hostile=hostile)
        quick, exact = World(spec).run(), World(replace(spec, exact=True)).run()
        assert quick.as_json() == exact.as_json()


def test_a_world_leaves_the_collector_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    before = gc.get_threshold()
    monkeypatch.setattr(Repair, "digest", None)
    found(world(), "no exceptions")
    assert gc.get_threshold() == before


def test_checking_makes_no_difference() -> None:
    spec = world(links=ROUGH)
    specs = (spec, replace(spec, check=False), replace(spec, thorough=True))
    results = [World(one).run() for one in specs]
    assert results[0] == results[1] == results[2]


def forget_authors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each ledger forget in which round it heard somebody last."""
    honest = Ledger.add

    def add(self: Ledger, ballot: object) -> object:
        outcome = honest(self, ballot)  # type: ignore[arg-type]
        if len(self._newest) == 4:
            self._newest.popitem()
        return outcome

    monkeypatch.setattr(Ledger, "add", add)


def test_a_thorough_world_finds_at_once_what_others_find_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    forget_authors(monkeypatch)
    later, once = found(world(), "check"), found(world(thorough=True), "check")
    assert once.moment < later.moment


_PROGRAM = """
import sys
from tallyp2p.simulator.reading import parse
from tallyp2p.simulator.world import World
print(World(parse(sys.stdin.read(), "w")).run().trace_hash)
"""


def test_the_trace_does_not_depend_on_pythons_hashes() -> None:
    spec = world(
        links=ROUGH,
        churn=Churn(every=3.0, down=2.0, begin=3.0, end=9.0),
        groups=(Group("a", (0, 1)), Group("b", (2, 3, 4))),
        partitions=(Partition(5.0, 8.0, ("a", "b")),),
        hostile=(Hostile((4,), Hostility.GARBAGE),),
    )
    hashes = [
        subprocess.run(
            [sys.executable, "-c", _PROGRAM],
            input=to_toml(spec),
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    ]
    assert hashes[0] == hashes[1] == World(spec).run().trace_hash + "\n"


def test_pythons_own_generators_are_left_alone() -> None:
    before, arrays = random.getstate(), np.random.get_state(legacy=False)
    World(world(links=ROUGH)).run()
    assert random.getstate() == before
    assert str(np.random.get_state(legacy=False)) == str(arrays)


def test_a_sealed_world_checks_signatures() -> None:
    run = replace(BROADCAST, seal=Seal.ED25519)
    hostile = (Hostile((2,), Hostility.EQUIVOCATE),)
    spec = world(run=run, exact=True, timing=Timing(rounds=8), hostile=hostile)
    result = World(spec).run()
    assert result.finish["completed"] == 5 and result.annulled == 4
    assert result.bytes["votes"]["message"] - result.bytes["votes"]["payload"] > 64 / 2


def test_progress_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallyp2p.simulator.world._EACH", 100)
    seen: list[float] = []
    World(world(peers=8)).run(lambda w: seen.append(w.clock.now))
    assert seen and seen == sorted(seen)


def test_the_limit_ends_a_world_that_would_go_on() -> None:
    with pytest.raises(Violation, match="'complete' broken at .* peer 0 is in round"):
        World(world(limit=5.0)).run()


FOUND = sorted((Path(__file__).parent / "found").glob("*.toml"))


@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.stem)
def test_what_a_hunt_has_found_once_holds(path: Path) -> None:
    assert World(load(path)).run().rounds["closed_most"]


# --- seeded defects -------------------------------------------------------------------------


def found(spec: WorldSpec, name: str) -> Violation:
    """The violation that a world shows, twice at the same moment."""
    caught = []
    for _ in range(2):
        with pytest.raises(Violation) as info:
            World(spec).run()
        caught.append(info.value)
    assert caught[0].name == name == caught[1].name
    assert str(caught[0]) == str(caught[1])
    return caught[0]


def test_a_lost_repair_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Repair, "on_have", lambda self, have: [])
    monkeypatch.setattr(Rounds, "questions", lambda self, now: [])
    monkeypatch.setattr(Rounds, "wake_at", lambda self: None)
    timing = Timing(rounds=40, gossip_interval=1.0, pace=Pace.FREE)
    violation = found(world(timing=timing, links=Link(loss=0.1)), "nothing lost")
    assert "replay it with: tallyp2p simulate world --seed 0" in str(violation)


def test_a_double_count_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Ledger.ballots
    monkeypatch.setattr(Ledger, "ballots", lambda self, r: honest(self, r)[:1] + honest(self, r))
    found(world(), "one ballot")


def test_a_stalled_round_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Rounds.closes
    monkeypatch.setattr(Rounds, "closes", lambda self, now: self.round != 6 and honest(self, now))
    found(world(timing=Timing(rounds=24, deadline=4.0), check=False), "deadline")


def test_ballots_forgotten_on_restart_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A peer that votes otherwise after a restart although it says that it keeps its ballots."""
    crash = Crash((1,), at=5.0, restart_after=0.3)
    honest = World._vote

    def forgetful(self: World, host: object, round: int) -> object:
        self._forgot[1] = len(self.hosts) - 5
        self._disk.clear()
        return honest(self, host, round)  # type: ignore[arg-type]

    monkeypatch.setattr(World, "_vote", forgetful)
    monkeypatch.setattr("tallyp2p.gossip.joining.Joining.decide", _at_zero)
    spec = world(crashes=(crash,), links=Link(loss=0.2))
    found(spec, "one ballot")


def _at_zero(self: object, now: float, *, complete: bool) -> bool:
    if self.start is None:  # type: ignore[attr-defined]
        self.start = 0  # type: ignore[attr-defined]
        return True
    return False


def test_a_machine_that_disagrees_with_itself_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_authors(monkeypatch)
    found(world(), "check")


def test_an_exception_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def digest(self: object, round: int) -> object:
        raise KeyError(round)

    monkeypatch.setattr(Repair, "digest", digest)
    assert "KeyError" in str(found(world(), "no exceptions"))


def test_the_result_is_json() -> None:
    result = World(world()).run()
    assert json.loads(json.dumps(result.as_json(), allow_nan=False))["trace_hash"]
