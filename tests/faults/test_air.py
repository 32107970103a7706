"""What the air promises: who is cut off hears nothing, and as many packets are lost as was said."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.faults.air import Rules, address, enter, unavailable
from tests.faults.field import Program

PORT = 9
_RECEIVE_FORCE = 33  # SO_RCVBUFFORCE, which the module does not name


class Air:
    """Two hosts with a socket on each."""

    def __init__(self) -> None:
        self.program = Program("tests.faults.air", 2, 7)
        self.sockets = [self._socket(host) for host in range(2)]

    def _socket(self, host: int) -> socket.socket:
        made: list[socket.socket] = []

        def make() -> None:  # a namespace is a thread's; a socket stays where it was made
            enter(f"/proc/{self.program.process.pid}/fd/{self.program.first[host]}")
            made.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            made[0].bind((address(host), PORT))
            made[0].setsockopt(socket.SOL_SOCKET, _RECEIVE_FORCE, 1 << 20)
            made[0].settimeout(0.2)

        thread = threading.Thread(target=make)
        thread.start()
        thread.join()
        return made[0]

    def rules(self, rules: Rules) -> dict[str, int]:
        return dict(self.program.ask(rules.line()))

    def pass_on(self, source: int, count: int) -> list[int]:
        """The numbers of `count` datagrams that arrived at the other host."""
        there = self.sockets[1 - source]
        arrived = []
        for number in range(count):
            self.sockets[source].sendto(json.dumps(number).encode(), (address(1 - source), PORT))
            if number % 32 == 31:
                time.sleep(0.01)
        try:
            while True:
                arrived.append(int(there.recv(100)))
        except TimeoutError:
            return arrived


@pytest.fixture
def air() -> Iterator[Air]:
    if reason := unavailable():
        pytest.skip(reason)
    made = Air()
    yield made
    for one in made.sockets:
        one.close()
    made.program.end()


def test_a_cut_is_one_way_unless_it_is_both(air: Air) -> None:
    assert air.pass_on(0, 20) == air.pass_on(1, 20) == list(range(20))
    air.rules(Rules(cut=((0, 1),)))
    assert air.pass_on(0, 20) == [] and len(air.pass_on(1, 20)) == 20
    air.rules(Rules())
    assert len(air.pass_on(0, 20)) == 20


def test_packets_are_lost_doubled_and_late(air: Air) -> None:
    air.rules(Rules(loss=0.25, twice=0.5, delay=0.01, jitter=0.05))
    arrived = air.pass_on(0, 400)
    counts = air.rules(Rules())
    assert 60 < counts["lost"] < 140 and 100 < counts["doubled"] < 200
    assert len(set(arrived)) == 400 - counts["lost"]
    assert len(arrived) == counts["carried"] == 400 - counts["lost"] + counts["doubled"]
    assert arrived != sorted(arrived)
