"""This package as a program that answers cases, as others do (protocol_spec 09.4)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from ..errors import LocalError
from .answers import answer

__all__ = ["answers"]


def answers(lines: Iterable[str]) -> Iterator[str]:
    """A line for each line: `case`, and `result` or `unimplemented`."""
    for line in lines:
        if line.strip():
            yield json.dumps(_answered(json.loads(line)))


def _answered(asked: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"case": asked["case"], "result": answer(asked["kind"], asked["input"])}
    except LocalError as error:
        return {"case": asked["case"], "unimplemented": str(error)}
