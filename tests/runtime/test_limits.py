"""Token buckets: honest bursts pass, floods do not, and nobody pays for another."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from tallyp2p.errors import Reason, Verdict
from tallyp2p.gossip.events import Received, Send, Started, Trespassed
from tallyp2p.messages import Message, Ping
from tallyp2p.parameters import LIMITS
from tallyp2p.runtime.limits import MEMBER, STRANGERS, Allowance, Bucket, Rate, Senders
from tallyp2p.runtime.meter import Meter
from tallyp2p.runtime.transport import Transport
from tests.runtime.test_node import Plain, Script, node
from tests.waiting import LONG, eventually

SMALL = Rate(messages=2, messages_burst=5, bytes=100, bytes_burst=300)


def test_a_burst_passes_and_then_the_rate() -> None:
    bucket = Bucket(SMALL, 10.0)
    assert [bucket.take(1, 10.0) for _ in range(6)] == [True] * 5 + [False]
    assert [bucket.take(1, 11.0) for _ in range(3)] == [True, True, False]


def test_bytes_are_bounded_apart_from_messages() -> None:
    bucket = Bucket(SMALL, 0.0)
    assert bucket.take(250, 0.0)
    assert not bucket.take(51, 0.0)
    assert bucket.take(50, 0.0)  # what is refused takes nothing
    assert not bucket.take(1, 0.0)


@given(st.lists(st.tuples(st.floats(0, 3), st.integers(0, 400)), max_size=60))
def test_no_second_brings_more_than_burst_and_rate(steps: list[tuple[float, int]]) -> None:
    """Whatever the times and sizes: in all time so far at most a burst and the rate."""
    bucket, now, messages, size = Bucket(SMALL, 0.0), 0.0, 0, 0
    for pause, wanted in steps:
        now += pause
        if bucket.take(wanted, now):
            messages, size = messages + 1, size + wanted
        assert messages <= SMALL.messages_burst + SMALL.messages * now + 1e-6
        assert size <= SMALL.bytes_burst + SMALL.bytes * now + 1e-6


def test_a_clock_that_stands_or_goes_back_gives_nothing() -> None:
    bucket = Bucket(SMALL, 5.0)
    for _ in range(5):
        bucket.take(1, 5.0)
    assert not bucket.take(1, 4.0)
    assert not bucket.take(1, 5.0)


def test_senders_are_bounded_and_pay_for_themselves() -> None:
    senders = Senders(SMALL, most=3)
    for _ in range(9):
        senders.take(b"flooder", 1, 0.0)
    assert not senders.take(b"flooder", 1, 0.0)
    assert senders.take(b"honest", 1, 0.0)
    for name in (b"a", b"b", b"c", b"d"):
        senders.take(name, 1, 0.0)
    assert len(senders) == 3


def test_strangers_share_one_bucket_and_members_do_not() -> None:
    allowance = Allowance(0.0, member=SMALL, strangers=SMALL)
    assert [allowance.hears(None, 1, 0.0) for _ in range(6)] == [True] * 5 + [False]
    assert allowance.hears(b"a", 1, 0.0) and allowance.hears(b"b", 1, 0.0)
    assert [allowance.tells("tcp://a:1", 1, 0.0) for _ in range(6)] == [True] * 5 + [False]
    assert allowance.tells("tcp://b:1", 1, 0.0)


def test_a_forgery_counts_as_many_and_only_for_its_sender() -> None:
    allowance = Allowance(0.0)
    checked = 0
    while allowance.hears(b"forger", 100, 0.0):
        allowance.forged(b"forger")
        checked += 1
    assert checked == MEMBER.messages_burst / 32
    assert allowance.hears(b"member", 100, 0.0)
    for _ in range(STRANGERS.messages_burst):  # else one could keep newcomers out cheaply
        assert allowance.hears(None, 100, 0.0)
        allowance.forged(None)


def test_what_calls_forth_much_counts_as_much() -> None:
    allowance = Allowance(0.0)
    heard = 0
    while allowance.hears(b"greedy", 3000, 0.0):
        allowance.called_forth(b"greedy", 127)
        heard += 1
    assert heard == MEMBER.messages_burst / 128
    assert allowance.hears(b"member", 3000, 0.0) and allowance.hears(None, 100, 0.0)
    allowance.called_forth(None, 10**9)  # strangers get no answers
    assert allowance.hears(None, 100, 0.0)


def test_what_calls_forth_much_is_paid_for_also_when_it_comes_slowly() -> None:
    """Else one message for each token that comes in between would do."""
    allowance = Allowance(0.0)
    heard = 0
    for step in range(10_000):  # ten seconds
        if allowance.hears(b"greedy", 10, step / 1000):
            allowance.called_forth(b"greedy", 127)
            heard += 1
    assert heard <= (MEMBER.messages_burst + 10 * MEMBER.messages) / 128 + 2
    allowance.called_forth(b"greedy", 10**9)
    assert allowance.hears(b"greedy", 10, 11.1)  # nobody is kept out for longer than a second


async def test_the_shell_counts_what_a_message_calls_forth() -> None:
    """One frame in, forty out: after some hundreds the sender is not heard any more."""
    hearing = Script(Received=lambda event: [Send("tcp://127.0.0.1:1", Ping(1, 0))] * 40)
    made, transport, endpoint = node(hearing)
    running = asyncio.create_task(made.run(Started(endpoint)))
    other = Transport(Meter())
    other.dial(endpoint)
    for _ in range(250):
        other.send(endpoint, b"1")
    await eventually(lambda: len(hearing.heard) >= 251)
    assert not any(isinstance(event, Trespassed) for event in hearing.heard)

    def refused() -> bool:  # sent faster than it may, however slow the host
        for _ in range(200):
            other.send(endpoint, b"1")
        return any(isinstance(event, Trespassed) for event in hearing.heard)

    await eventually(refused)
    await other.close(0)
    made.stop()
    await asyncio.wait_for(running, LONG)


def test_an_honest_peer_of_the_largest_swarm_fits() -> None:
    """LIMIT-4, and the reasons that the module gives for its numbers."""
    allowance = Allowance(0.0)
    for _ in range(4):  # two comparisons, each begun from either side
        for _ in range(2 * LIMITS.have):  # each ballot listed, and its rival
            assert allowance.hears(b"member", 1024, 0.0)
    assert allowance.hears(b"another", LIMITS.frame, 0.0)
    for _ in range(2 * LIMITS.members):  # HELLO of everybody, twice
        assert allowance.hears(None, LIMITS.hello, 0.0)


async def test_a_flood_is_dropped_before_it_is_decoded_and_hurts_no_other() -> None:
    """LIMIT-4: counted under its own reason, without ERROR or a broken connection."""
    most = MEMBER.messages_burst
    known = b"\x01a member"
    strange = STRANGERS.messages_burst
    hearing = Script()
    hearing.sender = lambda link: known if link == known else None  # type: ignore[method-assign]
    decoded: dict[bytes | None, int] = {}
    hearer, _, _ = node(hearing)

    class Counting(Plain):
        def decode(self, frame: bytes, sender: bytes | None) -> Message:
            decoded[sender] = decoded.get(sender, 0) + 1
            return Ping(1, 0)

    now = 100.0
    hearer._codec, hearer._clock = Counting(), lambda: now
    hearer._allowance = Allowance(now)
    for _ in range(most + 50):
        hearer._handle(hearer._read(known, b"1"))
    for _ in range(strange + 50):
        hearer._handle(hearer._read(b"\x01nobody", b"1"))
    assert decoded == {known: most, None: strange}
    dropped = [event for event in hearing.heard if isinstance(event, Trespassed)]
    assert len(dropped) == 100
    assert {event.reason for event in dropped} == {Reason.RATE}
    assert Reason.RATE.verdict is Verdict.IGNORE
    now += 1.0
    assert isinstance(hearer._read(known, b"1"), Received)
    await hearer._transport.close(0)
    await hearer._worker.stop(0.1)


async def test_in_clear_who_repeats_a_hello_uses_up_an_allowance_of_its_own() -> None:
    """LIMIT-4: there the author of a connection is whoever's HELLO was said on it."""
    hearing = Script()
    hearer, transport, _ = node(hearing)
    hearer._clock = lambda: 100.0
    hearer._allowance = Allowance(100.0)
    for _ in range(MEMBER.messages_burst + 10):
        hearer._read(b"\x01a thief", b"1")  # of the same author, as Script says of every link
    assert isinstance(hearer._read(b"\x01a thief", b"1"), Trespassed)
    assert isinstance(hearer._read(b"\x01a member", b"1"), Received)
    await transport.close(0)
    await hearer._worker.stop(0.1)
