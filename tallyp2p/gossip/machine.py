"""The peer: events in, effects out, one door.

``handle(event, now)`` is the only way in.  Time is an argument (seconds, monotonic), chance
comes from the generator given at birth, and everything to be done is in the effects that it
returns.  ``wake_at()`` says when it wants a ``Ticked``; ``check()`` asserts what must hold.

The machine only gives the organs of its `body` their turns: who is there (`membership`), how
they are reached (`contacts`), who knows whom (the circle: `everybody` or `neighbourhood`), when
to begin (`joining`), when a round closes (`rounds`), what is missing (`serving`, `repair`), and
the ballots themselves (`consensus.ledger`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf
from random import Random
from typing import Any

from ..consensus.ledger import Outcome
from ..errors import LocalError, Reason
from ..messages import FINISHED, PARTED, Bye, Digest, Error, Have, Hello, Peers, Ping, Pong, Want
from ..parameters import RunParameters, Timing
from ..payloads import Ballot
from . import events
from .body import Body, Kept, Wishes
from .card import Card
from .events import Effect, Event, Refused
from .member import Change, State
from .membership import author_of
from .rounds import Phase

__all__ = ["PeerMachine"]


class PeerMachine:
    """One peer of one run.

    `identity`: 32 bytes, the same at every start of this peer; `instance`: 8 bytes, fresh at
    every start; `random`: all its chance that others may see; `grease`: whether to send
    nothing at times (GREASE-2); `proofs`: the key of its nonces, which nobody else may guess.
    """

    def __init__(
        self,
        run: RunParameters,
        timing: Timing,
        identity: bytes,
        instance: bytes,
        random: Random,
        agent: str = "",
        grease: bool = True,
        proofs: bytes = b"",
    ) -> None:
        if len(identity) != 32 or len(instance) != 8:
            raise LocalError("identity must have 32 bytes and instance 8")
        self.run, self.timing, self.author = run, timing, author_of(identity)
        card = Card(identity, instance, agent, grease)
        self._body = body = Body(run, timing, card, random, proofs)
        self.ledger, self._outbox, self._joining = body.ledger, body.outbox, body.joining
        self._membership, self._contacts, self._circle = body.membership, body.contacts, body.circle
        self._rounds, self._repair, self._serving = body.rounds, body.repair, body.serving
        self._probing = body.probing
        self._moments = Wishes()  # of the organs, when wake_at() was last asked
        self._last: int | None = None  # newest own ballot's round
        self._now = 0.0
        self._wake: tuple[float | None] | None = None  # wake_at()'s answer since the last event
        self._on_event: dict[type, Callable[[Any], None]] = {
            events.Received: self._received,
            events.Cast: self._cast,
            events.Withheld: self._withheld,
            events.Learned: self._learned,
            events.Ticked: self._ticked,
            events.Resumed: self._resumed,
            events.Started: self._started,
            events.Discovered: lambda e: self._circle.discover(e.endpoint, self.round, self._now),
            events.Lost: self._lost,
            events.Trespassed: lambda e: self._contacts.on_trespass(e, self._now),
            events.Stopped: lambda _: self._finish(False, "stopped"),
        }
        self._on_message: dict[type, Callable[[bytes, Any], None]] = {
            Ballot: self._on_ballot,
            Ping: self._on_ping,
            Pong: self._on_pong,
            Peers: lambda a, m: self._circle.on_peers(a, m, self.round, self._now),
            Digest: lambda a, m: self._serving.on_digest(a, m, self.round),
            Have: self._on_have,
            Want: self._on_want,
            Bye: self._on_bye,
            Error: self._on_error,
        }

    # --- the door -----------------------------------------------------------------------

    def handle(self, event: Event, now: float) -> list[Effect]:
        """Take in one event; return what to do, in order.

        Raises :class:`LocalError` for an event that no shell should feed, for no message.
        """
        if self._rounds.phase is Phase.DONE:
            return []
        handler = self._on_event.get(type(event))
        if handler is None:
            raise LocalError(f"{event!r} is not an event of PeerMachine")
        self._now = now
        handler(event)
        self._wake = None
        return self._outbox.take()

    def wake_at(self) -> float | None:
        """When a Ticked is wanted at the latest; None once finished or not yet started."""
        if self._wake is None:  # shells ask several times between two events
            if self.finished or not self._contacts.endpoint:
                return None
            self._moments = self._body.wishes()
            joining = self._rounds.phase is Phase.JOINING
            self._wake = (min(*self._moments, self._joining.wake_at() if joining else inf),)
        return self._wake[0]

    @property
    def finished(self) -> bool:
        """Whether Finish was returned; every later event is ignored."""
        return self._rounds.phase is Phase.DONE

    @property
    def phase(self) -> str:
        """joining, voting, open, learning, staying or done."""
        return str(self._rounds.phase)

    @property
    def round(self) -> int | None:
        """The round that is voted on, open or learnt from; None before the first."""
        return None if self._rounds.phase is Phase.JOINING else self._rounds.round

    @property
    def refused(self) -> Mapping[int, int]:
        """How many messages were not accepted, by reason."""
        return self._outbox.refused

    def sender(self, link: bytes) -> bytes | None:
        """The author that said HELLO on an inbound connection; the codec wants to know."""
        return self._membership.sender(link)

    def credentials(self, author: bytes) -> tuple[bytes, bytes] | None:
        """(identity, instance) of a member; whoever checks signatures wants to know."""
        return self._membership.credentials(author)

    def members(self) -> Mapping[bytes, str]:
        """State ("alive", "suspect", "gone") of every other member, by author."""
        return self._membership.states()

    def kept(self) -> Kept:
        """What is worth writing to disk; see :meth:`Body.kept`."""
        return self._body.kept()

    def check(self, step: int = 0) -> None:
        """Invariants of all organs; `step`, see :meth:`Body.check`, spreads them over events."""
        self._body.check(step)

    # --- starting and leaving -----------------------------------------------------------

    def _resumed(self, event: events.Resumed) -> None:
        self._joining.resume(event)
        self._rounds.round, self._last = event.round - self.run.rounds_per_ballot, event.newest

    def _started(self, event: events.Started) -> None:
        self._contacts.endpoint = event.endpoint
        self._probing.begin(self._now)
        self._joining.begin(self._now, fresh=event.fresh or not event.seeds)
        self._serving.begin(self._now)
        self._circle.begin(event.seeds, self._now)
        self._try_to_begin()

    def _try_to_begin(self) -> None:
        found = self._body.beginning.look(self._now)
        if isinstance(found, str):
            self._finish(False, found)
        elif found is not None:
            self._go_on(self._body.following() if self._joining.resumes else found)

    def _finish(self, completed: bool, text: str = "") -> None:
        everybody = [member.endpoint for member in self._membership.present()]
        self._outbox.send_all(everybody, Bye(self._last, 0, text))
        self._outbox.put(events.Finish(completed, text))
        self._rounds.phase = Phase.DONE

    # --- rounds -------------------------------------------------------------------------

    def _cast(self, event: events.Cast) -> None:
        ballot, rounds = event.ballot, self._rounds
        asked = (self.author, rounds.round)
        if rounds.phase is not Phase.VOTING or (ballot.author, ballot.round) != asked:
            raise LocalError(f"nobody asked for a ballot of round {ballot.round}")
        earlier = self.ledger.wanted(self.author, ballot.round)  # of an earlier life
        if not earlier:
            self.ledger.add(ballot)
        ballot = earlier[0] if earlier else ballot
        self._last = ballot.round
        receivers = self._circle.routes.receivers(ballot.round, self._joining.start)
        owed = self._serving.owing.take(ballot.round)
        self._open({author: ballot for author in sorted({*receivers, *owed})})

    def _withheld(self, event: events.Withheld) -> None:
        if self._rounds.phase is not Phase.VOTING or event.round != self._rounds.round:
            raise LocalError(f"nobody asked for a ballot of round {event.round}")
        self._open({})

    def _open(self, ballots: Mapping[bytes, Ballot]) -> None:
        self._rounds.open(self._now)
        for author, ballot in ballots.items():
            self._contacts.answer(author, ballot)
        self._pull()
        round = self._rounds.round
        self._outbox.tell(events.RoundOpened(round, self._body.expected(round)))
        self._try_to_close()

    def _try_to_close(self) -> None:
        rounds, round = self._rounds, self._rounds.round
        if not rounds.closes(self._now):
            return
        missing = tuple(rounds.missing(round))
        heard = tuple(b.author for b in self.ledger.ballots(round) if b.author != self.author)
        elections = rounds.close(self._now)
        self._outbox.tell(events.RoundClosed(round, heard, missing, self._now - rounds.opened_at))
        self._outbox.put(events.Learn(round, elections))

    def _learned(self, event: events.Learned) -> None:
        rounds = self._rounds
        if rounds.phase is not Phase.LEARNING or event.round != rounds.round:
            raise LocalError(f"nobody asked to learn round {event.round}")
        self._go_on(self._body.following())

    def _go_on(self, following: int) -> None:
        if following >= self.timing.rounds:
            self._rounds.stay(self._now)
            self._circle.content = True
            everybody = [member.endpoint for member in self._membership.present()]
            self._outbox.send_all(everybody, Bye(self._last, FINISHED))
            self._try_to_leave()
            return
        kept = self._repair.keep_from(following)
        self.ledger.forget_before(kept)
        self._circle.forget_before(kept)
        self._serving.owing.forget_before(following)
        self._rounds.vote(following)
        self._outbox.put(events.VoteOn(following))

    def _try_to_leave(self) -> None:  # others may still want our last ballots
        if self._now >= self._rounds.stay_until or self._circle.may_leave(self._now):
            self._finish(True)

    # --- messages -----------------------------------------------------------------------

    def _received(self, event: events.Received) -> None:
        message = event.message
        if type(message) is Hello:
            self._on_hello(event.link, message)
            return
        author = self._membership.sender(event.link)
        if author is None:
            if type(message) is Error:
                self._refuse(message.code, message.text, by_them=True)
            else:
                self._refuse(Reason.EARLY, f"{type(message).__name__} before HELLO")
            return
        if change := self._membership.heard(author, self._now):
            self._contacts.reach(change.member, self.round, self._now)
            self._contacts.tell(change)
        if type(message) is not Ballot and self._membership.has_left(author):
            return  # overtaken by its own BYE
        self._on_message[type(message)](author, message)

    def _on_hello(self, link: bytes, hello: Hello) -> None:
        verdict = self._contacts.on_hello(link, hello, self.round, self._now)
        if verdict is not None:
            self._circle.met(author_of(hello.identity), verdict, hello, self._now)
            if self._rounds.phase is Phase.STAYING:
                self._contacts.answer(author_of(hello.identity), Bye(self._last, FINISHED))
            self._move()

    def _move(self) -> None:
        """Something changed that may let the first round begin, or the open one close."""
        phase = self._rounds.phase
        if phase is Phase.OPEN:
            self._try_to_close()
        elif phase is Phase.JOINING:
            self._try_to_begin()
        elif phase is Phase.STAYING:
            self._try_to_leave()

    def _on_ballot(self, sender: bytes, ballot: Ballot) -> None:
        round = ballot.round
        if not self._repair.in_window(round, at := self._at()):
            self._refuse(Reason.ROUND, f"round {round} is outside the window")
            return
        if not self._circle.accepts(sender, ballot):
            self._refuse(Reason.ROUND, f"nobody asked {sender.hex()} for this ballot")
            return
        outcome, author = self.ledger.add(ballot), ballot.author
        if author == sender:
            self._membership.seen_in(sender, round)
        if outcome is Outcome.NEW:
            if author != sender and (change := self._membership.vouched(author, round)):
                self._contacts.tell(change)
            self._circle.pass_on(sender, ballot, at, self._now)
            self._move()
        elif outcome is Outcome.ANNULLED:
            self._refuse(Reason.EQUIVOCATION, f"{author.hex()} has two ballots for round {round}")

    def _at(self) -> int:
        """The own round, or the one in which this peer will be first."""
        joining = self._rounds.phase is Phase.JOINING
        return self._joining.likely() if joining else self._rounds.round

    def _on_ping(self, sender: bytes, ping: Ping) -> None:
        self._contacts.answer(sender, self._contacts.pong(ping.nonce, self.round))
        self._circle.compare(sender, ping.roster, self.round, self._now)

    def _on_pong(self, sender: bytes, pong: Pong) -> None:
        if pong.nonce:
            self._membership.seen_in(sender, pong.round)
            for round in self._rounds.beyond(sender, pong.round, self._now):
                self._serving.ask(sender, round)
            self._circle.pong(sender, pong.nonce, self.round, self._now)
            self._circle.compare(sender, pong.roster, self.round, self._now)
        elif self._rounds.decline(sender, pong.round, self._now):
            self._pull()
        elif self._rounds.phase is Phase.OPEN:
            return  # it is still to come: nothing has changed
        self._move()

    def _on_have(self, sender: bytes, have: Have) -> None:
        self._serving.on_have(sender, have, self._at())

    def _on_want(self, sender: bytes, want: Want) -> None:
        if self._serving.on_want(sender, want, self._at()):
            first = self._joining.start if self.round is None else self.round
            self._contacts.answer(sender, self._contacts.pong(0, first))
            self._move()

    def _on_bye(self, sender: bytes, bye: Bye) -> None:
        if bye.code == FINISHED:
            self._membership.finish(sender, bye.last)
        elif bye.code == PARTED and self.run.view:
            self._circle.parted(sender, self.round, self._now)
        elif change := self._membership.leave(sender, bye.last, self._now):
            self._part(change)
        self._move()

    def _on_error(self, sender: bytes, error: Error) -> None:
        self._refuse(error.code, error.text, by_them=True)
        if error.code == Reason.EARLY:
            self._contacts.greet_again(sender, self.round, self._now)

    def _refuse(self, reason: int, text: str, by_them: bool = False) -> None:
        self._outbox.refuse(Refused(int(reason), text, by_them), self._now)

    def _lost(self, event: events.Lost) -> None:
        for change in self._membership.lose(event.endpoint, self._now):
            self._part(change)
        self._move()

    def _part(self, change: Change) -> None:
        self._contacts.part(change)
        if change.member.state is State.GONE:
            self._circle.gone(change, self._now)
        elif change.cause == "silent":
            self._contacts.greet_again(change.member.author, self.round, self._now)
        self._pull()

    def _pull(self) -> None:
        """Where ballots are asked for: ask, and another's when one is not waited for any more."""
        if self.run.pulls and self._rounds.phase is Phase.OPEN:
            drawn = self._circle.draw(self._rounds.round, *self._rounds.settled())
            for author in self._rounds.expect(drawn, self._now):
                self._serving.ask(author, self._rounds.round)

    # --- time ---------------------------------------------------------------------------

    def _ticked(self, event: events.Ticked) -> None:
        promised, now, due = self.wake_at(), self._now, self._moments
        if promised is not None and now - promised > self.timing.suspect_after / 2:
            self._membership.excuse(now - promised)
        changes = self._membership.expire(now) if due.membership <= now else ()
        for change in changes:
            self._part(change)
        if due.rounds <= now:
            for author, round in self._rounds.questions(now):
                self._membership.asked(author, now)
                self._serving.ask(author, round)
        if due.contacts <= now:
            self._contacts.knock(self.round, now)
        if changes or due.circle <= now:
            self._circle.tick(self.round, now)
        if due.membership <= now or due.probing <= now:  # who was just asked need not be pinged
            self._probing.tick(self.round, now)
        if due.serving <= now:
            self._serving.tick(self.round, now)
        if changes or due.rounds <= now or self._rounds.phase is not Phase.OPEN:
            self._move()
