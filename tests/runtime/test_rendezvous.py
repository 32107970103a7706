"""Processes that find each other through a directory."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tallyp2p.errors import FailureError
from tallyp2p.runtime.rendezvous import Rendezvous
from tests.waiting import LONG


async def collect(rendezvous: Rendezvous) -> list[str]:
    return [endpoint async for endpoint in rendezvous.others()]


async def test_everybody_finds_everybody_else(tmp_path: Path) -> None:
    seats = [Rendezvous(tmp_path / "meet", index, 4) for index in range(4)]
    early = asyncio.create_task(collect(seats[0]))
    for index, seat in enumerate(seats):
        seat.announce(f"tcp://127.0.0.1:{4000 + index}")
        await asyncio.sleep(0)
    assert sorted(await asyncio.wait_for(early, LONG)) == [
        "tcp://127.0.0.1:4001",
        "tcp://127.0.0.1:4002",
        "tcp://127.0.0.1:4003",
    ]
    assert sorted(await collect(seats[3]))[-1] == "tcp://127.0.0.1:4002"
    assert len(list((tmp_path / "meet").iterdir())) == 4  # nothing half-written is left


async def test_who_waits_for_all_waits_no_longer_than_it_wants(tmp_path: Path) -> None:
    seats = [Rendezvous(tmp_path, index, 2) for index in range(2)]
    seats[0].announce("tcp://127.0.0.1:1")
    await seats[0].assembled(0.01, lambda: False)  # the other one does not come
    await asyncio.wait_for(seats[0].assembled(60, lambda: True), LONG)  # told to leave meanwhile
    waiting = asyncio.create_task(seats[0].assembled(60, lambda: False))
    await asyncio.sleep(0)
    assert not waiting.done()
    seats[1].announce("tcp://127.0.0.1:2")
    await asyncio.wait_for(waiting, LONG)


async def test_the_restarted_replaces_itself(tmp_path: Path) -> None:
    Rendezvous(tmp_path, 1, 2).announce("tcp://127.0.0.1:1")
    Rendezvous(tmp_path, 1, 2).announce("tcp://127.0.0.1:2")
    assert await collect(Rendezvous(tmp_path, 0, 2)) == ["tcp://127.0.0.1:2"]


async def test_alone_there_is_nobody_to_wait_for(tmp_path: Path) -> None:
    assert await collect(Rendezvous(tmp_path, 0, 1)) == []


def test_a_directory_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FailureError, match="cannot write .*; choose a directory"):
        Rendezvous(tmp_path / "file" / "meet", 0, 2).announce("tcp://127.0.0.1:1")
