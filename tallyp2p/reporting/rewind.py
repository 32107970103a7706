"""A peer that goes on from a state writes on where that state was, and no line twice.

What it had written of later rounds is cut off: it makes them again, and then writes of them
what it wrote before, but for moments and bytes.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import FailureError
from .rundir import peer_dir

__all__ = ["Former", "rewind"]


@dataclass(frozen=True, slots=True)
class Former:
    """What a peer had reported up to where it goes on."""

    rounds: int = 0  # rounds trained through
    swarm: float | None = None  # newest accuracy, 0 .. 1
    alone: float | None = None
    cut: int = 0  # bytes about later rounds


def rewind(run_dir: Path, index: int, round: int) -> Former:
    """Cut peer `index`'s metrics before the first line about `round` or a later one.

    Raises :class:`FailureError` when the disk refuses.
    """
    path = peer_dir(run_dir, index) / "metrics.jsonl"
    former, at, per_ballot = Former(), 0, 1
    try:
        with open(path, "rb") as file:
            for line in file:
                told = _fields(line)
                if told.get("event") == "started":
                    per_ballot = told.get("rounds_per_ballot", 1)
                elif told.get("event") == "round":
                    if told["round"] >= round:
                        size = file.seek(0, os.SEEK_END)
                        os.truncate(path, at)
                        return Former(former.rounds, former.swarm, former.alone, size - at)
                    swarm, alone = told["figures"].get("accuracy"), told["figures"].get("alone")
                    former = Former(
                        told["round"] + per_ballot,
                        former.swarm if swarm is None else swarm,
                        former.alone if alone is None else alone,
                    )
                at += len(line)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise FailureError(
            f"cannot write {path}: {error.strerror}; choose another directory"
        ) from None
    return former


def _fields(line: bytes) -> dict[str, Any]:
    """What a line says; nothing where a killed peer tore it."""
    try:
        told = json.loads(line)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}
