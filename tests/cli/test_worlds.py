"""What is said of a world besides its result (the rest is in test_simulate)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tallyp2p.cli.worlds import Simulation, told_progress, troubles
from tallyp2p.simulator.reading import parse

WORLD = "peers = 4\n[[crashes]]\npeers = [1]\nat = 5.0\nrestart_after = 1.0\n"


def test_troubles_are_named_in_order() -> None:
    spec = parse(WORLD + "[churn]\nevery = 3.0\n[[freezes]]\npeers = [0,1,2,3]\nbegin = 1\n", "w")
    assert [(begin, name) for begin, _, name in troubles(spec)] == [
        (1.0, "frozen 0, 1, 2, 3"),
        (5.0, "crash 1"),
        (5.0, "churn"),
    ]


def test_real_learners_are_reported_to_people_and_kept(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tallyp2p.cli.worlds._LOG_EVERY", 0.0)
    learners = '[learners]\nkind = "real"\nsettings = ["evaluate_every=8"]\n'
    spec = parse("peers = 3\n[timing]\nrounds = 16\n" + learners, "w.toml")
    out = tmp_path / "out"
    assert Simulation(spec, None, "", False, out).run() == 0
    told = capsys.readouterr()
    assert "of the test set" in told.out and "gain\n" in told.out
    assert "after 8 rounds " in told.err and "right (alone " in told.err
    files = {"world.toml", "result.json", "rounds.png", "accuracy.png"}
    assert {path.name for path in out.iterdir()} == files
    learnt = json.loads((out / "result.json").read_text())["learnt"]
    assert len(learnt["swarm"]["per_peer"]) == 3 and learnt["curve"][-1]["rounds"] == 16
    assert parse((out / "world.toml").read_text(), "again") == spec


def test_progress_is_no_wider_than_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    told_progress("x" * 200, terminal=True)
    assert capsys.readouterr().err == "\r" + "x" * 79  # click takes codes out, here
    told_progress("x" * 200, terminal=False)
    assert capsys.readouterr().err == "x" * 200 + "\n"


def test_a_world_without_anybody_is_summed_up(capsys: pytest.CaptureFixture[str]) -> None:
    spec = parse("peers = 2\n[[crashes]]\npeers = [0, 1]\nat = 3.0\n", "w.toml")
    assert Simulation(spec, None, "", False, None).run() == 0
    assert "ballots closed  by nobody who is honest and there; " in capsys.readouterr().out


def test_it_is_said_when_no_ledgers_were_compared(capsys: pytest.CaptureFixture[str]) -> None:
    text = 'peers = 2\n[run]\nspreading = "broadcast"\n[timing]\nrounds = 16\n'
    assert Simulation(parse(text, "w.toml"), None, "", False, None).run() == 0
    assert "held at the end nothing compared: too soon" in capsys.readouterr().out
