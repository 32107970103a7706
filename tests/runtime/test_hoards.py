"""Messages that never end, and those that only take their time."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import zmq

from tallyp2p.parameters import LIMITS
from tallyp2p.runtime import hoards
from tallyp2p.runtime.admission import Encryption
from tallyp2p.runtime.hoards import Hoards
from tallyp2p.runtime.meter import Meter
from tallyp2p.runtime.raw import greeting, ready
from tallyp2p.runtime.transport import Arrival, Transport
from tests.waiting import LONG, eventually

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="TCP_INFO is Linux's")

HERE = "tcp://127.0.0.1:*"
PARTS = (b"\x01\x64" + bytes(100)) * 640  # 64 KiB of parts, and another is to follow each


def memory() -> int:
    """Resident bytes of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@asynccontextmanager
async def two(secret: bytes = b"") -> AsyncIterator[tuple[Transport, Transport]]:
    encryption = Encryption.of(secret) if secret else None
    alice, bob = (Transport(Meter(), encryption=encryption) for _ in range(2))
    try:
        yield alice, bob
    finally:
        await alice.close(0)
        await bob.close(0)


async def stranger(endpoint: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection past its handshake, to go on with by hand."""
    port = int(endpoint.partition("#")[0].rpartition(":")[2])
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(greeting())
    await asyncio.wait_for(reader.readexactly(64), 5)
    writer.write(ready(b"\x01stranger"))
    await asyncio.wait_for(reader.readexactly(43), 5)
    return reader, writer


async def test_a_message_without_end_is_cut_off_and_others_are_heard(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """FRAME-4, FRAME-5."""
    async with two() as (alice, bob):
        endpoint = bob.bind(HERE)
        alice.dial(endpoint)
        heard: list[bytes | None] = []

        async def listen() -> None:
            while True:
                heard.extend(frame for _, frame in await bob.receive())

        listening = asyncio.create_task(listen())
        before = memory()
        for attack in range(3):
            _, writer = await stranger(endpoint)
            alice.send(endpoint, b"%d" % attack)
            with pytest.raises(ConnectionError):
                while True:
                    writer.write(PARTS)
                    await asyncio.wait_for(writer.drain(), LONG)
                    await asyncio.sleep(0.001)  # some 50 MB a second, as on a network
            writer.transport.abort()
        assert memory() - before < 32e6
        await eventually(lambda: [frame for frame in heard if frame] == [b"0", b"1", b"2"])
        listening.cancel()
        assert bob._hoards.cut == 3
    assert caplog.text.count("of a message that does not end") == 1


async def test_so_is_one_of_a_member_who_encrypts() -> None:
    # libzmq itself sends no message before it is whole, so this one ends; but not soon.
    async with two(b"s" * 32) as (alice, bob):
        endpoint = bob.bind(HERE)
        alice.dial(endpoint)
        encryption = alice.encryption
        assert encryption is not None
        with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
            dealer.set(zmq.LINGER, 0)
            dealer.set(zmq.SNDHWM, 0)
            for option, value in encryption.dialler(endpoint).items():
                dealer.set(option, value)
            dealer.connect(endpoint.partition("#")[0])
            dealer.send_multipart([bytes(1000)] * 100_000, copy=False)
            listening = asyncio.ensure_future(bob.receive())
            await eventually(lambda: bob._hoards.cut)
            alice.send(endpoint, b"hello")
            assert [frame for _, frame in await asyncio.wait_for(listening, LONG)] == [b"hello"]


async def test_who_sends_much_and_ends_is_not_cut_off() -> None:
    async with two() as (alice, bob):
        endpoint = bob.bind(HERE)
        alice.dial(endpoint)
        frame = bytes(LIMITS.frame)
        for _ in range(40):  # 10 MB, while the loop that should take them is busy
            assert alice.send(endpoint, frame)
        time.sleep(0.3)
        arrived = 0
        while arrived < 40:
            arrived += len(await asyncio.wait_for(bob.receive(), LONG))
            await asyncio.sleep(0.02)  # several looks in between
        assert bob._hoards.cut == 0


async def test_who_is_slow_is_not_cut_off() -> None:
    async with two() as (_, bob):
        endpoint = bob.bind(HERE)
        _, writer = await stranger(endpoint)
        listening = asyncio.ensure_future(bob.receive())
        whole = b"\x02" + LIMITS.frame.to_bytes(8, "big") + bytes(LIMITS.frame)
        for at in range(0, len(whole), 32_768):
            writer.write(whole[at : at + 32_768])
            await writer.drain()
            await asyncio.sleep(0.05)
        ((_, frame),) = await asyncio.wait_for(listening, LONG)
        assert frame == bytes(LIMITS.frame) and bob._hoards.cut == 0
        writer.transport.abort()


def test_a_second_look_comes_before_the_cut_and_only_after_a_turn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read, cut = {7: 0, 8: 0}, []
    monkeypatch.setattr(Hoards, "_read", lambda self, number: read.get(number))
    monkeypatch.setattr(Hoards, "_cut_off", lambda self, stream, *_: cut.append(stream.number))
    seen = Hoards()
    seven, eight = seen.opened(7), seen.opened(8)
    assert seen.opened(7) is seven
    assert seen.look(-9, True) == hoards.NEW  # two have come: a gigabit fills 3 MB until then
    assert seen.look(0, True) == hoards._QUIET
    read.update({7: 10**6, 8: 10**6})
    assert seen.look(0, False) == hoards._PAUSE  # nobody was served: they may wait in the inbox
    assert seen.look(0, True) == hoards._SOON and cut == []
    eight.frames += 1  # what it sent was whole
    seen.served += 1
    assert seen.look(0, False) == hoards._PAUSE and cut == []  # the other may be the next
    seen.emptied += 1
    seen.look(0, False)
    assert cut == [7]
    del read[8]
    seen.look(0, True)
    assert eight.gone and not seven.gone  # closed, and the news is on its way
    seen.closed(7)
    seen.closed(7)
    assert seven.gone


async def test_a_link_is_another_connection_after_it_was_lost() -> None:
    # Else what the second delivers would count for the first, and it would look like a hoard.
    async with two() as (_, bob):
        endpoint = bob.bind(HERE)
        frame = bytes(100_000)
        arrived = 0

        async def listen() -> None:
            nonlocal arrived
            while True:
                arrived += len(await bob.receive())

        listening = asyncio.create_task(listen())
        for life in range(1, 4):
            _, writer = await stranger(endpoint)  # under one routing id each time
            async with asyncio.timeout(LONG):
                while arrived < 5 * life:
                    writer.write(b"\x02" + len(frame).to_bytes(8, "big") + frame)
                    await asyncio.sleep(0.05)
                writer.transport.abort()
                while bob._hoards._streams:
                    await asyncio.sleep(0.01)
            await asyncio.sleep(0.3)  # libzmq has forgotten the routing id too
        listening.cancel()
        assert bob._hoards.cut == 0


@pytest.mark.parametrize("other", [False, True], ids=["no file", "a file that is no socket"])
def test_a_number_that_is_no_connections_any_more_is_let_go(other: bool, tmp_path: Path) -> None:
    """libzmq closes its files in its own time, and the news comes after."""
    file = os.open(tmp_path, os.O_RDONLY)
    if not other:
        os.close(file)
    found = Hoards()
    found.opened(file)
    assert found.look(0.0, empty=True) > 0 and not found._streams
    if other:
        os.close(file)  # it was left open


async def test_a_message_without_handshake_harms_nobody() -> None:
    """In clear libzmq takes ZMTP 1, and some random bytes, and cannot say where they came from."""
    async with two() as (alice, bob):
        endpoint = bob.bind(HERE)
        port = int(endpoint.rpartition(":")[2])
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\x01\x00" + b"\x06\x00HELLO" * 3)
        arrivals: list[Arrival] = []
        while len(arrivals) < 3:
            arrivals += await asyncio.wait_for(bob.receive(), LONG)
        assert {frame for _, frame in arrivals} == {b"HELLO"}
        alice.dial(endpoint)
        alice.send(endpoint, b"and we go on")
        ((_, frame),) = await asyncio.wait_for(bob.receive(), LONG)
        assert frame == b"and we go on"
        writer.transport.abort()
