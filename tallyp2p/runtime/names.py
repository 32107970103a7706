"""Addresses of hosts' names, found in threads of their own.

libzmq would look a name up in the thread that moves all bytes of its context: where the name
server is silent, every connection of the peer stands still for 20 s at a time, and one
endpoint with such a name, sent by anybody, is enough.  So it is only ever given numbers.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from queue import SimpleQueue

__all__ = ["Names", "split"]

_THREADS = 4  # names that are looked up at once; a silent server holds one for some 20 s


def split(endpoint: str) -> tuple[str, str] | None:
    """(host, port) of a `tcp://` endpoint whose host is a name; None where it is a number, and
    for what is no such endpoint."""
    address = endpoint.partition("#")[0]
    if not address.startswith("tcp://") or address.startswith("tcp://["):
        return None
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    if not (host and port.isascii() and port.isdigit()):
        return None
    try:
        ipaddress.IPv4Address(host)
    except ValueError:
        return host, port
    return None


class Names:
    """Looks names up.  The threads start with the first name, and die with the process."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._asked: SimpleQueue[tuple[str, str, asyncio.Future[list[str]]] | None] = SimpleQueue()
        self._threads = 0

    def find(self, host: str, port: str) -> asyncio.Future[list[str]]:
        """Endpoints in numbers, `tcp://ADDRESS:PORT`, the system's favourite first; none when
        the name is not known, or not now."""
        future: asyncio.Future[list[str]] = self._loop.create_future()
        self._asked.put((host, port, future))
        if self._threads < _THREADS:
            self._threads += 1
            # Not an executor of the standard library: the interpreter would wait for it.
            threading.Thread(target=self._work, name="names", daemon=True).start()
        return future

    def close(self) -> None:
        """Let the threads end, each after the name that it is looking up."""
        for _ in range(self._threads):
            self._asked.put(None)

    def _work(self) -> None:
        while (asked := self._asked.get()) is not None:
            host, port, future = asked
            found = _look_up(host, port)
            try:
                self._loop.call_soon_threadsafe(_tell, future, found)
            except RuntimeError:
                return  # the loop is closed: nobody waits for this any more


def _look_up(host: str, port: str) -> list[str]:
    try:
        infos = socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):  # the latter: no name that could be looked up
        return []
    found = dict.fromkeys(
        f"tcp://[{info[4][0]}]:{port}"
        if info[0] is socket.AF_INET6
        else f"tcp://{info[4][0]}:{port}"
        for info in infos
        if info[0] in (socket.AF_INET, socket.AF_INET6)
    )
    return list(found)


def _tell(future: asyncio.Future[list[str]], found: list[str]) -> None:
    if not future.done():
        future.set_result(found)
