"""To whom ballots go in a broadcast run with a view, and whose a round waits for.

Nobody knows everybody, so ballots pass from hand to hand.  A peer sends its own to all its
members, and each that is new to it on to a few of those whom it has chosen; what that leaves
out, ledgers that are compared bring (`repair`).  Any hand will do: in a sealed run a ballot
proves its author, and in others nothing does, whoever brings it.

A round waits for the chosen alone, of whom it is known whether they are alive.  (protocol_spec
04, VIEW-11 and VIEW-12.  Pushing on and then comparing is bimodal multicast's way; the number
of hands was chosen by measurement, simulations/README.md.)
"""

from __future__ import annotations

from random import Random

from ..parameters import RunParameters, Timing
from ..payloads import Ballot
from .membership import Membership
from .neighbours import Neighbours

__all__ = ["Passing"]

HANDS = 3  # of the chosen, to whom a new ballot is sent on
_CALM = 3  # gossip intervals without a new ballot, after which none is likely to come


class Passing:
    """Receivers, relays and expected authors.  Stands where `Routes` and `Pulls` do."""

    def __init__(
        self,
        run: RunParameters,
        timing: Timing,
        membership: Membership,
        neighbours: Neighbours,
        random: Random,
    ) -> None:
        self.calm = _CALM * timing.gossip_interval  # without a new ballot before a peer leaves
        self._span = run.rounds_per_ballot
        self._membership, self._neighbours = membership, neighbours
        self._random = random

    def receivers(self, round: int, start: int | None) -> tuple[bytes, ...]:
        """Authors to whom the own ballot goes: all members, also those that only chose this
        peer, since they wait for it."""
        return tuple(member.author for member in self._membership.present())

    def expected(self, round: int, start: int | None) -> tuple[bytes, ...]:
        """The chosen that take part in `round`, ascending."""
        roster = self._membership.roster(round, None)
        return tuple(author for author in roster if self._neighbours.has_chosen(author))

    def relays(self, sender: bytes, ballot: Ballot, at: int) -> tuple[bytes, ...]:
        """Authors to whom a ballot is sent on that is new and came from `sender`, while the
        round `at` is open.  An old one came by comparison, and so will others get it."""
        if ballot.round < at - self._span:
            return ()
        fit = [
            author
            for author in self._neighbours.chosen
            if author not in (sender, ballot.author) and self._membership.is_alive(author)
        ]
        return tuple(self._random.sample(fit, min(HANDS, len(fit))))

    def accepts(self, sender: bytes, ballot: Ballot) -> bool:
        """Every ballot counts, whoever brings it."""
        return True

    def draw(self, round: int, here: set[bytes], declined: set[bytes]) -> tuple[bytes, ...]:
        """Nobody need be asked: ballots come."""
        return ()

    @property
    def newest(self) -> tuple[bytes, ...]:
        """Authors that may not be let go, since only they can bring their ballots: none."""
        return ()

    def forget_before(self, round: int) -> None:
        """Nothing is kept by round."""

    def check(self, rounds: int) -> None:
        """Nothing is kept, so nothing outgrows its limit."""
