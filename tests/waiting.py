"""Waiting for something to become true, for as long as the slowest host may need.

A test that passes waits no longer than it must; only one that fails waits so long.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

__all__ = ["LONG", "eventually", "until"]

LONG = 60.0  # seconds that a busy host may take for what is done at once
_LOOK = 0.02  # seconds between two looks


def _nothing() -> str:
    return ""


def until(
    condition: Callable[[], object], seconds: float = LONG, told: Callable[[], object] = _nothing
) -> None:
    """Wait until `condition()` is true; fails with what `told()` says."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"it did not come true within {seconds:g} s {told()}"
        time.sleep(_LOOK)


async def eventually(
    condition: Callable[[], object], seconds: float = LONG, told: Callable[[], object] = _nothing
) -> None:
    """The same where a loop must go on meanwhile."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"it did not come true within {seconds:g} s {told()}"
        await asyncio.sleep(_LOOK)
