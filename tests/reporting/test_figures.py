"""The pictures: the numbers that they draw, and that they come into being at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tallyp2p.reporting.figures import band, draw
from tallyp2p.reporting.reader import PeerRecord, Point, RunReader
from tallyp2p.reporting.summary import summarise
from tests.reporting.synthetic import SyntheticRun


def test_band_by_hand() -> None:
    first = PeerRecord(0, curve=[Point(8, 100, 0.5, 0.2), Point(16, 200, 0.7, 0.2)])
    second = PeerRecord(1, curve=[Point(8, 300, 0.7, None)])  # killed after round 8
    values = band([first, second], "swarm")
    assert list(values.rounds) == [8, 16]
    assert list(values.sent) == [200, 200]
    assert values.mean == pytest.approx((60, 70))
    assert values.least == pytest.approx((50, 70))
    assert values.most == pytest.approx((70, 70))
    assert band([first, second], "alone").mean == pytest.approx((20, 20))


def test_newer_evaluation_of_a_restarted_peer_counts() -> None:
    peer = PeerRecord(0, curve=[Point(8, 100, 0.5, None), Point(8, 250, 0.6, None)])
    assert band([peer], "swarm").mean == pytest.approx((60,))


@pytest.mark.parametrize("until", [None, 24])
def test_pictures_of_whole_and_of_killed_runs(tmp_path: Path, until: int | None) -> None:
    with SyntheticRun(tmp_path, peers=3) as run:
        run.configure()
        for index in range(3):
            run.start(index)
        run.through(range(3), until=until)
    reader = RunReader(tmp_path)
    paths = draw(tmp_path, reader, summarise(reader))
    assert [path.name for path in paths] == ["curves.png", "bytes.png"]
    for path in paths:
        assert path.read_bytes().startswith(b"\x89PNG")


def test_nothing_evaluated_gives_no_picture(tmp_path: Path) -> None:
    reader = RunReader(tmp_path, 2)
    assert draw(tmp_path, reader, summarise(reader)) == []
    assert list(tmp_path.iterdir()) == []


def test_matplotlib_is_loaded_only_to_draw() -> None:
    code = "import sys, tallyp2p.reporting.figures; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
