"""`tallyp2p simulate`: worlds from files, results for people and programs, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tallyp2p.cli.errors import Session, told
from tallyp2p.cli.main import cli
from tallyp2p.simulator.reading import load

WORLD = """
peers = 4
[run]
spreading = "broadcast"
[timing]
rounds = 160
[voting]
training = 3.0
[[crashes]]
peers = [1]
at = 5.0
restart_after = 1.0
"""


@pytest.fixture
def world(tmp_path: Path) -> Path:
    path = tmp_path / "a world.toml"
    path.write_text(WORLD)
    return path


def run(*args: str) -> int:
    session = Session()
    arguments = ["simulate", *args]
    return told(
        lambda: cli.main(arguments, "tallyp2p", standalone_mode=False, obj=session), session
    )


def test_a_world_is_run_and_summed_up(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(world)) == 0
    text = capsys.readouterr().out
    for word in ("4 completed", "virtual s in", "bytes sent", "equal ledgers of 4 survivors"):
        assert word in " ".join(text.split())
    assert "trace" in text


def test_the_same_seed_gives_the_same_json(world: Path, capsys: pytest.CaptureFixture[str]) -> None:
    outputs = []
    for seed in ("3", "3", "4"):
        assert run(str(world), "--seed", seed, "--json") == 0
        outputs.append(json.loads(capsys.readouterr().out))
    assert outputs[0] == outputs[1] and outputs[0]["seed"] == 3
    assert outputs[0]["trace_hash"] != outputs[2]["trace_hash"]


def test_files_are_kept(world: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert run(str(world), "--set", "links.loss=0.1", "--out", str(out)) == 0
    assert {path.name for path in out.iterdir()} == {"world.toml", "result.json", "rounds.png"}
    assert load(out / "world.toml") == load(world, {"links.loss": 0.1})
    assert json.loads((out / "result.json").read_text())["finish"]["completed"] == 4
    assert run(str(world), "--out", str(out)) == 2  # not empty


def test_the_world_that_is_kept_is_the_one_that_was_run(
    world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, hashes = tmp_path / "out", []
    for arguments in ([str(world), "--seed", "7", "--out", str(out)], [str(out / "world.toml")]):
        assert run(*arguments, "--json") == 0
        hashes.append(json.loads(capsys.readouterr().out)["trace_hash"])
    assert hashes[0] == hashes[1]


def test_a_violation_fails_with_a_line_that_replays_it(
    world: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(str(world), "--set", "limit=9", "--json") == 1
    told = capsys.readouterr()
    violated = json.loads(told.out)["violated"]
    assert violated["invariant"] == "complete"
    line = violated["replay"]
    assert line == f"tallyp2p simulate '{world}' --seed 0 --set limit=9"
    assert f"replay it with: {line}" in told.err
    command = f"{sys.executable} -m tallyp2p.cli {line.removeprefix('tallyp2p ')}"
    again = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert again.returncode == 1 and "'complete' broken at " in again.stderr


@pytest.mark.parametrize(
    "arguments, says",
    [
        ([], "name a WORLD.toml"),
        (["nothing.toml"], "no world is at nothing.toml"),
        (["{world}", "--set", "links.los=1"], "did you mean loss?"),
        (["{world}", "--set", "peers"], "is not of the form"),
        (
            ["{world}", "--set", "links.loss=2"],
            "toml with --set links.loss) cannot be used",
        ),
        (["{world}", "--seed", "-1"], "is not in the range"),
        (["{world}", "{world}"], "name one WORLD.toml only"),
        (["--hunt", "nan"], "--hunt needs a number"),
    ],
)
def test_what_cannot_be_used_is_refused(
    world: Path, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*(text.format(world=world) for text in arguments)) == 2
    assert says in capsys.readouterr().err


def test_all_settings_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--keys") == 0
    text = capsys.readouterr().out
    assert "links.loss                share of messages that are lost" in text
    assert "run.*                     as of real peers: seed, classes, " in text
    assert "timing.*                  as of real peers: rounds, pace, " in text
