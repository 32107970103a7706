"""Our count of bytes against the kernel's."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import struct
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial

import pytest

from tallyp2p.messages import Kind
from tallyp2p.parameters import LIMITS
from tallyp2p.runtime.admission import Encryption
from tallyp2p.runtime.meter import Meter
from tallyp2p.runtime.transport import Transport
from tests.waiting import LONG, eventually

TCP_INFO_SIZE = 136  # up to and with tcpi_bytes_received


def port(endpoint: str) -> int:
    return int(endpoint.partition("#")[0].rpartition(":")[2])


def transport(secret: bytes) -> Transport:
    """One that encrypts under that secret, or one in clear without."""
    if not secret:
        return Transport(Meter())
    return Transport(Meter(curve=True), encryption=Encryption.of(secret))


@asynccontextmanager
async def transports(curve: bool = False) -> AsyncIterator[tuple[Transport, Transport]]:
    alice, bob = transport(b"a" * 32 * curve), transport(b"b" * 32 * curve)
    try:
        yield alice, bob
    finally:
        await alice.close()
        await bob.close()


def is_socket(number: int) -> bool:
    try:
        return stat.S_ISSOCK(os.fstat(number).st_mode)
    except OSError:
        return False  # closed in the meantime


@contextmanager
def connections() -> Iterator[list[socket.socket]]:
    """Duplicates of all connected TCP sockets of this process."""
    found: list[socket.socket] = []
    for number in [number for number in map(int, os.listdir("/proc/self/fd")) if is_socket(number)]:
        duplicate = socket.socket(fileno=os.dup(number))
        try:
            assert duplicate.family in (socket.AF_INET, socket.AF_INET6)
            duplicate.getpeername()
            found.append(duplicate)
        except (AssertionError, OSError):  # another kind of socket, or one that listens
            duplicate.close()
    try:
        yield found
    finally:
        for duplicate in found:
            duplicate.close()


def kernel_counts(own: int, other: int) -> tuple[int, int, int]:
    """Connections of the peer listening at port `own`, bytes acknowledged and received."""
    number = sent = received = 0
    with connections() as found:
        for connection in found:
            passive = connection.getsockname()[1] == own
            if not passive and connection.getpeername()[1] != other:
                continue
            info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_SIZE)
            acknowledged, arrived = struct.unpack_from("=QQ", info, 120)
            number += 1
            sent += acknowledged - (not passive)  # connecting counts its SYN as a byte
            received += arrived
    return number, sent, received


@pytest.mark.skipif(sys.platform != "linux", reason="TCP_INFO and /proc are Linux's")
@pytest.mark.parametrize("curve", [False, True])
async def test_the_kernel_counts_the_same_bytes(curve: bool) -> None:
    async with transports(curve) as (alice, bob):
        await compare(alice, bob, curve)


async def compare(alice: Transport, bob: Transport, curve: bool) -> None:
    at_alice, at_bob = alice.bind("tcp://127.0.0.1:*"), bob.bind("tcp://127.0.0.1:*")
    alice.dial(at_bob)
    bob.dial(at_alice)
    vote = bytes([Kind.VOTE, 0, 0, 0, 0, 7]) + bytes(16)
    sizes = [0, 1, 2, 222, 223, 254, 255, 256, 257, 65_535, 65_536, LIMITS.frame]
    frames = [vote, *(b"\xff" * size for size in sizes)]
    for frame in frames:
        alice.send(at_bob, frame)
    for _ in range(200):
        bob.send(at_alice, vote)
    arrived = 0
    while arrived < len(frames):
        arrived += len(await asyncio.wait_for(bob.receive(), LONG))
    while arrived < len(frames) + 200:
        arrived += len(await asyncio.wait_for(alice.receive(), LONG))

    for transport, own, other in ((alice, at_alice, at_bob), (bob, at_bob, at_alice)):
        counted = transport.meter.snapshot()
        ours = tuple(counted[way]["total"]["wire"] for way in ("sent", "received"))
        # Until the last bytes are acknowledged.
        counts = partial(kernel_counts, port(own), port(other))
        await eventually(partial(lambda counts, ours: counts() == (2, *ours), counts, ours))
    assert alice.meter.snapshot()["sent"] == bob.meter.snapshot()["received"]
    # By hand: 22 bytes of message and 2 of ZMTP for each ballot, 33 more in CURVE's box; two
    # handshakes.
    sent = bob.meter.snapshot()["sent"]
    assert sent["votes"]["wire"] == 200 * (57 if curve else 24)
    assert sent["control"]["wire"] == (576 + 301 if curve else 116 + 107)


async def test_a_handshake_counts_again_when_a_connection_is_made_again() -> None:
    async with transports() as (alice, bob):
        endpoint = bob.bind("tcp://127.0.0.1:*")
        for _ in range(3):
            alice.dial(endpoint)
            alice.send(endpoint, b"x")
            alice.hangup(endpoint)  # before the handshake: it is made while the frame leaves
        await alice.close(2000)
        arrived = 0
        while arrived < 3:
            arrived += len(await asyncio.wait_for(bob.receive(), LONG))
        assert alice.meter.snapshot()["sent"]["total"]["wire"] == 3 * (116 + 3)
        assert bob.meter.snapshot()["received"]["total"]["wire"] == 3 * (116 + 3)
