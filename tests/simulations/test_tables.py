"""The tables of the README are those of the records, and every table can be made."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulations import byzantine, flippers, jury, learning, passing, scale, spread, tables
from simulations.pictures import Line, apart, draw
from simulations.recording import Record, columns, work_through

MODULES = {
    "spread": spread,
    "byzantine": byzantine,
    "flippers": flippers,
    "scale": scale,
    "jury": jury,
    "learning": learning,
    "passing": passing,
}


def test_the_readme_says_what_the_records_say() -> None:
    assert tables.main(["--check"]) == 0


@pytest.mark.parametrize("name", MODULES)
def test_each_table_is_made_at_a_small_size(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """What the commands of the README do, at a small size."""
    MODULES[name].main(["--quick", "--out", str(tmp_path)])
    told = capsys.readouterr()
    assert told.out.count("\n| ") >= 2 and "1 of " in told.err
    document = json.loads((tmp_path / f"{name}.json").read_text())
    assert document["command"] == f"python -m simulations.{name}"
    assert all(row["commit"] is not None and row["settings"] for row in document["rows"])
    assert (tmp_path / f"{name}.png").stat().st_size > 10_000


@pytest.mark.parametrize("module", MODULES.values(), ids=MODULES)
def test_cells_differ(module: object) -> None:
    cells = module.CELLS  # type: ignore[attr-defined]
    assert len({json.dumps(cell) for cell in cells}) == len(cells)


def test_a_record_goes_on_where_it_stopped(tmp_path: Path) -> None:
    measured: list[dict[str, object]] = []

    def measure(cell: dict[str, object]) -> dict[str, object]:
        if len(measured) == 2:
            raise KeyboardInterrupt
        measured.append(cell)
        return {"figure": cell["n"]}

    cells = [{"n": n} for n in range(4)]
    with pytest.raises(KeyboardInterrupt):
        work_through(Record(tmp_path, "spread"), cells, measure)
    assert [row["figure"] for row in Record(tmp_path, "spread").rows] == [0, 1]
    again: Callable[[dict[str, object]], dict[str, object]] = lambda cell: {"figure": 9}  # noqa: E731
    work_through(Record(tmp_path, "spread"), cells, again)
    assert [row["figure"] for row in Record(tmp_path, "spread").rows] == [0, 1, 9, 9]
    assert Record(tmp_path, "spread", fresh=True).rows == []


def test_a_directory_that_cannot_be_made_is_told_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit, match="cannot make the directory .*choose another with --out"):
        Record(tmp_path / "file" / "deeper", "jury")


def test_quick_figures_do_not_become_the_record() -> None:
    with pytest.raises(SystemExit):
        spread.main(["--quick"])


def test_a_made_block_is_written_and_drift_is_seen(tmp_path: Path) -> None:
    record = Record(tmp_path, "jury")
    cell = {"accuracy": 0.6, "correlation": 0.0, "uneven": 0.0, "hears": "2"}
    record.put(cell, 60.0, {"right": 0.7, "tallies": 5})
    text = "before\n<!-- made: jury -->\nold\n<!-- end -->\nafter\n"
    made = tables.written(text, tmp_path)
    assert "| 70.0 |" in made and "old" not in made and made.endswith("\nafter\n")
    assert tables.written(made, tmp_path) == made


@given(st.lists(st.tuples(st.floats(0, 1), st.integers(1, 3)), min_size=1, max_size=6))
def test_names_of_lines_do_not_cover_one_another(ends: list[tuple[float, int]]) -> None:
    rows = [size for _, size in ends]
    heights = apart([end for end, _ in ends], rows)
    spans = sorted((h - 0.0275 * r, h + 0.0275 * r) for h, r in zip(heights, rows, strict=True))
    for (_, top), (bottom, _) in zip(spans, spans[1:], strict=False):
        assert bottom > top - 1e-9
    assert spans[-1][1] <= 1.03


def test_a_picture_with_all_that_it_can_have(tmp_path: Path) -> None:
    lines = [Line(f"line {n}", [1, 10], [1 + n / 1000, 2 + n / 1000]) for n in range(5)]
    draw(tmp_path / "a.png", "title", "sub", "x", "y", lines, logarithmic="xy", level=(1.5, "here"))
    assert (tmp_path / "a.png").stat().st_size > 10_000


def test_columns_are_markdown() -> None:
    assert list(columns(("a", "b"), [("1", "2")])) == ["| a | b |", "| --- | --- |", "| 1 | 2 |"]
