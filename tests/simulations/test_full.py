"""The fault matrix at full size: worlds grow as they should, and the command does what it says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from simulations.adversity import full
from simulations.adversity.full import WORLDS, grown, main, picture, table
from tallyp2p.simulator.reading import load
from tallyp2p.simulator.spec import Churn, Crash, Group, Link, Slow, WorldSpec

FOLDER = Path(full.__file__).parent


def test_every_peer_is_there_four_times() -> None:
    spec = WorldSpec(
        peers=8,
        links=Link(bandwidth=1000.0),
        churn=Churn(every=4.0),
        groups=(Group("left", (0, 1)),),
        crashes=(Crash((3,), 5.0),),
        slow=(Slow((2,), work=0.2),),
    )
    big = grown(spec, 32)
    assert big.peers == 32 and big.crashes[0].peers == (3, 11, 19, 27)
    assert big.groups[0].peers == (0, 1, 8, 9, 16, 17, 24, 25)
    assert (big.links.bandwidth, big.churn.every, big.slow[0].work) == (4000.0, 1.0, 0.05)
    assert grown(big, 32) is big and grown(spec, 0) is spec


@pytest.mark.parametrize("world", WORLDS)
def test_every_world_can_grow(world: str) -> None:
    spec = load(FOLDER / f"{world}.toml")
    assert grown(spec, 32).peers == max(32, spec.peers)


def test_worlds_are_run_recorded_and_gone_on_with(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(full, "WORLDS", ("clocks", "leave"))
    command = ["--quick", "--out", str(tmp_path)]
    assert main(command) == 0
    told = capsys.readouterr()
    assert (
        "| `clocks` | 8 | 1 of 1 | 0.0%" in told.out and "2 of 2: leave, seed 0: held" in told.err
    )
    rows = json.loads((tmp_path / "adversity.json").read_text())["rows"]
    assert [row["settings"]["world"] for row in rows] == ["clocks", "leave"]
    assert (tmp_path / "adversity.png").stat().st_size > 5_000
    assert main(command) == 0 and "of 2" not in capsys.readouterr().err  # nothing left to do


def test_a_broken_invariant_fails_with_the_line_that_replays_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(full, "WORLDS", ("clocks",))
    monkeypatch.setattr(full, "grown", lambda spec, peers: replace(spec, limit=5.0))
    assert main(["--quick", "--out", str(tmp_path)]) == 1
    told = capsys.readouterr()
    assert "0 of 1" in told.out and "BROKEN" in told.err
    assert "clocks.toml --seed 0" in told.err


def test_table_and_picture_take_what_broke(tmp_path: Path) -> None:
    good = {"broken": None, "peers": 32, "missing": 0.25, "wait_p99": 2.0, "seconds": 1.0}
    bad = {"broken": {"peers": 32, "text": "oh"}, "seconds": 3.0}
    settings = [{"world": "churn", "seed": seed} for seed in (0, 1)]
    rows: list[dict[str, Any]] = [
        {"settings": settings[0], **good},
        {"settings": settings[1], **bad},
    ]
    assert list(table(rows))[2] == "| `churn` | 32 | 1 of 2 | 25.0% | 2.0 s | 2.0 |"
    picture(rows, tmp_path / "a.png")


@pytest.mark.parametrize("arguments", [["--quick"], ["--jobs", "0"], ["--seeds", "0"]])
def test_what_cannot_be_used_is_refused(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as info:
        main(arguments)
    assert info.value.code == 2
