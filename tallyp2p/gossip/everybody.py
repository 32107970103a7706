"""The circle of a run without a view: everybody knows everybody.

Endpoints travel in PEERS, wherever another's roster turns out to differ; every one that is
named is dialled.  Who went by silence is looked for again.  (protocol_spec 04, CONTACT-8,
CONTACT-9, MEMBER-7, MEMBER-9.)
"""

from __future__ import annotations

from collections import Counter
from random import Random

from ..messages import Hello, Peers, Ping
from ..parameters import LIMITS, RunParameters, Timing
from ..payloads import Ballot
from .absent import Absent
from .contacts import Contacts
from .member import Change, Introduction, Member, State
from .membership import Membership
from .nonces import Nonces
from .spreading import Routes

__all__ = ["Everybody"]

_UNPROVED = 8  # endpoints told where nothing proves who listens: about as many bytes as came
_KNOCKS = 128  # lines by others' word on which nobody has answered


class Everybody:
    """Who is told of whom, and who is dialled."""

    def __init__(
        self,
        run: RunParameters,
        timing: Timing,
        random: Random,
        membership: Membership,
        contacts: Contacts,
        nonces: Nonces,
    ) -> None:
        """`nonces`: what proves that a member listens where it says."""
        self.routes = Routes(run, membership)
        self.content = False  # the own rounds are made: nobody new is wanted
        self._timing = timing
        self._membership, self._contacts = membership, contacts
        self._random, self._nonces = random, nonces
        self._asked: dict[bytes, tuple[str, int]] = {}  # author -> endpoint, and what went there
        self._proved: dict[bytes, str] = {}  # author -> endpoint at which it was reached
        self._named: dict[str, bytes] = {}  # endpoint that was dialled -> whose word that was
        self._absent = Absent(timing.gone_after, LIMITS.members, random)
        self._look_at = 0.0  # when the next absent member may be looked for

    # --- endpoints ----------------------------------------------------------------------

    def begin(self, endpoints: tuple[str, ...], now: float) -> None:
        """The peer starts, and was told these endpoints."""
        for endpoint in endpoints:
            self.discover(endpoint, None, now)

    def discover(self, endpoint: str, round: int | None, now: float) -> None:
        """An endpoint came to be known from outside."""
        self._named.pop(endpoint, None)
        self._contacts.dial(endpoint, round, now)

    def on_peers(self, sender: bytes, peers: Peers, round: int | None, now: float) -> None:
        """Dial whom we do not know; not whom we know to be gone, which spreads more slowly."""
        strange = [e for e in peers.endpoints if not self._contacts.reaches(e)]
        if not strange:  # as mostly; nobody else need be looked through
            return
        gone = {
            member.endpoint
            for member in self._membership.known()
            if member.state is State.GONE
            and (member.left or now < member.silent_since + self._timing.gone_after)
        }
        self._named = {e: a for e, a in self._named.items() if self._contacts.knocks(e)}
        for endpoint in strange:
            if endpoint in gone:
                continue
            if not self._make_room(sender):
                return  # it will name the rest again, as rosters differ
            self._contacts.dial(endpoint, round, now)
            if self._contacts.knocks(endpoint):
                self._named[endpoint] = sender

    def _make_room(self, sender: bytes) -> bool:
        """Whether one more may be dialled by the word of `sender`, if need be in the place of one
        by the word of whoever named most: who names dead ends keeps nobody else from being heard.
        """
        if len(self._named) < _KNOCKS:
            return True
        counts = Counter(self._named.values())
        most, count = counts.most_common(1)[0]
        if count <= counts[sender] + 1:
            return False
        newest = next(e for e in reversed(self._named) if self._named[e] == most)
        del self._named[newest]
        self._contacts.abandon(newest)
        return True

    def compare(self, author: bytes, roster: int, round: int | None, now: float) -> None:
        """Pass on who is here, and the own first round, where another's roster differs.

        At most once every `patience`: the answer may be a thousand times what asked for it.
        """
        member = self._membership.get(author)
        if member is not None and roster != self._contacts.roster() and now >= member.told_at:
            member.told_at = now + self._timing.patience
            self._contacts.greet(member.endpoint, member, round)
            self._send_peers(member)

    def _send_peers(self, to: Member) -> None:
        """Name who is here: a few and a question, until the answer shows that `to` is there.

        Anybody may write another's endpoint into HELLO.  Without proof that one gets about as
        many bytes as whoever wrote it has sent.
        """
        endpoint = to.endpoint
        endpoints = [
            member.endpoint
            for member in self._membership.present()
            if member.state is State.ALIVE and member.endpoint != endpoint
        ]
        if len(endpoints) > _UNPROVED and self._proved.get(to.author) != endpoint:
            endpoints = self._random.sample(endpoints, _UNPROVED)
            where, nonce = self._asked.get(to.author, ("", 0))
            if where != endpoint:  # else the same: an answer may take longer than `patience`
                nonce = self._nonces.draw()
                self._asked[to.author] = (endpoint, nonce)
            self._contacts.say(endpoint, Ping(nonce, self._contacts.roster()))
        for first in range(0, len(endpoints), LIMITS.peers):
            self._contacts.say(endpoint, Peers(tuple(endpoints[first : first + LIMITS.peers])))

    # --- members ------------------------------------------------------------------------

    def heard(self) -> list[Member]:
        """Members whose ballots may be expected: all that are not gone."""
        return self._membership.present()

    def met(self, author: bytes, verdict: Introduction, hello: Hello, now: float) -> None:
        """A member said HELLO."""
        self._absent.back(author)
        if verdict is Introduction.KNOWN:
            return
        self._forget_proof(author)  # where nobody signs, anybody can say HELLO in its name
        if hello.known < self._contacts.known:
            member = self._membership.get(author)
            assert member is not None
            self._send_peers(member)

    def pong(self, author: bytes, nonce: int, round: int | None, now: float) -> None:
        """A member answered PING: if that proves where it listens, it is told of all."""
        endpoint, asked = self._asked.get(author, ("", 0))
        if not asked or nonce != asked:
            return
        del self._asked[author]
        self._proved[author] = endpoint
        member = self._membership.get(author)
        if member is not None and member.endpoint == endpoint:
            member.told_at = now + self._timing.patience
            self._send_peers(member)

    def parted(self, author: bytes, round: int | None, now: float) -> None:
        """Nobody is let go where everybody knows everybody."""

    def gone(self, change: Change, now: float) -> None:
        """A member is gone."""
        member = change.member
        self._forget_proof(member.author)
        if member.left or member.finished:
            self._absent.back(member.author)
        else:
            self._absent.miss(member.author, member.endpoint, now)

    def _forget_proof(self, author: bytes) -> None:
        self._asked.pop(author, None)
        self._proved.pop(author, None)

    # --- ballots ------------------------------------------------------------------------

    def draw(self, round: int, here: set[bytes], declined: set[bytes]) -> tuple[bytes, ...]:
        """Nobody need be asked: ballots come."""
        return ()

    def accepts(self, sender: bytes, ballot: Ballot) -> bool:
        """Every ballot counts, whoever brings it."""
        return True

    def pass_on(self, sender: bytes, ballot: Ballot, at: int, now: float) -> None:
        """Its author has sent it to everybody."""

    def may_leave(self, now: float) -> bool:
        """Whether nobody needs this peer any longer, whose rounds are made."""
        return self._membership.all_finished()

    def forget_before(self, round: int) -> None:
        """Nothing is kept by round."""

    # --- time ---------------------------------------------------------------------------

    def tick(self, round: int | None, now: float) -> None:
        """Look for one that is absent: whoever answers knows the others."""
        if now < self._look_at or self.content:
            return
        endpoint = self._absent.due(now)
        if endpoint is not None:
            self._look_at = now + self._timing.probe_interval
            self._contacts.dial(endpoint, round, now, lasting=self._timing.suspect_after)

    def wake_at(self) -> float | None:
        """When somebody may be looked for."""
        moment = self._absent.wake_at()
        return None if moment is None or self.content else max(moment, self._look_at)

    def check(self) -> None:
        """Nothing outgrew its limit: who is gone is not remembered."""
        self._absent.check()
        assert len(self._named) <= _KNOCKS, len(self._named)
        here = {member.author for member in self._membership.present()}
        assert {*self._asked, *self._proved} <= here
