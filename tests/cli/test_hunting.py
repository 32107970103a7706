"""`tallyp2p simulate --hunt` and `--mix`: summaries, replay lines, small worlds, exit codes."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tallyp2p.cli import hunting
from tallyp2p.simulator.hunting import Lived
from tallyp2p.simulator.reading import load
from tests.cli.test_simulate import run
from tests.simulator.defects import DEFECTS

FAST = ("--set", "check=false")


def test_worlds_are_run_and_summed_up(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--hunt", "--worlds", "3", "--seed", "0", *FAST) == 0
    text = capsys.readouterr().out
    for word in (
        "worlds",
        "virtual time",
        "held equal",
        "violated      nothing",
        "CPU s each",
        "--seed 0 --worlds 3",
    ):
        assert word in text


def test_the_sum_is_json_and_does_not_depend_on_the_processes(
    capsys: pytest.CaptureFixture[str],
) -> None:
    sums = []
    for jobs in ("1", "2"):
        hunt = ("--hunt", "--worlds", "4", "--seed", "2", "--jobs", jobs, "--json", *FAST)
        assert run(*hunt) == 0
        sums.append(json.loads(capsys.readouterr().out))
    for one in sums:
        assert one.pop("seconds") > 0 and one.pop("cpu_seconds") > 0
        one["virtual_seconds"] = round(one["virtual_seconds"])
    assert sums[0] == sums[1]
    assert sums[0]["worlds"] == 4 and sums[0]["first_seed"] == 2 and sums[0]["violated"] == []


def test_time_ends_a_hunt(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--hunt", "0.01", "--json", *FAST) == 0
    assert 1 <= json.loads(capsys.readouterr().out)["worlds"] < 100


def test_who_ends_a_hunt_is_told_what_it_has_seen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    honest = hunting._timed

    def timed(seed: int, settings: tuple[str, ...]) -> tuple[Lived, float]:
        if seed == 4:
            raise KeyboardInterrupt
        return honest(seed, settings)

    monkeypatch.setattr(hunting, "_timed", timed)
    assert run("--hunt", "--worlds", "9", "--seed", "2", "--json", *FAST) == 130
    assert json.loads(capsys.readouterr().out)["worlds"] == 2


def test_a_failure_is_told_made_small_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tallyp2p.cli.hunting._SHRINK", 3.0)
    DEFECTS["a double count"][0](monkeypatch)
    out = tmp_path / "found"
    assert run("--hunt", "--worlds", "9", "--seed", "0", "--out", str(out), *FAST) == 1
    told = capsys.readouterr()
    assert "invariant 'one ballot' broken at " in told.err
    assert "replay it with: tallyp2p simulate --mix --seed 0 --set check=false" in told.err
    path = out / "one-ballot-0.toml"
    assert f"replay that with: tallyp2p simulate {path}" in told.out
    text = path.read_text()
    assert text.startswith("# Invariant 'one ballot' is broken at ")
    assert load(path).peers <= 4
    assert run(str(path)) == 1  # the defect is still there


def test_all_failures_are_listed_by_invariant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tallyp2p.cli.hunting._SHRINK", 0.0)
    hunt = ("--hunt", "--worlds", "3", "--seed", "2", "--keep-going", "--out", str(tmp_path))
    assert run(*hunt, "--set", "limit=9", "--json") == 1
    violated = json.loads(capsys.readouterr().out)["violated"]
    assert [entry["seed"] for entry in violated] == [2, 3, 4]
    assert {entry["invariant"] for entry in violated} == {"complete"}
    assert [entry["seed"] for entry in violated if "shrunk" in entry] == [2]
    assert run(*hunt, "--set", "limit=9") == 1
    assert "'complete' by 3 (seeds 2, 3, 4)" in capsys.readouterr().out


def test_a_world_of_the_mix_is_replayed_by_its_line() -> None:
    command = [sys.executable, "-m", "tallyp2p.cli", "simulate", "--mix", "--seed", "5"]
    again = subprocess.run([*command, "--set", "limit=9"], capture_output=True, text=True)
    assert again.returncode == 1 and "invariant 'complete' broken at" in again.stderr
    assert "replay it with: tallyp2p simulate --mix --seed 5 --set limit=9" in again.stderr


@pytest.mark.parametrize(
    "arguments, says",
    [
        (["--mix"], "name the --seed"),
        (["--mix", "--seed", "1", "a.toml"], "name no file"),
        (["--hunt", "5", "--mix"], "takes neither"),
        (["--worlds", "5"], "belong to --hunt"),
        (["--hunt", "--worlds", "0"], "is not in the range"),
        (["--hunt", "--worlds", "1", "--set", "links.los=1"], "did you mean loss?"),
    ],
)
def test_what_cannot_be_used_is_refused(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*arguments) == 2
    assert says in capsys.readouterr().err
