"""The picture of a simulated world can be drawn whatever happened in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tallyp2p.reporting.worlds import draw_world

PNG = b"\x89PNG"


def test_a_picture_of_peers_and_troubles(tmp_path: Path) -> None:
    timeline = {peer: [(at + peer / 10, 8 * at) for at in range(1, 9)] for peer in range(40)}
    troubles = [(2.0, 5.0, "partition"), (3.0, 1e12, "freeze 2"), (900.0, 901.0, "never came")]
    path = tmp_path / "rounds.png"
    draw_world(path, "40 peers made 64 rounds", timeline, troubles)
    assert path.read_bytes().startswith(PNG)


def test_a_world_in_which_nothing_happened(tmp_path: Path) -> None:
    path = tmp_path / "rounds.png"
    draw_world(path, "nothing", {})
    assert path.read_bytes().startswith(PNG)


def test_a_disk_that_refuses(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        draw_world(tmp_path / "missing" / "rounds.png", "nothing", {0: [(1.0, 8)]})
