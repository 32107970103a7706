"""The shell, between a scripted machine and real sockets."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

from tallyp2p.consensus.contributor import Election, IdArray, Vote
from tallyp2p.errors import FailureError, LocalError, Reason, RemoteError
from tallyp2p.gossip.body import Kept
from tallyp2p.gossip.events import (
    Cast,
    Dial,
    Discovered,
    Effect,
    Event,
    Finish,
    Hangup,
    Learn,
    Learned,
    Received,
    Refused,
    Send,
    Started,
    Stopped,
    Tell,
    Trespassed,
    VoteOn,
)
from tallyp2p.messages import Hello, Message, Ping
from tallyp2p.parameters import RunParameters, Seal
from tallyp2p.payloads import Ballot
from tallyp2p.runtime.admission import Encryption
from tallyp2p.runtime.meter import Meter
from tallyp2p.runtime.node import Node, Observer, Progress
from tallyp2p.runtime.transport import Transport
from tallyp2p.wire.keys import identity_text
from tallyp2p.wire.seal import identity_of
from tests.waiting import LONG, eventually

RUN = RunParameters(probes=4, rounds_per_ballot=2)
HERE = "tcp://127.0.0.1:*"
START = Started(HERE)


class Script:
    """A machine that answers as it was told: by type of event, or Finish when stopped."""

    author = b"script.."

    def __init__(self, **answers: Callable[[Event], list[Effect]]) -> None:
        self.answers = answers
        self.heard: list[Event] = []
        self.wake: float | None = None
        self.senders: list[bytes] = []

    def handle(self, event: Event, now: float) -> list[Effect]:
        self.heard.append(event)
        answer = self.answers.get(type(event).__name__)
        if answer is not None:
            return answer(event)
        return [Finish(False, "stopped")] if isinstance(event, Stopped) else []

    def wake_at(self) -> float | None:
        return self.wake

    def sender(self, link: bytes) -> bytes | None:
        self.senders.append(link)
        return b"whoever."

    def members(self) -> Mapping[bytes, str]:
        return {b"a": "alive", b"b": "suspect", b"c": "gone", b"d": "alive"}

    def kept(self) -> Kept:
        return Kept(None, (), ())

    def kinds(self) -> list[str]:
        return [type(event).__name__ for event in self.heard]


class Plain:
    """A codec for PING alone; everything else is refused."""

    def encode(self, message: Message) -> bytes:
        assert isinstance(message, Ping)
        return b"%d" % message.nonce

    def decode(self, frame: bytes, sender: bytes | None) -> Message:
        assert sender == b"whoever."
        if not frame.isdigit():
            raise RemoteError(Reason.MALFORMED, "not a number", optional=not frame)
        return Ping(int(frame), 0)

    def seal(self, ballot: Ballot) -> Ballot:
        return ballot


class Idle:
    """A learner that does nothing."""

    def vote(self, round: int, ids: IdArray | None) -> Vote:
        return Vote(np.zeros(RUN.votes, dtype=np.int64))

    def learn(self, round: int, elections: Sequence[Election]) -> Mapping[str, float]:
        return {"loss": 0.5}


def node(
    script: Script,
    contributor: Idle | None = None,
    observers: Sequence[Observer] = (),
    patience: float = 1.0,
) -> tuple[Node, Transport, str]:
    transport = Transport(Meter())
    endpoint = transport.bind(HERE)
    learner = contributor or Idle()
    made = Node(
        script, Plain(), transport, learner, RUN, observers, linger_ms=200, patience=patience
    )
    return made, transport, endpoint


def finish(event: Event) -> list[Effect]:
    return [Finish(True)]


async def within(awaitable: asyncio.Future[Finish] | asyncio.Task[Finish]) -> Finish:
    return await asyncio.wait_for(awaitable, LONG)


async def run(made: Node) -> Finish:
    return await asyncio.wait_for(made.run(START), LONG)


async def test_a_round_from_vote_to_learning() -> None:
    told: list[object] = []
    script = Script(
        Started=lambda event: [VoteOn(2)],
        Cast=lambda event: [Learn(2, ())],
        Learned=finish,
    )
    made, _, _ = node(script, observers=[told.append])
    assert await run(made) == Finish(True)
    started, cast, learned = script.heard
    assert started == START and learned == Learned(2)
    assert isinstance(cast, Cast) and (cast.ballot.author, cast.ballot.round) == (b"script..", 2)
    (progress,) = told
    assert isinstance(progress, Progress)
    assert (progress.round, progress.figures) == (2, {"loss": 0.5})
    assert (progress.alive, progress.suspect) == (3, 1)  # itself is alive, too
    assert {"sent", "received"} <= set(progress.bytes)
    assert not made.abandoned


async def test_frames_reach_the_other_machine() -> None:
    hearing = Script(Received=finish)
    hearer, _, endpoint = node(hearing)
    saying = Script(
        Started=lambda event: [Dial(endpoint), Send(endpoint, Ping(7, 0)), Hangup(endpoint)]
    )
    sayer, _, _ = node(saying)
    first = asyncio.create_task(run(hearer))
    second = asyncio.create_task(run(sayer))
    assert (await first).completed
    received = hearing.heard[-1]
    assert isinstance(received, Received) and received.message == Ping(7, 0)
    assert hearing.senders == [received.link]
    sayer.stop()
    assert await within(second) == Finish(False, "stopped")


async def test_bye_leaves_before_the_end() -> None:
    hearing = Script(Received=finish)
    hearer, _, endpoint = node(hearing)
    saying = Script(
        Started=lambda event: [Dial(endpoint), Send(endpoint, Ping(1, 0)), Finish(True)]
    )
    sayer, _, _ = node(saying)
    first = asyncio.create_task(run(hearer))
    await run(sayer)
    assert (await first).completed


async def test_what_strangers_send_is_reported_and_never_raised() -> None:
    script = Script()
    made, _, endpoint = node(script)
    running = asyncio.create_task(run(made))
    stranger = Transport(Meter())
    stranger.dial(endpoint)
    for frame in (b"", b"\x00" * 1000, b"12"):
        stranger.send(endpoint, frame)
    while len(script.heard) < 4:
        await asyncio.sleep(0.01)
    stranger._dialled[endpoint]._socket.send_multipart([b"1", b"2"])
    await eventually(lambda: len(script.heard) >= 5)
    first, second, third, fourth = script.heard[1:]
    assert isinstance(first, Trespassed) and first.reason is Reason.MALFORMED
    assert first.text == "not a number" and first.optional
    assert isinstance(second, Trespassed) and not second.optional
    assert isinstance(third, Received)
    assert isinstance(fourth, Trespassed) and "one frame" in fourth.text
    await stranger.close()
    made.stop()
    assert not (await running).completed


async def test_ticks_come_when_they_are_due_and_not_before() -> None:
    loop = asyncio.get_running_loop()
    ticks: list[float] = []
    script = Script()

    def tick(event: Event) -> list[Effect]:
        ticks.append(loop.time())
        assert script.wake is not None and loop.time() >= script.wake
        script.wake = None if len(ticks) == 3 else loop.time() + 0.05
        return [Finish(True)] if len(ticks) == 3 else []

    def discovered(event: Event) -> list[Effect]:
        script.wake = began + 0.1  # earlier than the timer that is armed
        return []

    script.answers = {"Ticked": tick, "Discovered": discovered}
    made, _, _ = node(script)
    began = loop.time()
    script.wake = began + 30
    running = asyncio.create_task(run(made))
    await asyncio.sleep(0)
    made.discover("tcp://127.0.0.1:9")
    await running
    assert Discovered("tcp://127.0.0.1:9") in script.heard
    assert ticks[0] >= began + 0.1 and ticks[1] - ticks[0] >= 0.05


async def test_a_machine_that_is_never_content_does_not_spin() -> None:
    script = Script()
    script.wake = 0.0
    made, _, _ = node(script)
    running = asyncio.create_task(run(made))
    loop = asyncio.get_running_loop()
    began = loop.time()
    await eventually(lambda: script.kinds().count("Ticked") >= 20)
    made.stop()
    await running
    assert script.kinds().count("Ticked") <= 1 + (loop.time() - began) / 0.001


async def test_the_loop_answers_while_the_learner_trains() -> None:
    training, release = threading.Event(), threading.Event()

    class Slow(Idle):
        def learn(self, round: int, elections: Sequence[Election]) -> Mapping[str, float]:
            training.set()
            release.wait(LONG)
            return {}

    def answer(event: Event) -> list[Effect]:
        release.set()
        return []

    script = Script(Started=lambda event: [Learn(0, ())], Received=answer, Learned=finish)
    made, _, endpoint = node(script, Slow())
    running = asyncio.create_task(run(made))
    await eventually(training.is_set)
    other = Transport(Meter())
    other.dial(endpoint)
    other.send(endpoint, b"1")
    assert (await running).completed
    assert script.kinds() == ["Started", "Received", "Learned"]
    await other.close()


async def test_stopping_amid_a_training_step_does_not_wait_for_it() -> None:
    release = threading.Event()

    class Stuck(Idle):
        def learn(self, round: int, elections: Sequence[Election]) -> Mapping[str, float]:
            release.wait(60)
            return {}

    script = Script(Started=lambda event: [Learn(0, ())])
    made, _, _ = node(script, Stuck(), patience=0.05)
    running = asyncio.create_task(run(made))
    while not script.heard:  # from then on the learner is at it, or about to be
        await asyncio.sleep(0)
    made.stop()
    assert await within(running) == Finish(False, "stopped")
    assert made.abandoned
    release.set()


@pytest.mark.parametrize("what", ["vote", "learn"])
async def test_a_learner_that_fails_ends_the_run_and_is_named(what: str) -> None:
    class Clumsy(Idle):
        def vote(self, round: int, ids: IdArray | None) -> Vote:
            if what == "vote":
                raise ValueError("dropped it")
            return super().vote(round, ids)

        def learn(self, round: int, elections: Sequence[Election]) -> Mapping[str, float]:
            raise ValueError("dropped it")

    script = Script(
        Started=lambda event: [VoteOn(4)],
        Cast=lambda event: [Learn(4, ())],
    )
    made, _, _ = node(script, Clumsy())
    with pytest.raises(
        FailureError, match=f"Clumsy failed to {what}.* round 4.*dropped it"
    ) as info:
        await run(made)
    assert isinstance(info.value.__cause__, ValueError)
    assert script.kinds()[-1] == "Stopped"  # the machine had the chance to say BYE


async def test_an_observer_cannot_break_the_run(caplog: pytest.LogCaptureFixture) -> None:
    def broken(notice: object) -> None:
        raise OSError("disk full")

    told: list[object] = []
    notices = [Tell(Refused(11, str(i))) for i in range(3)]
    made, _, _ = node(
        Script(Started=lambda event: [*notices, Finish(True)]), observers=[broken, told.append]
    )
    with caplog.at_level(logging.ERROR):
        assert (await run(made)).completed
    assert len(told) == 3
    assert len(caplog.records) == 1 and "disk full" in caplog.text


class Odd:
    """No effect at all."""


async def test_an_unknown_effect_is_our_own_fault() -> None:
    made, _, _ = node(Script(Started=lambda event: [Odd()]))  # type: ignore[list-item]
    with pytest.raises(LocalError, match="does not know the effect.*Odd"):
        await run(made)


@pytest.mark.parametrize("where", ["Received", "Ticked", "Learned"])
async def test_a_bug_in_the_machine_surfaces(where: str) -> None:
    def fail(event: Event) -> list[Effect]:
        raise LocalError("a bug")

    script = Script(**{where: fail}, Started=lambda event: [Learn(0, ())])
    if where == "Ticked":
        script.wake = 0.0
    made, _, endpoint = node(script)
    running = asyncio.create_task(run(made))
    other = Transport(Meter())
    other.dial(endpoint)
    other.send(endpoint, b"1")
    with pytest.raises(LocalError, match="a bug"):
        await running
    await other.close()


async def test_stop_and_discover_before_the_start_are_not_forgotten() -> None:
    script = Script()
    made, _, _ = node(script)
    made.discover("tcp://127.0.0.1:9")
    made.stop()
    assert await run(made) == Finish(False, "stopped")
    assert script.heard == [START, Discovered("tcp://127.0.0.1:9"), Stopped()]


async def test_a_cancelled_run_still_says_bye() -> None:
    script = Script()
    made, transport, endpoint = node(script)
    running = asyncio.create_task(run(made))
    while not script.heard:
        await asyncio.sleep(0)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert script.heard[-1] == Stopped()
    assert not transport.send(endpoint, b"closed")


async def test_a_run_cancelled_while_it_ends_still_closes_its_sockets() -> None:
    release = threading.Event()

    class Stuck(Idle):
        def learn(self, round: int, elections: Sequence[Election]) -> Mapping[str, float]:
            release.wait(60)
            return {}

    script = Script(Started=lambda event: [Learn(0, ()), Finish(True, "")])
    made, transport, _ = node(script, Stuck(), patience=30.0)
    running = asyncio.create_task(run(made))
    while not script.heard:
        await asyncio.sleep(0)
    await asyncio.sleep(0.02)  # it has finished, and waits for the learner
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await within(running)
    release.set()
    assert transport._context.closed


class Recorded(Plain):
    """A codec that reads in every frame the HELLO of one who is not there, for that run."""

    def __init__(self, identity: bytes, run: bytes, at: bytes) -> None:
        endpoint = f"tcp://127.0.0.1:7#{identity_text(at)}"
        self.hello = Hello(identity, bytes(8), endpoint, run, 1, None, None, False)

    def decode(self, frame: bytes, sender: bytes | None) -> Message:
        return self.hello


@pytest.mark.parametrize(
    ("seal", "whose", "at", "same_run", "heard"),
    [
        (Seal.ED25519, b"e", b"e", True, Received),  # its own
        (Seal.ED25519, b"a", b"a", True, Trespassed),  # recorded elsewhere, and said again
        (Seal.ED25519, b"e", b"a", True, Trespassed),  # so that answers go to Alice
        (Seal.ED25519, b"a", b"a", False, Received),  # of another run: who cares whose it is
        (Seal.NONE, b"a", b"e", True, Received),  # identities are no keys
    ],
)
async def test_an_encrypted_peer_speaks_only_as_itself(
    seal: Seal, whose: bytes, at: bytes, same_run: bool, heard: type[Event]
) -> None:
    """CURVE-5."""
    sealed = RunParameters(probes=4, rounds_per_ballot=2, seal=seal)
    script = Script(Received=finish, Trespassed=finish)
    transport = Transport(Meter(curve=True), encryption=Encryption.of(b"b" * 32))
    endpoint = transport.bind(HERE)
    named = sealed.digest if same_run else bytes(32)
    codec = Recorded(identity_of(whose * 32), named, identity_of(at * 32))
    running = asyncio.create_task(run(Node(script, codec, transport, Idle(), sealed)))
    eve = Transport(Meter(curve=True), encryption=Encryption.of(b"e" * 32))
    eve.dial(endpoint)
    eve.send(endpoint, b"what Alice said")
    await running
    event = script.heard[-1]
    assert isinstance(event, heard)
    assert not isinstance(event, Trespassed) or event.reason is Reason.AUTHOR
    await eve.close(0)
