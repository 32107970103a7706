"""What becomes of one dialled endpoint, when names and handshakes fail and heal."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace

import pytest

from tallyp2p.runtime import dialled, names
from tallyp2p.runtime.admission import Encryption
from tallyp2p.runtime.meter import Meter
from tallyp2p.runtime.transport import Transport
from tests.waiting import LONG, eventually

HERE = "tcp://127.0.0.1:*"
NAME = "tcp://peer.example:7000"


@asynccontextmanager
async def two(
    one: Encryption | None = None, other: Encryption | None = None
) -> AsyncIterator[tuple[Transport, Transport]]:
    alice, bob = (Transport(Meter(), encryption=encryption) for encryption in (one, other))
    try:
        yield alice, bob
    finally:
        await alice.close(0)
        await bob.close(0)


async def frames(receiver: Transport, count: int) -> list[bytes | None]:
    found: list[bytes | None] = []
    while len(found) < count:
        found += [frame for _, frame in await asyncio.wait_for(receiver.receive(), LONG)]
    return found


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialled, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(dialled, "_AGAIN", 0.05)


@pytest.mark.usefixtures("hasty")
async def test_a_name_that_heals_is_reached_then(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    known: list[str] = []
    monkeypatch.setattr(dialled, "_EARLY", 16)
    monkeypatch.setattr(names, "_look_up", lambda host, port: list(known))
    async with two() as (alice, bob):
        assert alice.dial(NAME)
        assert all(alice.send(NAME, b"%d" % number) for number in range(16))
        assert not alice.send(NAME, b"too much for nobody") and alice.dropped == 1
        await eventually(lambda: "nobody knows an address of peer.example yet" in caplog.text)
        await asyncio.sleep(0.1)
        assert len(caplog.records) == 1  # once, however often it is looked up
        known.append(bob.bind(HERE))
        assert await frames(bob, 16) == [b"%d" % number for number in range(16)]


async def test_the_other_address_of_a_name_is_not_long_in_coming(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As where a host has addresses of both kinds, and its peer listens on one of them."""
    monkeypatch.setattr(dialled, "_NEXT", 0.05)
    async with two() as (alice, bob):
        with socket.socket() as dead:
            dead.bind(("127.0.0.1", 0))  # and does not listen
            nowhere = f"tcp://127.0.0.1:{dead.getsockname()[1]}"
            now = bob.bind(HERE)
            monkeypatch.setattr(names, "_look_up", lambda host, port: [nowhere, now])
            alice.dial(NAME)
            arrived = asyncio.ensure_future(frames(bob, 1))
            while not arrived.done():
                alice.send(NAME, b"hello")
                await asyncio.sleep(0.02)
            assert set(await arrived) == {b"hello"}


async def test_hanging_up_ends_the_search_for_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0

    def look_up(host: str, port: str) -> list[str]:
        nonlocal asked
        asked += 1
        return []

    monkeypatch.setattr(names, "_look_up", look_up)
    monkeypatch.setattr(dialled, "_FIRST_PAUSE", 0.01)
    async with two() as (alice, _):
        alice.dial(NAME)
        await eventually(lambda: asked > 1)
        alice.hangup(NAME)
        await asyncio.sleep(0)
        before = asked
        await asyncio.sleep(0.1)
        assert asked <= before + 1  # one may have been under way


@pytest.mark.usefixtures("hasty")
async def test_a_refused_handshake_is_tried_again() -> None:
    # libzmq gives up for good; but the same address may be another process's tomorrow.
    open_now = False
    door = replace(Encryption.of(b"b" * 32), admits=lambda key: open_now)
    async with two(Encryption.of(b"a" * 32), door) as (alice, bob):
        endpoint = bob.bind(HERE)
        alice.dial(endpoint)
        await eventually(lambda: bob.admission is not None and bob.admission.refused > 2)
        open_now = True
        arrived = asyncio.ensure_future(frames(bob, 1))
        while not arrived.done():
            alice.send(endpoint, b"hello")
            await asyncio.sleep(0.02)


@pytest.mark.slow
async def test_a_peer_in_clear_is_told_what_is_wrong(caplog: pytest.LogCaptureFixture) -> None:
    async with two(None, Encryption.of(b"b" * 32)) as (alice, bob):
        alice.dial(bob.bind(HERE).partition("#")[0])
        await eventually(lambda: "write its whole address, with # and its key" in caplog.text)


@pytest.mark.slow  # 3 s: libzmq's pauses between three attempts
async def test_a_listener_in_clear_is_not_the_peer_with_that_key(
    caplog: pytest.LogCaptureFixture,
) -> None:
    encryption = Encryption.of(b"a" * 32)
    async with two(encryption, None) as (alice, bob):
        alice.dial(f"{bob.bind(HERE)}#{encryption.identity}")
        await eventually(lambda: "is not the peer with that key" in caplog.text)


async def test_on_a_new_connection_the_greeting_comes_first_and_under_another_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dialled, "_RENEW", 0.01)
    alice, bob, again = (Transport(Meter()) for _ in range(3))
    lost: list[str] = []

    def speak(endpoint: str) -> None:
        lost.append(endpoint)
        alice.send(endpoint, b"meanwhile")
        alice.send(endpoint, b"hello again", first=True)

    alice.on_lost = speak
    try:
        endpoint = bob.bind(HERE)
        alice.dial(endpoint)
        alice.send(endpoint, b"hello", first=True)
        alice.send(endpoint, b"more")
        arrivals = await asyncio.wait_for(bob.receive(), LONG)
        before = arrivals[0][0]
        await bob.close(0)
        await eventually(lambda: lost == [endpoint])
        again.bind(endpoint)
        alice.send(endpoint, b"news")
        found: list[tuple[bytes, bytes | None]] = []
        while len(found) < 3:
            found += await asyncio.wait_for(again.receive(), LONG)
        assert [frame for _, frame in found] == [b"hello again", b"meanwhile", b"news"]
        assert {link for link, _ in found} != {before}
    finally:
        for transport in (alice, bob, again):
            await transport.close(0)


@contextmanager
def nobody() -> Iterator[str]:
    """An endpoint that nobody listens at, and nobody else can take meanwhile."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # and does not listen
        yield f"tcp://127.0.0.1:{held.getsockname()[1]}"


def counted(transport: Transport) -> int:
    """Messages that went out."""
    return int(transport.meter.snapshot()["sent"]["total"]["messages"])


async def test_a_listener_that_comes_late_hears_the_newest_greeting_alone_and_first() -> None:
    async with two() as (alice, bob):
        with nobody() as endpoint:
            alice.dial(endpoint)
            for number in range(5):
                assert alice.send(endpoint, b"hello %d" % number, first=True)
                assert alice.send(endpoint, b"more %d" % number)
            assert counted(alice) == 0
        bob.bind(endpoint)
        assert await frames(bob, 6) == [b"hello 4", *(b"more %d" % number for number in range(5))]
        alice.send(endpoint, b"hello 5", first=True)  # where there is a connection each is sent
        assert await frames(bob, 1) == [b"hello 5"]
        assert counted(alice) == 7


async def test_who_hangs_up_before_there_is_a_connection_has_said_it_all_the_same() -> None:
    """As ERROR to a stranger who is turned away; it counts where somebody is there to hear it."""
    async with two() as (alice, bob):
        with nobody() as endpoint:
            for where in (endpoint, bob.bind(HERE)):
                alice.dial(where)
                alice.send(where, b"refused")
                alice.hangup(where)
            assert await frames(bob, 1) == [b"refused"]
            await eventually(lambda: counted(alice) == 1)


async def test_an_answer_that_comes_late_does_not_keep_a_broken_connection_from_being_renewed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A name server may take half a minute; meanwhile a connection can come and break."""
    monkeypatch.setattr(dialled, "_NEXT", 0.01)
    monkeypatch.setattr(dialled, "_AGAIN", 0.01)
    asked, answered = 0, threading.Event()
    alice, bob, again = (Transport(Meter()) for _ in range(3))
    lost: list[str] = []
    alice.on_lost = lost.append
    try:
        with nobody() as endpoint:

            def look_up(host: str, port: str) -> list[str]:
                nonlocal asked
                asked += 1
                if asked == 2:
                    answered.wait(LONG)
                return [endpoint]

            monkeypatch.setattr(names, "_look_up", look_up)
            alice.dial(NAME)
            alice.send(NAME, b"hello", first=True)
            await eventually(lambda: asked == 2)
        bob.bind(endpoint)
        assert await frames(bob, 1) == [b"hello"]
        await bob.close(0)
        await eventually(lambda: lost)
        answered.set()
        again.bind(endpoint)
        assert await frames(again, 1) == [b"hello"]
    finally:
        answered.set()
        for transport in (alice, bob, again):
            await transport.close(0)
