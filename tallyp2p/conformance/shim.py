"""This package as a program that answers cases, as others do (protocol_spec 09.4)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from ..errors import LocalError, SettingsError
from .answers import answer

__all__ = ["answers"]


def answers(lines: Iterable[str]) -> Iterator[str]:
    """A line for each line: `case`, and `result` or `unimplemented`.

    Raises :class:`SettingsError` for a line that is no case.
    """
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield json.dumps(_answered(number, _case(number, line)))


def _case(number: int, line: str) -> dict[str, Any]:
    try:
        asked = json.loads(line)
    except (ValueError, RecursionError):
        asked = None
    if not isinstance(asked, dict) or not {"case", "kind", "input"} <= asked.keys():
        raise SettingsError(f"line {number} is no case: an object with `case`, `kind`, `input`")
    return asked


def _answered(number: int, asked: dict[str, Any]) -> dict[str, Any]:
    try:
        return {"case": asked["case"], "result": answer(asked["kind"], asked["input"])}
    except LocalError as error:
        return {"case": asked["case"], "unimplemented": str(error)}
    except (KeyError, TypeError) as error:
        about = f"line {number} is no case of its kind ({type(error).__name__}: {error})"
        raise SettingsError(f"{about}: see protocol_spec 09") from None
