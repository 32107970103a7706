"""Frames in, frames out: one ROUTER inbox, one DEALER for each dialled endpoint.

Messages flow DEALER -> ROUTER only, one frame each (protocol_spec 02), so that a message
sent before the other side listens waits in a queue, and a full queue is an error that the
sender sees.  Knows nothing of what the frames mean.  All methods belong to one event loop.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

import zmq

from ..errors import LocalError
from ..parameters import LIMITS
from .addresses import bind_error, check_listen
from .meter import Meter, Watch

__all__ = ["Arrival", "Transport"]

Arrival = tuple[bytes, bytes | None]
"""(link, frame); frame None: the message had other than one frame and was not kept."""

_BATCH = 128  # frames taken from the inbox before the loop gets its turn
_HANGUP = 1000  # ms that a closed connection may take to hand over what was sent on it
_SOCKETS = 4 * LIMITS.members  # per context; a dialled endpoint takes three with its watch

# Constants are our choice; the reasons are ZeroMQ's.  No ZMTP heartbeats: their bytes would
# escape the meter, and they say only that a process exists, which a PING of ours says better.
_COMMON: dict[int, int] = {
    zmq.LINGER: 0,
    zmq.BACKLOG: 512,  # a whole swarm connects at once
    zmq.HANDSHAKE_IVL: 5000,  # ms; reaps half-open connections (default 30 s)
    zmq.TCP_KEEPALIVE: 1,
}
_INBOX: dict[int, int] = {
    zmq.MAXMSGSIZE: LIMITS.frame,  # without it, a header may claim and reserve gigabytes
    zmq.RCVHWM: 1000,
    zmq.ROUTER_HANDOVER: 0,  # with it, whoever names another's routing id takes it over
}
_OUTBOX: dict[int, int] = {
    zmq.SNDHWM: 256,
    # Nothing is ever read from a DEALER: what a stranger sends there must not pile up.
    zmq.RCVHWM: 1,
    zmq.MAXMSGSIZE: 512,  # READY of the handshake is below 100 bytes
    zmq.IPV6: 1,  # without it, connecting to tcp://[::1] succeeds and never reports
    # 1 s even at start: an endpoint is announced after it is bound, so the first attempt
    # succeeds; at the default 0.1 s, 200 dead neighbours cost 7 % of a core.
    zmq.RECONNECT_IVL: 1000,
    zmq.RECONNECT_IVL_MAX: 30_000,
}


class Transport:
    """The sockets of one peer, with a ZeroMQ context of their own.

    Make it inside a running event loop and inside the process that uses it (a context does
    not survive a fork); `close` must be awaited.  `entropy(n)` gives n random bytes, for
    routing ids.  Sent and received bytes are counted by `meter`.
    """

    def __init__(
        self,
        meter: Meter,
        *,
        insecure: bool = False,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.dropped = 0  # frames that were not sent: queue full, or endpoint not dialled
        self.meter = meter
        self.on_lost: Callable[[str], None] = lambda endpoint: None  # a connection broke
        self._insecure = insecure
        self._entropy = entropy
        self._loop = asyncio.get_running_loop()
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._context.set(zmq.MAX_SOCKETS, _SOCKETS)
        self._inbox: zmq.Socket[bytes] | None = None
        self._outboxes: dict[str, zmq.Socket[bytes]] = {}
        self._watches: dict[Watch, None] = {}  # those whose sockets still live
        self._readable = asyncio.Event()
        self._more = False  # the last batch ended before the inbox was empty
        self._skipping = False  # in the middle of a message with too many frames
        self._link = b""  # ... from this connection

    def bind(self, listen: str) -> str:
        """Listen on `tcp://ADDRESS:PORT` (PORT may be *) or `ipc://PATH`; the real endpoint.

        Raises :class:`SettingsError` for an address that is malformed or exposed (see
        `check_listen`), :class:`FailureError` when it cannot be had.
        """
        if self._inbox is not None:
            raise LocalError("a transport listens on one address")
        check_listen(listen, self._insecure)
        inbox = self._socket(zmq.ROUTER, _COMMON | _INBOX | {zmq.IPV6: int("[" in listen)})
        try:
            inbox.bind(listen)
        except zmq.ZMQError as error:
            inbox.close()
            raise bind_error(listen, error.errno or 0) from None
        endpoint = inbox.getsockopt_string(zmq.LAST_ENDPOINT)
        self._watch(inbox, self.meter.inbound)
        self._loop.add_reader(inbox.fileno(), self._readable.set)
        self._inbox = inbox
        return endpoint

    def dial(self, endpoint: str) -> bool:
        """Open a connection; True also when it is open already.

        It is made in the background and again whenever it breaks, with growing pauses.
        False when the endpoint cannot be dialled at all; nobody's fault is implied, for
        endpoints come from other peers.
        """
        if endpoint in self._outboxes:
            return True
        if len(self._outboxes) >= LIMITS.members:
            return False
        # Fresh for every connection: it names the connection and proves nothing.  The 0x01
        # is there because libzmq keeps ids that start with 0 for itself.
        name = b"\x01" + self._entropy(8)
        try:
            outbox = self._socket(zmq.DEALER, _COMMON | _OUTBOX)
        except zmq.ZMQError:  # out of files
            return False
        try:
            outbox.set(zmq.ROUTING_ID, name)
            self._watch(outbox, self.meter.outbound, lambda: self._broke(endpoint, outbox))
            outbox.connect(endpoint)
        except zmq.ZMQError:
            outbox.close()
            return False
        self._outboxes[endpoint] = outbox
        return True

    def send(self, endpoint: str, frame: bytes) -> bool:
        """Queue one frame; False when it was dropped instead, which `dropped` counts."""
        outbox = self._outboxes.get(endpoint)
        if outbox is None:
            self.dropped += 1
            return False
        try:
            outbox.send(frame, zmq.NOBLOCK)
        except zmq.Again:
            self.dropped += 1
            return False
        self.meter.sent(frame)
        return True

    def hangup(self, endpoint: str) -> None:
        """Close a connection once what was sent on it has left, or after a second."""
        outbox = self._outboxes.pop(endpoint, None)
        if outbox is not None:
            outbox.close(linger=_HANGUP)

    async def receive(self) -> list[Arrival]:
        """The next frames that arrived, at least one and at most a batch of 128.

        Reads without waiting until the inbox is empty and only then waits: 2 us of CPU per
        message where one await for each message costs 13 (pyzmq 27).
        """
        if self._inbox is None:
            raise LocalError("bind the transport before receiving")
        if self._more:
            await asyncio.sleep(0)  # others' turn; the rest of the inbox is still there
        while True:
            # The descriptor reports changes, not a state: it may stay silent while messages
            # wait.  So clear first, then read until EAGAIN, and wait only after that.
            self._readable.clear()
            arrivals = self._drain(self._inbox)
            if arrivals:
                return arrivals
            if self._more:
                await asyncio.sleep(0)
            else:
                await self._readable.wait()

    def _drain(self, inbox: zmq.Socket[bytes]) -> list[Arrival]:
        arrivals: list[Arrival] = []
        recv, get, received = inbox.recv, inbox.get, self.meter.received
        self._more = True
        try:
            for _ in range(_BATCH):
                if self._skipping:
                    received(recv(zmq.NOBLOCK))
                    if not get(zmq.RCVMORE):
                        self._skipping = False
                        arrivals.append((self._link, None))
                    continue
                link = recv(zmq.NOBLOCK)
                frame = recv(zmq.NOBLOCK)  # a ROUTER always has a frame after the id
                received(frame)
                if get(zmq.RCVMORE):
                    self._skipping, self._link = True, link
                else:
                    arrivals.append((link, frame))
        except zmq.Again:
            self._more = False
        return arrivals

    async def close(self, linger_ms: int = 500) -> None:
        """Close everything; what was sent may take up to `linger_ms` to leave.

        Endpoints that nobody listens on use up the whole time.  May be called twice.
        """
        if self._inbox is not None:
            self._loop.remove_reader(self._inbox.fileno())
            self._inbox.close(linger=0)
            self._inbox = None
        for outbox in self._outboxes.values():
            outbox.close(linger=linger_ms)
        self._outboxes.clear()
        try:
            if self._watches:  # each ends when its socket has handed over what it held
                closed = [watch.ended for watch in self._watches]
                await asyncio.wait(closed, timeout=max(linger_ms, _HANGUP) / 1000 + 1)
        finally:
            for watch in list(self._watches):
                watch.close()
            self._context.term()

    def abandon(self) -> None:
        """Close at once what never listened and never dialled."""
        self._context.destroy(linger=0)

    def _socket(self, kind: int, options: dict[int, int]) -> zmq.Socket[bytes]:
        socket = self._context.socket(kind)
        for option, value in options.items():
            socket.set(option, value)
        return socket

    def _broke(self, endpoint: str, outbox: zmq.Socket[bytes]) -> None:
        if self._outboxes.get(endpoint) is outbox:  # and not hung up by ourselves
            self.on_lost(endpoint)

    def _watch(
        self,
        socket: zmq.Socket[bytes],
        handshake: Callable[[], None],
        lost: Callable[[], None] | None = None,
    ) -> None:
        watch = Watch(self._context, socket, handshake, lost)
        self._watches[watch] = None
        watch.ended.add_done_callback(lambda _: self._watches.pop(watch, None))
