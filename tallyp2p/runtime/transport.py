"""Frames in, frames out: one ROUTER inbox, one DEALER for each dialled endpoint.

Messages flow DEALER -> ROUTER only, one frame each (protocol_spec 02), so that a message
sent before the other side listens waits in a queue, and a full queue is an error that the
sender sees.  Knows nothing of what the frames mean.  All methods belong to one event loop.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Mapping, Sequence

import zmq

from ..errors import LocalError
from ..parameters import LIMITS
from ..wire.hello import endpoint_key
from .addresses import bind_error, check_listen
from .admission import Admission, Encryption
from .dialled import Dialled
from .hoards import NEW, Hoards, Stream
from .meter import Meter, Watch
from .names import Names
from .reaching import everywhere, reached_at

__all__ = ["Arrival", "Transport"]

Arrival = tuple[bytes, bytes | None]
"""(link, frame); frame None: the message had other than one frame and was not kept."""

_log = logging.getLogger(__name__)

_BATCH = 128  # frames taken from the inbox before the loop gets its turn
_HANGUP = 1000  # ms that a closed connection may take to hand over what was sent on it
_SOCKETS = 4 * LIMITS.members  # per context; a dialled endpoint takes three with its watch

# Constants are our choice; the reasons are ZeroMQ's.  No ZMTP heartbeats: their bytes would
# escape the meter, and they say only that a process exists, which a PING of ours says better.
_COMMON: dict[int, int] = {
    zmq.LINGER: 0,
    zmq.BACKLOG: 512,  # a whole swarm connects at once
    # A connection whose other end is gone without a word is closed after 2 min and not after hours;
    # peers say something sooner (PING), so that this mostly sends nothing.
    zmq.TCP_KEEPALIVE: 1,
    zmq.TCP_KEEPALIVE_IDLE: 60,
    zmq.TCP_KEEPALIVE_INTVL: 15,
    zmq.TCP_KEEPALIVE_CNT: 4,
}
_INBOX: dict[int, int] = {
    zmq.MAXMSGSIZE: LIMITS.frame,  # without it, a header may claim and reserve gigabytes
    zmq.HANDSHAKE_IVL: 2000,  # ms; reaps half-open connections (default 30 s)
    zmq.RCVHWM: 1000,
    zmq.ROUTER_HANDOVER: 0,  # with it, whoever names another's routing id takes it over
}
_OUTBOX: dict[int, int] = {
    zmq.HANDSHAKE_IVL: 5000,
    zmq.SNDHWM: 256,
    # Nothing is ever read from a DEALER: what a stranger sends there must not pile up.
    zmq.RCVHWM: 1,
    zmq.MAXMSGSIZE: 512,  # commands of the handshake are below 200 bytes
    zmq.IPV6: 1,  # without it, connecting to tcp://[::1] succeeds and never reports
    # 1 s even at start: an endpoint is announced after it is bound, so the first attempt
    # succeeds; at the default 0.1 s, 200 dead neighbours cost 7 % of a core.
    zmq.RECONNECT_IVL: 1000,
    # A network that was cut is used again within 6 s, however long that was: TCP alone would wait
    # twice as long each time, up to 2 min, on a connection as between two attempts at one.
    zmq.RECONNECT_IVL_MAX: 4000,
    zmq.CONNECT_TIMEOUT: 2000,
    zmq.TCP_MAXRT: 10_000,  # ms that what was sent may remain without an answer
}


_BOX = 33  # bytes that CURVE adds to each frame; libzmq's limit on sizes sees them
_LINKS = 4 * LIMITS.members  # connections whose proven keys are kept
_LINES = 64  # sentences about trouble with endpoints, which strangers may make up


class Transport:
    """The sockets of one peer, with a ZeroMQ context of their own.

    Make it inside a running event loop and inside the process that uses it (a context does
    not survive a fork); `close` must be awaited.  `entropy(n)` gives n random bytes, for
    routing ids.  Sent and received bytes are counted by `meter`.

    With `encryption` everything is encrypted: it listens so, and dials only endpoints that
    name their listener's key; without, only those that name none.  (ENDPOINT-6.)
    """

    def __init__(
        self,
        meter: Meter,
        *,
        insecure: bool = False,
        encryption: Encryption | None = None,
        entropy: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.dropped = 0  # frames that were not sent: queue full, or endpoint not dialled
        self.meter = meter
        self.encryption = encryption
        self.admission: Admission | None = None  # of one that encrypts, once it listens
        self.on_lost: Callable[[str], None] = lambda endpoint: None  # a connection broke
        self._insecure = insecure
        self._entropy = entropy
        self._loop = asyncio.get_running_loop()
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._context.set(zmq.MAX_SOCKETS, _SOCKETS)
        self._inbox: zmq.Socket[bytes] | None = None
        self._names: Names | None = None
        self._dialled: dict[str, Dialled] = {}
        self._links: dict[bytes, Stream] = {}  # connections that something has come on
        self._hoards = Hoards()
        self._looking: asyncio.TimerHandle | None = None
        self._told: set[str] = set()  # sentences about trouble
        self._watches: dict[Watch, None] = {}  # those whose sockets still live
        self._readable = asyncio.Event()
        self._more = False  # the last batch ended before the inbox was empty
        self._skipping = False  # in the middle of a message with too many frames
        self._link = b""  # ... from this connection

    def bind(self, listen: str, seeds: Sequence[str] = ()) -> str:
        """Listen on `tcp://ADDRESS:PORT` (PORT may be *) or `ipc://PATH`; the real endpoint.

        Of a peer that listens on all addresses it has the one where the `seeds` reach it.

        Raises :class:`SettingsError` for an address that is malformed or exposed (see
        `check_listen`), :class:`FailureError` when it cannot be had.
        """
        if self._inbox is not None:
            raise LocalError("a transport listens on one address")
        options: dict[int, int | bytes] = {**_COMMON, **_INBOX, zmq.IPV6: int("[" in listen)}
        if self.encryption is None:
            check_listen(listen, self._insecure)
        else:
            check_listen(listen, insecure=True)
            options |= self.encryption.listener() | {zmq.MAXMSGSIZE: LIMITS.frame + _BOX}
            self.admission = Admission(self._context, self.encryption.admits)
        own = reached_at(listen, seeds) if everywhere(listen) else None
        inbox = self._socket(zmq.ROUTER, options)
        try:
            inbox.bind(listen)
        except zmq.ZMQError as error:
            inbox.close()
            raise bind_error(listen, error.errno or 0) from None
        endpoint = inbox.getsockopt_string(zmq.LAST_ENDPOINT)
        if own is not None:
            endpoint = f"tcp://{own}:{endpoint.rpartition(':')[2]}"
        if self.encryption is not None:
            endpoint += f"#{self.encryption.identity}"
        watched: dict[int, Callable[[int], object]] = {
            zmq.EVENT_HANDSHAKE_SUCCEEDED: lambda value: self.meter.inbound(),
            zmq.EVENT_ACCEPTED: self._accepted,
            zmq.EVENT_DISCONNECTED: self._hoards.closed,
        }
        self._watch(inbox, watched)
        if Hoards.possible(endpoint):
            self._look()
        self._loop.add_reader(inbox.fileno(), self._readable.set)
        self._inbox = inbox
        return endpoint

    def dial(self, endpoint: str) -> bool:
        """Open a connection; True also when it is open already.

        It is made in the background and again whenever it breaks, with growing pauses.
        False when the endpoint cannot be dialled at all; nobody's fault is implied, for
        endpoints come from other peers.
        """
        if endpoint in self._dialled:
            return True
        if len(self._dialled) >= LIMITS.members:
            return False
        more: Mapping[int, int | bytes] = {}
        if self.encryption is not None:
            more = self.encryption.dialler(endpoint)
            if not more:
                self._tell(
                    f"will not dial {endpoint}: this peer encrypts, and that address names no key, "
                    "or one that is not on the list of this run; it may be of another run"
                )
                return False
        elif endpoint_key(endpoint):
            self._tell(f"cannot dial {endpoint}: it is encrypted, and we are not (--encrypt)")
            return False

        def make() -> zmq.Socket[bytes]:
            # Fresh for every socket: it names the connection and proves nothing.  The 0x01
            # is there because libzmq keeps ids that start with 0 for itself.
            name = b"\x01" + self._entropy(8)
            return self._socket(zmq.DEALER, {**_COMMON, **_OUTBOX, **more, zmq.ROUTING_ID: name})

        try:
            self._dialled[endpoint] = Dialled(
                endpoint,
                make,
                self._watch_line,
                self._look_up,
                lambda: self.on_lost(endpoint),
                self._tell,
                self.meter.sent,
            )
        except zmq.ZMQError:  # out of files, or libzmq cannot read it
            return False
        return True

    def send(self, endpoint: str, frame: bytes, *, first: bool = False) -> bool:
        """Queue one frame; False when it was dropped instead, which `dropped` counts.

        `first`: it must be the first on a connection, so it is sent again by itself when this one
        breaks and another takes its place; while there is none, it takes the place of an earlier
        one.  The meter counts what goes out on a connection.
        """
        dialled = self._dialled.get(endpoint)
        if dialled is None or not dialled.send(frame, first):
            self.dropped += 1
            return False
        return True

    def hangup(self, endpoint: str) -> None:
        """Close a connection once what was sent on it has left, or after a second."""
        dialled = self._dialled.pop(endpoint, None)
        if dialled is not None:
            dialled.close(_HANGUP)

    def proves(self, link: bytes, identity: bytes, endpoint: str) -> bool:
        """Whether the connection is of who has this identity, 32 bytes, and the endpoint its own;
        nothing speaks against it where nothing is encrypted."""
        if self.encryption is None:
            return True
        stream = self._links.get(link)
        return stream is not None and self.encryption.belongs(stream.key, identity, endpoint)

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
        links = self._links
        self._more = True
        try:
            for _ in range(_BATCH):
                if self._skipping:
                    received(recv(zmq.NOBLOCK))
                    if not get(zmq.RCVMORE):
                        self._skipping = False
                        arrivals.append((self._link, None))
                    continue
                link = recv(zmq.NOBLOCK)  # a ROUTER always has a frame after it
                stream = links.get(link)
                if stream is None or stream.gone:
                    frame, stream = self._first(inbox, link)
                else:
                    frame = recv(zmq.NOBLOCK)
                stream.frames += 1
                received(frame)
                if get(zmq.RCVMORE):
                    self._skipping, self._link = True, link
                else:
                    arrivals.append((link, frame))
        except zmq.Again:
            self._more = False
            self._hoards.emptied += 1
        self._hoards.served += len(arrivals)
        return arrivals

    def _first(self, inbox: zmq.Socket[bytes], link: bytes) -> tuple[bytes, Stream]:
        """The first frame on a connection, which tells which it is, and whose key it has proved.

        Asked once, for it costs as much as two messages.  Nobody else can come to speak under
        the link of a connection that lives: libzmq does not let them (FRAME-3).
        """
        part = inbox.recv(zmq.NOBLOCK, copy=False)
        try:
            stream = self._hoards.opened(int(part.get(zmq.SRCFD)))
        except zmq.ZMQError:  # libzmq cannot say, as of ZMTP 1, which random bytes can be, too
            stream = Stream(-1)
        if self.encryption is not None:
            stream.key = bytes.fromhex(str(part.get("User-Id")))
        self._links.pop(link, None)
        if len(self._links) >= _LINKS:
            del self._links[next(iter(self._links))]  # the oldest; its next frame tells again
        self._links[link] = stream
        return part.bytes, stream

    def _accepted(self, number: int) -> None:
        """Somebody has connected: not to be looked at only when a quiet inbox is again."""
        self._hoards.opened(number)
        if self._looking is not None and self._looking.when() > self._loop.time() + NEW:
            self._looking.cancel()
            self._looking = self._loop.call_later(NEW, self._look)

    def _look(self) -> None:
        """Cut off who sends without end; again and again, until closed."""
        empty = not (self._more or self._readable.is_set())
        pause = self._hoards.look(self._loop.time(), empty)
        self._looking = self._loop.call_later(pause, self._look)

    async def close(self, linger_ms: int = 500) -> None:
        """Close everything; what was sent may take up to `linger_ms` to leave.

        Endpoints that nobody listens on use up the whole time.  May be called twice.
        """
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None  # whoever has just connected is not looked at any more
        if self._inbox is not None:
            self._loop.remove_reader(self._inbox.fileno())
            self._inbox.close(linger=0)
            self._inbox = None
        for dialled in self._dialled.values():
            dialled.close(linger_ms)
        self._dialled.clear()
        if self._names is not None:
            self._names.close()
        try:
            if self._watches:  # each ends when its socket has handed over what it held
                closed = [watch.ended for watch in self._watches]
                await asyncio.wait(closed, timeout=max(linger_ms, _HANGUP) / 1000 + 1)
        finally:
            for watch in list(self._watches):
                watch.close()
            if self.admission is not None:
                self.admission.close()
            self._context.term()

    def abandon(self) -> None:
        """Close at once what never listened and never dialled."""
        if self.admission is not None:
            self.admission.close()
        self._context.destroy(linger=0)

    def _socket(self, kind: int, options: Mapping[int, int | bytes]) -> zmq.Socket[bytes]:
        socket = self._context.socket(kind)
        for option, value in options.items():
            socket.set(option, value)
        return socket

    def _watch(
        self, socket: zmq.Socket[bytes], calls: Mapping[int, Callable[[int], object]]
    ) -> None:
        watch = Watch(self._context, socket, calls)
        self._watches[watch] = None
        watch.ended.add_done_callback(lambda _: self._watches.pop(watch, None))

    def _watch_line(
        self, socket: zmq.Socket[bytes], calls: Mapping[int, Callable[[int], object]]
    ) -> None:
        shaken = calls[zmq.EVENT_HANDSHAKE_SUCCEEDED]

        def count(value: int) -> None:
            self.meter.outbound()
            shaken(value)

        self._watch(socket, {**calls, zmq.EVENT_HANDSHAKE_SUCCEEDED: count})

    def _look_up(self, host: str, port: str) -> asyncio.Future[list[str]]:
        if self._names is None:
            self._names = Names()
        return self._names.find(host, port)

    def _tell(self, sentence: str) -> None:
        if sentence not in self._told and len(self._told) < _LINES:
            self._told.add(sentence)
            _log.warning("%s", sentence)
