"""CPU time per VOTE from the socket to the machine's effects, in a drained burst.

One receiver (the product's own Node, machine, codec and transport) and 64 senders in another
process, which send 4,096 ballots of 32 votes; the receiver's loop is held until all of them
wait in its inbox.  Counted is the CPU time of the loop's thread from then on, and beside it
that of the whole process, libzmq's thread included.

    python -m tests.benchmarks.receive
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from random import Random

import numpy as np

from tallyp2p.bits import pack
from tallyp2p.consensus.contributor import Election, IdArray, Vote
from tallyp2p.gossip.events import Effect, Event, Started
from tallyp2p.gossip.machine import PeerMachine
from tallyp2p.gossip.membership import author_of
from tallyp2p.messages import Hello
from tallyp2p.parameters import RunParameters, Timing
from tallyp2p.payloads import Ballot
from tallyp2p.runtime.meter import Meter
from tallyp2p.runtime.node import Node
from tallyp2p.runtime.transport import Transport
from tallyp2p.wire.codec import Codec

from .record import parser, report

SENDERS, BALLOTS = 64, 64
TOTAL = SENDERS * BALLOTS
RUN = RunParameters(pool=10_000, probes=32, rounds_per_ballot=1)
# The round stays open during the burst: a 65th member says HELLO and never votes.
TIMING = Timing(rounds=1000, quorum=SENDERS + 2, deadline=600, patience=600)


def identity(index: int) -> bytes:
    return hashlib.sha256(b"benchmark %d" % index).digest()


def ballots(author: bytes, count: int) -> list[Ballot]:
    """For the first `count` rounds, with random votes."""
    labels = np.random.default_rng(0).integers(0, 11, (count, RUN.votes))
    return [Ballot(author, i, pack(row, RUN.bits)) for i, row in enumerate(labels)]


async def send(endpoint: str) -> None:
    """The other process: HELLO from everybody; the ballots when a line comes in."""
    transports = []
    for index in range(SENDERS + 1):
        transport = Transport(Meter())
        own = transport.bind("tcp://127.0.0.1:*")
        transport.dial(endpoint)
        codec = Codec(RUN, author_of(identity(index)))
        hello = Hello(identity(index), bytes(8), own, RUN.digest, start=0, met=True)
        transport.send(endpoint, codec.encode(hello))
        frames = [codec.encode(b) for b in ballots(author_of(identity(index)), BALLOTS)]
        transports.append((transport, frames))
    sys.stdin.readline()
    for round in range(BALLOTS):
        for transport, frames in transports[:SENDERS]:
            assert transport.send(endpoint, frames[round])
    print("sent", flush=True)
    sys.stdin.read()


class Idle:
    """A learner that does nothing."""

    def vote(self, round: int, ids: IdArray | None) -> Vote:
        return Vote(np.zeros(RUN.votes, dtype=np.int64))

    def learn(self, round: int, elections: Sequence[Election]) -> Mapping[str, float]:
        return {}


class Timed(PeerMachine):
    """The machine, with a mark set when the last ballot of the burst was handled."""

    ballots = 0
    at_last = (0.0, 0.0)

    def handle(self, event: Event, now: float) -> list[Effect]:
        effects = super().handle(event, now)
        message = getattr(event, "message", None)
        if type(message) is Ballot:
            self.ballots += 1
            if self.ballots == TOTAL:
                self.at_last = (time.thread_time(), time.process_time())
        return effects


@contextmanager
def senders(endpoint: str) -> Iterator[Callable[[], None]]:
    """The other process; what it yields lets the burst loose and returns when it is queued."""
    command = [sys.executable, "-m", "tests.benchmarks.receive", "--send", endpoint]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdin is not None and other.stdout is not None
        told, says = other.stdin, other.stdout

        def burst() -> None:
            told.write("go\n")
            told.flush()
            says.readline()  # holds the loop, and is meant to
            time.sleep(0.5)  # until all of it has crossed

        yield burst
        told.close()


async def socket_alone() -> float:
    """Only the transport: us of the loop's thread per ballot."""
    transport = Transport(Meter())
    endpoint = transport.bind("tcp://127.0.0.1:*")
    with senders(endpoint) as burst:
        count = 0
        while count < SENDERS + 1:  # their HELLOs
            count += len(await transport.receive())
        burst()
        began, count = time.thread_time(), 0
        while count < TOTAL:
            count += len(await transport.receive())
        spent = time.thread_time() - began
    await transport.close()
    return spent / TOTAL * 1e6


async def whole_peer() -> tuple[float, float]:
    """The product's own peer: us per ballot of the loop's thread, and of the process.

    The process's includes libzmq's thread, from the first byte of the burst on.
    """
    transport = Transport(Meter())
    endpoint = transport.bind("tcp://127.0.0.1:*")
    machine = Timed(RUN, TIMING, identity(1000), bytes(8), Random(0))
    node = Node(machine, Codec(RUN, machine.author), transport, Idle(), RUN)
    running = asyncio.create_task(node.run(Started(endpoint, fresh=True)))
    with senders(endpoint) as burst:
        while machine.phase != "open":
            await asyncio.sleep(0.05)
        process_began = time.process_time()
        burst()
        began = time.thread_time()
        while machine.ballots < TOTAL:
            await asyncio.sleep(0)
        thread, process = machine.at_last
        node.stop()
        await running
    return (thread - began) / TOTAL * 1e6, (process - process_began) / TOTAL * 1e6


def decoding() -> float:
    """The codec alone, from memory: us per ballot."""
    author = author_of(identity(0))
    sender, codec = Codec(RUN, author), Codec(RUN, author_of(identity(1)))
    frames = [sender.encode(ballot) for ballot in ballots(author, TOTAL)]
    began = time.thread_time()
    for frame in frames:
        codec.decode(frame, author)
    return (time.thread_time() - began) / TOTAL * 1e6


def main() -> None:
    options = parser(__doc__.splitlines()[0])
    options.add_argument("--send", help=argparse.SUPPRESS)
    options.add_argument("--repeat", type=int, default=5, help="bursts; the median counts")
    chosen = options.parse_args()
    if chosen.send:
        asyncio.run(send(chosen.send))
        return
    repeats = range(chosen.repeat)
    socket = statistics.median(asyncio.run(socket_alone()) for _ in repeats)
    codec = statistics.median(decoding() for _ in repeats)
    bursts = [asyncio.run(whole_peer()) for _ in repeats]
    thread = statistics.median(thread for thread, _ in bursts)
    process = statistics.median(process for _, process in bursts)
    rows = [
        ("socket to frame", socket, "us", ""),
        ("frame to message (decode)", codec, "us", ""),
        ("message to effects (shell, machine)", thread - socket - codec, "us", ""),
        ("socket to effects, without decoding", thread - codec, "us", "8"),
        ("socket to effects", thread, "us", "12"),
        ("the same, whole process", process, "us", ""),
    ]
    report("receive", rows, chosen.out, ballots=TOTAL, bursts=bursts)


if __name__ == "__main__":
    main()
