"""The circle of a run with a view: each peer knows some neighbours, and exchanges them slowly.

Once in `view_interval` a peer asks one of its chosen for endpoints, picks a fresh one out of
its cache, and when that has proved itself lets the oldest of its chosen go.  Where too few are
chosen and alive it picks several at once, and asks sooner, at growing distances.

To let go is one message, BYE PARTED, and the other is forgotten at once.  If that one has
chosen this peer, it says HELLO again and is its guest.  If BYE is lost, the other notices by
asking in vain, like for any death: a member that falls silent is greeted anew, so a relation
that only one side knows of heals or ends.  (protocol_spec 04, VIEW clauses.)
"""

from __future__ import annotations

from math import inf
from random import Random

from ..messages import PARTED, Bye, Hello, Peers, Ping
from ..parameters import RunParameters, Timing
from ..payloads import Ballot
from .absent import Absent
from .contacts import Contacts
from .member import Change, Introduction, Member, State
from .membership import Membership
from .neighbours import Neighbours
from .passing import Passing
from .pulling import Pulls

__all__ = ["Neighbourhood"]

_STALE = 3  # times `gone_after` that a guest may be silent


class Neighbourhood:
    """Who is chosen, who is let go, and who is told of whom."""

    def __init__(
        self,
        run: RunParameters,
        timing: Timing,
        random: Random,
        membership: Membership,
        contacts: Contacts,
        neighbours: Neighbours,
    ) -> None:
        routes: type[Pulls | Passing] = Pulls if run.pulls else Passing
        self.routes = routes(run, timing, membership, neighbours, random)
        self._timing, self._random = timing, random
        self._membership, self._contacts = membership, contacts
        self._neighbours = neighbours
        self._absent = Absent(timing.gone_after, run.view, random)
        self._awaited: set[bytes] = set()  # chosen from whom one PEERS is taken
        self._pause = timing.patience  # to the next exchange, while too few are chosen
        self._exchange_at = 0.0
        self._seeds: tuple[str, ...] = ()
        self._alone_since: float | None = None  # since when nobody is chosen and alive
        self._news_at = 0.0  # when the newest ballot came
        self._resorted = False  # guests were picked, so the seeds are not forgotten
        self.content = False  # the own rounds are made: nobody new is wanted

    # --- endpoints ----------------------------------------------------------------------

    def begin(self, endpoints: tuple[str, ...], now: float) -> None:
        """The peer starts, and was told these endpoints."""
        self._exchange_at = now + self._timing.patience * (1 + self._random.random())
        self._alone_since = now
        self._seeds = endpoints[: 4 * self._neighbours.view]
        self._learn(endpoints)
        self._fill(None, now)

    def discover(self, endpoint: str, round: int | None, now: float) -> None:
        """An endpoint came to be known from outside."""
        self._learn((endpoint,))
        self._fill(round, now)

    def _learn(self, endpoints: tuple[str, ...]) -> None:
        self._neighbours.learn(endpoints, {self._contacts.endpoint, *self._heard_endpoints()})

    def on_peers(self, sender: bytes, peers: Peers, round: int | None, now: float) -> None:
        """Answer whoever asks, not too often; learn from the chosen, when asked."""
        member = self._membership.get(sender)
        if member is None:
            return
        if not peers.endpoints:
            if now >= member.told_at:
                member.told_at = now + self._timing.probe_interval
                self._send_peers(member)
        elif sender in self._awaited:
            self._awaited.discard(sender)
            self._learn(peers.endpoints[: self._neighbours.view])
            self._fill(round, now)

    def _send_peers(self, to: Member) -> None:
        here = [m for m in self._membership.present() if m.state is State.ALIVE and m is not to]
        chosen = [m.endpoint for m in here if self._neighbours.has_chosen(m.author)]
        guests = [m.endpoint for m in here if not self._neighbours.has_chosen(m.author)]
        some = self._neighbours.sample(chosen, guests)
        if some:
            self._contacts.say(to.endpoint, Peers(some))

    def compare(self, author: bytes, roster: int, round: int | None, now: float) -> None:
        """Rosters differ here, and nobody minds."""

    # --- picking and choosing -----------------------------------------------------------

    def _alive(self) -> list[bytes]:
        return [a for a in self._neighbours.chosen if self._membership.is_alive(a)]

    def _short(self) -> int:
        """How many more are wanted than are chosen and alive, as far as is known between events."""
        if self.content:
            return 0
        silent = sum(map(self._neighbours.has_chosen, self._membership.suspects))
        return self._neighbours.room + silent

    def heard(self) -> list[Member]:
        """Members whose ballots may be expected: the chosen."""
        members = map(self._membership.get, self._neighbours.chosen)
        return [member for member in members if member is not None]

    def _heard_endpoints(self) -> set[str]:
        return {member.endpoint for member in self.heard()}

    def _fill(self, round: int | None, now: float) -> None:
        """Pick as many as are wanted."""
        for _ in range(self._wanting(now)):
            if not self._pick_any(round, now):
                return

    def _wanting(self, now: float) -> int:
        """How many more are wanted than are likely to come."""
        return max(0, self._short() - self._hopeful(now))

    def _hopeful(self, now: float) -> int:
        """Picks that may still be answered: who was silent for long will hardly do so."""
        young = now - self._timing.suspect_after
        return sum(pick.since > young for pick in self._neighbours.picks.values())

    def _pick_any(self, round: int | None, now: float) -> bool:
        """Pick out of the cache, if need be in the place of one that was silent for long: at the
        start dead endpoints must not keep others from being tried."""
        silent = None
        if self._neighbours.crowded:
            silent = self._neighbours.silent_pick(now - self._timing.suspect_after)
            if silent is None:
                return False
        endpoint = self._neighbours.draw({self._contacts.endpoint, *self._heard_endpoints()})
        if endpoint is None:
            return False
        if silent is not None:
            del self._neighbours.picks[silent]
            self._contacts.abandon(silent)
        return self._pick(endpoint, round, now)

    def _pick(self, endpoint: str, round: int | None, now: float) -> bool:
        if not self._neighbours.pick(endpoint, now):
            return False
        member = self._membership.at(endpoint)
        if member is None:
            self._contacts.dial(endpoint, round, now, lasting=self._life(round))
        else:
            self._prove(member, now)
        return True

    def _life(self, round: int | None) -> float:
        """Seconds that a pick may take.  At the start others may not be up yet."""
        return self._timing.join_deadline if round is None else self._timing.suspect_after

    def _prove(self, member: Member, now: float) -> None:
        """Ask whether who said HELLO is who listens at the endpoint that it named."""
        pick = self._neighbours.picks.get(member.endpoint)
        if pick is not None:
            pick.again_at = now + self._timing.patience
            self._membership.asked(member.author, now)
            self._contacts.say(member.endpoint, Ping(pick.nonce, 0))

    def met(self, author: bytes, verdict: Introduction, hello: Hello, now: float) -> None:
        """A member said HELLO."""
        member = self._membership.get(author)
        assert member is not None
        self._absent.back(author)
        self._prove(member, now)

    def pong(self, author: bytes, nonce: int, round: int | None, now: float) -> None:
        """A member answered PING; if it proves that it was picked, it is chosen."""
        member = self._membership.get(author)
        if member is None or not self._neighbours.proven(member.endpoint, nonce):
            return
        let_go = self._neighbours.choose(author, self._alive(), self.routes.newest)
        if let_go is not None:
            self._let_go(let_go, now)
        self._fill(round, now)
        if self._wanting(now):
            self._ask(author)

    def _ask(self, author: bytes) -> None:
        """Ask one of the chosen for endpoints."""
        self._awaited.add(author)
        self._contacts.answer(author, Peers(()))

    # --- parting ------------------------------------------------------------------------

    def _let_go(self, author: bytes, now: float) -> None:
        member = self._membership.get(author)
        assert member is not None
        if member.state is State.SUSPECT:
            self._absent.miss(author, member.endpoint, now)
        self._contacts.say(member.endpoint, Bye(None, PARTED))
        self._part(member)

    def _part(self, member: Member) -> None:
        self._drop(member.author)
        self._contacts.forget(member)

    def _drop(self, author: bytes) -> None:
        self._neighbours.drop(author)
        self._awaited.discard(author)

    def parted(self, author: bytes, round: int | None, now: float) -> None:
        """A member has let this peer go."""
        member = self._membership.get(author)
        assert member is not None
        if self._neighbours.has_chosen(author):
            self._contacts.greet_again(author, round, now)
        else:
            self._part(member)

    def gone(self, change: Change, now: float) -> None:
        """A member is gone: here that means forgotten."""
        member = change.member
        if member.left or member.finished:
            self._absent.back(member.author)
        else:
            self._absent.miss(member.author, member.endpoint, now)
        few = 2 * len(self._alive()) < self._neighbours.view and not self.content
        if few and self._neighbours.has_chosen(member.author):
            self._pause, self._exchange_at = self._timing.patience, now
        self._drop(member.author)
        self._membership.forget(member.author)

    # --- ballots ------------------------------------------------------------------------

    def draw(self, round: int, here: set[bytes], declined: set[bytes]) -> tuple[bytes, ...]:
        """Whom to ask for a ballot of `round`."""
        return self.routes.draw(round, here, declined)

    def accepts(self, sender: bytes, ballot: Ballot) -> bool:
        """Whether a ballot counts that `sender` brings."""
        return self.routes.accepts(sender, ballot)

    def pass_on(self, sender: bytes, ballot: Ballot, at: int, now: float) -> None:
        """A ballot is new that `sender` has brought, while the round `at` is open."""
        self._news_at = now
        for author in self.routes.relays(sender, ballot, at):
            self._contacts.answer(author, ballot)

    def may_leave(self, now: float) -> bool:
        """Whether nobody needs this peer any longer, whose rounds are made: its members have
        finished too, and the last ballots of others have come (VIEW-14)."""
        return self._membership.all_finished() and now >= self._news_at + self.routes.calm

    def forget_before(self, round: int) -> None:
        """Ballots of older rounds are not kept any longer."""
        self.routes.forget_before(round)

    # --- time ---------------------------------------------------------------------------

    def tick(self, round: int | None, now: float) -> None:
        """Whatever is due: exchange, pick, look for the absent."""
        for endpoint in self._neighbours.give_up(now - self._life(round)):
            self._contacts.abandon(endpoint)
        for endpoint, pick in self._neighbours.picks.items():
            if now >= pick.again_at:
                pick.again_at = inf
                member = self._membership.at(endpoint)
                if member is not None:
                    self._prove(member, now)
        while (missed := self._absent.due(now)) is not None:
            if not self.content:
                self._pick(missed, round, now)
        if now >= self._exchange_at:
            self._exchange(round, now)
        self._fill(round, now)

    def _exchange(self, round: int | None, now: float) -> None:
        """Ask for endpoints; where nobody is missing, put a fresh one in the oldest's place."""
        alive, short, wanting = self._alive(), self._short(), self._wanting(now)
        if alive:
            self._alone_since = None
            if wanting or not short:
                self._ask(self._random.choice(alive))
        elif self._alone_since is None:
            self._alone_since = now
        for guest in self._stale_guests(now):
            self._part(guest)
        if not alive or self._resorted:
            self._learn(self._seeds)
        if self._deserted(now):  # then guests, or nobody at all
            self._resorted = True
            self._learn(tuple(member.endpoint for member in self._membership.present()))
        if short and not wanting:  # who was picked may still answer
            self._exchange_at = now + self._timing.suspect_after
            return
        if short:
            self._exchange_at = now + self._pause
            self._pause = min(2 * self._pause, self._timing.view_interval)
            return
        self._pause = self._timing.patience
        self._exchange_at = now + self._timing.view_interval
        if not self.content:
            self._pick_any(round, now)

    def _stale_guests(self, now: float) -> list[Member]:
        """Guests that have not been heard for long: who has chosen this peer would have asked."""
        before, has_chosen = now - _STALE * self._timing.gone_after, self._neighbours.has_chosen
        present = self._membership.present()
        return [m for m in present if m.heard_at < before and not has_chosen(m.author)]

    def _deserted(self, now: float) -> bool:
        """Whether nobody has been heard for long, and no pick is likely to answer (VIEW-2).

        Long, since who dials a peer before its seeds are up would be all that it hears.
        """
        if self._alone_since is None or self._hopeful(now):
            return False
        return now >= self._alone_since + self._timing.join_deadline / 2

    def wake_at(self) -> float:
        """The next exchange, repeated question, or look for somebody absent."""
        soonest = self._exchange_at
        for pick in self._neighbours.picks.values():
            soonest = min(soonest, pick.again_at)
        absent = self._absent.wake_at()
        return soonest if absent is None else min(soonest, absent)

    def check(self) -> None:
        """Who is chosen is a member, and nothing outgrew its limit."""
        self._neighbours.check()
        self._absent.check()
        self.routes.check(2 * self._timing.retain + 2)
        assert self.content or self._short() == self._neighbours.view - len(self._alive())
        assert self._awaited <= set(self._neighbours.chosen), self._awaited
        for author in self._neighbours.chosen:
            assert self._membership.get(author) is not None, author
