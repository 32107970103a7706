"""The command that measures the goals runs, at a size that takes seconds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.faults.air import unavailable
from tests.faults.goals import main


@pytest.mark.slow
def test_it_measures_a_few_peers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if reason := unavailable():
        pytest.skip(reason)
    written = tmp_path / "figures.json"
    assert main(["loss", "--quick", "--peers", "4", "--out", str(written)]) == 0
    figures = {row["what"]: row["value"] for row in json.loads(written.read_text())["figures"]}
    assert 5 < figures["loss: packets lost"] < 20
    assert figures["loss: ballots not everywhere within 10 rounds of gossip"] == 0
    assert figures["loss: rounds not closed, of any peer"] == 0
    assert "loss: ballots cast" in capsys.readouterr().out


def test_a_goal_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["flood"])
    assert "goals are loss, crash, partition, not flood" in capsys.readouterr().err


def test_the_table_of_the_readme_is_that_of_the_record() -> None:
    here = Path(__file__).parent
    record = json.loads((here / "records" / "goals.json").read_text())
    readme = (here / "README.md").read_text()
    for row in record["figures"]:
        line = f"| {row['what']} | {row['value']:.3g} {row['unit']}".rstrip()
        assert f"{line} | {row['goal']} |".replace("  ", " ") in readme, line
    assert record["machine"]["commit"] in readme
