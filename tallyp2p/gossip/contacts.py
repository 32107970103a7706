"""How one peer gets and stays in touch with the others.

It dials endpoints, says HELLO on each connection first of all, and answers HELLO with HELLO.
Which endpoints come to be known, and who learns of them, is the circle's matter (`everybody`,
`neighbourhood`).  (protocol_spec 04, CONTACT
clauses.)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from heapq import heappop, heappush
from random import Random

from ..consensus.ledger import Ledger
from ..errors import Reason, Verdict
from ..messages import Error, Hello, Message, Pong
from ..parameters import LIMITS, RunParameters, Timing
from .card import Card
from .events import Dial, Hangup, MemberChanged, Refused, Trespassed
from .joining import Joining
from .membership import Change, Introduction, Member, Membership, State, author_of
from .neighbours import Neighbours, most_lines
from .outbox import Outbox

__all__ = ["IN_USE", "Contacts"]

IN_USE = "this identity is in use: end one of its two processes"
"""What who runs under an identity that another process has, too, is told by ERROR (AUTHOR)."""


@dataclass(slots=True)
class _Line:
    """An outbound connection."""

    since: float
    until: float  # when it is closed, unless somebody has said HELLO
    again_at: float  # when HELLO is repeated, unless it is answered
    instance: bytes | None = None  # the process at the other end, once it said HELLO


class Contacts:
    """Everything about connections and who is at their other end."""

    def __init__(
        self,
        run: RunParameters,
        timing: Timing,
        card: Card,
        random: Random,
        membership: Membership,
        joining: Joining,
        ledger: Ledger,
        outbox: Outbox,
        neighbours: Neighbours | None = None,
    ) -> None:
        """`neighbours`: where not everybody knows everybody, whom this peer has chosen."""
        self.endpoint = ""  # where this peer can be reached; empty until it listens
        self._run, self._timing = run, timing
        self._card = card
        self._random = random
        self._membership, self._joining = membership, joining
        self._ledger, self._outbox = ledger, outbox
        self._neighbours = neighbours
        self._most = most_lines(run.view) if run.view else LIMITS.members
        self._lines: dict[str, _Line] = {}
        self._unmet: dict[str, _Line] = {}  # those where nobody has said HELLO yet
        self._knocks: list[tuple[float, str]] = []  # a heap; what no line says any more is passed
        self._hello: Hello | None = None  # the newest one,
        self._news: tuple[object, ...] = ()  # and what it says that another may not
        self._scold_at = 0.0  # when the next ERROR may leave

    # --- connections --------------------------------------------------------------------

    def dial(
        self, endpoint: str, round: int | None, now: float, lasting: float | None = None
    ) -> None:
        """Get in touch with whoever is at `endpoint`, unless that is under way already.

        Where nobody answers it is given up after `lasting` seconds, or `join_deadline`.
        """
        if endpoint in (self.endpoint, "") or endpoint in self._lines:
            return
        if len(self._lines) < self._most:
            self._open(endpoint, None, round, now, lasting)

    def _open(
        self,
        endpoint: str,
        to: Member | None,
        round: int | None,
        now: float,
        lasting: float | None = None,
    ) -> None:
        if len(self._lines) >= self._most:  # then one leads to nobody: a member comes first
            members = {member.endpoint for member in self._membership.present()}
            spare = [(line.since, at) for at, line in self._lines.items() if at not in members]
            self._close(max(spare)[1])  # the newest: what floods comes late
        until = now + (self._timing.join_deadline if lasting is None else lasting)
        again_at = now + self._timing.patience
        line = _Line(now, until, again_at, None if to is None else to.instance)
        self._lines[endpoint] = line
        if to is None:
            self._unmet[endpoint] = line
            heappush(self._knocks, (again_at, endpoint))
        self._outbox.put(Dial(endpoint))
        self.greet(endpoint, to, round)

    def _close(self, endpoint: str) -> None:
        if self._lines.pop(endpoint, None) is not None:
            self._unmet.pop(endpoint, None)
            self._outbox.put(Hangup(endpoint))

    def release(self, endpoint: str) -> None:
        """Close the connection to where a member was that is gone, unless another uses it now."""
        if not self._membership.lives_at(endpoint):
            self._close(endpoint)

    def abandon(self, endpoint: str) -> None:
        """Do not wait any longer for somebody to answer at `endpoint`."""
        if endpoint in self._unmet:
            self._close(endpoint)

    def part(self, change: Change) -> None:
        """A member fell silent or left: tell observers, hang up if it is gone."""
        if change.member.state is State.GONE:
            self.release(change.member.endpoint)
        self.tell(change)

    def forget(self, member: Member) -> None:
        """A member is a stranger from now on."""
        self._membership.forget(member.author)
        member.state = State.GONE
        self.part(Change(member, "parted"))

    def reaches(self, endpoint: str) -> bool:
        """Whether there is a connection to `endpoint`."""
        return endpoint in self._lines

    def knocks(self, endpoint: str) -> bool:
        """Whether `endpoint` was dialled and nobody has said HELLO there yet."""
        return endpoint in self._unmet

    @property
    def known(self) -> int:
        """This peer and those to whom it has a connection."""
        return 1 + len(self._lines)

    def unanswered(self) -> int:
        """Endpoints that were dialled and where nobody has said HELLO yet."""
        return len(self._unmet)

    # --- HELLO --------------------------------------------------------------------------

    def announce(self, round: int | None) -> None:
        """Say HELLO again to everybody: the own first round is decided."""
        there: dict[tuple[str, bytes | None], Member] = {}
        for member in self._membership.present():
            there.setdefault((member.endpoint, member.instance), member)
        for endpoint, line in sorted(self._lines.items()):
            self.greet(endpoint, there.get((endpoint, line.instance)), round)

    def greet(self, endpoint: str, to: Member | None, round: int | None) -> None:
        """Say HELLO; `to` is the member there, whose HELLO has come, None to ask for it."""
        known = self.known
        if self._joining.fresh:  # the other endpoints will come from outside: no PEERS needed
            known = max(known, self._timing.quorum)
        held = None if to is None else self._ledger.newest(to.author)
        start = self._joining.start
        news = (known, round, start, to is not None, held)
        hello = self._hello
        if hello is None or news != self._news:  # many are told the same: one message
            self._news = news
            self._hello = hello = Hello(
                identity=self._card.identity,
                instance=self._card.instance,
                endpoint=self.endpoint,
                run=self._run.digest,
                known=known,
                round=round,
                start=start,
                met=to is not None,
                held=held,
                agent=self._card.agent,
            )
        extra = self._card.extra(self._random)
        self._outbox.send(endpoint, replace(hello, extra=extra) if extra else hello)

    def greet_again(self, author: bytes, round: int | None, now: float) -> None:
        """Say HELLO to a member that behaves as if it never got ours, not too often (MEMBER-10)."""
        member = self._membership.get(author)
        if member is not None and now >= member.greeted_at:
            member.greeted_at = now + self._timing.patience
            self.greet(member.endpoint, None, round)

    def on_hello(
        self, link: bytes, hello: Hello, round: int | None, now: float
    ) -> Introduction | None:
        """Meet whoever said HELLO; None when it cannot be a member."""
        author = author_of(hello.identity)
        if hello.run != self._run.digest:
            about = f"it is of run {hello.run[:8].hex()}, we of run {self._run.run.hex()}"
            self.turn_away(hello.endpoint, Reason.RUN, self._run.descriptor, now, about)
            return None
        if author == self._membership.author:
            mine = hello.identity == self._card.identity
            if not mine or hello.instance != self._card.instance:
                self.turn_away(hello.endpoint, Reason.AUTHOR, IN_USE, now)
            return None
        before = self._membership.get(author)
        if before is not None and hello.instance in before.former:
            self._outbox.count(Reason.EARLY)  # late, or repeated by somebody else,
            if hello.endpoint != before.endpoint:  # or it lives: nobody else would tell it
                self._scold(hello.endpoint, Error(int(Reason.AUTHOR), IN_USE), now)
            return None
        if before is not None and before.identity != hello.identity:
            text = "another identity has the same author id"
            self.turn_away(hello.endpoint, Reason.AUTHOR, text, now)
            return None
        old_endpoint = None if before is None else before.endpoint
        silent = before is not None and before.state is State.SUSPECT
        verdict = Introduction.FULL
        if before is not None or self._admits(hello.endpoint):
            verdict = self._membership.introduce(link, hello, now)
        if verdict is Introduction.FULL:
            self.turn_away(hello.endpoint, Reason.LIMIT, "no room for another member", now)
            return None
        member = self._membership.get(author)
        assert member is not None
        if old_endpoint is not None and old_endpoint != member.endpoint:
            self.release(old_endpoint)
        self.reach(member, round, now)
        if verdict is Introduction.KNOWN:
            if silent:
                self.tell(Change(member, "heard"))
            if not hello.met:
                self.greet(member.endpoint, member, round)
        else:
            self.tell(Change(member, "hello" if verdict is Introduction.NEW else "restarted"))
        if round is None:
            self._joining.hear(hello, now, acquainted=verdict is Introduction.KNOWN)
        return verdict

    def _admits(self, endpoint: str) -> bool:
        """Whether there is room for a stranger, perhaps because a guest makes room."""
        neighbours = self._neighbours
        if neighbours is None:
            return True
        guests = [m for m in self._membership.present() if not neighbours.has_chosen(m.author)]
        if neighbours.admits(endpoint, len(guests)):
            return True
        if endpoint not in neighbours.picks:
            return False
        guest = self._membership.at(endpoint)
        if guest not in guests:  # of the others the newest: what floods comes late
            idle = [g for g in guests if g.endpoint not in neighbours.picks]
            guest = max(idle, key=lambda g: g.met_at) if idle else self._random.choice(guests)
        self.forget(guest)
        return True

    def reach(self, member: Member, round: int | None, now: float) -> None:
        """Have a connection to `member` on which it was greeted, with news if there are any.

        A process that took over an endpoint has not heard our HELLO: what was said on the
        old connection reached its predecessor.
        """
        line = self._lines.get(member.endpoint)
        if line is not None and line.instance not in (None, member.instance):
            self._close(member.endpoint)
            line = None
        if line is None:
            self._open(member.endpoint, member, round, now)
        elif line.instance is None:
            line.instance = member.instance
            del self._unmet[member.endpoint]
            if round is not None or self._ledger.newest(member.author) is not None:
                self.greet(member.endpoint, member, round)

    def turn_away(
        self, endpoint: str, reason: Reason, text: str, now: float, about: str = ""
    ) -> None:
        """Tell a peer why it cannot be a member, on a connection made for that alone; and observers
        what it is `about`."""
        self._outbox.refuse(Refused(int(reason), f"{endpoint}: {about or text}"), now)
        self._scold(endpoint, Error(int(reason), text), now)

    def _scold(self, endpoint: str, answer: Error, now: float) -> None:
        """Say ERROR, at most one a second."""
        if now < self._scold_at or endpoint == self.endpoint:
            return
        self._scold_at = now + 1.0
        if endpoint in self._lines:
            self._outbox.send(endpoint, answer)
            return
        self._outbox.put(Dial(endpoint))
        self._outbox.send(endpoint, answer)
        self._outbox.put(Hangup(endpoint))

    def on_trespass(self, trespass: Trespassed, now: float) -> None:
        """Count bytes that were no message; answer with ERROR where the specification says so,
        at most once a second (VERDICT clauses)."""
        reason, text = trespass.reason, trespass.text
        if trespass.endpoint:
            self.turn_away(trespass.endpoint, reason, text, now)
            return
        if trespass.optional:  # from a later revision, or grease: no news
            self._outbox.count(reason)
            return
        self._outbox.refuse(Refused(int(reason), text), now)
        author = self._membership.sender(trespass.link)
        answer = reason.verdict is Verdict.REJECT or reason is Reason.TYPE
        if author is not None and answer and now >= self._scold_at:
            self._scold_at = now + 1.0
            self.answer(author, Error(int(reason), text))

    # --- PONG and repeated HELLO --------------------------------------------------------

    def pong(self, nonce: int, round: int | None) -> Pong:
        """The answer to a PING, or to a WANT for a ballot that is not cast (nonce 0)."""
        return Pong(nonce, self.roster(), round)

    def roster(self) -> int:
        """What PING and PONG say of who is known: nothing, where peers know different ones."""
        if self._neighbours is not None:
            return 0
        return self._membership.roster_hash(self._joining.start)

    def knock(self, round: int | None, now: float) -> None:
        """Repeat HELLO where nobody has answered, in the end hang up."""
        for endpoint, line in sorted(self._unmet.items()):
            if now < line.again_at:
                continue
            if now >= line.until:
                self._close(endpoint)
                continue
            pause = min(2 * (line.again_at - line.since), self._timing.probe_interval)
            line.again_at = now + pause
            heappush(self._knocks, (line.again_at, endpoint))
            self.greet(endpoint, None, round)

    def wake_at(self) -> float | None:
        """The next repeated HELLO."""
        knocks = self._knocks
        while knocks:
            at, endpoint = knocks[0]
            line = self._unmet.get(endpoint)
            if line is not None and line.again_at == at:
                return at
            heappop(knocks)
        return None

    # --- saying -------------------------------------------------------------------------

    def say(self, endpoint: str, message: Message) -> None:
        """Send to an endpoint to which there is a connection."""
        if endpoint in self._lines:
            self._outbox.send(endpoint, message)

    def answer(self, author: bytes, message: Message) -> None:
        """Send to a member, unless it is gone."""
        member = self._membership.get(author)
        if member is not None and member.state is not State.GONE:
            self._outbox.send(member.endpoint, message)

    def tell(self, change: Change) -> None:
        """Tell observers that a member's state changed."""
        member = change.member
        self._outbox.tell(MemberChanged(member.author, member.state, member.endpoint, change.cause))

    def check(self) -> None:
        """Every present member can be reached, and connections are bounded."""
        assert len(self._lines) <= self._most, len(self._lines)
        unmet = {at: line for at, line in self._lines.items() if line.instance is None}
        assert unmet == self._unmet
        assert {(line.again_at, at) for at, line in unmet.items()} <= set(self._knocks)
        for member in self._membership.present():
            assert member.endpoint in self._lines, member
