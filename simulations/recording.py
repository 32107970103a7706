"""Records that grow: a row at a time, written as it comes, gone on with where they stopped.

A record is one JSON file: what was run, on which machine, and rows.  A row has its `settings`,
by which it is found again, the commit and seconds that it took, and figures.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["RECORDS", "Record", "Row", "at", "columns", "options", "work_through"]

RECORDS = Path(__file__).parent / "records"

Row = dict[str, Any]


class Record:
    """The rows of one table, on disk."""

    def __init__(self, folder: Path, table: str, *, fresh: bool = False) -> None:
        """`fresh`: forget what an earlier call has written."""
        prepare(folder)
        self.path = folder / f"{table}.json"
        self.rows: list[Row] = []
        self._head = {
            "table": table,
            "command": f"python -m simulations.{table}",
            "machine": f"{platform.machine()}, {os.cpu_count()} cores",
            "python": platform.python_version(),
        }
        if not fresh and self.path.exists():
            self.rows = json.loads(self.path.read_text())["rows"]

    def row(self, settings: Mapping[str, Any]) -> Row | None:
        """The row with these settings."""
        return next((row for row in self.rows if row["settings"] == settings), None)

    def put(self, settings: Mapping[str, Any], seconds: float, figures: Mapping[str, Any]) -> None:
        """Add a row, or replace the one with the same settings, and write all of them."""
        new = {"settings": dict(settings), "commit": _commit(), "seconds": round(seconds, 1)}
        self.rows = [row for row in self.rows if row["settings"] != settings]
        self.rows.append({**new, **figures})
        rows = ",\n".join(json.dumps(row) for row in self.rows)
        text = json.dumps(self._head)[:-1] + f', "rows": [\n{rows}\n]}}\n'
        beside = self.path.with_suffix(".new")
        beside.write_text(text)
        beside.replace(self.path)


def prepare(folder: Path) -> None:
    """Make the directory of the records, before hours of work; ends the command where it cannot."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        sys.exit(f"cannot make the directory {folder}: {error.strerror}; choose another with --out")


def work_through(
    record: Record, cells: Iterable[Row], measure: Callable[[Row], Mapping[str, Any]]
) -> None:
    """Measure every cell that the record does not have, in order, and say so on stderr."""
    todo = [cell for cell in cells if record.row(cell) is None]
    for index, cell in enumerate(todo, 1):
        shown = ", ".join(f"{key} {value}" for key, value in cell.items())
        print(f"{index} of {len(todo)}: {shown}", file=sys.stderr, flush=True)
        began = time.perf_counter()
        figures = measure(cell)
        record.put(cell, time.perf_counter() - began, figures)


def options(doc: str | None, arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line that all tables have."""
    parser = argparse.ArgumentParser(description=(doc or "").split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="a few small worlds, in seconds")
    parser.add_argument("--fresh", action="store_true", help="measure again what is recorded")
    parser.add_argument("--out", type=Path, help="directory for the record; see README")
    chosen = parser.parse_args(arguments)
    if chosen.out is None:
        if chosen.quick:
            parser.error("--quick needs --out DIR: it is no record worth keeping")
        chosen.out = RECORDS
    return chosen


def at(ordered: Sequence[float], share: float) -> float:
    """The value below which `share` of the ascending values lie."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def columns(head: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """A table in Markdown."""
    yield "| " + " | ".join(head) + " |"
    yield "| " + " | ".join("---" for _ in head) + " |"
    for row in rows:
        yield "| " + " | ".join(row) + " |"


def _commit() -> str:
    told = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        check=False,
    )
    return told.stdout.strip()
