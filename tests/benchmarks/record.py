"""What every benchmark prints and writes: figures, with the machine and the commit."""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["machine", "parser", "report"]


def parser(description: str) -> argparse.ArgumentParser:
    """A parser with the option that all benchmarks share."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--out", type=Path, help="also write the figures to this file, as JSON")
    return made


def machine() -> dict[str, Any]:
    """Where the figures were taken."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return {
        "commit": described.stdout.strip(),
        "cores": os.cpu_count(),
        "platform": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "python": platform.python_version(),
    }


def report(
    name: str, rows: Sequence[tuple[str, float, str, str]], out: Path | None, **more: Any
) -> None:
    """Print `rows` of (what, value, unit, goal); write them to `out` when it is given."""
    width = max(len(what) for what, *_ in rows)
    for what, value, unit, goal in rows:
        print(f"{what:{width}}  {value:10.2f} {unit:8} {goal and 'goal ' + goal}".rstrip())
    if out is not None:
        figures = [
            {"what": what, "value": value, "unit": unit, "goal": goal}
            for what, value, unit, goal in rows
        ]
        content: Mapping[str, Any] = {
            "benchmark": name,
            "machine": machine(),
            "figures": figures,
            **more,
        }
        out.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
