"""What must hold, by name, and the watch that holds a world to it.

While it runs
    check           every organ of every machine agrees with itself: rounds and promises after
                    every step, what is known of others after every sixteenth step of a peer
                    (of the ledger one round, each in its turn), and all of it at the end
    no exceptions   nothing that a peer sends, and nothing that happens, makes a machine raise
    no tick in vain a machine that was woken when it wanted has no reason to be woken at once
    no wish unheard a message that is only answered brings no wish to be woken earlier
    one ballot      an election has one ballot of each author, and an honest author's ballot for
                    a round is the same wherever it arrives or is counted
    tally           plurality, margin and voters are those that the specification's text gives
                    (every round's first tally, on a few probes)
    deadline        a round closes by its deadline
    memory          connections, and ballots held, stay within their limits

At the end
    complete        every peer that is still there has made all its rounds (if so promised),
                    unless it was told to leave
    nothing lost    broadcast: a ballot that reached a surviving peer is in every survivor's ledger
    equal tallies   broadcast: survivors hold the same ballots of each round

The last two are asked of rounds whose ballots were cast, and of disturbances that ended,
`within` gossip intervals before the first survivor was done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from random import Random

from ..consensus.contributor import Election
from ..errors import FailureError
from ..gossip import events
from ..gossip.neighbours import most_lines
from ..messages import Ballot
from ..parameters import LIMITS, Spreading, Timing
from .clock import Clock
from .host import Host
from .oracle import disagreement
from .sightings import Page, Sightings
from .spec import WorldSpec

__all__ = ["Settled", "Violation", "Watch"]

_PROBES = 4  # probes of a tally that are counted again


class Violation(FailureError):
    """An invariant does not hold.  `line` replays the world that shows it."""

    def __init__(self, name: str, what: str, moment: float, line: str) -> None:
        super().__init__(
            f"invariant '{name}' broken at {moment:.6f} s: {what}\nreplay it with: {line}"
        )
        self.name, self.moment, self.line = name, moment, line


@dataclass(frozen=True, slots=True)
class Settled:
    """What was compared at the end."""

    rounds: tuple[int, ...]  # rounds in which all survivors were held to the same ballots
    survivors: int


def _held(timing: Timing) -> int:
    """Ballots' rounds of which a ledger may hold entries."""
    return timing.retain + 2 * max(1, timing.retain // 4) + timing.ahead + 2


def _listing(host: Host, round: int) -> dict[bytes, object]:
    """What a peer holds of a round: author -> what its ballot says, None where it is annulled."""
    ledger = host.machine.ledger
    held = {author: ledger.get(author, round) for author in ledger.authors(round)}
    return {author: ballot and (ballot.votes, ballot.ids) for author, ballot in held.items()}


class Watch:
    """Sees what all hosts do, keeps what the result needs, and raises :class:`Violation`."""

    def __init__(
        self,
        spec: WorldSpec,
        clock: Clock,
        line: str,
        honest: Callable[[Host], bool],
        done: Callable[[Host], None],
    ) -> None:
        """`line` replays the world; `done` is called when a machine has finished."""
        self.first = 0  # lives below this one were there at the beginning
        self.opened: dict[int, int] = {}  # life -> the round that it has open
        self.closed: dict[int, int] = {}  # life -> rounds that it has closed
        self.timeline: dict[int, list[tuple[float, int]]] = {}  # peer -> (moment, round closed)
        self.waits: list[float] = []  # seconds from own ballot to close, of every closed round
        self.missing = 0  # expected ballots that were not there when a round closed
        self.heard = 0
        self.rounds: dict[int, tuple[Ballot, ...]] = {}  # what the first honest peer counted
        self.unequal: set[int] = set()  # rounds in which another counted something else
        self.elections: dict[int, events.Learn] = {}  # life -> the newest with ballots
        self.disturbed = 0.0  # when the last disturbance ended
        self.seen = Sightings(_held(spec.timing) * spec.run.rounds_per_ballot)
        self._due: dict[int, tuple[int, float, int]] = {}  # life -> round open, till when, see told
        self._spec, self._clock = spec, clock
        self._line, self._honest, self._done = line, honest, done
        self._broadcast = spec.run.spreading is Spreading.BROADCAST
        self._span = spec.run.rounds_per_ballot
        self._lines = most_lines(spec.run.view) if spec.run.view else LIMITS.members
        self._leaving = {peer for part in spec.leaves for peer in part.peers}
        self._steady: set[bytes] = set()  # authors that cast one ballot for a round, ever

    def violated(self, name: str, what: str) -> Violation:
        """The violation, to be raised."""
        return Violation(name, what, self._clock.now, self._line)

    def steady(self, author: bytes) -> None:
        """`author` is honest and never forgets what it has cast."""
        self._steady.add(author)

    def disturb(self, until: float) -> None:
        """Something is not as it should be until then."""
        self.disturbed = max(self.disturbed, until)

    # --- while it runs ----------------------------------------------------------------------

    def cast(self, host: Host, ballot: Ballot) -> None:
        """The own learner has voted."""
        self.seen.cast(ballot.author, ballot.round, self._clock.now)

    def arrived(self, host: Host, ballot: Ballot) -> None:
        """A ballot came to a host, and has not been handled."""
        page = self.seen.page(ballot.round)
        if page is None:
            return
        self._same(host, page, ballot)
        if page.arrive(host.life, ballot.author) and self._honest(host):
            self.seen.came(page, ballot, self._clock.now)

    def told(self, host: Host, notice: events.Notice) -> None:
        """A machine told its observers."""
        if type(notice) is events.RoundOpened:
            if host.life not in self.opened and host.life >= self.first:
                self.disturb(self._clock.now)  # a late comer takes part from now on
            self.opened[host.life] = notice.round
            due = self._clock.now + self._spec.timing.deadline + self._spec.promises.slack
            if host.life not in self._due:  # else its alarm is on the clock
                self._clock.at(due, self._overdue, host)
            self._due[host.life] = notice.round, due, host.hindered
        elif type(notice) is events.RoundClosed:
            self.closed[host.life] = self.closed.get(host.life, 0) + 1
            self.waits.append(notice.waited)
            moments = self.timeline.setdefault(host.index, [])
            moments.append((self._clock.now, notice.round + self._span))
            self.missing += len(notice.missing)
            self.heard += len(notice.heard)
            self._memory(host, held=False)

    def _overdue(self, host: Host) -> None:
        """A round was opened its deadline ago; perhaps not the one that is open now."""
        round, due, hindered = self._due[host.life]
        if due > self._clock.now:
            self._clock.at(due, self._overdue, host)
            return
        del self._due[host.life]
        if not host.running or host.hindered != hindered or host.frozen or host.work:
            return
        if host.machine.phase == "open" and host.machine.round == round:
            raise self.violated("deadline", f"peer {host.index} still has round {round} open")

    def learns(self, host: Host, effect: events.Learn) -> None:
        """A machine gave ballots to its learner."""
        for election in effect.elections:
            round, ballots = election.round, election.ballots
            page = self.seen.page(round)
            last = b""
            for ballot in ballots:
                author = ballot.author
                if author <= last:
                    what = f"peer {host.index} counts two ballots of {author.hex()}"
                    raise self.violated("one ballot", f"{what} in round {round}")
                last = author
                if page is not None:
                    self._same(host, page, ballot)
            if self._honest(host) and round == effect.round:
                if self._spec.check and round not in self.rounds:
                    self._count_again(host, election)
                if self.rounds.setdefault(round, ballots) != ballots:
                    self.unequal.add(round)
                self.elections[host.life] = effect

    def _count_again(self, host: Host, election: Election) -> None:
        """The tally of what the first honest peer counted is the oracle's, on some probes."""
        chance = Random(f"tally {election.round}")
        if found := disagreement(self._spec.run, election, _PROBES, chance):
            raise self.violated("tally", f"peer {host.index}: {found}")

    def _same(self, host: Host, page: Page, ballot: Ballot) -> None:
        """An honest author has one ballot for a round, wherever it is seen."""
        known = page.ballots.setdefault(ballot.author, ballot)
        if known is not ballot and known != ballot and ballot.author in self._steady:
            what = f"peer {host.index} has another ballot of {ballot.author.hex()}"
            raise self.violated("one ballot", f"{what} than others for round {ballot.round}")

    def finished(self, host: Host) -> None:
        """A machine is done."""
        self._memory(host, held=True)
        self._done(host)

    def _memory(self, host: Host, *, held: bool) -> None:
        """Connections are bounded; and, which takes longer to see, so are ballots."""
        if len(host.lines) > self._lines:
            raise self.violated("memory", f"peer {host.index} has {len(host.lines)} connections")
        if not held:
            return
        ledger, timing = host.machine.ledger, self._spec.timing
        newest = ledger.newest_round() or 0
        pages = [r for r in range(0, newest + 1, self._span) if ledger.authors(r)]
        if len(pages) > _held(timing):
            raise self.violated("memory", f"peer {host.index} holds ballots of {len(pages)} rounds")
        most = max((len(ledger.authors(round)) for round in pages), default=0)
        if most > LIMITS.members:
            raise self.violated("memory", f"peer {host.index} holds {most} authors in a round")

    # --- at the end -------------------------------------------------------------------------

    def at_end(self, hosts: Iterable[Host], done_at: dict[int, float]) -> Settled:
        """Hold the survivors to what was promised; `done_at`: when each life finished."""
        survivors = [
            host for host in hosts if self._honest(host) and not host.dead and not host.frozen
        ]
        promises, timing = self._spec.promises, self._spec.timing
        for host in survivors:
            self._memory(host, held=True)
            finish = host.finish
            stays = promises.complete and host.index not in self._leaving
            if stays and (finish is None or not finish.completed):
                round = host.machine.round
                where = "joining" if round is None else f"in round {round}, {host.machine.phase}"
                why = f"gave up: {finish.text}" if finish is not None else f"is {where}"
                asked = "promises.complete = false would not ask that of it"
                raise self.violated("complete", f"peer {host.index} {why} ({asked})")
        taking_part = [
            host
            for host in survivors
            if self.closed.get(host.life) and (host.finish is None or host.finish.completed)
        ]
        rounds: tuple[int, ...] = ()
        if self._broadcast and len(taking_part) > 1:
            horizon = min(done_at.get(host.life, self._clock.now) for host in taking_part)
            horizon -= promises.within * timing.gossip_interval
            if self.disturbed <= horizon:
                rounds = self._comparable(taking_part, horizon)
        for round in rounds:
            self._compare(taking_part, round)
        return Settled(rounds, len(survivors))

    def _comparable(self, hosts: list[Host], horizon: float) -> tuple[int, ...]:
        """Rounds that were cast in time, and that nobody may have forgotten yet."""
        casts = self.seen.rounds()
        reached = max(host.machine.round or 0 for host in hosts)
        oldest = max(0, reached // self._span - self._spec.timing.retain) * self._span
        return tuple(r for r in sorted(casts) if r >= oldest and casts[r] <= horizon)

    def _compare(self, hosts: list[Host], round: int) -> None:
        reached: set[bytes] = set()
        for host in hosts:
            reached |= self.seen.reached(round, host.life)
        listings = [_listing(host, round) for host in hosts]
        for host, listing in zip(hosts, listings, strict=True):
            lost = reached - listing.keys()
            if lost:
                names = ", ".join(sorted(author.hex() for author in lost))
                what = f"peer {host.index} lacks the ballots of {names} for round {round}"
                raise self.violated("nothing lost", what)
        for host, listing in zip(hosts, listings, strict=True):
            if listing != listings[0]:
                what = f"peers {hosts[0].index} and {host.index} hold other ballots"
                raise self.violated("equal tallies", f"{what} of round {round}")

    def annulled(self, hosts: Iterable[Host]) -> int:
        """Entries that two different ballots annul, in the ledger that has most of them."""
        most = 0
        for host in hosts:
            newest = host.machine.ledger.newest_round() or 0
            rounds = range(0, newest + 1, self._span)
            found = sum(said is None for r in rounds for said in _listing(host, r).values())
            most = max(most, found)
        return most
