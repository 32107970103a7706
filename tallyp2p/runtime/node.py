"""The real-time shell: feeds events to a machine and obeys its effects, in order.

It decides nothing.  Frames come from the transport, time from the clock, votes and training
from a learner in a thread of its own, so that a peer in its training step still answers.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from ..consensus.contributor import Contributor
from ..errors import FailureError, LocalError, Reason, RemoteError
from ..gossip import events
from ..gossip.body import Kept
from ..gossip.events import Effect, Event, Finish, Notice
from ..messages import Digest, Have, Hello, Message, Want
from ..parameters import RunParameters, Seal
from ..payloads import Ballot
from .casting import cast
from .keeper import Keeper
from .limits import Allowance
from .meter import Snapshot
from .transport import Transport
from .worker import Worker

__all__ = ["Machine", "Node", "Observer", "Progress", "Trouble"]

_log = logging.getLogger(__name__)

_LISTS = (Digest, Have, Want)
_SHORTEST = 0.001  # s between two ticks, so that a machine that is never content cannot spin


class Machine(Protocol):
    """What the shell needs of `gossip.machine.PeerMachine`."""

    @property
    def author(self) -> bytes: ...

    def handle(self, event: Event, now: float) -> list[Effect]: ...

    def wake_at(self) -> float | None: ...

    def sender(self, link: bytes) -> bytes | None: ...

    def members(self) -> Mapping[bytes, str]: ...

    def kept(self) -> Kept: ...


class Codec(Protocol):
    """What the shell needs of `wire.codec.Codec`."""

    def encode(self, message: Message) -> bytes: ...

    def decode(self, frame: bytes, sender: bytes | None) -> Message: ...

    def seal(self, ballot: Ballot) -> Ballot: ...


@dataclass(frozen=True, slots=True)
class Progress:
    """The learner has trained through one ballot."""

    round: int  # first round of the ballot
    figures: Mapping[str, float]  # what the learner returned
    bytes: Snapshot  # all bytes since the start, see wire.accounting
    alive: int  # members alive, this peer included
    suspect: int  # members suspect


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something here does not work, and the peer goes on all the same."""

    text: str  # a sentence for a person


Observer = Callable[[Notice | Progress | Trouble], None]


class Node:
    """One peer at work.

    Make it inside the event loop, with a transport that is bound; then await `run` once.
    Observers are called in the loop and should be quick; what they raise is logged once
    for each observer and otherwise ignored.
    """

    def __init__(
        self,
        machine: Machine,
        codec: Codec,
        transport: Transport,
        contributor: Contributor,
        run: RunParameters,
        observers: Iterable[Observer] = (),
        *,
        clock: Callable[[], float] | None = None,
        linger_ms: int = 500,
        patience: float = 1.0,
        keeper: Keeper | None = None,
        resumed: events.Resumed | None = None,
    ) -> None:
        """`linger_ms`: how long BYE may take to leave; `patience`: seconds that a training
        step in progress and the last state may hold up the end; `keeper`: what lies on disk;
        `resumed`: that this is where the peer goes on from."""
        self.abandoned = False  # the learner was still training when `run` ended: os._exit
        self._machine = machine
        self._codec = codec
        self._transport = transport
        self._contributor = contributor
        self._run = run
        self._observers = list(observers)
        self._deaf: set[int] = set()  # observers whose exception was logged, by position
        self._loop = asyncio.get_running_loop()
        self._clock = clock or self._loop.time
        self._allowance = Allowance(self._clock())
        self._linger_ms = linger_ms
        self._patience = patience
        self._keeper = keeper
        self._worker = Worker()
        self._timer: asyncio.TimerHandle | None = None
        self._armed = 0.0  # the moment for which the timer is armed
        self._started = False
        self._early: list[Event] = []  # fed before `run`
        self._resumed = () if resumed is None else (resumed,)
        self._failure: FailureError | None = None
        self._done: asyncio.Future[Finish] = self._loop.create_future()
        self._obey: dict[type, Callable[[Any], None]] = {
            events.Send: self._send,
            events.Dial: lambda effect: self._dial(effect.endpoint),
            events.Hangup: lambda effect: transport.hangup(effect.endpoint),
            events.VoteOn: self._vote_on,
            events.Learn: self._learn,
            events.Finish: self._finish,
            events.Tell: lambda effect: self._tell(effect.notice),
        }

    async def run(self, started: events.Started) -> Finish:
        """Be a peer until the machine finishes; how it ended.

        All sockets are closed and BYE is said before this returns or raises, also when it
        is cancelled.  Raises :class:`FailureError` when the learner failed,
        :class:`LocalError` for a bug of ours.
        """
        receiving = self._loop.create_task(self._receive())
        receiving.add_done_callback(self._received_last)
        self._transport.on_lost = lambda endpoint: self._feed(events.Lost(endpoint))
        try:
            self._started = True
            for event in (*self._resumed, started, *self._early):
                self._feed(event)
            finish = await self._done
            self._save()
        except asyncio.CancelledError:
            self._feed(events.Stopped())
            self._save()
            raise
        finally:
            if self._timer is not None:
                self._timer.cancel()
            receiving.cancel()
            try:
                self.abandoned = not await self._worker.stop(self._patience)
                if self.abandoned and self._keeper is not None:
                    self._keeper.give_up()
                    self._complain()
            finally:  # also when it is cancelled here: sockets left open outlive the loop
                await self._transport.close(self._linger_ms)
        if self._failure is not None:
            raise self._failure
        return finish

    def stop(self) -> None:
        """Leave soon: BYE is said and `run` returns.  Fit for a signal handler of the loop."""
        self._enter(events.Stopped())

    def discover(self, endpoint: str) -> None:
        """Tell the machine of an endpoint that was found by other means."""
        self._enter(events.Discovered(endpoint))

    # --- events in ----------------------------------------------------------------------

    def _enter(self, event: Event) -> None:
        if self._started:
            self._feed(event)
        else:
            self._early.append(event)

    def _feed(self, event: Event) -> None:
        try:
            self._handle(event)
            self._rearm()
        except Exception as error:  # ours, not a stranger's: it must surface in `run`
            self._break(error)

    def _handle(self, event: Event) -> list[Effect]:
        """Feed one event and obey; the effects that it had."""
        effects = self._machine.handle(event, self._clock())
        for effect in effects:
            obey = self._obey.get(type(effect))
            if obey is None:
                raise LocalError(f"the shell does not know the effect {effect!r}")
            obey(effect)
        return effects

    async def _receive(self) -> None:
        receive, read, handle = self._transport.receive, self._read, self._handle
        while not self._done.done():
            for link, frame in await receive():
                effects = handle(read(link, frame))
                if len(effects) > 1:
                    payer = self._payer(link, self._machine.sender(link))
                    answers = sum(type(effect) is events.Send for effect in effects)
                    self._allowance.called_forth(payer, max(0, answers - 1))
            self._rearm()  # once for each batch: between two frames no time passes

    def _read(self, link: bytes, frame: bytes | None) -> Event:
        sender = self._machine.sender(link)
        payer = self._payer(link, sender)
        if not self._allowance.hears(payer, len(frame or b""), self._clock()):
            who = "strangers" if sender is None else f"the member {sender.hex()}"
            return events.Trespassed(link, Reason.RATE, f"more from {who} than is taken")
        if frame is None:
            return events.Trespassed(link, Reason.MALFORMED, "a message must be one frame")
        try:
            message = self._codec.decode(frame, sender)
            if isinstance(message, _LISTS):
                self._allowance.called_forth(payer, len(message.entries))
            if type(message) is Hello:
                self._check_key(link, message)
            return events.Received(link, message)
        except RemoteError as error:
            if error.reason is Reason.SEAL:
                self._allowance.forged(payer)
            return events.Trespassed(link, error.reason, str(error), error.optional, error.endpoint)

    def _payer(self, link: bytes, sender: bytes | None) -> bytes | None:
        """Whose allowance is used up: the author's who said HELLO, if its key was proved.  Else
        the connection's own, or whoever repeats a member's HELLO could use up that member's."""
        proved = self._transport.encryption is not None and self._run.seal is not Seal.NONE
        return sender if proved or sender is None else link

    def _check_key(self, link: bytes, hello: Hello) -> None:
        """Refuse a HELLO that was recorded, or made to be, and is said by another than its
        author, or names another's endpoint: where keys are proved, the identity's own must be
        (protocol_spec 07, CURVE-5)."""
        if self._run.seal is Seal.NONE or hello.run != self._run.digest:
            return  # identities are no keys, or not of this run: CONTACT-3 alone judges it
        if not self._transport.proves(link, hello.identity, hello.endpoint):
            raise RemoteError(Reason.AUTHOR, "HELLO of another than the connection's own key")

    def _received_last(self, receiving: asyncio.Task[None]) -> None:
        if not receiving.cancelled():
            error = receiving.exception()
            if error is not None:
                self._break(error)

    def _rearm(self) -> None:
        wake = self._machine.wake_at()
        if wake is None or self._done.done():
            return
        if self._timer is not None:
            if self._armed <= wake:
                return  # it fires early, finds that, and is armed anew: cheaper than now
            self._timer.cancel()
        self._armed = wake
        self._timer = self._loop.call_later(max(_SHORTEST, wake - self._clock()), self._tick)

    def _tick(self) -> None:
        self._timer = None
        wake = self._machine.wake_at()
        if wake is not None and self._clock() >= wake:
            self._feed(events.Ticked())
        else:
            self._feed_nothing()

    def _feed_nothing(self) -> None:
        try:
            self._rearm()
        except Exception as error:
            self._break(error)

    def _break(self, error: BaseException) -> None:
        if not self._done.done():
            self._done.set_exception(error)

    # --- effects out --------------------------------------------------------------------

    def _send(self, effect: events.Send) -> None:
        frame = self._codec.encode(effect.message)
        if self._allowance.tells(effect.endpoint, len(frame), self._clock()):
            self._transport.send(effect.endpoint, frame, first=type(effect.message) is Hello)
        else:
            self._transport.dropped += 1

    def _dial(self, endpoint: str) -> None:
        if not self._transport.dial(endpoint):
            _log.info("cannot dial %s", endpoint)

    def _vote_on(self, effect: events.VoteOn) -> None:
        voted = self._worker.call(self._cast, effect.round)
        voted.add_done_callback(lambda future: self._voted(effect.round, future))

    def _cast(self, round: int) -> Ballot | None:
        """The learner's ballot, sealed and kept; in the worker's thread, for that takes its time.

        None where it cannot be kept.
        """

        def vote() -> Ballot:
            ballot = cast(self._run, self._machine.author, self._contributor, round)
            return self._codec.seal(ballot)

        return vote() if self._keeper is None else self._keeper.cast(round, vote)

    def _voted(self, round: int, future: asyncio.Future[Ballot | None]) -> None:
        if not self._failed("vote on", round, future):
            self._complain()
            ballot = future.result()
            self._feed(events.Withheld(round) if ballot is None else events.Cast(ballot))

    def _learn(self, effect: events.Learn) -> None:
        learned = self._worker.call(self._train, effect)
        learned.add_done_callback(lambda future: self._learned(effect.round, future))

    def _train(self, effect: events.Learn) -> Mapping[str, float]:
        began = self._clock()
        figures = self._contributor.learn(effect.round, effect.elections)
        if self._keeper is not None:
            following = effect.round + self._run.rounds_per_ballot
            self._keeper.learnt(following, self._clock() - began)
        return figures

    def _learned(self, round: int, future: asyncio.Future[Mapping[str, float]]) -> None:
        if self._done.done():  # told to leave amid training, which is done now
            if not future.cancelled() and future.exception() is None:
                self._report(round, future.result())
            return
        if self._failed("learn", round, future):
            return
        self._report(round, future.result())
        if self._keeper is not None and self._keeper.due(round + self._run.rounds_per_ballot):
            self._save()
        self._feed(events.Learned(round))

    def _report(self, round: int, figures: Mapping[str, float]) -> None:
        states = list(self._machine.members().values())
        self._tell(
            Progress(
                round=round,
                figures=dict(figures),
                bytes=self._transport.meter.snapshot(),
                alive=1 + states.count("alive"),
                suspect=states.count("suspect"),
            )
        )

    def _save(self) -> None:
        """Have the learner's state kept as it is when it has done what it was told."""
        if self._keeper is not None and self._failure is None:
            saved = self._worker.call(self._keeper.save, self._machine.kept())
            saved.add_done_callback(lambda future: self._complain())

    def _complain(self) -> None:
        for text in [] if self._keeper is None else self._keeper.troubles():
            _log.warning("%s", text)
            self._tell(Trouble(text))

    def _failed(self, what: str, round: int, future: asyncio.Future[Any]) -> bool:
        """Whether there is nothing to feed; a learner's failure ends the run, after BYE."""
        if future.cancelled() or self._done.done():
            return True
        error = future.exception()
        if error is None:
            return False
        name = type(self._contributor).__name__
        self._failure = FailureError(f"{name} failed to {what} round {round}: {error!r}")
        self._failure.__cause__ = error
        self._feed(events.Stopped())
        return True

    def _finish(self, effect: Finish) -> None:
        if not self._done.done():
            self._done.set_result(effect)

    def _tell(self, notice: Notice | Progress | Trouble) -> None:
        for position, observer in enumerate(self._observers):
            try:
                observer(notice)
            except Exception:
                if position not in self._deaf:
                    self._deaf.add(position)
                    _log.exception("an observer failed; it will not be reported again")
