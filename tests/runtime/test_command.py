"""Processes that are told to leave."""

from __future__ import annotations

import os
import sys

import pytest

from tallyp2p.errors import SettingsError
from tallyp2p.runtime.command import Process

WAITS = [sys.executable, "-c", "import time; time.sleep(60)"]


async def test_a_child_is_told_to_leave() -> None:
    process = await Process.start(WAITS)
    before = (process.gone(), process.code, await process.ended(0.05))
    assert before == (False, None, False)
    process.terminate()
    assert await process.ended(10)
    assert (process.gone(), process.code) == (True, -15)
    assert process.words() == ""
    process.terminate()  # a second time does no harm
    await process.kill()


async def test_a_child_can_be_killed() -> None:
    process = await Process.start(WAITS)
    await process.kill()
    assert process.gone() and process.code == -9
    await process.kill()
    assert process.words() == ""


async def test_a_childs_last_words() -> None:
    code = "import sys; print('no'); print('a\\nb', file=sys.stderr)"
    process = await Process.start([sys.executable, "-c", code])
    assert await process.ended(10)
    assert process.words() == "b"
    await process.kill()


async def test_somebody_elses_process_is_watched() -> None:
    child = await Process.start(WAITS)
    process = Process.of(child.number)
    assert not process.gone() and process.code is None
    process.terminate()
    assert await child.ended(10)
    assert await process.ended(10)
    await child.kill()
    assert not Process.of(os.getpid()).gone()


async def test_what_is_not_there() -> None:
    with pytest.raises(SettingsError, match="cannot run /no/such/program"):
        await Process.start(["/no/such/program"])
    with pytest.raises(SettingsError, match="no process 2147483646"):
        Process.of(2**31 - 2)
