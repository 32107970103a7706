"""Frames over real sockets on loopback."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import zmq

from tallyp2p.errors import FailureError, LocalError, SettingsError
from tallyp2p.parameters import LIMITS
from tallyp2p.runtime.meter import Meter
from tallyp2p.runtime.transport import Arrival, Transport
from tests.waiting import LONG

HERE = "tcp://127.0.0.1:*"


@asynccontextmanager
async def transport(seed: int = 0) -> AsyncIterator[Transport]:
    made = Transport(Meter(), entropy=random.Random(seed).randbytes)
    try:
        yield made
    finally:
        await made.close()


async def gather(receiver: Transport, count: int) -> list[Arrival]:
    arrivals: list[Arrival] = []
    while len(arrivals) < count:
        arrivals += await asyncio.wait_for(receiver.receive(), LONG)
    return arrivals


@asynccontextmanager
async def raw_dealer(endpoint: str) -> AsyncIterator[Callable[..., Awaitable[None]]]:
    """A stranger that speaks ZeroMQ but not our rules."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.set(zmq.LINGER, 0)
        dealer.connect(endpoint)

        async def send(*parts: bytes) -> None:
            dealer.send_multipart(parts)

        yield send


async def test_frames_arrive_in_order_and_name_their_connection() -> None:
    async with transport(1) as alice, transport(2) as bob:
        endpoint = bob.bind(HERE)
        assert endpoint.startswith("tcp://127.0.0.1:") and not endpoint.endswith("*")
        assert alice.dial(endpoint) and alice.dial(endpoint)
        frames = [bytes([i]) * (i + 1) for i in range(200)]
        assert all(alice.send(endpoint, frame) for frame in frames)
        arrivals = await gather(bob, 200)
        assert [frame for _, frame in arrivals] == frames
        (link,) = {link for link, _ in arrivals}
        assert link == b"\x01" + random.Random(1).randbytes(8)


async def test_every_connection_has_a_name_of_its_own() -> None:
    """FRAME-3."""
    async with transport(1) as alice, transport(2) as bob:
        endpoint = bob.bind(HERE)
        links = set()
        for _ in range(3):
            alice.dial(endpoint)
            alice.send(endpoint, b"hello")
            links.add((await gather(bob, 1))[0][0])
            alice.hangup(endpoint)
        assert len(links) == 3


@pytest.mark.parametrize("listen", ["tcp://[::1]:*", "ipc"])
async def test_other_ways_to_listen(listen: str, tmp_path: Path) -> None:
    """FRAME-1, FRAME-2."""
    async with transport(1) as alice, transport(2) as bob:
        try:
            endpoint = bob.bind(f"ipc://{tmp_path}/peer" if listen == "ipc" else listen)
        except FailureError:
            pytest.skip("this host has no IPv6")
        alice.dial(endpoint)
        alice.send(endpoint, b"hello")
        assert (await gather(bob, 1))[0][1] == b"hello"


async def test_a_message_waits_for_the_one_who_will_listen() -> None:
    with socket.socket() as finder:
        finder.bind(("127.0.0.1", 0))
        endpoint = f"tcp://127.0.0.1:{finder.getsockname()[1]}"
    async with transport(1) as alice, transport(2) as bob:
        alice.dial(endpoint)
        assert alice.send(endpoint, b"early")
        bob.bind(endpoint)
        assert (await gather(bob, 1))[0][1] == b"early"


async def test_a_full_queue_drops_and_counts() -> None:
    """FRAME-5."""
    async with transport() as alice:
        endpoint = "tcp://127.0.0.1:9"  # nobody
        assert not alice.send(endpoint, b"not dialled")
        alice.dial(endpoint)
        taken = sum(alice.send(endpoint, b"x") for _ in range(300))
        assert taken == 256
        assert alice.dropped == 1 + 44


async def test_what_was_sent_before_hangup_and_close_arrives() -> None:
    async with transport(1) as alice, transport(2) as bob:
        endpoint = bob.bind(HERE)
        alice.dial(endpoint)
        alice.send(endpoint, b"bye 1")
        alice.hangup(endpoint)
        alice.hangup(endpoint)
        alice.dial(endpoint)
        alice.send(endpoint, b"bye 2")
        await alice.close(1000)
        assert {frame for _, frame in await gather(bob, 2)} == {b"bye 1", b"bye 2"}


async def test_close_does_not_wait_long_for_the_dead() -> None:
    async with transport() as alice:
        alice.dial("tcp://127.0.0.1:9")
        alice.send("tcp://127.0.0.1:9", b"bye")
        began = asyncio.get_running_loop().time()
        await alice.close(200)
        assert 0.1 < asyncio.get_running_loop().time() - began < LONG
        await alice.close(200)


async def test_other_than_one_frame_is_reported_and_not_kept() -> None:
    """FRAME-4."""
    async with transport() as bob:
        endpoint = bob.bind(HERE)
        async with raw_dealer(endpoint) as send:
            await send(b"one")
            await send(b"", b"two")
            await send(*[b"part"] * 1000)  # far more than one batch takes
            await send(b"four")
            frames = [frame for _, frame in await gather(bob, 4)]
        assert frames == [b"one", None, None, b"four"]


async def test_a_batch_is_bounded_and_leaves_others_their_turn() -> None:
    async with transport(1) as alice, transport(2) as bob:
        endpoint = bob.bind(HERE)
        alice.dial(endpoint)
        for _ in range(250):
            alice.send(endpoint, b"x")
        turns = 0

        async def count_turns() -> None:
            nonlocal turns
            while True:
                turns += 1
                await asyncio.sleep(0)

        other = asyncio.create_task(count_turns())
        await asyncio.sleep(0.1)  # until all 250 wait in the inbox
        before, total, batches = turns, 0, 0
        while total < 250:
            batch = await bob.receive()
            assert len(batch) <= 128
            total += len(batch)
            batches += 1
        assert turns - before >= batches - 1
        other.cancel()


async def test_no_wake_up_is_lost_between_draining_and_waiting() -> None:
    # The inbox's descriptor reports changes only; a frame that arrives during the last
    # read must not be left there until the next one comes.
    async with transport(1) as alice, transport(2) as bob:
        at_alice, at_bob = alice.bind(HERE), bob.bind(HERE)
        alice.dial(at_bob)
        bob.dial(at_alice)
        for i in range(500):
            alice.send(at_bob, b"ping %d" % i)
            assert (await gather(bob, 1))[0][1] == b"ping %d" % i
            bob.send(at_alice, b"pong")
            await gather(alice, 1)


async def test_too_large_a_frame_ends_its_connection_only() -> None:
    """FRAME-5."""
    async with transport(1) as alice, transport(2) as bob:
        endpoint = bob.bind(HERE)
        alice.dial(endpoint)
        alice.send(endpoint, b"first")
        async with raw_dealer(endpoint) as send:
            await send(b"x" * (LIMITS.frame + 1))
            await gather(bob, 1)
            alice.send(endpoint, b"y" * LIMITS.frame)
            ((_, frame),) = await gather(bob, 1)
        assert frame == b"y" * LIMITS.frame


async def test_strangers_who_come_often_do_not_silence_the_inbox() -> None:
    # libzmq waits for us after 2,000 monitor events that nobody took.
    handshakes = 0

    def shaken() -> None:
        nonlocal handshakes
        handshakes += 1

    async with transport(1) as alice, transport(2) as bob:
        bob.meter.inbound = shaken  # type: ignore[method-assign]
        endpoint = bob.bind(HERE)
        port = int(endpoint.rpartition(":")[2])
        ready = b"\x04\x1c\x05READY\x0bSocket-Type\x00\x00\x00\x06DEALER"
        greeting = b"\xff" + bytes(8) + b"\x7f\x03\x00NULL" + bytes(16) + bytes(32)
        while handshakes < 2100:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(greeting + ready)
            await asyncio.wait_for(reader.readexactly(107), LONG)
            writer.close()
        alice.dial(endpoint)
        alice.send(endpoint, b"still there?")
        assert (await gather(bob, 1))[0][1] == b"still there?"


async def test_busy_port_says_what_to_do() -> None:
    async with transport(1) as alice, transport(2) as bob:
        endpoint = alice.bind(HERE)
        with pytest.raises(FailureError, match="in use; choose another port"):
            bob.bind(endpoint)
        assert bob.bind(HERE) != endpoint  # and a second attempt may succeed


async def test_exposed_address_is_refused() -> None:
    async with transport() as alice:
        with pytest.raises(SettingsError, match="insecure-listen"):
            alice.bind("tcp://192.0.2.1:4000")


async def test_misuse_is_a_local_error() -> None:
    async with transport() as alice:
        with pytest.raises(LocalError):
            await alice.receive()
        alice.bind(HERE)
        with pytest.raises(LocalError):
            alice.bind(HERE)


@pytest.mark.parametrize("endpoint", ["tcp://", "ipc://" + "x" * 200, "nonsense", "tcp://a:b"])
async def test_what_cannot_be_dialled_is_not_an_error(endpoint: str) -> None:
    # Endpoints come from other peers.
    async with transport() as alice:
        assert not alice.dial(endpoint)
        assert not alice.send(endpoint, b"x")
        alice.hangup(endpoint)


async def test_receiving_can_be_cancelled_and_taken_up_again() -> None:
    async with transport(1) as alice, transport(2) as bob:
        endpoint = bob.bind(HERE)
        waiting = asyncio.create_task(bob.receive())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        alice.dial(endpoint)
        alice.send(endpoint, b"x")
        assert len(await gather(bob, 1)) == 1


async def test_who_connects_while_it_closes_is_not_looked_at_any_more() -> None:
    """Its file's number may be that of another program's connection by then."""
    made = Transport(Meter())
    made.bind(HERE)
    closing = asyncio.ensure_future(made.close(0))
    await asyncio.sleep(0)  # now it has begun
    with socket.socket() as other:
        made._accepted(other.fileno())
    await closing
    assert made._looking is None
