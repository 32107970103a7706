"""When a round opens, whom it waits for, and when it closes.

A peer goes round and round through three phases, between a beginning and an end::

    JOINING -> VOTING -> OPEN -> LEARNING -> VOTING ... -> STAYING -> DONE

* JOINING: the own first round is not known, or its time has not come.
* VOTING: the learner was asked for the own ballot.
* OPEN: the own ballot is cast; others' ballots are waited for.
* LEARNING: the learner was given the ballots.
* STAYING: the own rounds are made; others may still ask for their ballots.

An open round closes as soon as the pace allows, and at the latest ``deadline`` after the own
ballot.  Only *alive* expected authors hold it open, so it never waits for the dead.  An
author that keeps silent is asked for its ballot every ``patience``; one that answers but is
not so far yet, at growing distances; one that answers "not that one" (PONG from a later
round) is let go.  Whom a round expects is fixed when it opens: who joins or leaves meanwhile
changes nothing.

``bounded`` waits in the same way, but for rounds `staleness` ballots ago; ``free`` for none.
Ballots that come after their round has closed still enter the ledger.  Under ``bounded`` and
``free`` they teach in one of the next `staleness` rounds; under ``lockstep`` they do not,
since the same seed shall give the same weights.  (protocol_spec 04, ROUND clauses.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import chain
from math import inf

from ..consensus.contributor import Election
from ..consensus.ledger import Ledger
from ..parameters import Pace, RunParameters, Timing
from ..payloads import Ballot
from .membership import Membership

__all__ = ["Ask", "Phase", "Rounds"]

_SLACK = 2  # ballots beyond the digraph's diameter before a peer counts as left behind
_TOGETHER = 0.25  # questions that are due within so many patiences of one another go together
_SLOWEST_ASK = 4.0  # questions about one ballot come at most this many patiences apart


class Phase(StrEnum):
    """Where a peer stands."""

    JOINING = "joining"
    VOTING = "voting"
    OPEN = "open"
    LEARNING = "learning"
    STAYING = "staying"
    DONE = "done"


@dataclass(slots=True)
class Ask:
    """When an expected author is asked for its ballot next."""

    at: float
    pause: float
    promised: bool = False  # asked, it said that it is not there yet
    asked_at: float = inf  # when it was asked last, or the round was opened


@dataclass(slots=True)
class _Waiting:
    """A round whose own ballot is cast and whose others are not all heard."""

    deadline: float
    expected: tuple[bytes, ...]  # as the roster stood when the own ballot was cast
    left: list[bytes]  # those whose ballots had not come when last looked at
    witness: int = 0  # where in `expected` somebody held it open when last looked at
    asks: dict[bytes, Ask] = field(default_factory=dict)
    declined: set[bytes] = field(default_factory=set)
    beyond: set[bytes] = field(default_factory=set)  # seen in a later round: they have cast


class Rounds:
    """The clockwork of rounds.  Knows ballots and authors, but not how to reach anybody."""

    def __init__(
        self,
        run: RunParameters,
        timing: Timing,
        ledger: Ledger,
        expected: Callable[[int], Iterable[bytes]],
        membership: Membership,
    ) -> None:
        self.phase = Phase.JOINING
        self.round = 0  # the round that is voted on, open, or learnt from
        self.opened_at = 0.0
        self.stay_until = 0.0
        self._span = run.rounds_per_ballot
        self._timing = timing
        self._ledger = ledger
        self._expected = expected
        self._membership = membership
        self._waiting: dict[int, _Waiting] = {}  # ascending; under lockstep at most one
        self._taught: dict[int, tuple[Ballot, ...]] = {}  # round -> what was given out last

    # --- moving -------------------------------------------------------------------------

    def vote(self, round: int) -> None:
        """The learner is asked for the ballot of `round`."""
        self.phase, self.round = Phase.VOTING, round

    def open(self, now: float) -> None:
        """The own ballot was cast."""
        self.phase, self.opened_at = Phase.OPEN, now
        expected = tuple(self._expected(self.round))
        self._waiting[self.round] = _Waiting(now + self._timing.deadline, expected, list(expected))

    def expect(self, drawn: tuple[bytes, ...], now: float) -> list[bytes]:
        """The ballots of `drawn` are to be asked for in the open round: those of them to ask at
        once.  From now on they are asked again like all others."""
        patience = self._timing.patience
        waiting = self._waiting[self.round]
        before, waiting.expected = waiting.expected, drawn
        waiting.left, waiting.witness = list(drawn), 0
        asked = waiting.asks.keys() & set(before)  # who was let go meanwhile is asked anew
        new = [a for a in self._holding(self.round) if a not in asked]
        waiting.asks |= {a: Ask(now + patience, patience, asked_at=now) for a in new}
        return new

    def settled(self) -> tuple[set[bytes], set[bytes]]:
        """Authors whose ballots of the open round are here, and those that have declined."""
        return set(self._ledger.authors(self.round)), self._waiting[self.round].declined

    def closes(self, now: float) -> bool:
        """Whether the open round may close now."""
        if self.phase is not Phase.OPEN:
            return False
        if now >= self._waiting[self.round].deadline:
            return True
        newest = self._newest_awaited()
        for round, waiting in self._waiting.items():
            if round <= newest and now < waiting.deadline and self._held_open(round, waiting):
                return False
        return True

    def close(self, now: float) -> tuple[Election, ...]:
        """Close the open round; what the learner gets."""
        self.phase = Phase.LEARNING
        oldest = self.round - self._late() * self._span
        for round in [r for r in self._waiting if r <= oldest or not self.missing(r)]:
            del self._waiting[round]
        elections = []
        for round in range(max(0, oldest), self.round + 1, self._span):
            ballots = self._ledger.ballots(round)
            if ballots != self._taught.get(round, ()):
                elections.append(Election(round, ballots))
                self._taught[round] = ballots
        for round in [r for r in self._taught if r < oldest]:
            del self._taught[round]
        return tuple(elections)

    def next(self, seen: Iterable[int]) -> int:
        """The round after this one.

        `seen` are the rounds in which alive members were seen.  A peer that was away (frozen,
        cut off) and finds half of them further ahead than its pace allows joins them there:
        their ballots for the rounds between are closed, and its own would come too late.
        """
        following = self.round + self._span
        ahead = sorted(seen)
        if self._timing.pace is Pace.FREE or not ahead:
            return following
        middle = ahead[(len(ahead) - 1) // 2]
        middle -= middle % self._span  # what others say they have open may be any number
        # Sampled peers wait only for those whom they hear: while one is slow, others may get
        # ahead of it by about the digraph's diameter, and that is no reason to leap.
        normal = len(ahead).bit_length() + _SLACK + self._late()
        # What strangers claim must not end a run: never past the last round, nor far at once.
        if middle <= following + normal * self._span or middle >= self._timing.rounds:
            return following
        return min(middle, following + self._timing.ahead * self._span)

    def stay(self, now: float) -> None:
        """All own rounds are made."""
        self.phase, self.stay_until = Phase.STAYING, now + self._timing.deadline
        self._waiting.clear()

    # --- asking -------------------------------------------------------------------------

    def missing(self, round: int) -> list[bytes]:
        """Expected authors of `round` whose ballots are not here, dead or alive."""
        here = self._ledger.authors(round)
        waiting = self._waiting.get(round)
        expected = self._expected(round) if waiting is None else waiting.expected
        return [author for author in expected if author not in here]

    def questions(self, now: float) -> list[tuple[bytes, int]]:
        """(author, round) of ballots to ask for now."""
        patience = self._timing.patience
        asks: list[tuple[bytes, int, Ask]] = []
        for round, waiting in self._waiting.items():
            for author in self._holding(round):
                ask = waiting.asks.get(author)
                if ask is None:
                    ask = waiting.asks[author] = Ask(
                        self.opened_at + patience, patience, asked_at=self.opened_at
                    )
                asks.append((author, round, ask))
        if all(ask.at > now for _, _, ask in asks):
            return []
        due = [entry for entry in asks if entry[2].at <= now + _TOGETHER * patience]
        for author, round, ask in due:
            # An author that is heard, but has not answered this, has a thin line or much to do:
            # to ask on would make that worse.  (One that answers is put off by `decline`.)
            heard = self._membership.heard_since(author, ask.asked_at)
            if heard and author not in self._waiting[round].beyond:
                ask.pause = min(2 * ask.pause, _SLOWEST_ASK * patience)
            ask.at, ask.asked_at, ask.promised = now + ask.pause, now, False
        return [(author, round) for author, round, _ in due]

    def lacking(self) -> list[tuple[bytes, int]]:
        """(author, round) of expected ballots that are not here though others may hold them.

        In the round closed last all that are missing; in the open one those that were asked
        for, and whose author has not said that it is not there yet.
        """
        closed = self.round - self._span * (self.phase in (Phase.VOTING, Phase.OPEN))
        found = [(author, closed) for author in self.missing(closed)] if closed >= 0 else []
        if self.phase is Phase.OPEN:
            here = self._ledger.authors(self.round)
            asks = self._waiting[self.round].asks
            found += [(a, self.round) for a in asks if a not in here and not asks[a].promised]
        return found

    def decline(self, author: bytes, at: int | None, now: float) -> bool:
        """`author`, asked for a ballot that it does not have, is at round `at` (None: nowhere).

        Where the ballot is still to come it is asked for again, at growing distances; where it
        is not, the author is let go, and that is the answer.
        """
        let_go = False
        for round, waiting in self._waiting.items():
            ask = waiting.asks.get(author)
            if ask is None:
                continue
            if at is None or at > round:
                waiting.declined.add(author)
                let_go = True
            elif author not in waiting.beyond and not ask.promised:
                ask.promised = True
                ask.pause = min(2 * ask.pause, _SLOWEST_ASK * self._timing.patience)
                ask.at = now + ask.pause
        return let_go

    def beyond(self, author: bytes, at: int | None, now: float) -> list[int]:
        """`author` has the round `at` open: it has cast its ballots of all earlier ones, so one
        that is not here was lost on its way.  Rounds whose ballots are to be asked for at once."""
        due = []
        for round, waiting in self._waiting.items():
            ask = waiting.asks.get(author)
            if ask is None or at is None or at <= round or author in waiting.beyond:
                continue
            waiting.beyond.add(author)
            if ask.pause > self._timing.patience and author not in self._ledger.authors(round):
                ask.pause, ask.promised = self._timing.patience, False
                ask.at = now + ask.pause
                due.append(round)
        return due

    def wake_at(self) -> float | None:
        """The next deadline or question, or None while nothing is waited for."""
        if not self._waiting:  # as mostly; and this is asked after nearly every event
            return self.stay_until if self.phase is Phase.STAYING else None
        soonest = self._closes_at() if self.phase is Phase.OPEN else inf
        first = self.opened_at + self._timing.patience
        for round, waiting in self._waiting.items():
            if not waiting.asks:  # then nobody need be counted
                if self._held_open(round, waiting):
                    soonest = min(soonest, first)
                continue
            for author in self._holding(round):
                ask = waiting.asks.get(author)
                soonest = min(soonest, first if ask is None else ask.at)
        return None if soonest == inf else soonest

    def check(self) -> None:
        """The phases and what is waited for agree."""
        assert self.round % self._span == 0, self.round
        if self.phase is Phase.OPEN:
            assert self.round in self._waiting
        assert all(round <= self.round for round in self._waiting), self._waiting
        assert len(self._waiting) <= self._late() + 1, self._waiting
        assert len(self._taught) <= self._late() + 2, self._taught

    # --- inside -------------------------------------------------------------------------

    def _late(self) -> int:
        """How many ballots ago a ballot may be and still teach."""
        return 0 if self._timing.pace is Pace.LOCKSTEP else self._timing.staleness

    def _newest_awaited(self) -> int:
        """The newest round that must be complete before the open one may close."""
        if self._timing.pace is Pace.FREE:
            return -1
        return self.round - self._late() * self._span

    def _closes_at(self) -> float:
        """When the open round closes if nothing more is heard.

        Of several rounds that hold it open the last counts: after a leap they may be of very
        different age, and to wake at the deadline of each would be in vain.
        """
        own = self._waiting[self.round].deadline
        if len(self._waiting) == 1:
            return own
        newest = self._newest_awaited()
        waiting = self._waiting.items()
        held = (w.deadline for r, w in waiting if r <= newest and self._held_open(r, w))
        return min(own, max(held, default=own))

    def _held_open(self, round: int, waiting: _Waiting) -> bool:
        """Whether anybody holds `round` open.  Asked at every ballot: looks first at whoever
        did last, then round the circle, so that a whole round costs each author one look."""
        here, declined = self._ledger.authors(round), waiting.declined
        may_vote = self._membership.may_vote
        expected, at = waiting.expected, waiting.witness
        for index in chain(range(at, len(expected)), range(at)):
            author = expected[index]
            if author not in here and author not in declined and may_vote(author, round):
                waiting.witness = index
                return True
        return False

    def _holding(self, round: int) -> list[bytes]:
        """All who hold `round` open: their ballots are not here but may still come (ROUND-6)."""
        waiting, may_vote = self._waiting[round], self._membership.may_vote
        here, declined = self._ledger.authors(round), waiting.declined
        # A ballot that came and a refusal are for good: nobody is looked at in vain twice.
        waiting.left = [a for a in waiting.left if a not in here and a not in declined]
        return [author for author in waiting.left if may_vote(author, round)]
