"""Counting bytes at the sockets: frames where they pass, handshakes by ZeroMQ's monitors.

What a frame or a handshake weighs is `wire.accounting`'s to say.  Handshakes that fail are
not counted: a stranger's half-made connections are no part of what the protocol costs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import reduce
from itertools import count
from operator import or_

import zmq
from zmq.utils.monitor import parse_monitor_message

from ..wire.accounting import Meter, Snapshot

__all__ = ["Meter", "Snapshot", "Watch"]

_numbers = count()


class Watch:
    """Calls `calls[event](value)` for each event of `socket`'s monitor that `calls` names, from
    now on; what `value` is depends on the event (zmq_socket_monitor(3)).

    A closed socket lives on until what was sent on it has left; `ended` is set after that.
    Events must be taken off at once, in the loop, and not when somebody asks for figures:
    after 2,000 of them libzmq's thread waits for us, and with it every message of the
    context, so that a stranger could silence a peer by connecting often.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        socket: zmq.Socket[bytes],
        calls: Mapping[int, Callable[[int], object]],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.ended: asyncio.Future[None] = self._loop.create_future()
        self._calls = calls
        address = f"inproc://watch-{next(_numbers)}"
        socket.monitor(address, reduce(or_, calls, int(zmq.EVENT_MONITOR_STOPPED)))
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
                event = parse_monitor_message(self._events.recv_multipart(zmq.NOBLOCK))
                if event["event"] == zmq.EVENT_MONITOR_STOPPED:
                    self.close()
                    return
                self._calls[int(event["event"])](int(event["value"]))
        except zmq.Again:
            return
