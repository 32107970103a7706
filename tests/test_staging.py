"""Worlds with real learners: how they are put together, and that faults reach the learners."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tallyp2p.assemble import build, shard_seat, swarm_profile
from tallyp2p.bits import unpack
from tallyp2p.consensus.probes import derive
from tallyp2p.errors import SettingsError
from tallyp2p.learning.builder import use_one_thread
from tallyp2p.parameters import Seal, Spreading, Timing
from tallyp2p.payloads import author_of
from tallyp2p.simulator.learners import Voter
from tallyp2p.simulator.reading import parse
from tallyp2p.simulator.spec import Crash, Freeze, Hostile, Hostility, Slow, WorldSpec
from tallyp2p.simulator.voters import Electorate
from tallyp2p.simulator.world import World
from tallyp2p.staging import Crew, elsewhere, profile_of, stage
from tests.learning.playing import go

use_one_thread()

REAL = """
peers = 4
[timing]
rounds = 32
[learners]
kind = "real"
settings = ["learning.evaluate_every=16", "learning.warmup=4", "abstain_below=0.5"]
"""


def real(text: str = "", **changes: Any) -> WorldSpec:
    return replace(parse(REAL + text, "world.toml"), **changes)


def crew(world: World) -> Crew:
    assert isinstance(world.learners, Crew)
    return world.learners


def steps(world: World, peer: int) -> int:
    return crew(world).crowd.of(peer).inner.learner.trainer.steps


def test_a_world_of_voters_needs_neither_torch_nor_sockets() -> None:
    program = (
        "import sys; from tallyp2p.staging import stage; from tallyp2p.simulator.spec import *;"
        "stage(WorldSpec(peers=3)); print({'torch', 'zmq'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "set()\n", done.stderr
    assert isinstance(stage(WorldSpec(peers=3)).learners, Electorate)


def test_real_learners_train_and_are_reported() -> None:
    result = stage(real()).run()
    learnt = result.learnt
    assert learnt is not None and result.accuracy == {"voter": None, "tally": None}
    assert [point["rounds"] for point in learnt["curve"]] == [16, 32]
    assert learnt["curve"][-1]["swarm"]["mean"] == pytest.approx(learnt["swarm"]["mean"])
    assert learnt["swarm"]["mean"] > learnt["alone"]["mean"] > 0.15
    assert learnt["swarm"]["mean"] == pytest.approx(np.mean(learnt["swarm"]["per_peer"]))
    json.dumps(result.as_json(), allow_nan=False)


@pytest.mark.parametrize("stacked", [True, False])
def test_the_same_seed_gives_the_same_world(stacked: bool) -> None:
    spec = real(timing=Timing(rounds=16))
    spec = replace(spec, learners=replace(spec.learners, stacked=stacked))
    one, same, other = (stage(spec, seed) for seed in (3, 3, 4))
    hashes = [world.run().trace_hash for world in (one, same, other)]
    assert hashes[0] == hashes[1] != hashes[2]
    digests = [crew(world).crowd.digests(2) for world in (one, same, other)]
    assert digests[0] == digests[1] != digests[2]


def test_a_world_is_the_swarm_of_its_profile_and_seed() -> None:
    """Broadcast and lockstep: everybody learns from everybody, whatever the network does."""
    rough = '[links]\njitter = 0.3\nreorder = 0.3\n[run]\nspreading = "broadcast"\n'
    spec = real(rough, seed=7)
    spec = replace(spec, learners=replace(spec.learners, stacked=False))
    world = stage(spec)
    world.run()
    profile = swarm_profile(profile_of(spec, 7))
    built = [build(profile, index) for index in range(4)]
    assert world.spec.run == built[0].run
    assert replace(world.spec.timing, quorum=4) == profile.timing
    for index, host in world.peers.items():
        assert host.machine.author == author_of(shard_seat(profile, index).secret)
    go([one.contributor for one in built], built[0].run, 0, 32)
    for index, one in enumerate(built):
        mine = crew(world).crowd.digests(index)
        assert mine == one.digests()  # of ballots, tallies and weights


def test_of_run_and_timing_the_world_says_what_differs() -> None:
    spec = real("[run]\ndegree = 3\nview = 4\n", peers=5)
    spec = replace(spec, learners=replace(spec.learners, profile="free"))
    profile = profile_of(spec, 9)
    assert (profile.run.degree, profile.run.view, profile.run.probes) == (3, 4, 32)
    assert (profile.timing.rounds, profile.timing.staleness) == (32, 8)
    assert (profile.timing.pace, profile.seed, profile.peers) == ("free", 9, 5)
    paper = replace(real(), learners=replace(spec.learners, profile="paper"))
    assert profile_of(paper, 9).run.spreading is Spreading.BROADCAST


def test_a_profile_lies_beside_its_world(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("[learning]\nlr = 0.5\n[data]\nshard = 20\n")
    spec = replace(real(), name=str(tmp_path / "world.toml"))
    spec = replace(spec, learners=replace(spec.learners, profile="mine.toml"))
    profile = profile_of(spec, 0)
    assert (profile.learning.lr, profile.data.shard, profile.learning.warmup) == (0.5, 20, 4)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[run]\npool = 777\n", "run.pool in world.toml follows from the seed and the data"),
        ("[run]\nseed = 3\n", "run.seed in world.toml follows"),
        ('device = "abacus"\n', "learners.device = abacus cannot be used"),
        ('profile = "nothing"\n', "no profile and no file is called nothing"),
    ],
)
def test_what_cannot_be_is_refused(text: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        stage(real(text))


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ("learning.ls=3", r"no setting learning.ls \(from learners.settings in world.toml\)"),
        ("data.shard=2000", "data.shard = 2000 cannot be drawn"),
        ("lr", "not of the form"),
    ],
)
def test_settings_are_checked_as_a_profiles_are(settings: str, says: str) -> None:
    spec = real()
    with pytest.raises(SettingsError, match=says):
        stage(replace(spec, learners=replace(spec.learners, settings=(settings,))))


@pytest.mark.parametrize("disk", [True, False])
def test_a_crash_takes_what_was_learnt_unless_there_is_a_disk(disk: bool) -> None:
    spec = real(crashes=(Crash((1,), at=1.6, restart_after=0.3, disk=disk),))
    settings = (*spec.learners.settings, "evaluate_every=8")  # each ballot is measured
    world = stage(replace(spec, learners=replace(spec.learners, settings=settings)))
    result = world.run()
    assert result.lives == 5 and result.finish["completed"] == 4
    learnt = [one.rounds for one in crew(world).crowd.curve if one.peer == 1]
    assert learnt[0] == 8 and learnt[-1] == 32
    if disk:
        assert learnt == sorted(set(learnt)) and steps(world, 1) == 8 * 5 * len(learnt)
    else:
        assert 8 * 5 <= steps(world, 1) <= 8 * 5 * (len(learnt) - 1)


def test_nothing_on_a_disk_is_learnt_twice() -> None:
    world = stage(real())
    host, learners = world.peers[0], crew(world)
    voter = Voter(0, host.machine.author)
    learners.vote(voter, 0)
    learners.learn(voter, 0, [])
    learners.learn(voter, 0, [])
    learners.crowd.catch_up()
    assert steps(world, 0) == 40
    learners.learn(Voter(0, host.machine.author, life=1), 0, [])
    learners.crowd.catch_up()
    assert steps(world, 0) == 40 and len(learners.crowd.curve) == 0


@pytest.mark.parametrize(
    ("profile", "run"),
    [
        ("margin", {"exact": True}),
        ("free", {}),
        ("broadcast", {"exact": True, "seal": Seal.ED25519}),
        ("default", {"view": 4}),
    ],
)
def test_every_kind_of_run_has_real_learners(profile: str, run: dict[str, Any]) -> None:
    spec = real(peers=6, exact=run.pop("exact", False), timing=Timing(rounds=16))
    spec = replace(
        spec,
        learners=replace(spec.learners, profile=profile),
        run=replace(spec.run, **run),
    )
    result = stage(spec).run()
    assert result.finish["completed"] == 6
    assert result.learnt is not None and result.learnt["swarm"]["mean"] > 0.15


def test_frozen_and_slow_learners_come_to_the_end() -> None:
    spec = real(freezes=(Freeze((2,), 0.5, 3.0),), slow=(Slow((3,), 0.0, 4.0),))
    world = stage(spec)
    assert world.run().finish["completed"] == 4
    assert steps(world, 0) == 32 * 5


def test_who_means_harm_never_says_what_it_believes_and_never_nothing() -> None:
    spec = real(hostile=(Hostile((3,), Hostility.WRONG),))
    world = stage(spec)
    result = world.run()
    assert result.learnt is not None and result.learnt["swarm"]["per_peer"][3] is None
    run, learners = world.spec.run, crew(world)
    voter = Voter(3, world.peers[3].machine.author)
    ids = derive(run, 64)
    honest = unpack(learners.vote(voter, 64).votes, len(ids), run.bits)
    turned = unpack(learners.vote(voter, 64, wrong=True).votes, len(ids), run.bits)
    unsure = honest == run.classes
    assert unsure.any() and not unsure.all()
    assert np.array_equal(turned[~unsure], (honest[~unsure] + 1) % run.classes)
    assert np.array_equal(turned[unsure], ids[unsure] % run.classes)


def test_a_world_that_is_kept_elsewhere_finds_its_profile(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("[data]\nalpha = 0.5\n")
    text = '[learners]\nkind = "real"\nprofile = "mine.toml"\n'
    spec = elsewhere(parse(text, str(tmp_path / "world.toml")))
    assert spec.learners.profile == str(tmp_path / "mine.toml")
    there = parse(text, "other/world.toml")
    there = replace(there, learners=spec.learners)
    assert profile_of(there, 0).data.alpha == 0.5
    preset = parse(REAL, "w.toml")
    assert elsewhere(preset) == preset
