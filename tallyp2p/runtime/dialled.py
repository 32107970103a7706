"""One endpoint that is dialled: until it is hung up, somebody tries to be connected to it.

libzmq tries again by itself where nobody answers.  The rest is done here: names are looked
up elsewhere (see `names`), and again when the address no longer answers; a handshake that
was refused, after which libzmq gives up, is tried again; and a person is told, once.

A connection that breaks gets a new socket, which is a new name to the listener (FRAME-3).  Under
the old one libzmq would connect again, too; but where the network had been cut the listener
still takes the old connection for alive, and reads nothing of another with the same name.

While there is no connection frames wait here and not in libzmq, which forgets none: of several
greetings only the newest is sent, in the place of the first, and nothing is counted before it is.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

import zmq

from ..wire.hello import endpoint_key
from .names import split

__all__ = ["Dialled"]

_log = logging.getLogger(__name__)

_AGAIN = 30.0  # s until a refused handshake, or a name's address that is silent, is tried again
_NEXT = 3.0  # s until another address of the same name is tried: hosts have two kinds of them
_RENEW = 1.0  # s from a broken connection to the next
_FIRST_PAUSE = 1.0  # s between two searches for a name; doubles up to the above
_EARLY = 256  # frames that wait for a connection; libzmq takes as many at once (SNDHWM)
_DOUBTS = 3  # failed handshakes in a row before a person is told: one may be an accident

Socket = zmq.Socket[bytes]
Watcher = Callable[[Socket, Mapping[int, Callable[[int], object]]], None]


class Dialled:
    """The DEALER of `endpoint`, and what happens to it.

    `make` gives a new socket that is not connected; `watch` has it watched (see `meter.Watch`).
    `look_up` finds endpoints in numbers for a name and a port (see `names.Names`).  `lost` is
    called when a connection breaks, `tell` with a sentence for a person, and `sent` with each frame
    that goes out on a connection.
    """

    def __init__(
        self,
        endpoint: str,
        make: Callable[[], Socket],
        watch: Watcher,
        look_up: Callable[[str, str], asyncio.Future[list[str]]],
        lost: Callable[[], None],
        tell: Callable[[str], None],
        sent: Callable[[bytes], None],
    ) -> None:
        """Raises `zmq.ZMQError` when it cannot be dialled."""
        self._endpoint = endpoint
        self._make, self._watch, self._find = make, watch, look_up
        self._lost, self._tell, self._sent = lost, tell, sent
        self._greeting = b""  # what comes first on a new connection
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._address = ""  # that the socket connects to; "" while a name is looked up
        self._turn = 0  # which of a name's addresses is next
        self._pause = _FIRST_PAUSE
        self._early: list[bytes] = []  # what waits for a connection,
        self._hello: int | None = None  # and which of it is a greeting
        self._left: list[bytes] = []  # what was left to a socket that had none when it was closed
        self._up = False
        self._renewing = False  # the socket's connection broke or was refused: a new one is due
        self._failures = 0  # handshakes in a row that came to nothing
        self._told = False
        self._socket = self._open()

    def send(self, frame: bytes, first: bool = False) -> bool:
        """Send one frame, or let it wait for a connection; False when too many do.

        `first`: it has to come first on a connection, so it does on every later one.
        """
        if first:
            self._greeting = frame
        if self._up:
            return self._hand_over(frame)
        if first and self._hello is not None:
            self._early[self._hello] = frame
            return True
        if len(self._early) >= _EARLY:
            return False
        if first:
            self._hello = len(self._early)
        self._early.append(frame)
        return True

    def close(self, linger_ms: int) -> None:
        """Hang up once what was sent has left, or after `linger_ms`."""
        if self._timer is not None:
            self._timer.cancel()
        if not self._up:
            self._left = [frame for frame in self._waiting() if self._push(frame)]
        self._socket.close(linger=linger_ms)

    def _waiting(self) -> list[bytes]:
        """What waits for a connection, and now does not any more."""
        frames, self._early, self._hello = self._early, [], None
        return frames

    def _hand_over(self, frame: bytes) -> bool:
        if self._push(frame):
            self._sent(frame)
            return True
        return False

    def _push(self, frame: bytes) -> bool:
        try:
            self._socket.send(frame, zmq.NOBLOCK)
        except zmq.Again:
            return False
        return True

    def _open(self) -> Socket:
        socket = self._make()
        try:
            self._watch(
                socket,
                {
                    zmq.EVENT_HANDSHAKE_SUCCEEDED: lambda value: self._shaken(socket),
                    zmq.EVENT_DISCONNECTED: lambda value: self._broke(socket),
                    # libzmq dials again by itself after the first of these only.
                    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL: lambda value: self._stumbled(socket),
                    zmq.EVENT_HANDSHAKE_FAILED_AUTH: lambda value: self._refused(socket, True),
                    zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL: lambda value: self._refused(socket),
                },
            )
            name = split(self._endpoint)
            if name is None:
                self._address = self._endpoint.partition("#")[0]
                socket.connect(self._address)
            else:
                self._address = ""
                self._look_up(socket, *name)
        except BaseException:
            socket.close(linger=0)
            raise
        return socket

    def _current(self, socket: Socket) -> bool:
        return not socket.closed and socket is self._socket

    # --- names ----------------------------------------------------------------------------

    def _look_up(self, socket: Socket, host: str, port: str) -> None:
        found = self._find(host, port)
        found.add_done_callback(lambda future: self._found(socket, host, port, future.result()))

    def _found(self, socket: Socket, host: str, port: str, addresses: list[str]) -> None:
        if not self._current(socket) or self._up or self._renewing:
            return
        wait = _AGAIN
        if not addresses:
            wait, self._pause = self._pause, min(2 * self._pause, _AGAIN)
            self._say(f"nobody knows an address of {host} yet; it is looked up again")
        else:
            self._connect(socket, addresses[self._turn % len(addresses)])
            self._turn += 1
            wait = _NEXT if self._turn % len(addresses) else _AGAIN
        self._after(wait, lambda: self._look_up_again(socket, host, port))

    def _look_up_again(self, socket: Socket, host: str, port: str) -> None:
        """An address that does not answer may be that of yesterday."""
        if self._current(socket) and not self._up and not self._renewing:
            self._look_up(socket, host, port)

    def _connect(self, socket: Socket, address: str) -> None:
        if address == self._address:
            return
        try:
            if self._address:
                socket.disconnect(self._address)
            socket.connect(address)
        except zmq.ZMQError:
            return  # another of its addresses, another time
        self._address = address

    # --- handshakes -----------------------------------------------------------------------

    def _shaken(self, socket: Socket) -> None:
        if self._current(socket) and not self._renewing:
            self._up, self._failures, self._pause = True, 0, _FIRST_PAUSE
            for frame in self._waiting():
                self._hand_over(frame)
        elif socket is self._socket and socket.closed:  # just in time for what was left to it
            for frame in self._left:
                self._sent(frame)
            self._left = []

    def _broke(self, socket: Socket) -> None:
        if self._current(socket):
            if self._up:  # else it was never made, and something else is done about it
                self._up, self._renewing = False, True
                self._after(_RENEW, lambda: self._open_again(socket))
            self._lost()

    def _stumbled(self, socket: Socket) -> None:
        if self._current(socket):
            self._failures += 1
            if self._failures >= _DOUBTS:
                self._say(self._why())

    def _refused(self, socket: Socket, listed: bool = False) -> None:
        """`listed`: there is a list of who may come in, and we are not on it."""
        if self._current(socket):
            self._say(self._why(listed))
            self._renewing = True
            self._after(_AGAIN, lambda: self._open_again(socket))

    def _open_again(self, socket: Socket) -> None:
        if self._current(socket):
            try:
                self._socket = self._open()
            except zmq.ZMQError:  # out of files, now
                self._after(_AGAIN, lambda: self._open_again(socket))
            else:
                socket.close(linger=0)
                self._renewing = False
                self._greet_first()

    def _greet_first(self) -> None:
        """Let the newest greeting come first on a connection that takes another's place."""
        if self._hello is not None:
            del self._early[self._hello]
        if self._greeting:
            self._early = [self._greeting, *self._early[: _EARLY - 1]]
            self._hello = 0

    def _why(self, listed: bool = False) -> str:
        """One sentence about a handshake that failed."""
        what = f"cannot get into touch with {self._endpoint}"
        if listed:
            return f"{what}: our key is not on its list; ask for an invitation to its run"
        if endpoint_key(self._endpoint):
            return (
                f"{what}: whoever listens there is not the peer with that key (another was started "
                "at its address, or does not encrypt, or the key was copied wrongly), or is too "
                "busy to answer"
            )
        return (
            f"{what}: whoever listens there encrypts, or is no peer, or is too busy to answer; if "
            "the first, write its whole address, with # and its key, as it prints it"
        )

    def _say(self, sentence: str) -> None:
        if not self._told:
            self._told = True
            self._tell(sentence)

    def _after(self, seconds: float, call: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, call)
