"""Any bytes to anybody: sockets for a tester that keeps the rules, or breaks one on purpose.

An :class:`Inbox` is a ROUTER, a :class:`Line` a DEALER with a routing id of its choice, a
:class:`Stream` a plain connection on which ZMTP, or what is no ZMTP at all, is written by
hand.  Nothing that comes in is read or judged here, and nothing that comes in raises.
All methods belong to one event loop.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from collections.abc import Callable
from contextlib import suppress

import zmq

from ..errors import SettingsError
from ..parameters import LIMITS
from .addresses import bind_error
from .admission import Encryption

__all__ = [
    "Inbox",
    "Line",
    "Raw",
    "Stream",
    "free_endpoint",
    "greeting",
    "header",
    "local_address",
    "ready",
]

Arrived = Callable[[bytes, list[bytes]], None]
"""(routing id of the connection, the message's frames)."""

_BATCH = 256  # messages taken from an inbox before the loop gets its turn
_MOST = 2 * LIMITS.frame  # bytes of one frame; a peer that sends more loses the connection
_SOCKETS = 8192
_PIECE = 65_536
# A port is taken again at once by an inbox that stands for a process started again.
_TRIES, _PAUSE = 50, 0.02


class Raw:
    """A ZeroMQ context for many inboxes and lines; `close` closes them all."""

    def __init__(self) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._context.set(zmq.MAX_SOCKETS, _SOCKETS)

    async def inbox(
        self, listen: str, arrived: Arrived, encryption: Encryption | None = None
    ) -> Inbox:
        """Listen on `tcp://ADDRESS:PORT` (PORT may be *) or `ipc://PATH`; encrypted under the
        key of `encryption`, to whoever comes.

        Raises :class:`FailureError` when the address cannot be had.
        """
        for attempt in range(_TRIES):
            router = self._socket(zmq.ROUTER)
            router.set(zmq.ROUTER_MANDATORY, 1)  # `reply` says whether anybody is there
            router.set(zmq.IPV6, int("[" in listen))
            if encryption is not None:
                router.set(zmq.CURVE_SERVER, 1)
                router.set(zmq.CURVE_SECRETKEY, encryption.secret)
            try:
                router.bind(listen)
                break
            except zmq.ZMQError as error:
                router.close()
                if error.errno != zmq.EADDRINUSE or attempt == _TRIES - 1:
                    raise bind_error(listen, error.errno or 0) from None
            await asyncio.sleep(_PAUSE)  # the process before may still be letting go of it
        return Inbox(router, arrived, "" if encryption is None else f"#{encryption.identity}")

    def line(self, endpoint: str, name: bytes = b"", encryption: Encryption | None = None) -> Line:
        """A DEALER to `endpoint` under the routing id `name` (b"": as FRAME-3 says), and under
        the key of `encryption` if the endpoint names its own."""
        dealer = self._socket(zmq.DEALER)
        dealer.set(zmq.ROUTING_ID, name or b"\x01" + os.urandom(8))
        dealer.set(zmq.IPV6, 1)
        dealer.set(zmq.RECONNECT_IVL, 100)
        if encryption is not None:
            for option, value in encryption.dialler(endpoint).items():
                dealer.set(option, value)
        dealer.connect(_address(endpoint))
        return Line(dealer)

    def close(self) -> None:
        """Close everything at once."""
        self._context.destroy(linger=0)

    def _socket(self, kind: int) -> zmq.Socket[bytes]:
        made = self._context.socket(kind)
        made.set(zmq.LINGER, 0)
        made.set(zmq.MAXMSGSIZE, _MOST)
        made.set(zmq.SNDHWM, 20_000)
        made.set(zmq.RCVHWM, 2_000)
        return made


class Inbox:
    """A ROUTER that listens; hands each message to a function, with its connection's name."""

    def __init__(self, router: zmq.Socket[bytes], arrived: Arrived, key: str = "") -> None:
        self._router, self._arrived = router, arrived
        self._loop = asyncio.get_running_loop()
        self.endpoint = router.getsockopt_string(zmq.LAST_ENDPOINT) + key
        self._descriptor = router.fileno()
        self._loop.add_reader(self._descriptor, self._drain)
        self._loop.call_soon(self._drain)

    def reply(self, link: bytes, *parts: bytes) -> bool:
        """Send against the rule, from ROUTER to DEALER; False when nobody is there."""
        try:
            self._router.send_multipart([link, *parts], zmq.NOBLOCK)
        except zmq.ZMQError:
            return False
        self._loop.call_soon(self._drain)  # sending may have eaten the descriptor's news
        return True

    def close(self) -> None:
        """Stop listening; whoever was connected sees the connection break."""
        if not self._router.closed:
            self._loop.remove_reader(self._descriptor)
            self._router.close(linger=0)

    def _drain(self) -> None:
        for _ in range(_BATCH):
            try:  # also when it was closed, by `_arrived` even
                link, *parts = self._router.recv_multipart(zmq.NOBLOCK)
            except zmq.ZMQError:
                return
            self._arrived(link, parts)
        self._loop.call_soon(self._drain)  # others' turn; the descriptor reports changes only


class Line:
    """A DEALER."""

    def __init__(self, dealer: zmq.Socket[bytes]) -> None:
        self._dealer = dealer

    def send(self, *parts: bytes) -> bool:
        """Queue a message of these frames; False when it was dropped."""
        try:
            self._dealer.send_multipart(parts, zmq.NOBLOCK)
        except zmq.ZMQError:
            return False
        return True

    def unread(self) -> list[list[bytes]]:
        """Messages that the other side sent against the rule, from its ROUTER."""
        messages: list[list[bytes]] = []
        with suppress(zmq.ZMQError):
            while len(messages) < _BATCH:
                messages.append(self._dealer.recv_multipart(zmq.NOBLOCK))
        return messages

    def close(self, linger_ms: int = 500) -> None:
        """Close; what was sent may take up to `linger_ms` to leave."""
        if not self._dealer.closed:
            self._dealer.close(linger=linger_ms)


class Stream:
    """A plain connection to an endpoint."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def open(cls, endpoint: str, within: float = 3.0) -> Stream | None:
        """Connect; None when nobody listens there or nobody answers in time."""
        scheme, _, rest = _address(endpoint).partition("://")
        try:
            async with asyncio.timeout(within):
                if scheme == "ipc":
                    return cls(*await asyncio.open_unix_connection(rest))
                host, _, port = rest.rpartition(":")
                return cls(*await asyncio.open_connection(host.strip("[]"), int(port)))
        except (OSError, TimeoutError, UnicodeError):  # the last: no name of a host
            return None

    async def send(self, data: bytes, within: float = 2.0) -> bool:
        """Write; False when the other side has hung up, or takes no more."""
        try:
            async with asyncio.timeout(within):
                for at in range(0, len(data), _PIECE):
                    self._writer.write(data[at : at + _PIECE])
                    await self._writer.drain()
        except (OSError, TimeoutError):
            return False
        return not self._reader.at_eof()

    async def read(self, within: float = 1.0) -> bytes:
        """What comes next; empty when nothing does."""
        try:
            async with asyncio.timeout(within):
                return await self._reader.read(_PIECE)
        except (OSError, TimeoutError):
            return b""

    async def ended(self, within: float) -> bool:
        """Whether the other side hangs up in time; what it says until then is dropped."""
        try:
            async with asyncio.timeout(within):
                while await self._reader.read(_PIECE):
                    pass
        except TimeoutError:
            return False
        except OSError:
            return True
        return True

    async def handshake(self, name: bytes, within: float = 3.0) -> bool:
        """Become a DEALER with the routing id `name`; False when nobody shakes hands.

        Each step waits for the other's: libzmq 4.3 stalls when all comes in one piece.
        """
        if not await self.send(greeting()):
            return False
        heard = b""
        while len(heard) < len(greeting()):
            if not (more := await self.read(within)):
                return False
            heard += more
        return await self.send(ready(name))

    async def close(self) -> None:
        """Hang up at once."""
        self._writer.transport.abort()
        with suppress(OSError):
            await self._writer.wait_closed()
        await asyncio.sleep(0)  # the transport's last call is due in this turn of the loop
        await asyncio.sleep(0)


# --- ZMTP by hand (https://rfc.zeromq.org/spec/23/) ------------------------------------------

_READY = b"\x05READY"


def greeting() -> bytes:
    """The 64 bytes with which ZMTP 3.0 and the NULL mechanism begin."""
    return b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)


def ready(name: bytes) -> bytes:
    """The READY command of a DEALER with the routing id `name`."""
    body = _READY
    for key, value in ((b"Socket-Type", b"DEALER"), (b"Identity", name)):
        body += bytes((len(key),)) + key + struct.pack(">I", len(value)) + value
    return bytes((4, len(body))) + body


def header(size: int) -> bytes:
    """What stands before a frame of `size` bytes, in the long form of 9 bytes."""
    return b"\x02" + struct.pack(">Q", size)


def _address(endpoint: str) -> str:
    """What there is to connect to: without the key of who listens there."""
    return endpoint.partition("#")[0] if endpoint.startswith("tcp://") else endpoint


def free_endpoint() -> str:
    """A `tcp://127.0.0.1:PORT` at which nobody listens now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"


async def local_address(endpoint: str) -> str:
    """The address of this host at which whoever is at `endpoint` can reach it.

    Raises :class:`SettingsError` when the endpoint's host has no address.
    """
    scheme, _, rest = _address(endpoint).partition("://")
    if scheme == "ipc":
        return "127.0.0.1"
    host, _, port = rest.rpartition(":")
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_DGRAM)
        family, kind, _, _, address = found[0]
        with socket.socket(family, kind) as probe:
            probe.connect(address)  # nothing is sent: the system only chooses a way
            own = str(probe.getsockname()[0])
    except (OSError, UnicodeError):
        raise SettingsError(f"there is no way to {host}: is its name right?") from None
    return f"[{own}]" if ":" in own else own
