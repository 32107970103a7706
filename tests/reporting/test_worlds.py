"""The picture of a simulated world can be drawn whatever happened in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tallyp2p.reporting.worlds import draw_learnt, draw_world, learnt_table

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


def learnt(peers: int) -> dict[str, Any]:
    """As a world of real learners tells it; peer 1 is not counted."""
    alone = [0.2 + at / (4 * peers) for at in range(peers)]
    swarm: list[float | None] = [0.9 - at / (9 * peers) for at in range(peers)]
    swarm[1] = None
    point = {"mean": 0.5, "least": 0.4, "most": 0.7}
    return {
        "alone": {"mean": 0.3, "std": 0.1, "per_peer": alone},
        "swarm": {"mean": 0.85, "std": 0.02, "per_peer": swarm},
        "curve": [
            {"rounds": 8, "alone": point, "swarm": point},
            {"rounds": 16, "alone": {}, "swarm": {}},
        ],
    }


def test_each_of_few_peers_has_a_row_and_many_share_five() -> None:
    few = learnt_table(learnt(4))
    assert [row[0] for row in few.rows] == ["0", "2", "3"]
    assert few.rows[0] == ("0", "20.0%", "90.0%", "+70.0")
    assert few.feet == (("mean", "30.0%", "85.0%", "+55.0"), ("std", "10.0%", "2.0%", ""))
    many = learnt_table(learnt(101))
    assert [row[0] for row in many.rows] == ["least", "quarter", "half", "three quarters", "most"]
    assert many.rows[-1][2] == "90.0%" and many.rows[0][1] == "20.0%"
    assert many.rows[0][3] == "+34.2" and many.rows[-1][3] == "+70.0"  # of one peer each
    nobody = learnt(2) | {"swarm": {"mean": None, "std": None, "per_peer": [None, None]}}
    assert learnt_table(nobody).rows == ()


def test_what_was_learnt_is_drawn_where_somebody_was_evaluated(tmp_path: Path) -> None:
    path = tmp_path / "accuracy.png"
    assert draw_learnt(path, learnt(4)) and path.read_bytes().startswith(PNG)
    assert not draw_learnt(tmp_path / "none.png", learnt(4) | {"curve": []})
    assert not (tmp_path / "none.png").exists()
