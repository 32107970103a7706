"""Whom a peer pings, to learn whether it is still there.

Once in `probe_interval` one member that has not been heard for long, and every `patience` each
that owes an answer.  Only those are pinged whose ballots may be expected.  (protocol_spec 04,
JOIN-2, MEMBER-2, MEMBER-7, VIEW-9.)
"""

from __future__ import annotations

from random import Random

from ..messages import Ping
from ..parameters import RunParameters, Timing
from .card import Card
from .contacts import Contacts
from .everybody import Everybody
from .member import Member, State
from .membership import Membership
from .neighbourhood import Neighbourhood

__all__ = ["Probing"]


class Probing:
    """Asks for signs of life."""

    def __init__(
        self,
        run: RunParameters,
        timing: Timing,
        card: Card,
        random: Random,
        membership: Membership,
        contacts: Contacts,
        circle: Everybody | Neighbourhood,
    ) -> None:
        self._timing, self._card, self._random = timing, card, random
        self._membership, self._contacts, self._circle = membership, contacts, circle
        self._view = run.view
        self._probe_at = 0.0

    def begin(self, now: float) -> None:
        """The peer listens."""
        self._probe_at = now + self._timing.probe_interval

    def tick(self, round: int | None, now: float) -> None:
        """Ping one quiet member, and again those that owe an answer."""
        due = self._membership.to_remind(now)
        if now >= self._probe_at:
            watched = self._circle.heard()
            quiet = self._timing.probe_interval
            if self._view and round is not None:
                # Who was chosen is asked for ballots now and then: that is sign enough.
                quiet = self._timing.gone_after
            if not self._view and round is None:
                # Members that have begun ask for its ballots all the time, and are not quiet; but
                # it may wait for one that they know, and only PING says that rosters differ.
                quiet = 0.0
            member = self._membership.next_to_probe(watched, now - quiet)
            if member is not None and member not in due:
                due.append(member)
            undecided = [m for m in watched if m.start is None and m.state is State.ALIVE]
            if undecided:  # the HELLO that told its first round may be lost, and where two are,
                # rosters that differ can have the same sum (MEMBER-7)
                self._contacts.greet(self._random.choice(undecided).endpoint, None, round)
            self._probe_at = now + self._timing.probe_interval
            if member is None and not undecided:  # then for a while nobody can be quiet
                earliest = min((m.heard_at for m in watched), default=now)
                rest = max(earliest + quiet, now + quiet / 4)
                self._probe_at = max(self._probe_at, rest)
        for member in due:
            self._ping(member, now)

    def who_else(self, now: float) -> None:
        """Ping somebody at once: whom this peer lacks is named in answer (MEMBER-7).

        For one that joins where not everybody that it dialled has answered.  HELLO has counted
        those that are silent, so it may have seemed to know as many as there are (CONTACT-8).
        """
        there = [m for m in self._circle.heard() if m.state is State.ALIVE]
        if there and not self._view and self._contacts.unanswered():
            self._ping(self._random.choice(there), now)

    def _ping(self, member: Member, now: float) -> None:
        self._membership.asked(member.author, now)
        nonce = self._random.randrange(1, 2**32)
        self._contacts.answer(member.author, Ping(nonce, self._contacts.roster()))
        if grease := self._card.nothing(self._random):
            self._contacts.answer(member.author, grease)

    def wake_at(self) -> float:
        """When the next one may be quiet."""
        return self._probe_at
