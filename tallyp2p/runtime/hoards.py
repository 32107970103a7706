"""Connections that send and send, and never finish a message: noticed, and cut off.

libzmq keeps the parts of a message until the last has come, and bounds neither their number
nor their sum: whoever may connect could fill the memory.  But a connection is one stream.
What was read from it, and is in no message that came out, is in one that is not finished;
and ours are one frame of bounded size.  So who has more than that in the making is cut off.

The kernel tells what was read, where it can (Linux, TCP).  Elsewhere nothing is done here.
Between two looks memory grows as fast as bytes come, and libzmq gives it back to the next message,
not to the system.  So a connection that is new is looked at often: over loopback, on two cores,
one that pours half a gigabyte a second made a peer grow by 8 to 21 MB (six tries).
"""

from __future__ import annotations

import logging
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ..parameters import LIMITS

__all__ = ["NEW", "Hoards", "Stream"]

_log = logging.getLogger(__name__)

_MOST = LIMITS.frame + 64 * 1024  # bytes in the making; the second is for what is on its way
_MUCH = 64 * 1024  # of those, from which on it is looked at more often
_PAUSE, _EACH = 0.05, 0.0002  # s between two looks, and more for each connection above 250
_QUIET = 0.2  # s where nothing is delivered: a wake-up costs more than the look
_WARY = 5.0  # s after a connection was opened, or cut off, in which it is never quiet
NEW = 0.02  # s between two looks in that time
_SOON = 0.005  # s between two looks at one who has much
_SILENCE = 60.0  # s between two lines about it
_RESET = struct.pack("=ii", 1, 0)  # closing resets the connection, whatever still comes on it
_TCP_INFO, _RECEIVED = 136, 128  # its size up to tcpi_bytes_received, and where that stands


class Stream:
    """One connection that somebody opened to us.  `frames` is counted up by who takes them."""

    __slots__ = ("base", "frames", "gone", "key", "number", "seen", "suspect")

    def __init__(self, number: int) -> None:
        self.number = number  # of the file, which is libzmq's
        self.gone = False
        self.key = b""  # the CURVE key that it has proved; empty in clear
        self.frames = 0  # taken from it so far
        self.seen = 0  # the same at the last look
        self.base = 0  # bytes read from it by then
        self.suspect = False  # had too much in the making at the last look


class Hoards:
    """The connections to one inbox.

    `served` is counted up by who takes frames, and `emptied` when none are left.  A connection
    that has a whole message waiting has had its turn when the inbox has run empty, or when as
    many were taken as there are connections: ZeroMQ serves them one by one.
    """

    def __init__(self) -> None:
        self.cut = 0  # connections
        self.served = 0
        self.emptied = 0
        self._streams: dict[int, Stream] = {}
        self._last = (0, 0)  # served and emptied at the last look
        self._news = True  # a connection was opened or cut off since the last look
        self._wary = 0.0  # until when
        self._told = float("-inf")

    @staticmethod
    def possible(endpoint: str) -> bool:
        """Whether the kernel tells what is needed here."""
        return sys.platform == "linux" and endpoint.startswith("tcp://")

    def opened(self, number: int) -> Stream:
        """The connection with this file number; a new one unless it is known."""
        stream = self._streams.get(number)
        if stream is None:
            stream = self._streams[number] = Stream(number)
            self._news = True
        return stream

    def closed(self, number: int) -> None:
        """That connection is no more."""
        stream = self._streams.pop(number, None)
        if stream is not None:
            stream.gone = True

    def look(self, now: float, empty: bool) -> float:
        """Cut off who has too much in the making; `empty`: nothing waits in the inbox now.
        When to look again, in seconds."""
        served, emptied = self._last
        turns = empty or emptied < self.emptied or served + len(self._streams) <= self.served
        if not turns:
            return _PAUSE
        count = (self.served, self.emptied)
        if self._news:
            self._news, self._wary = False, now + _WARY
        quiet = count == self._last and now >= self._wary
        usual = _QUIET if quiet else NEW if now < self._wary else _PAUSE
        pause = max(usual, _EACH * len(self._streams))
        self._last = count
        for stream in list(self._streams.values()):
            read = self._read(stream.number)
            if read is None:
                self.closed(stream.number)
            elif stream.frames != stream.seen or read < stream.base:
                stream.seen, stream.base, stream.suspect = stream.frames, read, False
            elif read - stream.base > _MUCH:
                pause = _SOON
                if stream.suspect:  # it has had its turn, and nothing came out
                    self._cut_off(stream, read - stream.base, now)
                stream.suspect = read - stream.base > _MOST
        return pause

    def _read(self, number: int) -> int | None:
        """Bytes that libzmq has read from a connection; None when it is none of ours."""
        try:
            with _borrowed(number) as line:
                info = line.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO)
                waiting = _waiting(number)
        except OSError:
            return None  # closed, and perhaps another file by now; the news is on its way
        received: int = struct.unpack_from("=Q", info, _RECEIVED)[0]
        return received - waiting

    def _cut_off(self, stream: Stream, size: int, now: float) -> None:
        try:
            with _borrowed(stream.number) as line:
                who = line.getpeername()[0]
                line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
                line.shutdown(socket.SHUT_RD)  # libzmq sees it ended, and lets go of all
        except OSError:
            return
        self.cut += 1
        self._news = True
        if now >= self._told + _SILENCE:
            self._told = now
            _log.warning(
                "cut off a connection from %s: it sent %d bytes of a message that does not end "
                "(%d cut off so far)",
                who,
                size,
                self.cut,
            )


@contextmanager
def _borrowed(number: int) -> Iterator[socket.socket]:
    """A file that is libzmq's, as a socket to ask and not to close."""
    line = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 0, fileno=number)
    try:
        yield line
    finally:
        line.detach()


def _waiting(number: int) -> int:
    """Bytes that have arrived, and that nobody has read yet."""
    from fcntl import ioctl  # not on Windows, where `possible` is false
    from termios import FIONREAD

    return int(struct.unpack("=i", ioctl(number, FIONREAD, bytes(4)))[0])
