"""What somebody may do who can reach the port and is nobody: plain connections, ZMTP by hand.

Each attack takes the target's endpoint and how much of it there shall be, and tells figures of
what happened on its side.  None of them knows a key.
"""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from random import Random

import zmq

from tallyp2p.runtime.admission import Encryption
from tallyp2p.runtime.raw import Stream, greeting, header, ready
from tallyp2p.wire.keys import identity_text
from tallyp2p.wire.seal import identity_of

__all__ = ["ATTACKS", "Attack", "Figures"]

Figures = dict[str, float]
Attack = Callable[[str, int], Awaitable[Figures]]

_TOGETHER = 100  # connections at once
_MEGABYTE = 2**20
_HTTP = b'POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 9\r\n\r\n{"a": 1}\n'
_TLS = bytes.fromhex("16030100c8010000c40303") + bytes(189)
_PING = b"\x04\x00\x00\x00\x00\x07\x00\x00\x00\x00"  # a message of ours, to be delivered if any is


def _zmtp1(chance: Random) -> bytes:
    """The framing of 2010: no greeting, no security, and still spoken by libzmq."""
    messages = [_PING, chance.randbytes(chance.randrange(60))]
    return b"\x01\x00" + b"".join(bytes((len(m) + 1, 0)) + m for m in messages)


def _zmtp2(chance: Random) -> bytes:
    """The framing of 2012: a signature, a socket type, an identity, and then messages."""
    return b"\xff" + bytes(8) + b"\x7f\x01\x05\x00\x00" + bytes((0, len(_PING))) + _PING


_PIECES: tuple[Callable[[Random], bytes], ...] = (
    lambda chance: chance.randbytes(chance.randrange(1, 2000)),
    lambda chance: _HTTP,
    lambda chance: _TLS,
    lambda chance: greeting()[: chance.randrange(1, 64)],
    lambda chance: greeting() + chance.randbytes(300),
    lambda chance: greeting().replace(b"NULL", b"PLAI") + ready(b"\x01who"),
    lambda chance: greeting() + ready(b"\x01who").replace(b"DEALER", b"STREAM"),
    lambda chance: greeting() + ready(b"\x01who") + bytes((4, 255)),
    _zmtp1,
    _zmtp2,
)


async def garbage(endpoint: str, count: int) -> Figures:
    """`count` connections that bring noise, other protocols, half and old greetings."""
    chance, turn = Random(1), asyncio.Semaphore(_TOGETHER)
    refused = 0

    async def one(index: int) -> None:
        nonlocal refused
        async with turn:
            stream = await Stream.open(endpoint)
            if stream is None:
                refused += 1
                return
            await stream.send(_PIECES[index % len(_PIECES)](chance))
            if index % 3 == 0:
                await stream.read(0.05)
            await stream.close()

    await asyncio.gather(*(one(index) for index in range(count)))
    return {"connections": count, "not opened": refused}


async def idle(endpoint: str, count: int) -> Figures:
    """`count` connections that say nothing, or stop within their greeting."""
    opened = [await Stream.open(endpoint) for _ in range(count)]
    streams = [stream for stream in opened if stream is not None]
    for at, stream in enumerate(streams):
        await stream.send(greeting()[: at % 64])
    ended = await asyncio.gather(*(stream.ended(9.0) for stream in streams))
    for stream in streams:
        await stream.close()
    return {"connections": count, "cut by the target": sum(ended)}


async def _pour(stream: Stream, piece: bytes, megabytes: int) -> Figures:
    """Send until the target hangs up, or so much is sent."""
    sent, most = 0, megabytes * _MEGABYTE
    while sent < most and await stream.send(piece):
        sent += len(piece)
    cut = sent < most
    await stream.close()
    return {"megabytes taken": round(sent / _MEGABYTE, 2), "cut by the target": float(cut)}


async def huge_command(endpoint: str, count: int) -> Figures:
    """Before any handshake is done, a command that claims 4 GiB, and `count` MiB of it."""
    stream = await Stream.open(endpoint)
    assert stream is not None
    await stream.send(greeting())
    await stream.read()
    await stream.send(b"\x06" + struct.pack(">Q", 2**32))
    return await _pour(stream, bytes(2**16), count)


async def huge_frame(endpoint: str, count: int) -> Figures:
    """After the handshake, where there is one without a key, a frame that claims 4 GiB."""
    stream = await Stream.open(endpoint)
    assert stream is not None
    await stream.handshake(b"\x01" + os.urandom(8))
    await stream.send(header(2**32))
    return await _pour(stream, bytes(2**16), count)


async def multipart(endpoint: str, count: int) -> Figures:
    """A message of parts of 100 bytes that never ends, `count` MiB of it."""
    stream = await Stream.open(endpoint)
    assert stream is not None
    await stream.handshake(b"\x01" + os.urandom(8))
    return await _pour(stream, (b"\x01\x64" + bytes(100)) * 640, count)


async def early(endpoint: str, count: int) -> Figures:
    """`count` messages before any HELLO, of all kinds there are."""
    stream = await Stream.open(endpoint)
    assert stream is not None
    shaken = await stream.handshake(b"\x01" + os.urandom(8))
    chance, said = Random(2), 0
    while said < count:
        batch = [bytes((chance.randrange(256), 0)) + chance.randbytes(20) for _ in range(500)]
        if not await stream.send(b"".join(bytes((0, len(m))) + m for m in batch)):
            break
        said += len(batch)
    await stream.close()
    return {"messages": said, "handshakes": float(shaken)}


async def strange_keys(endpoint: str, count: int) -> Figures:
    """`count` connections that encrypt, under keys of which nobody has heard.

    Whoever knows an endpoint knows the key of its listener; without one, any will do.
    """
    address, _, identity = endpoint.partition("#")
    identity = identity or identity_text(identity_of(os.urandom(32)))
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    try:
        for start in range(0, count, _TOGETHER):
            sockets = []
            for _ in range(min(_TOGETHER, count - start)):
                encryption = Encryption.of(os.urandom(32))
                socket = context.socket(zmq.DEALER)
                for option, value in encryption.dialler(f"{address}#{identity}").items():
                    socket.set(option, value)
                socket.set(zmq.LINGER, 0)
                socket.connect(address)
                with suppress(zmq.Again):  # a connection that was refused at once takes nothing
                    socket.send(_PING, zmq.NOBLOCK)
                sockets.append(socket)
            await asyncio.sleep(0.3)
            for socket in sockets:
                socket.close()
    finally:
        context.destroy(linger=0)
    return {"connections": count}


ATTACKS: dict[str, Attack] = {
    "garbage": garbage,
    "idle": idle,
    "huge command": huge_command,
    "huge frame": huge_frame,
    "early": early,
    "multipart": multipart,
    "strange keys": strange_keys,
}
