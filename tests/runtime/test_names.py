"""Names of hosts, looked up where a silent name server holds up nobody."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any

import pytest

from tallyp2p.runtime.names import Names, split
from tests.waiting import LONG


@pytest.mark.parametrize(
    ("endpoint", "found"),
    [
        ("tcp://peer.example:7000", ("peer.example", "7000")),
        ("tcp://localhost:7000#" + "A" * 43, ("localhost", "7000")),
        ("tcp://127.0.0.1:7000", None),
        ("tcp://[::1]:7000#" + "A" * 43, None),
        ("tcp://", None),
        ("tcp://name", None),
        ("tcp://name:port", None),
        ("ipc:///tmp/peer", None),
    ],
)
def test_only_names_are_looked_up(endpoint: str, found: tuple[str, str] | None) -> None:
    assert split(endpoint) == found


async def test_a_name_has_addresses_and_nonsense_has_none() -> None:
    names = Names()
    assert await names.find("127.0.0.1", "7000") == ["tcp://127.0.0.1:7000"]
    assert await names.find("::1", "7000") == ["tcp://[::1]:7000"]
    assert await names.find("no.such.host.invalid", "7000") == []
    assert await names.find("x" * 200, "7000") == []  # longer than a label of a name may be
    names.close()


async def test_a_silent_name_server_holds_up_neither_loop_nor_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heals, asked = threading.Event(), []

    def look_up(host: str, port: int, **more: Any) -> list[Any]:
        asked.append(host)
        if host == "slow.example":
            assert heals.wait(LONG)
        return [(socket.AF_INET, 0, 0, "", ("192.0.2.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    names = Names()
    slow = [names.find("slow.example", "1") for _ in range(9)]
    for future in slow[:3]:
        assert not future.done()
    before = threading.active_count()
    while len(asked) < 4:
        await asyncio.sleep(0.01)
    assert threading.active_count() == before  # nine questions, four threads
    slow[0].cancel()  # hung up meanwhile
    heals.set()
    assert await slow[8] == ["tcp://192.0.2.1:1"]
    names.close()
