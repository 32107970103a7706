"""A tester's sockets, against each other and against what is no peer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

import pytest

from tallyp2p.errors import FailureError, SettingsError
from tallyp2p.runtime.raw import (
    Inbox,
    Raw,
    Stream,
    free_endpoint,
    greeting,
    header,
    local_address,
)
from tests.waiting import LONG, eventually

HERE = "tcp://127.0.0.1:*"


class Seen:
    """An inbox and what came."""

    def __init__(self) -> None:
        self.messages: list[tuple[bytes, list[bytes]]] = []
        self._news = asyncio.Event()

    def take(self, link: bytes, parts: list[bytes]) -> None:
        self.messages.append((link, parts))
        self._news.set()

    async def count(self, most: int) -> list[tuple[bytes, list[bytes]]]:
        async with asyncio.timeout(LONG):
            while len(self.messages) < most:
                self._news.clear()
                await self._news.wait()
        return self.messages


@asynccontextmanager
async def listening() -> AsyncIterator[tuple[Raw, Inbox, Seen]]:
    raw, seen = Raw(), Seen()
    try:
        inbox = await raw.inbox(HERE, seen.take)
        with closing(inbox):
            yield raw, inbox, seen
    finally:
        raw.close()


async def test_any_frames_travel_under_a_chosen_name() -> None:
    async with listening() as (raw, inbox, seen):
        with closing(raw.line(inbox.endpoint, b"\x01chosen.")) as line:
            assert line.send(b"one") and line.send(b"", b"two", b"")
            assert await seen.count(2) == [
                (b"\x01chosen.", [b"one"]),
                (b"\x01chosen.", [b"", b"two", b""]),
            ]


async def test_more_than_a_batch_arrives() -> None:
    async with listening() as (raw, inbox, seen):
        with closing(raw.line(inbox.endpoint)) as line:
            assert all(line.send(b"%d" % index) for index in range(1000))
            assert [parts for _, parts in await seen.count(1000)] == [
                [b"%d" % index] for index in range(1000)
            ]


async def test_a_router_can_break_the_rule_and_send() -> None:
    async with listening() as (raw, inbox, seen):
        assert not inbox.reply(b"\x01nobody..", b"hello")
        with closing(raw.line(inbox.endpoint)) as line:
            line.send(b"here")
            ((link, _),) = await seen.count(1)
            assert inbox.reply(link, b"against", b"the rule")
            unread: list[list[bytes]] = []

            def answered() -> bool:
                unread.extend(line.unread())
                return bool(unread)

            await eventually(answered)
            assert unread == [[b"against", b"the rule"]]


async def test_a_port_is_taken_again_at_once() -> None:
    async with listening() as (raw, inbox, _):
        endpoint = inbox.endpoint
        inbox.close()
        again = await raw.inbox(endpoint, lambda link, parts: None)
        assert again.endpoint == endpoint
        with pytest.raises(FailureError, match="in use"):
            await raw.inbox(endpoint, lambda link, parts: None)
        again.close()


async def test_zmtp_by_hand_is_zmtp() -> None:
    async with listening() as (_, inbox, seen):
        stream = await Stream.open(inbox.endpoint)
        assert stream is not None
        assert await stream.handshake(b"\x01by.hand.")
        assert await stream.send(header(5) + b"hello")
        assert await seen.count(1) == [(b"\x01by.hand.", [b"hello"])]
        await stream.close()


async def test_a_frame_that_claims_too_much_ends_the_connection() -> None:
    async with listening() as (_, inbox, _):
        stream = await Stream.open(inbox.endpoint)
        assert stream is not None
        assert await stream.handshake(b"\x01by.hand.")
        await stream.send(header(2**32))
        assert await stream.ended(5)
        await stream.close()


async def test_what_is_no_peer_shakes_no_hands() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(64)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        stream = await Stream.open(f"tcp://127.0.0.1:{port}")
        assert stream is not None and len(greeting()) == 64
        assert not await stream.handshake(b"\x01by.hand.")
        assert not await stream.send(b"more") or await stream.ended(1)
        await stream.close()


async def test_nobody_there_is_no_exception() -> None:
    assert await Stream.open("tcp://127.0.0.1:1") is None
    assert await Stream.open(free_endpoint()) is None
    assert await Stream.open("ipc:///nowhere/at/all") is None


async def test_the_own_address_towards_somebody() -> None:
    assert await local_address("tcp://127.0.0.1:5555") == "127.0.0.1"
    assert await local_address("tcp://[::1]:5555") == "[::1]"
    assert await local_address("ipc:///tmp/x") == "127.0.0.1"
    with pytest.raises(SettingsError, match="no way to"):
        await local_address("tcp://no.such.host.invalid:5555")


@pytest.mark.parametrize("host", ["a" * 64, "a..b"])
async def test_what_can_be_no_name_is_nobody(host: str) -> None:
    assert await Stream.open(f"tcp://{host}:5555") is None
    with pytest.raises(SettingsError, match="there is no way to"):
        await local_address(f"tcp://{host}:5555")
