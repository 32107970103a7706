"""What the prober learns of the peer as messages come in."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tallyp2p.conformance.prober.seen import Seen
from tallyp2p.conformance.prober.session import Session
from tallyp2p.messages import Ballot, Error, Hello, Message, Ping, Pong
from tests.conformance.prober.subjects import SAMPLED

NOBODY: Any = None
SUBJECT = Hello(b"s" * 32, b"instance", "tcp://127.0.0.1:7", SAMPLED.digest, agent="x/1", start=0)


def session(now: float = 10.0) -> Session:
    return Session(NOBODY, "tcp://127.0.0.1:7", "", SAMPLED, lambda: now)


def take(made: Session, message: Message, at: float = 1.0) -> None:
    made.take(Seen(at, "a", b"link", False, b"", message))


def test_the_first_hello_says_who_it_is() -> None:
    made = session()
    assert made.author == b"" and made.speaker(b"12345678") is None
    take(made, SUBJECT)
    assert made.subject is not None and made.subject.agent == "x/1"
    assert made.speaker(made.author) == (b"s" * 32, b"instance")
    assert made.speaker(b"12345678") is None
    assert not made.begun and made.round is None


def test_a_hello_of_another_run_says_nothing() -> None:
    made = session()
    take(made, Hello(b"s" * 32, b"instance", "ipc://x", bytes(32)))
    assert made.subject is None


def test_the_round_is_the_newest_that_anything_names() -> None:
    made = session()
    take(made, Hello(b"s" * 32, b"instance", "ipc://x", SAMPLED.digest, round=4))
    assert made.begun and made.round == 4
    take(made, Pong(1, 77, 8))
    assert (made.round, made.roster) == (8, 77)
    take(made, Pong(0, 78, 20))  # answers WANT: not where it is
    assert (made.round, made.roster) == (8, 78)
    take(made, Ballot(made.author, 10, b""))
    take(made, Ballot(b"somebody", 40, b""))
    take(made, Ping(1, 79))
    assert (made.round, made.roster) == (10, 79)
    made.unsound.add(12)
    take(made, Ballot(made.author, 12, b""))
    assert made.round == 10


def test_grounds_are_apart() -> None:
    made = session()
    made.round = 8
    grounds = [made.own_ground() for _ in range(3)]
    assert all(b - a == 2 * made.span for a, b in zip(grounds, grounds[1:], strict=False))
    assert grounds[0] > 8 + 30 * made.span


async def test_errors_are_waited_for() -> None:
    loop = asyncio.get_running_loop()
    made = Session(NOBODY, "", "", SAMPLED, loop.time)
    began = loop.time()
    await made.error_may_come()
    assert loop.time() - began < 0.5
    take(made, Error(11), at=loop.time() - 0.8)
    await made.error_may_come()
    assert 0.1 <= loop.time() - began < 1.0


@pytest.mark.parametrize("round", [SAMPLED.rounds_per_ballot + 1, 2**31, 2**32 - 2])
def test_a_round_that_cannot_be_is_not_believed(round: int) -> None:
    """Players ahead of it would have to say what no message can hold."""
    made = session()
    take(made, SUBJECT)
    take(made, Pong(7, 0, SAMPLED.rounds_per_ballot))
    take(made, Pong(7, 0, round))
    assert made.round == SAMPLED.rounds_per_ballot


def test_a_flood_is_not_kept() -> None:
    made = session()
    assert made.room(2**20) and not made.flooded
    assert not made.room(2**30)
    assert made.flooded
