"""The benchmark of the simulator runs, at a size that takes seconds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.benchmarks.simulator import main


@pytest.mark.slow
def test_it_measures_tiny_worlds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--quick", "--out", str(tmp_path / "figures.json")])
    assert "Where the time goes" in capsys.readouterr().out
    written = json.loads((tmp_path / "figures.json").read_text())
    assert written["machine"]["commit"] and written["details"]["by kind"]["kinds"]["Ticked"]
