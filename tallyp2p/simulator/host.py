"""One simulated process: the unmodified machine and codec, and what a shell does for them.

It feeds events, obeys effects in order, and keeps one wake-up on the clock's heap, so nobody
ever looks through all peers.  Frozen, it lets everything wait; slow, it takes its time for
each thing in turn.

Where senders are trusted (`exact` is off) the message travels beside its frame and is not
decoded again; what a codec would refuse is still put to the codec.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Protocol

from ..errors import RemoteError
from ..gossip import events
from ..gossip.machine import PeerMachine
from ..messages import (
    Ballot,
    Bye,
    Digest,
    Error,
    Have,
    Hello,
    Message,
    Peers,
    Ping,
    Pong,
    Want,
)
from ..wire.accounting import Meter
from ..wire.codec import Codec
from .clock import Clock
from .post import Line, Post
from .spec import Voting

__all__ = ["Host", "Watcher"]

_HELD = 10_000  # messages that wait for a frozen or slow process; more are dropped
_SHORTEST = 0.001  # s between two wake-ups, so that a machine that is never content cannot spin
_CLOSE = 1e-6  # seconds: a clock offset costs digits, and a wake-up must not come too soon
_EARLY = frozenset({Hello, Bye, Error})  # kinds that may come before HELLO
_ANSWERS = frozenset({Pong, Ballot, Digest, Have, Bye, Error})  # to which no answer is awaited
_TRUSTED = frozenset({*_EARLY, Ping, Pong, Peers, Ballot, Digest, Have, Want})  # not Grease


class Watcher(Protocol):
    """Who is told what a host does, and calls it a violation where it is one."""

    def cast(self, host: Host, ballot: Ballot) -> None: ...

    def arrived(self, host: Host, ballot: Ballot) -> None: ...

    def told(self, host: Host, notice: events.Notice) -> None: ...

    def learns(self, host: Host, effect: events.Learn) -> None: ...

    def finished(self, host: Host) -> None: ...

    def violated(self, name: str, what: str) -> Exception: ...


class Host:
    """One life of one peer.  The world makes it, `start` begins it."""

    def __init__(
        self,
        index: int,
        life: int,
        endpoint: str,
        machine: PeerMachine,
        codec: Codec,
        clock: Clock,
        post: Post,
        watcher: Watcher,
        vote: Callable[[Host, int], Ballot],
        learn: Callable[[Host, events.Learn], None],
        voting: Voting,
        random: Random,
        offset: float = 0.0,
        check: bool = True,
        thorough: bool = False,
        exact: bool = False,
    ) -> None:
        """`thorough`: the costly checks, too, are made after every step."""
        self.index, self.life, self.endpoint = index, life, endpoint
        self.machine, self.codec = machine, codec
        self.meter = Meter()
        self.lines: dict[str, Line] = {}
        self.finish: events.Finish | None = None
        self.dead = False
        self.frozen = self.frozen_for_good = False
        self.work = 0.0  # seconds that each thing takes while the process is slow
        self.hindered = 0  # how often it was frozen or slow
        self.stretch = 1.0  # how many times longer training takes
        self.dropped = 0  # messages that found the queue full
        self.events = 0
        self.doom: Callable[[events.Effect], bool] | None = None  # whether it ends at an effect
        self.twist: Callable[[str, Message], Message] | None = None  # of hostile peers
        self._clock, self._post, self._watcher = clock, post, watcher
        self._vote, self._learn = vote, learn
        self._voting, self._random = voting, random
        self._offset, self._exact = offset, exact
        self._check, self._thorough = check, thorough
        self._local = float("-inf")  # the newest moment that the machine was told
        self._armed: float | None = None  # the moment of the machine for which it is woken
        self._free_at = 0.0  # when a slow process has done what it has
        self._newest: Message | None = None  # what was sent last, and as which frame
        self._frame = b""
        self._queued = 0  # messages that wait
        self._waiting: list[tuple[Callable[..., None], tuple[Any, ...]]] = []  # while frozen

    # --- starting and ending --------------------------------------------------------------

    def start(self, seeds: tuple[str, ...], *, fresh: bool) -> None:
        """The process listens and begins."""
        self._post.at[self.endpoint] = self
        self._feed(events.Started(self.endpoint, seeds, fresh=fresh))

    def leave(self) -> None:
        """Somebody tells the process to leave."""
        self._enter(self._feed, events.Stopped())

    def die(self) -> None:
        """As by kill -9."""
        self.dead = True
        if self._post.at.get(self.endpoint) is self:
            del self._post.at[self.endpoint]

    def lose(self, endpoint: str) -> None:
        """The connection to `endpoint` broke."""
        if endpoint in self.lines:
            self._enter(self._feed, events.Lost(endpoint))

    @property
    def running(self) -> bool:
        """Neither dead nor finished."""
        return not self.dead and self.finish is None

    # --- frozen and slow ------------------------------------------------------------------

    def freeze(self, *, for_good: bool = False) -> None:
        """Stand still until `thaw`."""
        self.frozen, self.frozen_for_good = True, for_good
        self.hindered += 1

    def thaw(self) -> None:
        """Go on with what waited, in order."""
        self.frozen = False
        waiting, self._waiting, self._queued = self._waiting, [], 0
        for action, arguments in waiting:
            self._enter(action, *arguments)
        self._rearm()

    def slow_down(self, work: float, stretch: float) -> None:
        """From now on each thing takes `work` seconds, and training `stretch` times as long."""
        self.work, self.stretch = work, stretch
        self.hindered += 1

    def _enter(self, action: Callable[..., None], *arguments: Any) -> None:
        """Do something as soon as the process comes to it."""
        if self.dead:
            return
        if self.frozen:
            self._waiting.append((action, arguments))
        elif self.work:
            self._free_at = max(self._free_at, self._clock.now) + self.work
            self._clock.at(self._free_at, self._turn, action, arguments)
        else:
            action(*arguments)

    def _turn(self, action: Callable[..., None], arguments: tuple[Any, ...]) -> None:
        if self.frozen:
            self._waiting.append((action, arguments))
        elif not self.dead:
            action(*arguments)

    # --- events in ------------------------------------------------------------------------

    def arrive(self, link: bytes, frame: bytes, message: Message | None) -> None:
        """A frame has come on an inbound connection."""
        if not (self.frozen or self.work):
            self._read(link, frame, message)
        elif self._queued < _HELD:
            self._queued += 1
            self._enter(self._read_later, link, frame, message)
        else:
            self.dropped += 1

    def _read_later(self, link: bytes, frame: bytes, message: Message | None) -> None:
        self._queued = max(0, self._queued - 1)
        self._read(link, frame, message)

    def _read(self, link: bytes, frame: bytes, message: Message | None) -> None:
        if self.finish is not None:
            return
        sender = self.machine.sender(link)
        if self._exact or type(message) not in (_EARLY if sender is None else _TRUSTED):
            try:
                message = self.codec.decode(frame, sender)
            except RemoteError as error:
                about = (error.reason, str(error), error.optional, error.endpoint)
                self._feed(events.Trespassed(link, *about))
                return
        assert message is not None
        if type(message) is Ballot:
            self._watcher.arrived(self, message)
        # Most events are messages, and one that is only answered brings no wake-up forward.
        # (HELLO may tell a first round in silence, and so what is due since long ago.)
        if self._handle(events.Received(link, message), self._now()) or type(message) is Hello:
            self._rearm()
        elif self._check:
            self._has_no_earlier_wish()

    def _feed(self, event: events.Event) -> None:
        if not self.running:
            return
        self._handle(event, self._now())
        self._rearm()

    def _now(self) -> float:
        """The moment by the own clock, which never runs back."""
        local = self._clock.now + self._offset
        return local if local > self._local else self._local

    def _handle(self, event: events.Event, local: float) -> bool:
        """Feed an event and obey; whether more followed than answers to others."""
        self.events += 1
        self._local = local
        try:
            effects = self.machine.handle(event, local)
            if self._check:
                self.machine.check(0 if self._thorough else self.events)
        except Exception as error:
            raise self._broken(error, type(event).__name__) from error
        if self.doom is not None:
            self._obey_to_the_end(effects, self.doom)
            return True
        wishes = False
        for effect in effects:
            if type(effect) is events.Send:  # most effects are
                message = effect.message
                wishes = wishes or type(message) not in _ANSWERS
                self._send(effect.endpoint, message)
            else:
                wishes = True
                self._obey(effect)
        return wishes

    def _obey_to_the_end(
        self, effects: Sequence[events.Effect], doom: Callable[[events.Effect], bool]
    ) -> None:
        """Obey as long as the process lives: it may end between two effects."""
        for effect in effects:
            if type(effect) is events.Send:
                self._send(effect.endpoint, effect.message)
            else:
                self._obey(effect)
            if doom(effect):
                return

    def check(self) -> None:
        """Look at all of the machine once, where that is wanted."""
        if self._check and not self.dead:
            try:
                self.machine.check()
            except AssertionError as error:
                raise self._broken(error, "the end") from error

    def _broken(self, error: Exception, at: str) -> Exception:
        name = "check" if isinstance(error, AssertionError) else "no exceptions"
        what = f"peer {self.index} at {at}: {type(error).__name__}: {error}"
        return self._watcher.violated(name, what)

    # --- waking ---------------------------------------------------------------------------

    def _rearm(self) -> None:
        """Have a wake-up on the heap that comes soon enough; one that comes early does no harm."""
        wake = self.machine.wake_at()
        if wake is None or (self._armed is not None and self._armed <= wake):
            return
        self._armed = wake
        soonest = self._clock.now if wake > self._local else self._clock.now + _SHORTEST
        self._clock.at(max(wake - self._offset, soonest), self._alarm, wake)

    def _has_no_earlier_wish(self) -> None:
        """The other side of not asking after every message."""
        wake, armed = self.machine.wake_at(), self._armed
        if wake is not None and self.running and (armed is None or wake < armed):
            what = f"peer {self.index}, {self.machine.phase}, wants to be woken and said nothing"
            raise self._watcher.violated("no wish unheard", what)

    def _alarm(self, wake: float) -> None:
        if wake == self._armed and self.running:  # else an earlier one has taken its place
            self._enter(self._tick)

    def _tick(self) -> None:
        self._armed = None
        wake = self.machine.wake_at()
        if wake is None or not self.running:
            return
        local = self._now()
        if wake > local + _CLOSE:
            self._rearm()
            return
        local = max(local, wake)
        self._handle(events.Ticked(), local)
        if self._check:
            again = self.machine.wake_at()
            if again is not None and again <= local:
                what = f"peer {self.index}, {self.machine.phase}, wants to be woken at once again"
                raise self._watcher.violated("no tick in vain", what)
        self._rearm()

    # --- effects out ----------------------------------------------------------------------

    def _obey(self, effect: events.Effect) -> None:
        """Everything but Send."""
        if isinstance(effect, events.Tell):
            self._watcher.told(self, effect.notice)
        elif isinstance(effect, events.Dial):
            self._dial(effect.endpoint)
        elif isinstance(effect, events.Hangup):
            del self.lines[effect.endpoint]
        elif isinstance(effect, events.VoteOn):
            pause = self._voting.voting * self.stretch
            self._clock.after(pause, self._enter, self._cast, effect.round)
        elif isinstance(effect, events.Learn):
            self._watcher.learns(self, effect)
            self._learn(self, effect)
            learned = events.Learned(effect.round)
            self._clock.after(self._training(), self._enter, self._feed, learned)
        elif isinstance(effect, events.Finish):
            self.finish = effect
            self._watcher.finished(self)

    def _dial(self, endpoint: str) -> None:
        self.lines[endpoint] = self._post.line()
        other = self._post.at.get(endpoint)
        if isinstance(other, Host):
            self.meter.outbound()
            other.meter.inbound()

    def _training(self) -> float:
        spread = self._voting.spread
        factor = 1 + spread * (2 * self._random.random() - 1) if spread else 1.0
        return self._voting.training * self.stretch * factor

    def _cast(self, round: int) -> None:
        if self.running:
            ballot = self.codec.seal(self._vote(self, round))
            self._watcher.cast(self, ballot)
            self._feed(events.Cast(ballot))

    def _send(self, endpoint: str, message: Message) -> None:
        if self.twist is not None:
            message = self.twist(endpoint, message)
        if message is self._newest:  # one ballot goes to many
            frame = self._frame
        else:
            frame = self.codec.encode(message) if self._exact else self.codec.frame(message)
            if not (type(message) is Hello and message.extra):  # which goes to one, between others
                self._newest, self._frame = message, frame
        self.meter.sent(frame)
        self._post.send(self, endpoint, self.lines[endpoint], frame, message)

    def inject(self, endpoint: str, frame: bytes) -> None:
        """Send bytes that no codec would make, on a connection that stands."""
        self.meter.sent(frame)
        self._post.send(self, endpoint, self.lines[endpoint], frame, None)
