"""The organs of one peer, made and tied together; `machine` says when each has its turn.

What differs between runs with a view and runs without is one organ, the *circle*: who is known
(`neighbourhood` or `everybody`).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from random import Random
from typing import NamedTuple

from ..consensus.ledger import Ledger
from ..errors import SettingsError
from ..parameters import LIMITS, RunParameters, Spreading, Timing
from ..payloads import Ballot
from .beginning import Beginning
from .card import Card
from .contacts import Contacts
from .everybody import Everybody
from .joining import Joining
from .member import State
from .membership import Membership, author_of
from .neighbourhood import Neighbourhood
from .neighbours import Neighbours, most_members
from .nonces import Nonces
from .outbox import Outbox
from .probing import Probing
from .repair import Repair
from .rounds import Rounds
from .serving import Serving

__all__ = ["Body", "Kept", "Wishes"]

_SELDOM = 16  # steps between two looks at everything that is known


@dataclass(frozen=True, slots=True)
class Kept:
    """What of a machine is worth writing to disk; the rest is learnt anew from others."""

    start: int | None  # the own first round
    ballots: tuple[Ballot, ...]  # all that the ledger holds, both of an annulled pair
    endpoints: tuple[str, ...]  # of members that are not gone


class Wishes(NamedTuple):
    """When organs want to be woken, seconds; never: infinity."""

    probing: float = inf
    membership: float = inf
    contacts: float = inf
    rounds: float = inf
    circle: float = inf
    serving: float = inf


class Body:
    """Everything that a peer remembers, by organ.

    `proofs`: the key of the nonces that prove endpoints.
    Raises :class:`SettingsError` when more neighbours are waited for than a peer can have.
    """

    def __init__(
        self, run: RunParameters, timing: Timing, card: Card, random: Random, proofs: bytes = b""
    ) -> None:
        if run.view and timing.quorum > run.view + 1:
            raise SettingsError(
                f"quorum must be at most view + 1, here {run.view + 1}, and not "
                f"{timing.quorum}: no peer chooses more than {run.view} others"
            )
        author = author_of(card.identity)
        nonces = Nonces(proofs)
        neighbours = Neighbours(run.view, random, nonces) if run.view else None
        most = most_members(run.view) if run.view else LIMITS.members
        self.outbox = Outbox()
        self.ledger = Ledger(run, LIMITS.members, own=author)
        self.joining = Joining(run, timing)
        self.membership = Membership(author, timing, random, most)
        self.rounds = Rounds(run, timing, self.ledger, self.expected, self.membership)
        self.repair = Repair(run, timing, self.ledger)
        self.contacts = Contacts(
            run,
            timing,
            card,
            random,
            self.membership,
            self.joining,
            self.ledger,
            self.outbox,
            neighbours,
        )
        self.circle = (
            Neighbourhood(run, timing, random, self.membership, self.contacts, neighbours)
            if neighbours
            else Everybody(run, timing, random, self.membership, self.contacts, nonces)
        )
        self.probing = Probing(
            run, timing, card, random, self.membership, self.contacts, self.circle
        )
        self.serving = Serving(
            run,
            timing,
            author,
            self.ledger,
            self.rounds,
            self.repair,
            self.membership,
            self.contacts,
            self.circle,
            random,
        )
        self.beginning = Beginning(
            run,
            timing,
            self.joining,
            self.membership,
            self.contacts,
            self.circle,
            self.serving,
            self.probing,
        )
        self._compares = run.spreading is Spreading.BROADCAST

    def wishes(self) -> Wishes:
        """When each organ wants to be woken."""
        member, contact = self.membership.wake_at(), self.contacts.wake_at()
        round, circle = self.rounds.wake_at(), self.circle.wake_at()
        serving = self.serving.wake_at() if self._compares else None
        return Wishes(
            self.probing.wake_at(),
            inf if member is None else member,
            inf if contact is None else contact,
            inf if round is None else round,
            inf if circle is None else circle,
            inf if serving is None else serving,
        )

    def expected(self, round: int) -> tuple[bytes, ...]:
        """Authors whose ballots of `round` will come, or have been asked for."""
        return self.circle.routes.expected(round, self.joining.start)

    def rounds_seen(self) -> list[int]:
        """The newest round of each alive member that is heard and was seen in any: with a view
        no guest's, or who dials could make this peer leave out rounds."""
        heard = self.circle.heard()
        return [m.round for m in heard if m.round is not None and m.state is State.ALIVE]

    def following(self) -> int:
        """The round after the last one, or where the others are if they are far ahead."""
        return self.rounds.next(self.rounds_seen())

    def kept(self) -> Kept:
        """What is worth writing to disk."""
        endpoints = tuple(member.endpoint for member in self.membership.present())
        return Kept(self.joining.start, tuple(self.ledger.everything()), endpoints)

    def check(self, step: int = 0) -> None:
        """Invariants of all organs.

        `step`: how many events were handled, where this is asked after each of them.  What takes
        longer the more a peer knows is then left to every sixteenth step.
        """
        self.rounds.check()
        self.serving.owing.check()
        assert not self.outbox.effects
        if step % _SELDOM:
            return
        self.membership.check()
        self.contacts.check()
        self.circle.check()
        if step:
            self.ledger.check_next()
        else:
            self.ledger.check()
