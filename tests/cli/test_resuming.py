"""What is looked at before a run goes on, and whole swarms that go on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from random import Random

import pytest

from tallyp2p.assemble import author, build, shard_seat
from tallyp2p.cli.resuming import CONFIG, check_same, check_unfinished, plan
from tallyp2p.cli.rundirs import write_config
from tallyp2p.errors import SettingsError
from tallyp2p.keeping import kept_rounds, recall
from tallyp2p.profiles import load
from tallyp2p.reporting.rundir import peer_dir
from tallyp2p.simulator.spec import Kind, Learning, WorldSpec
from tallyp2p.staging import Crew, stage
from tallyp2p.storage.generations import Generations
from tests.cli.test_swarm import anybody_left, command, lines, rounds, start, summary_of
from tests.waiting import LONG, until

PROFILE = load("default", {"peers": 2, "rounds": 40, "checkpoint.every": 1})


def directory(run: Path, *kept: list[int]) -> Path:
    run.mkdir(exist_ok=True)
    write_config(run, PROFILE)
    for index, own in enumerate(kept):
        for round in own:
            Generations(peer_dir(run, index) / "checkpoints").save(round, b"%d" % round)
    return run


def test_other_settings_are_refused_with_the_difference(tmp_path: Path) -> None:
    run = directory(tmp_path)
    check_same(run, PROFILE)
    check_same(run, load(run / CONFIG, {"network.listen": "tcp://127.0.0.2:*"}))
    with pytest.raises(SettingsError, match="other settings: there seed = 0, not 3"):
        check_same(run, load(run / CONFIG, {"seed": 3}))
    with pytest.raises(SettingsError, match="not the directory of a run"):
        check_same(tmp_path / "nowhere", PROFILE)


def test_a_finished_run_says_so(tmp_path: Path) -> None:
    run = directory(tmp_path, [32, 40], [40])
    with pytest.raises(SettingsError, match="is finished: all 2 peers have made their 40 rounds"):
        plan(run, PROFILE)
    with pytest.raises(SettingsError, match="is finished: its peer has made its 40 rounds"):
        check_unfinished(run, 1)
    check_unfinished(directory(tmp_path / "other", [32]), 0)
    check_unfinished(tmp_path / "nowhere", 0)


def test_a_swarm_goes_on_from_the_newest_round_that_all_have(tmp_path: Path) -> None:
    run = directory(tmp_path, [16, 24, 32], [8, 16, 24])
    (run / "rendezvous").mkdir()
    (run / "rendezvous" / "00.endpoint").write_text("tcp://127.0.0.1:1")
    found = plan(run, PROFILE)
    assert (found.at, found.said) == (24, "all peers go on from round 24")
    assert not list((run / "rendezvous").iterdir()), "nobody is there any more"
    assert plan(directory(tmp_path / "new", [8], []), PROFILE).at == 0
    apart = plan(directory(tmp_path / "apart", [32], [8]), PROFILE)
    assert apart.at is None and "from rounds 32, 8" in apart.said


# --- whole swarms -----------------------------------------------------------------------------

ROUNDS = 96
LENGTH = ["--peers", "3", "--rounds", str(ROUNDS), "--set", "learning.warmup=8"]


def made(run: Path, index: int) -> list[int]:
    return [told["round"] for told in lines(run, index) if told["event"] == "round"]


def resumed(run: Path) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        command("swarm", "--resume", str(run), "--quiet"), capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done


def kill(swarm: subprocess.Popen[str]) -> None:
    """The launcher and all peers at once, as by a power cut."""
    os.killpg(swarm.pid, signal.SIGKILL)
    swarm.communicate()
    until(lambda: not anybody_left(swarm.pid))


@pytest.mark.slow
@pytest.mark.parametrize(("profile", "kills"), [("default", 2), ("broadcast", 1)])
def test_a_swarm_killed_at_any_moment_ends_as_if_it_had_not_been(
    tmp_path: Path, profile: str, kills: int
) -> None:
    """Weights, tallies and ballots bit for bit those of a run without a break, which is made in
    virtual time (tests/cli/test_swarm.py holds the two equal); every line of metrics once."""
    settings = [*LENGTH, "--profile", profile, "--set", "checkpoint.every=2", "--quiet"]
    broken = tmp_path / "broken"
    seed = time.time_ns() % 1000
    chance = Random(seed)
    swarm = start(*settings, "--out", str(broken))
    for _ in range(kills):  # killed, resumed, perhaps killed once more
        reached = rounds(broken, 1)
        until(lambda before=reached: rounds(broken, 1) > min(before + 1, 9))  # type: ignore[misc]
        time.sleep(chance.random() * 0.05)  # somewhere in a ballot; not all on a quick host
        kill(swarm)
        swarm = subprocess.Popen(
            command("swarm", "--resume", str(broken), "--quiet"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
    _, errors = swarm.communicate(timeout=120)
    assert swarm.returncode == 0, (seed, errors)
    config = str((broken / CONFIG).absolute())
    world = stage(WorldSpec(peers=3, learners=Learning(Kind.REAL, config, stacked=False)))
    world.run()
    assert isinstance(world.learners, Crew)
    for index in range(3):
        ended = lines(broken, index)[-1]["digests"]
        assert ended == world.learners.crowd.digests(index), (seed, index)
        assert made(broken, index) == list(range(0, ROUNDS, 8)), (seed, index)
    again = subprocess.run(
        command("swarm", "--resume", str(broken)), capture_output=True, text=True
    )
    assert again.returncode == 2 and "is finished" in again.stderr
    other_settings = subprocess.run(
        command("swarm", "--resume", str(broken), "--rounds", "200"), capture_output=True, text=True
    )
    assert other_settings.returncode == 2
    assert f"there timing.rounds = {ROUNDS}, not 200" in other_settings.stderr


@pytest.mark.slow
def test_an_interrupted_swarm_goes_on_also_where_a_state_was_damaged(tmp_path: Path) -> None:
    run = tmp_path / "run"
    settings = [*LENGTH, "--set", "checkpoint.every=2", "--quiet"]
    swarm = start(*settings, "--out", str(run))
    until(lambda: rounds(run, 0) >= 5)
    kept = [kept_rounds(run, index) for index in range(3)]
    assert all(kept)
    pids = [lines(run, index)[0]["pid"] for index in range(3)]
    for pid in pids:  # or a quick host would be done before the other command has started
        os.kill(pid, signal.SIGSTOP)
    in_use = subprocess.run(command("swarm", "--resume", str(run)), capture_output=True, text=True)
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    assert in_use.returncode == 2 and "still run (0, 1, 2)" in in_use.stderr
    os.killpg(swarm.pid, signal.SIGINT)
    swarm.communicate(timeout=LONG)
    newest = Generations(peer_dir(run, 2) / "checkpoints").found()[0]
    assert kept_rounds(run, 2)[0] >= kept[2][0], "the last state was kept on the way out"
    newest.path.write_bytes(b"damaged")
    resumed(run)
    assert summary_of(run)["completed"]
    for index in range(3):
        assert made(run, index) == list(range(0, ROUNDS, 8))
    assert summary_of(run)["rounds"] == ROUNDS


@pytest.mark.slow
def test_a_peer_told_to_leave_amid_training_goes_on_from_exactly_there(tmp_path: Path) -> None:
    slow = ["--set", "timing.rounds=9000", "--set", "learning.local_steps=20", "--set", "peers=2"]
    here, there = tmp_path / "here", tmp_path / "there"

    def peer(*args: str) -> subprocess.Popen[str]:
        return subprocess.Popen(command("peer", *args), stdout=subprocess.PIPE, text=True)

    first = peer(*slow, "--shard", "0/2", "--out", str(here))
    second = again = None
    try:
        until(lambda: bool(lines(here, 0)))
        endpoint = lines(here, 0)[0]["endpoint"]
        second = peer(*slow, "--shard", "1/2", "--seed", endpoint, "--out", str(there))
        until(lambda: rounds(there, 1) >= 2)
        told = time.monotonic()
        second.send_signal(signal.SIGTERM)
        assert second.wait(LONG) == 0
        assert time.monotonic() - told < 5  # as promised, also amid a training step
        ended = json.loads((peer_dir(there, 1) / "summary.json").read_text())
        # What it left on the disk is what it was, bit for bit.
        profile = load(there / CONFIG)
        built = build(profile, 1)
        whose = author(shard_seat(profile, 1), built.run)
        recalled = recall(peer_dir(there, 1), profile, built.run, whose, built)
        recalled.keeper.close()
        # (On a very busy host the step may have been given up: then there are no digests.)
        assert ended["digests"] in (None, built.digests())
        assert recalled.resumed is not None and recalled.resumed.round == ended["rounds"]
        again = peer("--resume", str(there))
        until(lambda: rounds(there, 1) >= ended["rounds"] // 8 + 2)
        for left in (again, first):
            left.send_signal(signal.SIGTERM)
            assert left.wait(LONG) == 0
        assert again.stdout is not None
        output = again.stdout.read()
        assert f"going on from round {ended['rounds']}, as kept in {there}" in output
    finally:
        for process in (first, second, again):
            if process is not None and process.poll() is None:
                process.kill()
            if process is not None and process.stdout is not None:
                process.stdout.close()
    numbers = made(there, 1)
    assert numbers == sorted(set(numbers)) and numbers[-1] > ended["rounds"]
