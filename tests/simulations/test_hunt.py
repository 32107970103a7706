"""The record of ten thousand seeds: made by its command, gone on with, and told as it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simulations import hunt
from tallyp2p.simulator.hunting import Broken, Lived


def test_a_hunt_is_recorded_and_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(hunt, "QUICK", hunt.QUICK[:1])
    assert hunt.main(["--quick", "--out", str(tmp_path)]) == 0
    monkeypatch.setattr(hunt, "QUICK", [*hunt.QUICK, {"first": 10, "worlds": 2}])
    assert hunt.main(["--quick", "--out", str(tmp_path)]) == 0
    told = capsys.readouterr()
    assert "1 of 1: seeds 10 to 11, 0 violated" in told.err and "| 12 | 0 |" in told.out
    rows = json.loads((tmp_path / "hunt.json").read_text())["rows"]
    assert [row["settings"]["first"] for row in rows] == [0, 10]


def test_what_is_violated_fails_and_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = Broken("tally", 3, 1.0, "what", "tallyp2p simulate --mix --seed 3")
    monkeypatch.setattr(hunt, "live", lambda spec: Lived(3, ("loss",), 1.0, 1, False, broken))
    monkeypatch.setattr(hunt, "QUICK", [{"first": 3, "worlds": 1}])
    assert hunt.main(["--quick", "--out", str(tmp_path)]) == 1
    assert "'tally': what: tallyp2p simulate --mix --seed 3" in capsys.readouterr().err


def test_the_seeds_are_all_from_0_to_9999() -> None:
    seeds = [s for c in hunt.CELLS for s in range(c["first"], c["first"] + c["worlds"])]
    assert seeds == list(range(10_000))


@pytest.mark.parametrize("arguments", [["--quick"], ["--jobs", "0"]])
def test_what_cannot_be_used_is_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as info:
        hunt.main(arguments)
    assert info.value.code == 2
