"""Counting bytes at the sockets: frames where they pass, handshakes by ZeroMQ's monitors.

What a frame or a handshake weighs is `wire.accounting`'s to say.  Handshakes that fail are
not counted: a stranger's half-made connections are no part of what the protocol costs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count

import zmq
from zmq.utils.monitor import parse_monitor_message

from ..wire.accounting import Meter, Snapshot

__all__ = ["Meter", "Snapshot", "Watch"]

_numbers = count()


_FAILED = (
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
    | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
    | zmq.EVENT_HANDSHAKE_FAILED_AUTH
)


class Watch:
    """Calls `handshake` for each handshake that `socket` completes, from now on, `lost` for
    each connection of it that breaks, and `failed` for each handshake that comes to nothing,
    with the event that says how: after HANDSHAKE_FAILED_NO_DETAIL libzmq dials again, after
    _AUTH (refused) and _PROTOCOL (another mechanism, or no ZMTP) it does not.

    A closed socket lives on until what was sent on it has left; `ended` is set after that.
    Events must be taken off at once, in the loop, and not when somebody asks for figures:
    after 2,000 of them libzmq's thread waits for us, and with it every message of the
    context, so that a stranger could silence a peer by connecting often.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        socket: zmq.Socket[bytes],
        handshake: Callable[[], None],
        lost: Callable[[], None] | None = None,
        failed: Callable[[int], None] | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self._handshake = handshake
        self._lost = lost
        self._failed = failed
        address = f"inproc://watch-{next(_numbers)}"
        wanted = zmq.EVENT_HANDSHAKE_SUCCEEDED | zmq.EVENT_MONITOR_STOPPED
        wanted |= zmq.EVENT_DISCONNECTED if lost else 0
        socket.monitor(address, wanted | (_FAILED if failed else 0))
        self._events = context.socket(zmq.PAIR)
        self._events.set(zmq.LINGER, 0)
        self._events.connect(address)
        self._descriptor = self._events.fileno()
        self._loop.add_reader(self._descriptor, self._take)
        self._take()  # the descriptor reports changes only

    def close(self) -> None:
        """Stop watching.  May be called twice."""
        if self._events.closed:
            return
        self._loop.remove_reader(self._descriptor)
        self._events.close()
        if not self.ended.done():
            self.ended.set_result(None)

    def _take(self) -> None:
        try:
            while True:
                kind = parse_monitor_message(self._events.recv_multipart(zmq.NOBLOCK))["event"]
                if kind == zmq.EVENT_MONITOR_STOPPED:
                    self.close()
                    return
                if kind == zmq.EVENT_DISCONNECTED:
                    if self._lost is not None:
                        self._lost()
                elif kind & _FAILED:
                    if self._failed is not None:
                        self._failed(kind)
                else:
                    self._handshake()
        except zmq.Again:
            return
