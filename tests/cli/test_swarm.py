"""`tallyp2p swarm` with real processes: a whole run, Ctrl-C, and a peer that is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest
import zmq

from tallyp2p.assemble import shard_seat
from tallyp2p.profiles import load
from tallyp2p.simulator.spec import Kind, Learning, Link, WorldSpec
from tallyp2p.staging import Crew, stage
from tallyp2p.wire.keys import identity_text
from tallyp2p.wire.seal import identity_of
from tests.waiting import LONG, until

SHORT = ["--peers", "3", "--rounds", "32", "--set", "learning.warmup=8"]
ENDLESS = ["--peers", "3", "--rounds", "1000000"]


def command(*args: str) -> list[str]:
    return [sys.executable, "-m", "tallyp2p.cli", *args]


def start(*args: str, by: Sequence[str] = ("-m", "tallyp2p.cli")) -> subprocess.Popen[str]:
    """The command in a process group of its own, like a shell's foreground job."""
    return subprocess.Popen(
        [sys.executable, *by, "swarm", *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def lines(run: Path, index: int) -> list[dict[str, Any]]:
    path = run / f"peer-{index:02d}" / "metrics.jsonl"
    text = path.read_text() if path.exists() else ""
    return [json.loads(line) for line in text.split("\n")[:-1] if line]


def rounds(run: Path, index: int) -> int:
    return sum(line["event"] == "round" for line in lines(run, index))


def anybody_left(group: int) -> bool:
    """Whether any process of a process group lives."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def summary_of(run: Path) -> dict[str, Any]:
    summary: dict[str, Any] = json.loads((run / "summary.json").read_text())
    return summary


@pytest.mark.slow
def test_run_ends_with_one_json_object_and_can_be_repeated_also_in_virtual_time(
    tmp_path: Path,
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    done = subprocess.run(
        command("swarm", *SHORT, "--seed", "4", "--json", "--out", str(first)),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary == summary_of(first)
    assert (summary["peers"], summary["rounds"], summary["completed"]) == (3, 32, True)
    assert load(first / "config.toml") == load(
        "default", {"peers": 3, "rounds": 32, "learning.warmup": 8, "seed": 4}
    )
    for name in ("curves.png", "bytes.png"):
        assert (first / name).read_bytes().startswith(b"\x89PNG")

    config = ["--config", str(first / "config.toml"), "--out", str(second), "--quiet"]
    again = subprocess.run(command("swarm", *config), capture_output=True, text=True)
    assert again.returncode == 0, again.stderr
    repeated = summary_of(second)
    assert repeated["accuracy"] == summary["accuracy"]
    assert repeated["bytes"]["votes"]["payload"] == summary["bytes"]["votes"]["payload"]
    figures = [
        [(line["round"], line["figures"]) for line in lines(run, 1) if line["event"] == "round"]
        for run in (first, second)
    ]
    assert figures[0] == figures[1]
    for index in range(3):  # ballots, tallies and weights, byte for byte
        digests = [lines(run, index)[-1]["digests"] for run in (first, second)]
        assert digests[0] == digests[1] and set(digests[0]) == {"ballots", "tallies", "weights"}

    rough = Link(delay=0.05, jitter=0.3, reorder=0.3, double=0.1)
    learners = Learning(Kind.REAL, str((first / "config.toml").absolute()), stacked=False)
    world = stage(WorldSpec(peers=3, seed=4, links=rough, learners=learners))
    world.run()
    assert isinstance(world.learners, Crew)
    simulated = [world.learners.crowd.digests(index) for index in range(3)]
    assert simulated == [lines(first, index)[-1]["digests"] for index in range(3)]


@pytest.mark.slow
def test_an_encrypted_swarm_counts_what_that_costs(tmp_path: Path) -> None:
    """CURVE-2: seats of a swarm are keys, and their endpoints name them."""
    sealed = ("--set", "run.seal=ed25519", "--set", "network.encrypt=true")
    run = tmp_path / "run"
    done = subprocess.run(
        command("swarm", "--peers", "2", "--rounds", "16", *sealed, "--json", "--out", str(run)),
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    sent = [peer["bytes"]["sent"] for peer in json.loads(done.stdout)["peers_detail"]]
    for channels in sent:
        votes = channels["votes"]
        assert votes["wire"] == votes["message"] + (33 + 2) * votes["messages"]
        control = channels["control"]
        shakes = control["wire"] - control["message"] - (33 + 2) * control["messages"]
        assert shakes >= 576 + 301  # HELLOs need the long form of lengths
    profile = load("default", {"peers": 2, "run.seal": "ed25519"})
    for index, event in enumerate(lines(run, 0)[:1] + lines(run, 1)[:1]):
        key = identity_text(identity_of(shard_seat(profile, index).secret))
        assert event["endpoint"].endswith("#" + key)


@pytest.mark.slow
def test_interrupt_stops_all_within_5_seconds_with_a_summary(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with start(*ENDLESS, "--out", str(run)) as swarm:
        until(lambda: rounds(run, 0) > 2)
        os.killpg(swarm.pid, signal.SIGINT)  # as a terminal does it: to all of them
        until(lambda: all(lines(run, i)[-1]["event"] == "finished" for i in range(3)), 5.0)
        out, err = swarm.communicate(timeout=LONG)
    assert swarm.returncode == 130, err
    assert "Traceback" not in err
    until(lambda: not anybody_left(swarm.pid))  # init reaps the fork server
    summary = summary_of(run)
    assert not summary["completed"]
    assert [peer["text"] for peer in summary["peers_detail"]] == ["stopped"] * 3
    assert "mean" in out


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "child"), [([], "multiprocessing.forkserver"), (["--spawn"], "spawn_main")]
)
def test_interrupt_in_the_midst_of_imports_shows_no_traceback(
    options: list[str], child: str, tmp_path: Path
) -> None:
    with start(*ENDLESS, *options, "--out", str(tmp_path / "run")) as swarm:

        def importing() -> bool:
            children = psutil.Process(swarm.pid).children()
            return any(child in " ".join(process.cmdline()) for process in children)

        until(importing)
        os.killpg(swarm.pid, signal.SIGINT)
        # A cold disk can hold up an import, which ends before its interrupt is heard.
        _, err = swarm.communicate(timeout=60)
    assert swarm.returncode == 130
    assert "Traceback" not in err and "Error" not in err
    until(lambda: not anybody_left(swarm.pid))


@pytest.mark.slow
def test_second_interrupt_ends_even_a_peer_that_hangs(tmp_path: Path) -> None:
    """The first one alone would wait for it: here for ten minutes."""
    run = tmp_path / "run"
    patient = "from tallyp2p.cli import main, watching; watching._GRACE = 600.0; main.main()"
    with start(*ENDLESS, "--out", str(run), by=["-c", patient]) as swarm:
        until(lambda: rounds(run, 0) > 0)
        os.kill(lines(run, 1)[0]["pid"], signal.SIGSTOP)
        os.killpg(swarm.pid, signal.SIGINT)
        until(lambda: lines(run, 0)[-1]["event"] == "finished")
        os.killpg(swarm.pid, signal.SIGINT)
        _, err = swarm.communicate(timeout=LONG)
    assert swarm.returncode == 130
    assert "Traceback" not in err
    until(lambda: not anybody_left(swarm.pid))


@pytest.mark.slow
def test_peers_outlive_their_launcher(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with start("--peers", "3", "--rounds", "240", "--out", str(run)) as swarm:
        until(lambda: rounds(run, 0) > 0)
        os.kill(swarm.pid, signal.SIGKILL)
        swarm.communicate()
    until(lambda: all(lines(run, index)[-1]["event"] == "finished" for index in range(3)))
    assert all(lines(run, index)[-1]["completed"] for index in range(3))


@pytest.mark.slow
def test_killed_peer_stalls_nobody_and_comes_back_and_all_lives_can_be_replayed(
    tmp_path: Path,
) -> None:
    run = tmp_path / "run"
    again = run / "peer-01" / "trace-2.jsonl"
    quick = ["--set", "timing.suspect_after=0.5", "--set", "timing.gone_after=2"]
    quick += ["--set", "timing.deadline=1"]
    with start(*ENDLESS, *quick, "--quiet", "--trace", "--out", str(run)) as swarm:
        until(lambda: rounds(run, 1) > 2)
        litter(lines(run, 0)[0]["endpoint"])
        until(lambda: (run / "peer-01" / "trace.jsonl").stat().st_size > 10_000)
        os.kill(lines(run, 1)[0]["pid"], signal.SIGKILL)
        at = rounds(run, 0)
        until(lambda: rounds(run, 0) > at + 20)
        before = len(lines(run, 1))
        with subprocess.Popen(
            command("peer", "--run", str(run), "--shard", "1/3", "--trace", str(again)),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as back:
            until(lambda: sum(line["event"] == "round" for line in lines(run, 1)[before:]) > 2)
            back.send_signal(signal.SIGTERM)
            _, err = back.communicate(timeout=LONG)
        assert back.returncode == 0, err
        os.killpg(swarm.pid, signal.SIGINT)
        _, err = swarm.communicate(timeout=LONG)
    assert swarm.returncode == 130, err
    detail = summary_of(run)["peers_detail"][1]
    assert detail["starts"] == 2
    starts = [line for line in lines(run, 1) if line["event"] == "started"]
    assert starts[0]["author"] == starts[1]["author"]

    lives = [str(run / f"peer-{index:02d}" / "trace.jsonl") for index in range(3)]
    done = subprocess.run(
        command("simulate", "--replay", "--json", *lives, str(again)),
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONHASHSEED": "77"},
    )
    assert done.returncode == 0, done.stderr
    ends = [life["ended"] for life in json.loads(done.stdout)["replays"]]
    assert ends == ["stopped: stopped", "cut", "stopped: stopped", "stopped: stopped"]
    refused = json.loads(done.stdout)["replays"][0]["events"]["trespassed"]
    assert refused >= 2


def litter(endpoint: str) -> None:
    """A stranger sends what is no message, and what may not come before HELLO."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as stranger:
        stranger.setsockopt(zmq.LINGER, 5000)
        stranger.connect(endpoint)
        stranger.send(b"\xff" * 100)
        stranger.send(b"\x04\x00" + bytes(8))


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("data.task=mnist", 'data.task = "mnist" (from the command line)'),
        ("learning.model=resnet", "model must be one of: mlp"),
        ("data.probes=1700", "too few for 10 peers"),
    ],
)
def test_what_does_not_ship_is_refused_before_anything_starts(
    setting: str, words: str, tmp_path: Path
) -> None:
    watched = (
        "import sys; from tallyp2p.cli.main import main\n"
        "try: main()\n"
        "finally: print('torch' in sys.modules)"
    )
    args = ["swarm", "--set", setting, "--out", str(tmp_path / "run")]
    done = subprocess.run([sys.executable, "-c", watched, *args], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "False\n")
    assert done.stderr.startswith("Error: ") and done.stderr.count("\n") == 1
    assert words in done.stderr
    assert not (tmp_path / "run").exists()


def test_only_the_directory_of_a_run_is_resumed(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("all my work")
    done = subprocess.run(
        command("swarm", "--resume", str(tmp_path)), capture_output=True, text=True
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "is not the directory of a run" in done.stderr


def test_directory_in_use_is_refused_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("all my work")
    done = subprocess.run(
        command("swarm", *SHORT, "--out", str(tmp_path)), capture_output=True, text=True
    )
    assert done.returncode == 2
    assert done.stderr.startswith("Error: ") and "not empty" in done.stderr
    assert done.stderr.count("\n") == 1
