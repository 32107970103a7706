"""The final table: the right number in the right place, within 80 columns."""

from __future__ import annotations

from pathlib import Path

import pytest

from tallyp2p.reporting.reader import RunReader
from tallyp2p.reporting.summary import summarise
from tallyp2p.reporting.table import (
    Column,
    Table,
    cost_table,
    peer_table,
    percent,
    size,
    times,
    verdict,
)
from tests.reporting.synthetic import SyntheticRun


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, "-"),
        (0, "0 B"),
        (999.4, "999 B"),
        (1_000, "1.00 kB"),
        (10_336, "10.3 kB"),
        (99_960, "100 kB"),
        (999_400, "999 kB"),
        (999_600, "1.00 MB"),
        (2.5e9, "2.50 GB"),
        (3e15, "3000 TB"),
    ],
)
def test_sizes_have_three_digits(count: float | None, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(
    ("factor", "text"),
    [(None, "-"), (1.0, "1.0 x"), (9.96, "10 x"), (266.4, "266 x"), (12_345.0, "12,300 x")],
)
def test_factors(factor: float | None, text: str) -> None:
    assert times(factor) == text


def test_percentages() -> None:
    assert (percent(0.4117), percent(None), percent(-0.031, sign=True)) == ("41.2%", "-", "-3.1")


def test_grid_pads_and_aligns() -> None:
    table = Table(
        "t",
        (Column("who", right=False), Column("a\nb")),
        (("x", "10"), ("long", "2")),
        (("m", "6"),),
    )
    assert table.text().split("\n")[2:] == [
        "       a",
        "who    b",
        "--------",
        "x     10",
        "long   2",
        "--------",
        "m      6",
    ]


def test_whole_run(tmp_path: Path) -> None:
    with SyntheticRun(tmp_path, peers=10) as run:
        run.whole()
    summary = summarise(RunReader(tmp_path), seconds=31.0)
    table = peer_table(summary)
    assert max(map(len, table.text().split("\n")[2:])) <= 80
    assert table.rows[1] == (
        *("1", "34.0%", "91.6%", "+57.6", "300"),
        *("9.73 kB", "10.3 kB", "700 B", "11.0 kB", "11.0 kB"),
    )
    assert table.feet[0][:5] == ("mean", "41.0%", "90.2%", "+49.2", "300")
    assert table.feet[1][:3] == ("std", "5.7%", "1.1%")
    assert verdict(summary) == (
        "10 peers, 300 rounds in 31 s: 90.2% right on average (alone: 41.0%), "
        "for 11.0 kB sent by each."
    )
    summary["command"] = ["tallyp2p", "swarm", "--resume", "DIR"]
    assert "300 rounds in 31 s since it was resumed: 90.2%" in verdict(summary)
    costs = cost_table(summary)
    assert [row[0] for row in costs.rows] == ["votes (this run)", "soft labels", "dense weights"]
    assert [row[3] for row in costs.rows] == ["1 x", "71 x", "247 x"]


def test_incomplete_run_says_so_and_why(tmp_path: Path) -> None:
    with SyntheticRun(tmp_path, peers=2) as run:
        run.configure()
        run.start(0)
        run.through((0,), until=24)
        run.writers[0].finished(completed=False, text="told to leave")
    summary = summarise(RunReader(tmp_path))
    table = peer_table(summary)
    assert table.title.startswith("Stopped early: 0 of 2 peers made all 300 rounds")
    assert table.rows[0][0] == "0 *"
    assert table.rows[1] == ("1 *", "-", "-", "-", "0", "-", "-", "-", "-", "-")
    assert "told to leave" in table.text()


def test_nothing_to_show_is_no_error(tmp_path: Path) -> None:
    summary = summarise(RunReader(tmp_path, 2))
    assert "no accuracy was measured" in peer_table(summary).text()
    assert cost_table(summary).rows == (("votes (this run)", "-", "-", "1 x"),)


def test_ids_get_a_column_where_they_travelled(tmp_path: Path) -> None:
    with SyntheticRun(tmp_path, peers=2, rounds=8) as run:
        run.whole()
    summary = summarise(RunReader(tmp_path))
    summary["bytes"]["ids"]["wire"] = 123.0
    table = peer_table(summary)
    place = [column.head for column in table.columns].index("ids\nwire")
    assert table.feet[0][place] == "123 B"
    assert {len(row) for row in (*table.rows, *table.feet)} == {len(table.columns)}
