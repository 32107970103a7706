"""The post: brings what one peer sends to whoever listens at an endpoint, through the network.

It also writes the trace: every message that was handed to it, in order, as (time, sender,
receiver, frame), summed up in one hash.  Senders and receivers are *lives*: each start of a
process counts as one, from 0.
"""

from __future__ import annotations

import hashlib
import struct
from typing import Protocol

from ..messages import Message
from .clock import Clock
from .links import Network, Wire

__all__ = ["NOBODY", "Line", "Listener", "Post"]

NOBODY = 2**32 - 1  # the receiver, in the trace, of what is sent where nobody listens
_HEAD = struct.Struct(">dIII")  # time, sender, receiver, bytes of the frame
_CHUNK = 1 << 16  # bytes of the trace that are hashed at a time


class Listener(Protocol):
    """A peer, as the post sees it."""

    index: int
    life: int

    def arrive(self, link: bytes, frame: bytes, message: Message | None) -> None: ...

    def lose(self, endpoint: str) -> None: ...


class Line:
    """One outbound connection."""

    __slots__ = ("link", "wire")

    def __init__(self, link: bytes) -> None:
        self.link = link  # names it at the other end
        self.wire = Wire()


class Post:
    """All endpoints of a world."""

    def __init__(self, clock: Clock, network: Network) -> None:
        self.at: dict[str, Listener] = {}
        self.messages = 0
        self.astray = 0  # messages to endpoints where nobody listens
        self._clock, self._network = clock, network
        self._hash = hashlib.sha256()
        self._trace = bytearray()
        self._hashed = 0  # bytes of the trace that are hashed already
        self._links = 0
        self._deliver = self._arrive  # made once, not for each message

    def line(self) -> Line:
        """A new connection; its name is as long as a real one's."""
        self._links += 1
        return Line(b"\x01" + self._links.to_bytes(8, "big"))

    def send(
        self, sender: Listener, endpoint: str, line: Line, frame: bytes, message: Message | None
    ) -> None:
        """Take a frame along a connection; `message` is what it says, where it may be trusted."""
        target = self.at.get(endpoint)
        clock, trace = self._clock, self._trace
        now, size = clock.now, len(frame)
        self.messages += 1
        receiver = NOBODY if target is None else target.life
        trace += _HEAD.pack(now, sender.life, receiver, size) + frame
        if len(trace) > _CHUNK:
            self._hash.update(trace)
            self._hashed += len(trace)
            trace.clear()
        if target is None:
            self.astray += 1
            return
        for moment in self._network.arrivals(sender.index, target.index, line.wire, size, now):
            clock.at(moment, self._deliver, endpoint, line.link, frame, message)

    @property
    def weight(self) -> int:
        """Bytes of all frames that were handed to the post."""
        return self._hashed + len(self._trace) - self.messages * _HEAD.size

    def _arrive(self, endpoint: str, link: bytes, frame: bytes, message: Message | None) -> None:
        target = self.at.get(endpoint)
        if target is None:
            self.astray += 1
        else:
            target.arrive(link, frame, message)

    def trace_hash(self) -> str:
        """SHA-256, hexadecimal, of the trace so far."""
        whole = self._hash.copy()
        whole.update(self._trace)
        return whole.hexdigest()
