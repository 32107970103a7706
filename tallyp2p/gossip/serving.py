"""What others ask of this peer's ballots, and what it asks of theirs.

WANT is answered from the ledger; what is not cast yet is promised.  In broadcast runs ledgers
are compared, with one other at a time.  (protocol_spec 04, ROUND-5, the REPAIR clauses, and with
a view VIEW-13.)
"""

from __future__ import annotations

from random import Random

from ..consensus.ledger import Ledger
from ..messages import Digest, Have, Want
from ..parameters import LIMITS, RunParameters, Spreading, Timing
from .contacts import Contacts
from .everybody import Everybody
from .membership import Membership
from .neighbourhood import Neighbourhood
from .owing import Owing
from .repair import Repair
from .rounds import Phase, Rounds

__all__ = ["Serving"]


class Serving:
    """Answers WANT, DIGEST and HAVE."""

    def __init__(
        self,
        run: RunParameters,
        timing: Timing,
        author: bytes,
        ledger: Ledger,
        rounds: Rounds,
        repair: Repair,
        membership: Membership,
        contacts: Contacts,
        circle: Everybody | Neighbourhood,
        random: Random,
    ) -> None:
        self.owing = Owing(timing.ahead + 1)
        self._run, self._author = run, author
        self._ledger, self._rounds, self._repair = ledger, rounds, repair
        self._membership, self._contacts, self._circle = membership, contacts, circle
        self._interval, self._gossip_at = timing.gossip_interval, 0.0
        self._patience, self._random = timing.patience, random
        self._compares = run.spreading is Spreading.BROADCAST

    def ask(self, author: bytes, round: int) -> None:
        """Ask an author for its own ballot."""
        self._contacts.answer(author, Want(((author, round),)))

    def on_want(self, sender: bytes, want: Want, at: int) -> bool:
        """Send what is here.  True when an own ballot is not, and PONG shall say so.

        `at`: the own round, or the one in which this peer will be first.
        """
        lacking = False
        for author, round in dict.fromkeys(want.entries):
            ballots = self._ledger.wanted(author, round)
            for ballot in ballots:
                self._contacts.answer(sender, ballot)
            if author != self._author or ballots:
                continue
            promised = False
            if round % self._run.rounds_per_ballot == 0 and round < 2**32 - 1:  # MEMBER-8
                self._membership.seen_in(sender, round)
            if round >= at and self._repair.in_window(round, at):
                self.owing.forget_before(at)  # a peer that joins may have thought itself earlier
                promised = self.owing.promise(round, sender)
            # Where ballots are asked for, all ask at once: most come soon, and who has to wait
            # asks again (VIEW-6).
            lacking |= not (promised and self._run.pulls)
        return lacking

    def on_digest(self, sender: bytes, digest: Digest, round: int | None) -> None:
        """Answer where ledgers differ, while `round` is open."""
        if round is not None and self._compares:
            for answer in self._repair.on_digest(digest, round):
                self._contacts.answer(sender, answer)

    def on_have(self, sender: bytes, have: Have, at: int) -> None:
        """Ask for what is lacking here, send what is lacking there."""
        if self._compares and self._repair.in_window(have.round, at):
            for answer in self._repair.on_have(have):
                self._contacts.answer(sender, answer)

    def begin(self, now: float) -> None:
        """The peer listens."""
        self._gossip_at = now + self._interval

    def wake_at(self) -> float | None:
        """When ledgers are compared next."""
        return self._gossip_at if self._compares else None

    def tick(self, round: int | None, now: float) -> None:
        """Compare ledgers with somebody where it is time."""
        if self._compares and now >= self._gossip_at:
            self._gossip_at = now + self._interval
            self._gossip(round, now)

    def _gossip(self, round: int | None, now: float) -> None:
        """Begin to compare ledgers with somebody, and ask two for what is known to be lacking.

        With a view the first is somebody chosen: who dials takes no other's turn.  The second
        may be a guest, since of the chosen few may be left (VIEW-13).
        """
        heard = self._circle.heard()
        chosen = self._membership.anyone_alive(heard)
        if chosen and round is not None:
            self._contacts.answer(chosen.author, self._repair.digest(round))
            if lacking := self._lacking(round, now):  # WANT needs no HAVE before it
                another = self._membership.anyone_alive(self._membership.present()) or chosen
                for author in dict.fromkeys((chosen.author, another.author)):
                    self._contacts.answer(author, Want(tuple(lacking)))

    def _lacking(self, round: int, now: float) -> list[tuple[bytes, int]]:
        """(author, round) of ballots that are not here though others may hold them.

        With a view those of strangers as well, in the open round after `patience`; where they
        are too many for one WANT some are drawn, since some may be in vain (VIEW-13).
        """
        lacking = self._rounds.lacking()
        if not self._run.view:
            return lacking[: LIMITS.want]
        old = self._rounds.phase is Phase.VOTING or now < self._rounds.opened_at + self._patience
        newest = round - self._run.rounds_per_ballot if old else round
        more = dict.fromkeys([*lacking, *self._repair.sought(newest)])
        return self._random.sample(list(more), min(LIMITS.want, len(more)))
