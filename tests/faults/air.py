"""Hosts that are network namespaces, and the air between them: one program, no names, no traces.

Run as a program it makes N namespaces, each with a TUN device as its only way out, and carries
packets from one to the other: some are lost, late or doubled, as the rules say that it reads
from its standard input, one JSON object a line.  Which packets, follows from one seed; when they
come, from the load of the machine.  Nothing is named and nothing is mounted: a namespace lives as
long as this process or one inside it, so nothing is left behind however a test ends, and suites
that run at the same time do not meet.  Root is needed, and /dev/net/tun; nothing else.

Namespace K has the address 10.77.0.(K+1); others enter it by /proc/PID/fd/FD, which is printed.
"""

from __future__ import annotations

import ctypes
import fcntl
import heapq
import json
import os
import random
import selectors
import socket
import struct
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Rules", "address", "enter", "mount", "unavailable"]

_NEWNET, _NEWNS = 0x40000000, 0x20000
_PRIVATE, _BIND = 0x44000, 0x1000  # MS_REC | MS_PRIVATE; MS_BIND
_TUN = 0x1001  # IFF_TUN | IFF_NO_PI
_TUNSETIFF = 0x400454CA
_SET_ADDRESS, _SET_MASK, _SET_FLAGS = 0x8916, 0x891C, 0x8914
_UP = 0x41  # IFF_UP | IFF_RUNNING
_LONGEST = 65_536
_BATCH = 64  # packets of one host before the others have their turn
_QUEUE = 20_000  # packets in the air; more are lost


@dataclass(frozen=True, slots=True)
class Rules:
    """What the air does to packets; a host is named by its number."""

    loss: float = 0.0  # share of packets lost, everywhere
    delay: float = 0.0  # seconds
    jitter: float = 0.0  # seconds more, uniformly; so packets overtake one another
    twice: float = 0.0  # share of packets that come two times
    cut: tuple[tuple[int, int], ...] = ()  # (from, to): none arrives
    lossy: tuple[tuple[int, int, float], ...] = ()  # (from, to, share lost) instead of `loss`

    def line(self) -> str:
        """The rules as this program reads them."""
        return json.dumps(asdict(self)) + "\n"


def address(host: int) -> str:
    """Where a host is reached."""
    return f"10.77.0.{host + 1}"


def enter(namespace: str) -> None:
    """Move this thread into the network namespace that is open at a path of /proc."""
    file = os.open(namespace, os.O_RDONLY)
    try:
        _must(ctypes.CDLL(None, use_errno=True).setns(file, _NEWNET))
    finally:
        os.close(file)


def mount(file: str, at: str) -> None:
    """Let this process, and those that it starts, see `file` at another path as well."""
    libc = ctypes.CDLL(None, use_errno=True)
    _must(libc.unshare(_NEWNS))
    _must(libc.mount(b"none", b"/", None, _PRIVATE, None))
    _must(libc.mount(file.encode(), at.encode(), None, _BIND, None))


def unavailable() -> str:
    """Why namespaces cannot be had here; empty when they can."""
    if not sys.platform.startswith("linux"):
        return "network namespaces need Linux"
    if os.geteuid() != 0:
        return "network namespaces need root"
    child = os.fork()  # an attempt leaves the tests' own process where it is
    if child == 0:
        try:
            _host(0)
        except BaseException:
            os._exit(1)
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]):
        return "this system gives no network namespace with a TUN device"
    return ""


def _must(answer: int) -> None:
    if answer != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _host(number: int) -> tuple[int, int]:
    """Make a namespace and move into it; its file, and that of the TUN device in it."""
    _must(ctypes.CDLL(None, use_errno=True).unshare(_NEWNET))
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, _TUNSETIFF, struct.pack("16sH22x", b"tun0", _TUN))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:

        def put(request: int, text: str) -> None:
            numbers = struct.pack("HH4s8x", socket.AF_INET, 0, socket.inet_aton(text))
            fcntl.ioctl(control, request, struct.pack("16s16s8x", b"tun0", numbers))

        put(_SET_ADDRESS, address(number))
        put(_SET_MASK, "255.255.255.0")
        for device in (b"lo", b"tun0"):
            fcntl.ioctl(control, _SET_FLAGS, struct.pack("16sH22x", device, _UP))
    return os.open("/proc/self/ns/net", os.O_RDONLY), tun


class _Air:
    def __init__(self, tuns: list[int], seed: int) -> None:
        self._tuns, self._chance = tuns, random.Random(seed)
        self._flying: list[tuple[float, int, int, bytes]] = []
        self._count = 0
        self._rules = Rules()
        self._lost: dict[tuple[int, int], float] = {}
        self.counts = {"carried": 0, "lost": 0, "doubled": 0}

    def obey(self, line: str) -> None:
        given: dict[str, Any] = json.loads(line)
        self._rules = Rules(**given)
        self._lost = {(a, b): share for a, b, share in given["lossy"]}
        self._lost.update({(a, b): 1.0 for a, b in given["cut"]})

    def take(self, host: int) -> None:
        """Read what `host` sends, and let it fly or fall."""
        rules, chance = self._rules, self._chance.random
        for _ in range(_BATCH):
            try:
                packet = os.read(self._tuns[host], _LONGEST)
            except BlockingIOError:
                return
            to = packet[19] - 1
            if len(packet) < 20 or packet[0] >> 4 != 4 or packet[16:19] != b"\x0a\x4d\x00":
                continue  # router advertisements and the like
            if not 0 <= to < len(self._tuns):
                continue
            if chance() < self._lost.get((host, to), rules.loss) or len(self._flying) > _QUEUE:
                self.counts["lost"] += 1
                continue
            copies = 1 + (chance() < rules.twice)
            self.counts["doubled"] += copies - 1
            for _ in range(copies):
                self._count += 1
                at = time.monotonic() + rules.delay + rules.jitter * chance()
                heapq.heappush(self._flying, (at, self._count, to, packet))

    def land(self) -> float | None:
        """Hand over what is due; seconds until the next, None when nothing flies."""
        while self._flying:
            at, _, to, packet = self._flying[0]
            if (wait := at - time.monotonic()) > 0:
                return wait
            heapq.heappop(self._flying)
            try:
                os.write(self._tuns[to], packet)
                self.counts["carried"] += 1
            except OSError:  # its queue is full
                self.counts["lost"] += 1
        return None


def main(hosts: int, seed: int) -> None:
    """Carry packets until standard input ends."""
    made = [_host(number) for number in range(hosts)]
    print(json.dumps([file for file, _ in made]), flush=True)
    air = _Air([tun for _, tun in made], seed)
    watched = selectors.DefaultSelector()
    watched.register(sys.stdin, selectors.EVENT_READ, None)
    for host, (_, tun) in enumerate(made):
        watched.register(tun, selectors.EVENT_READ, host)
    while True:
        ready = watched.select(air.land())
        for key, _ in ready:
            if key.data is not None:
                air.take(key.data)
            elif line := sys.stdin.readline():
                air.obey(line)
                print(json.dumps(air.counts), flush=True)
            else:
                return


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
