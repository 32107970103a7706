"""Who gets in: members with the keys of their identities, and nobody else, over real sockets."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import zmq

from tallyp2p.errors import FailureError
from tallyp2p.parameters import LIMITS
from tallyp2p.runtime.admission import Encryption
from tallyp2p.runtime.meter import Meter
from tallyp2p.runtime.transport import Arrival, Transport
from tallyp2p.wire.keys import curve_public, identity_text
from tallyp2p.wire.seal import identity_of
from tests.waiting import LONG, eventually

HERE = "tcp://127.0.0.1:*"
ALICE, BOB, EVE = (bytes([number]) * 32 for number in (1, 2, 3))
LIST = frozenset(curve_public(identity_of(secret)) for secret in (ALICE, BOB))


@asynccontextmanager
async def peer(secret: bytes, admitted: frozenset[bytes] | None = LIST) -> AsyncIterator[Transport]:
    made = Transport(Meter(curve=True), encryption=Encryption.of(secret, admitted))
    try:
        yield made
    finally:
        await made.close(0)


async def gather(receiver: Transport, count: int) -> list[Arrival]:
    arrivals: list[Arrival] = []
    while len(arrivals) < count:
        arrivals += await asyncio.wait_for(receiver.receive(), LONG)
    return arrivals


async def refused(listener: Transport, count: int) -> None:
    admission = listener.admission
    assert admission is not None
    await eventually(lambda: admission.refused >= count)


def at(identity: bytes) -> str:
    """An endpoint of the peer with that key."""
    return f"tcp://127.0.0.1:7#{identity_text(identity)}"


@pytest.mark.parametrize("listen", [HERE, "tcp://[::1]:*"])
async def test_members_talk_and_each_frame_proves_its_key(listen: str) -> None:
    """CURVE-1, CURVE-2."""
    async with peer(ALICE) as alice, peer(BOB) as bob:
        try:
            endpoint = bob.bind(listen)
        except FailureError:
            pytest.skip("this host has no IPv6")
        assert endpoint.rpartition("#")[2] == bob.encryption.identity  # type: ignore[union-attr]
        assert alice.dial(endpoint)
        alice.send(endpoint, b"hello")
        alice.send(endpoint, b"vote")
        arrivals = await gather(bob, 2)
        assert [frame for _, frame in arrivals] == [b"hello", b"vote"]
        (link,) = {link for link, _ in arrivals}
        own, other = (at(identity_of(secret)) for secret in (ALICE, BOB))
        assert bob.proves(link, identity_of(ALICE), own)
        assert not bob.proves(link, identity_of(BOB), other)
        assert not bob.proves(link, bytes(32), own)
        assert not bob.proves(b"another link", identity_of(ALICE), own)
        assert not bob.proves(link, identity_of(ALICE), other)
        assert not bob.proves(link, identity_of(ALICE), "tcp://127.0.0.1:7")


async def test_who_is_not_on_the_list_is_not_heard(caplog: pytest.LogCaptureFixture) -> None:
    """CURVE-4."""
    async with peer(ALICE) as alice, peer(BOB) as bob, peer(EVE, None) as eve:
        endpoint = bob.bind(HERE)
        eve.dial(endpoint)
        assert eve.send(endpoint, b"let me in")
        await refused(bob, 1)
        alice.dial(endpoint)
        alice.send(endpoint, b"hello")
        assert [frame for _, frame in await gather(bob, 1)] == [b"hello"]
        await eventually(lambda: "our key is not on its list" in caplog.text)
    said = [record.getMessage() for record in caplog.records]
    assert len(said) == 2  # one sentence at each end
    assert any("refused a connection from 127.0.0.1: its key is not on the list" in s for s in said)
    assert any(f"cannot get into touch with {endpoint}: our key" in s for s in said)


async def test_who_is_not_on_the_list_is_not_told_anything_either() -> None:
    """CURVE-7.  Endpoints come from others, and may be anybody's."""
    async with peer(ALICE) as alice, peer(BOB) as bob, peer(EVE, None) as eve:
        assert not alice.dial(eve.bind(HERE))
        assert alice.dial(bob.bind(HERE))


async def test_an_open_run_lets_every_key_in() -> None:
    """CURVE-4."""
    async with peer(BOB, None) as bob, peer(EVE, None) as eve:
        endpoint = bob.bind(HERE)
        eve.dial(endpoint)
        eve.send(endpoint, b"hello")
        ((link, frame),) = await gather(bob, 1)
        eve_key = identity_of(EVE)
        assert frame == b"hello" and bob.proves(link, eve_key, at(eve_key))


async def test_nothing_is_said_in_clear(caplog: pytest.LogCaptureFixture) -> None:
    """ENDPOINT-6, CURVE-1."""
    plain = Transport(Meter())
    try:
        async with peer(BOB) as bob:
            in_clear, encrypted = plain.bind(HERE), bob.bind(HERE)
            for _ in range(2):
                assert not bob.dial(in_clear) and not bob.dial("ipc:///tmp/peer")
                assert not plain.dial(encrypted)
            assert not bob.dial(in_clear + "#" + "A" * 43)  # of that form, but nobody's key
    finally:
        await plain.close(0)
    assert "names no key, or one that is not on the list of this run" in caplog.text
    assert "it is encrypted, and we are not (--encrypt)" in caplog.text
    assert len(caplog.records) == 4  # each once


def zmtp1(count: int) -> bytes:
    """Frames as the first ZeroMQ wrote them, without any handshake: length, flags, body."""
    return b"\x01\x00" + b"".join(b"\x06\x00HELLO" for _ in range(count))


def greeting(mechanism: bytes) -> bytes:
    return b"\xff" + bytes(8) + b"\x7f\x03\x00" + mechanism.ljust(20, b"\0") + bytes(32)


READY = b"\x04\x1c\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER"
GARBAGE = {
    "ZMTP 1": zmtp1(20),
    "ZMTP 2": b"\xff" + bytes(8) + b"\x7f\x01\x05\x00\x00" + b"\x00\x05HELLO",
    "in clear": greeting(b"NULL") + READY + b"\x00\x05HELLO",
    "no handshake": greeting(b"CURVE") + b"\x00\x05HELLO",
    "READY at once": greeting(b"CURVE") + READY + b"\x00\x05HELLO",
    "HTTP": b"GET / HTTP/1.1\r\nHost: peer\r\n\r\n",
    "zeros": bytes(500),
    "4 GiB": greeting(b"CURVE") + b"\x06" + struct.pack(">Q", 2**32) + bytes(100_000),
}


@pytest.mark.parametrize("what", GARBAGE)
async def test_a_raw_stranger_delivers_nothing(what: str) -> None:
    """CURVE-3.  In clear libzmq takes the frames of ZMTP 1, and random bytes, for messages."""
    async with peer(ALICE) as alice, peer(BOB) as bob:
        endpoint = bob.bind(HERE)
        port = int(endpoint.partition("#")[0].rpartition(":")[2])
        strangers = [await asyncio.open_connection("127.0.0.1", port) for _ in range(5)]
        for _, writer in strangers:
            writer.write(GARBAGE[what])
        alice.dial(endpoint)
        for number in range(3):
            alice.send(endpoint, b"%d" % number)
            await asyncio.sleep(0)
        assert [frame for _, frame in await gather(bob, 3)] == [b"0", b"1", b"2"]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(bob.receive(), 0.3)
        for _, writer in strangers:
            writer.transport.abort()


@pytest.mark.slow
async def test_an_identity_in_the_name_of_another_does_not_connect(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """CURVE-1.  An endpoint with another's key: whoever listens there is not whom we wanted."""
    async with peer(ALICE) as alice, peer(BOB) as bob, peer(EVE) as eve:
        where, _, _ = eve.bind(HERE).partition("#")
        endpoint = f"{where}#{bob.encryption.identity}"  # type: ignore[union-attr]
        alice.dial(endpoint)
        alice.send(endpoint, b"for Bob alone")
        await eventually(lambda: "is not the peer with that key" in caplog.text)
        assert f"cannot get into touch with {endpoint}: whoever listens there" in caplog.text
        assert alice.meter.snapshot()["sent"]["control"]["messages"] == 0
        assert eve.meter.snapshot()["received"]["total"]["wire"] == 0


async def test_sizes_are_bounded_before_the_handshake_and_exact_after() -> None:
    """FRAME-5; encryption adds 33 bytes, which must not cost a member the largest frame."""
    async with peer(ALICE) as alice, peer(BOB) as bob:
        endpoint = bob.bind(HERE)
        alice.dial(endpoint)
        alice.send(endpoint, bytes(LIMITS.frame))
        assert [len(frame or b"") for _, frame in await gather(bob, 1)] == [LIMITS.frame]
        alice.send(endpoint, bytes(LIMITS.frame + 1))  # breaks the connection
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(bob.receive(), 0.3)


@pytest.mark.slow
async def test_idle_strangers_are_sent_away() -> None:
    """CURVE-6."""
    async with peer(BOB) as bob:
        endpoint = bob.bind(HERE)
        port = int(endpoint.partition("#")[0].rpartition(":")[2])
        files = len(os.listdir("/dev/fd"))
        idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(300)]
        for number, connection in enumerate(idle):
            connection.send(greeting(b"CURVE")[: number % 65])
            connection.setblocking(False)
        loop = asyncio.get_running_loop()
        for connection in idle:  # until it hangs up: HANDSHAKE_IVL after it began
            async with asyncio.timeout(LONG):
                try:
                    while await loop.sock_recv(connection, 1024):
                        pass
                except ConnectionError:
                    pass
            connection.close()
        await eventually(lambda: len(os.listdir("/dev/fd")) <= files)  # ours, and then libzmq's


async def test_keys_of_many_connections_are_not_kept_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tallyp2p.runtime.transport._LINKS", 2)
    async with peer(ALICE) as alice, peer(BOB) as bob:
        endpoint = bob.bind(HERE)
        links = []
        for _ in range(4):
            alice.dial(endpoint)
            alice.send(endpoint, b"x")
            links.append((await gather(bob, 1))[0][0])
            alice.hangup(endpoint)
        own = identity_of(ALICE)
        assert [bob.proves(link, own, at(own)) for link in links] == [False, False, True, True]


def test_a_secret_is_not_printed() -> None:
    made = Encryption.of(ALICE, None)
    assert repr(made.secret) not in repr(made) and zmq.CURVE_SECRETKEY in made.listener()
