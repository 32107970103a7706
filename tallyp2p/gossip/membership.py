"""Who takes part, as one peer sees it: everybody known to everybody.

A member is *alive* until a question to it (PING or WANT) stays unanswered for
``suspect_after``, or the connection to it breaks; then *suspect*: it stays in the roster, but
nobody waits for it.  Any message from it makes it alive again.  A suspect that stays silent
for ``gone_after``, or says BYE, is *gone*: it leaves the roster, and every later digraph.

The roster for a round holds the members that have announced a first round at or before it,
and those that have gone since, up to their last ballot.  All peers that know the same members
therefore derive the same digraph, also while somebody joins or leaves.  (protocol_spec 04,
MEMBER clauses.  The shape is SWIM's without indirect probes; our choice.)
"""

from __future__ import annotations

from functools import reduce
from math import inf
from operator import xor
from random import Random

from ..messages import Hello
from ..parameters import LIMITS, Timing
from ..payloads import author_of
from .bindings import Bindings
from .doubt import Doubt
from .member import Change, Introduction, Member, State, roster_part

__all__ = ["Change", "Introduction", "Member", "Membership", "State", "author_of"]

_FORMER = 8  # instances of a member that are remembered (CONTACT-6)


class Membership:
    """Every member this peer has met, by author, as long as there are at most `most`."""

    def __init__(
        self, author: bytes, timing: Timing, random: Random, most: int = LIMITS.members
    ) -> None:
        self.author = author
        self.version = 0  # rises whenever any roster may have changed
        self.furthest = -1  # no member was ever seen in a round beyond this one
        self._timing = timing
        self._most = most
        self._random = random
        self._members: dict[bytes, Member] = {}
        self._at: dict[str, tuple[bytes, ...]] = {}  # endpoint -> authors, gone ones included
        self._bindings = Bindings()
        self._doubt = Doubt(timing)
        self._asked: dict[bytes, Member] = {}  # members with an unanswered question
        self.suspects: dict[bytes, Member] = {}  # whom nobody waits for
        self._sum = 0  # of all present members, see roster_hash
        self._present: tuple[int, list[Member]] = (-1, [])  # as of which version
        self._turn: list[bytes] = []  # authors still to be probed in this pass
        self._voting: Member | None = None  # somebody alive that was seen to vote still

    # --- reading ------------------------------------------------------------------------

    def sender(self, link: bytes) -> bytes | None:
        """The author that said HELLO on `link`, or None."""
        return self._bindings.author(link)

    def credentials(self, author: bytes) -> tuple[bytes, bytes] | None:
        """(identity, instance) of a member, gone ones included; None for a stranger."""
        member = self._members.get(author)
        return None if member is None else (member.identity, member.instance)

    def get(self, author: bytes) -> Member | None:
        """The member with this author id, gone ones included."""
        return self._members.get(author)

    def present(self) -> list[Member]:
        """All members that are not gone, by author."""
        version, present = self._present
        if version != self.version:
            present = [m for _, m in sorted(self._members.items()) if m.state is not State.GONE]
            self._present = self.version, present
        return present

    def met(self) -> int:
        """How many members this peer knows, gone ones included."""
        return len(self._members)

    def at(self, endpoint: str) -> Member | None:
        """The first present member that said it is at `endpoint`, if any."""
        there = map(self._members.__getitem__, self._at.get(endpoint, ()))
        return next((member for member in there if member.state is not State.GONE), None)

    def lives_at(self, endpoint: str) -> bool:
        """Whether any present member is at `endpoint`."""
        return self.at(endpoint) is not None

    def roster(self, round: int, start: int | None) -> list[bytes]:
        """Authors that take part in `round`, ascending; `start` is the own first round."""
        authors = [
            m.author
            for m in self._members.values()
            if m.start is not None
            and m.start <= round
            and (round <= m.until if m.until is not None else m.state is not State.GONE)
        ]
        if start is not None and start <= round:
            authors.append(self.author)
        return sorted(authors)

    def is_alive(self, author: bytes) -> bool:
        """Whether `author` is worth waiting for."""
        member = self._members.get(author)
        return member is not None and member.state is State.ALIVE

    def may_vote(self, author: bytes, round: int) -> bool:
        """Whether `author` is worth waiting for in `round`: alive, and it has not said that it
        votes later only, or no more."""
        member = self._members.get(author)
        if member is None or member.state is not State.ALIVE:
            return False
        begun = member.start is None or member.start <= round
        return begun and (member.until is None or round <= member.until)

    def anyone_alive(self, among: list[Member]) -> Member | None:
        """An alive one of these members, drawn at random; None when there is none."""
        alive = [m for m in among if m.state is State.ALIVE]
        return self._random.choice(alive) if alive else None

    def heard_since(self, author: bytes, moment: float) -> bool:
        """Whether anything came from `author` after `moment`."""
        member = self._members.get(author)
        return member is not None and member.heard_at > moment

    def has_left(self, author: bytes) -> bool:
        """Whether `author` said BYE and has not said HELLO since."""
        member = self._members.get(author)
        return member is not None and member.left

    def roster_hash(self, start: int | None) -> int:
        """Sum of the roster, u32: XOR over the present members and this peer, whose first round
        is `start`, of the author id's first four bytes and a multiple of the first round."""
        return self._sum ^ roster_part(self.author, start)

    def known(self) -> list[Member]:
        """All members, gone ones included, by author."""
        return [m for _, m in sorted(self._members.items())]

    def states(self) -> dict[bytes, str]:
        """State of every member, by author."""
        return {author: str(m.state) for author, m in sorted(self._members.items())}

    # --- changing -----------------------------------------------------------------------

    def introduce(self, link: bytes, hello: Hello, now: float) -> Introduction:
        """Take note of a HELLO whose run is ours and whose author is not us."""
        author = author_of(hello.identity)
        member = self._members.get(author)
        if member is None:
            if len(self._members) >= self._most and not self._evict():
                return Introduction.FULL
            member = Member(author, hello.identity, hello.instance, hello.endpoint, now)
            member.met_at = now
            self._members[author] = member
            self._move(member, hello.endpoint)
            verdict = Introduction.NEW
        elif member.state is State.GONE:
            verdict = Introduction.NEW
        elif member.instance != hello.instance or member.endpoint != hello.endpoint:
            verdict = Introduction.RESTARTED
        else:
            verdict = Introduction.KNOWN
        if verdict is not Introduction.NEW:
            self._sum ^= roster_part(author, member.start)
        reborn = member.instance != hello.instance
        if reborn:  # what an old process still says is not its word
            member.former = (*member.former[1 - _FORMER :], member.instance)
            self._bindings.unbind(member, 0)
        if verdict is not Introduction.KNOWN:
            member.round = None  # an earlier life's
        member.identity, member.instance = hello.identity, hello.instance
        if member.endpoint != hello.endpoint:
            self._move(member, hello.endpoint)
        if reborn or member.left or (member.state is State.GONE and not member.finished):
            member.until, member.finished = None, False  # HELLO takes back what it can (MEMBER-1)
        if verdict is not Introduction.KNOWN or member.start != hello.start:
            self.version += 1
        if self.suspects.pop(author, None) and not (member.lost or reborn):
            self._doubt.mistaken()
        member.state, member.left, member.start = State.ALIVE, False, hello.start
        self._sum ^= roster_part(author, member.start)
        self._bindings.bind(link, member)
        self.heard(author, now)
        self.seen_in(author, hello.round)
        return verdict

    def heard(self, author: bytes, now: float) -> Change | None:
        """A message came from `author`.  Returns the change if it had been given up."""
        member = self._members.get(author)
        if member is None:
            return None
        member.heard_at = now
        if member.asked_at is not None:
            member.asked_at = None
            self._asked.pop(author, None)
            self._doubt.answered()
        if member.state is State.ALIVE:
            return None
        if member.left:
            return None
        if member.state is State.GONE:
            self.version += 1
            self._sum ^= roster_part(author, member.start)
        if not member.finished:
            member.until = None
        if member.state is State.SUSPECT and not member.lost:
            self._doubt.mistaken()
        member.state = State.ALIVE
        self.suspects.pop(author, None)
        return Change(member, "heard")

    def vouched(self, author: bytes, round: int) -> Change | None:
        """A new ballot of `author` came through somebody else: it lives, though it is not heard.

        Returns the change if it had been suspect.  Once for each round: it may be dead now.
        """
        member = self._members.get(author)
        if member is None or member.state is not State.SUSPECT or member.lost:
            return None
        if round <= max(member.vouched, -1 if member.round is None else member.round):
            return None
        member.vouched, member.state = round, State.ALIVE
        del self.suspects[author]
        return Change(member, "vouched")

    def seen_in(self, author: bytes, round: int | None) -> None:
        """`author` was seen to have `round` open."""
        member = self._members.get(author)
        if member is not None and round is not None:
            if member.round is None or round > member.round:
                member.round = round
                self.furthest = max(self.furthest, round)

    def asked(self, author: bytes, now: float) -> None:
        """A question was put to `author`; its silence counts from the first unanswered one."""
        member = self._members.get(author)
        if member is None:
            return
        member.remind_at = now + self._timing.patience
        if member.asked_at is None:
            member.asked_at, member.borne = now, self._doubt.bears
            self._asked[author] = member

    def to_remind(self, now: float) -> list[Member]:
        """Members that owe an answer and have not been asked for a while."""
        return [m for _, m in sorted(self._asked.items()) if now >= m.remind_at]

    def finish(self, author: bytes, last: int | None) -> None:
        """`author` votes no more after the round `last`, but still answers."""
        member = self._members.get(author)
        if member is not None and member.state is not State.GONE:
            member.until, member.finished = -1 if last is None else last, True
            self.version += 1

    def all_finished(self) -> bool:
        """Whether no alive member votes any more.  Asked at every message of the last rounds,
        so it looks first at whoever voted when it was last asked."""
        seen = self._voting
        if seen is None or not seen.votes or self._members.get(seen.author) is not seen:
            self._voting = next((m for m in self._members.values() if m.votes), None)
        return self._voting is None

    def leave(self, author: bytes, last: int | None, now: float) -> Change | None:
        """`author` said BYE; `last` is the newest round in which it voted."""
        member = self._members.get(author)
        if member is None or member.state is State.GONE:
            return None
        member.left = True
        self._give_up(member, last, now)
        return Change(member, "bye")

    def forget(self, author: bytes) -> None:
        """`author` is no member any more, and a stranger when it comes again."""
        member = self._members.pop(author)
        self._asked.pop(author, None)
        self.suspects.pop(author, None)
        self._move(member, "")
        self._bindings.unbind(member, 0)
        if member.state is not State.GONE:
            self._sum ^= roster_part(author, member.start)
        self.version += 1

    def excuse(self, delay: float) -> None:
        """The own loop was late by `delay` seconds: others' silence was not theirs."""
        for member in self._asked.values():
            if member.asked_at is not None:
                member.asked_at += delay
        for member in self.suspects.values():
            member.silent_since += delay

    def lose(self, endpoint: str, now: float) -> list[Change]:
        """The connection to `endpoint` broke: do not wait for who was there."""
        changes = []
        for author in sorted(self._at.get(endpoint, ())):
            member = self._members[author]
            if member.state is not State.ALIVE:
                continue
            if member.finished:  # it left, and its BYE is still on its way
                self._give_up(member, None, now)
            else:
                self._suspect(member, now, lost=True)
            changes.append(Change(member, "bye" if member.finished else "lost"))
        return changes

    def expire(self, now: float) -> list[Change]:
        """Alive members that owe an answer become suspect, old suspects go."""
        changes: list[Change] = []
        for member in list(self._asked.values()):
            if member.asked_at is None or now < member.asked_at + member.borne:
                continue
            if member.state is State.ALIVE:
                self._suspect(member, now, lost=False)
                changes.append(Change(member, "silent"))
            member.asked_at = None
            del self._asked[member.author]
        for member in list(self.suspects.values()):
            if now >= member.silent_since + self._timing.gone_after:
                self._give_up(member, member.round, now)
                changes.append(Change(member, "expired"))
        return changes

    def next_to_probe(self, among: list[Member], before: float) -> Member | None:
        """One of `among` not heard since `before`: each once a pass, in random order."""
        if all(m.heard_at > before for m in among):  # who falls quiet next begins a new pass
            self._turn = []
        for _ in range(2):  # what is left of this pass, then at most one whole new one
            while self._turn:
                member = self._members.get(self._turn.pop())
                if member is None or member.state is State.GONE:
                    continue
                if member.heard_at <= before:
                    return member
            self._turn = [m.author for m in among]
            self._random.shuffle(self._turn)
        return None

    def wake_at(self) -> float | None:
        """When expire() or to_remind() may next have something to say."""
        if not self._asked and not self.suspects:
            return None
        soonest = inf
        for m in self._asked.values():
            if m.asked_at is not None:
                soonest = min(soonest, m.remind_at, m.asked_at + m.borne)
        for m in self.suspects.values():
            soonest = min(soonest, m.silent_since + self._timing.gone_after)
        return soonest

    def check(self) -> None:
        """Every cross-reference holds, and nothing outgrew its limit."""
        assert len(self._members) <= self._most
        here = [m for _, m in sorted(self._members.items()) if m.state is not State.GONE]
        assert self._sum == reduce(xor, (roster_part(m.author, m.start) for m in here), 0)
        assert self._present[0] != self.version or self._present[1] == here, "version did not rise"
        for author, member in self._members.items():
            assert member.author == author != self.author
            assert (member.asked_at is not None) == (author in self._asked), member
            assert (member.state is State.SUSPECT) == (author in self.suspects), member
            assert not (member.left and member.state is not State.GONE), member
            assert author in self._at[member.endpoint], member
        assert sum(map(len, self._at.values())) == len(self._members)
        self._bindings.check(self._members)

    # --- inside -------------------------------------------------------------------------

    def _move(self, member: Member, endpoint: str) -> None:
        """`member` is at `endpoint` from now on; empty: nowhere."""
        left = tuple(a for a in self._at.pop(member.endpoint, ()) if a != member.author)
        if left:
            self._at[member.endpoint] = left
        if endpoint:
            self._at[endpoint] = (*self._at.get(endpoint, ()), member.author)
            member.endpoint = endpoint

    def _suspect(self, member: Member, now: float, *, lost: bool) -> None:
        member.state, member.silent_since, member.lost = State.SUSPECT, now, lost
        self.suspects[member.author] = member

    def _give_up(self, member: Member, last: int | None, now: float) -> None:
        if not member.finished:
            member.until = last
        self._sum ^= roster_part(member.author, member.start)
        member.state = State.GONE
        member.silent_since, member.asked_at = now, None
        self._asked.pop(member.author, None)
        self.suspects.pop(member.author, None)
        self.version += 1

    def _evict(self) -> bool:
        """Forget the member that has been gone longest; False when none is gone."""
        gone = [m for m in self._members.values() if m.state is State.GONE]
        if not gone:
            return False
        oldest = min(gone, key=lambda m: (m.silent_since, m.author))
        self.forget(oldest.author)
        return True
