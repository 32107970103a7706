"""How a peer finds the others, and the round in which it first votes.

A swarm that starts together votes from round 0.  A peer that joins a running one learns
from the HELLOs that answer its own in which round the swarm is, and announces a first round
far enough ahead that everybody hears of it before: until then it is in nobody's roster, and
from then on in everybody's.  A peer that was there before under the same identity starts
after its newest ballot that anybody still holds, so that it does not vote twice in a round.
One that has kept its state on disk, every ballot of its own included, need not be so careful:
it is in the roster as before, goes on where it was, and sends the same ballots once more.
(protocol_spec 04, JOIN clauses.)
"""

from __future__ import annotations

from ..messages import Hello
from ..parameters import LIMITS, RunParameters, Timing
from .events import Resumed

__all__ = ["Joining"]

_ENOUGH = 3  # answers of which a liar is the minority
_NOTICE = 2  # ballots between the swarm's round and a joiner's first


class Joining:
    """What is known so far about when to begin."""

    def __init__(self, run: RunParameters, timing: Timing) -> None:
        self.start: int | None = None  # the own first round, once decided
        self._span = run.rounds_per_ballot
        self._timing = timing
        self.fresh = False  # all endpoints come from outside; nobody need pass them on
        self._since = 0.0
        self._answered_at: float | None = None  # first HELLO from anybody
        self._named = False  # an answer named a round above 0
        self._answers: dict[bytes, int] = {}  # identity -> newest round that it named, or 0
        self._hoped = False  # it began as part of a new swarm
        self._holds: dict[bytes, int] = {}  # identity -> newest own ballot that it says it holds
        self._resumed: Resumed | None = None  # what the disk knew, while that is to be believed
        self._listens: float | None = None  # until when others may say that it is not

    def begin(self, now: float, *, fresh: bool) -> None:
        """The peer listens.  `fresh`: there is no running swarm to ask."""
        self._since, self.fresh, self._hoped = now, fresh, fresh
        if fresh and not self.resumes:
            self.start = 0

    def resume(self, kept: Resumed) -> None:
        """Before it listens: the peer goes on from what it has kept."""
        self._resumed, self.start = kept, kept.start

    @property
    def resumes(self) -> bool:
        """Whether the peer goes on where it was, instead of beginning at `start`."""
        return self._resumed is not None

    def hear(self, hello: Hello, now: float, *, acquainted: bool = False) -> None:
        """Another peer's HELLO came before this peer's first round.

        `acquainted`: the same process said HELLO before.  When it names a round only now, it
        has begun since, and counts on a peer that said that it begins at 0 as well.
        """
        if self._answered_at is None:
            self._answered_at = now
            if self.resumes and not self._hoped:  # a swarm that resumes together waits for all
                self._listens = min(now + self._timing.patience, self.give_up_at())
        self._note(hello, acquainted)
        if self.start == 0 and self._hoped and self._swarm_round() and not self.resumes:
            self.start, self.fresh = None, False  # it is running: not as fresh as we thought
        if hello.held is not None and hello.identity in self._answers:
            self._holds[hello.identity] = max(hello.held, self._holds.get(hello.identity, -1))
            held = self._held()
            if self._resumed is not None and held > self._resumed.newest:
                # The disk has forgotten a ballot: it may not vote there again.
                self._resumed = self._listens = None
            if self.start is not None and self.start <= held and not self.resumes:
                self.start = None
        if self.start and not self.resumes and self._first() < self.start - self._span:
            self.start = None  # more answers show that it was too far ahead: nobody would come

    def _note(self, hello: Hello, acquainted: bool) -> None:
        """Remember the round that an answer names."""
        known = self._answers.get(hello.identity)
        if known is None and len(self._answers) >= LIMITS.members:
            return
        if not (acquainted and self._hoped):
            self._answers[hello.identity] = max(hello.round or 0, known or 0)
            self._named |= bool(hello.round)

    def _held(self) -> int:
        """The newest own ballot that anybody holds, -1 for none.  Of three or more that answered
        nobody is believed alone, unless it can be true: the swarm has come that far."""
        *others, newest = sorted(self._holds.values()) or (-1,)
        swarm = self._swarm_round()
        there = swarm > 0 and newest <= swarm + _NOTICE * self._span
        if there or len(self._answers) < _ENOUGH:
            return newest
        return max(others, default=-1)

    def _swarm_round(self) -> int:
        """The round in which the swarm is, or 0 if it has not begun: the upper median of what
        others say, so that of three or more the minority cannot send this peer anywhere.

        Joiners that know nothing yet do not count, but for a peer that came as part of a new
        swarm: if most of its others know of none either, it is one.
        """
        if not self._named:  # as at the start of most swarms, and asked at every HELLO
            return 0
        said = sorted(round for round in self._answers.values() if round or self._hoped)
        if self._contradicted(said):  # who begins too early catches up, too late finds nobody
            return said[0]
        return said[len(said) // 2] if said else 0

    def _contradicted(self, said: list[int]) -> bool:
        """Whether just two name rounds, so far apart that one of them is wrong."""
        return len(said) == 2 and 0 < said[0] < said[1] - _NOTICE * self._span

    def decide(self, now: float, *, complete: bool) -> bool:
        """Fix the first round when enough is known; True when that happened now.

        `complete`: everybody that was dialled has answered.
        """
        if self.start is not None or self._answered_at is None:
            return False
        if now < self._wait_until(self._answered_at) and (not complete or self._in_doubt()):
            return False
        self.start = self._first()
        return True

    def _in_doubt(self) -> bool:
        """Whether a third answer is needed to know which of two is wrong."""
        return self._contradicted(sorted(round for round in self._answers.values() if round))

    def _wait_until(self, answered: float) -> float:
        """Until when more answers are waited for, where the first came at that moment."""
        doubt = self._in_doubt()
        return answered + (self._timing.suspect_after if doubt else self._timing.patience)

    def _first(self) -> int:
        """The first round, as far as answers tell."""
        start = 0
        if swarm := self._swarm_round():
            start = swarm // self._span * self._span + _NOTICE * self._span
        return max(start, (self._held() // self._span + 1) * self._span)

    @property
    def past_the_end(self) -> bool:
        """Whether the own first round would come after the last one."""
        return self.start is not None and self.start >= self._timing.rounds

    def too_late(self, now: float) -> bool:
        """Whether that is to be believed: one or two that say so may lie, so others are given
        time to answer."""
        if not self.past_the_end or self._answered_at is None:
            return self.past_the_end
        named = sum(round > 0 for round in self._answers.values())
        return named >= _ENOUGH or now >= self._answered_at + self._timing.suspect_after

    def may_begin(self, now: float, present: int, newest_seen: int | None) -> bool:
        """Whether the first round may open.

        `present`: members with a known first round, this peer included; `newest_seen`: the
        newest round in which another member was seen.  A joiner waits for the swarm to
        arrive at its first round, or it would run ahead.  Where another has closed the first
        round the quorum was there; `deadline` later nobody waits for this peer any longer,
        and whom it lacks may be dead.
        """
        if self.start is None:
            return False
        if now >= self.give_up_at():
            return present >= 2 or self._timing.quorum < 2
        if self.start > 0 and not self.resumes:
            return newest_seen is not None and newest_seen >= self.start
        return present >= self._timing.quorum or self._left_behind(now, newest_seen)

    def needs(self, now: float, furthest: int) -> int:
        """Members, this peer included, below which neither answer can change: at the start of a
        large swarm most HELLOs end here.  `furthest`: no round was seen beyond this one.

        A peer that goes on begins with nobody for a moment after the first answer: whoever gave
        it need not hold the ballot that a copy of a disk, laid back, has forgotten.
        """
        if self._listens is not None:
            if now < self._listens:
                return LIMITS.members + 1
            self._listens = None
        behind = now >= self.give_up_at() or self._left_behind(now, furthest)
        known = self.start == 0 or self.resumes
        return self._timing.quorum if known and not behind else 0

    def _left_behind(self, now: float, newest_seen: int | None) -> bool:
        """Whether the swarm goes on without this peer, which lacks its quorum."""
        begun = newest_seen is not None and newest_seen >= self._span
        return begun and now >= self._since + self._timing.deadline

    def give_up_at(self) -> float:
        """When waiting for a quorum ends."""
        return self._since + self._timing.join_deadline

    def likely(self) -> int:
        """The first round, or the best guess at it: ballots around it are worth keeping."""
        if self._resumed is not None:
            return self._resumed.round
        if self.start is not None:
            return self.start
        return self._swarm_round() // self._span * self._span

    def why_not(self, others: int) -> str:
        """Why a peer gives up that has met so many others."""
        return (
            f"{others} other peers came within {self._timing.join_deadline:g} s, "
            f"but {self._timing.quorum - 1} are needed"
        )

    def wake_at(self) -> float:
        """When decide(), too_late() or may_begin() may change their answer by time alone."""
        answered, soonest = self._answered_at, self.give_up_at()
        if self._listens is not None:
            return min(self._listens, soonest)
        if answered is not None and self.start is None:
            return min(self._wait_until(answered), soonest)
        if answered is not None and self.past_the_end:
            return min(answered + self._timing.suspect_after, soonest)
        return soonest
