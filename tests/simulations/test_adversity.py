"""Every bundled world holds what it promises, at its own small size."""

from __future__ import annotations

from pathlib import Path

import pytest

from tallyp2p.parameters import Spreading
from tallyp2p.simulator.reading import load, parse, to_toml
from tallyp2p.simulator.world import World

WORLDS = sorted((Path(__file__).parents[2] / "simulations" / "adversity").glob("*.toml"))


@pytest.mark.parametrize("path", WORLDS, ids=lambda path: path.stem)
def test_what_must_hold_holds(path: Path) -> None:
    spec = load(path)
    result = World(spec).run()  # raises Violation
    assert result.rounds["closed_most"]
    if spec.run.spreading is Spreading.BROADCAST:
        assert result.settled["rounds"] >= 5, "nothing was compared: the world is too short"


@pytest.mark.parametrize("path", WORLDS, ids=lambda path: path.stem)
def test_a_world_says_what_it_shows_and_can_be_written_back(path: Path) -> None:
    first = path.read_text().partition("\n")[0]
    assert first.startswith("# ") and first.endswith(".") and ":" in first
    assert parse(to_toml(load(path)), "again") == load(path)


def test_there_are_worlds() -> None:
    assert len(WORLDS) >= 20
