"""Whose ballots a peer of a run with a view asks for, in each round.

Nobody knows the whole roster, so there is no digraph to derive: each peer draws `degree` of
those whom it has chosen, and asks them.  So each gets exactly as many ballots as it wants,
and only from whom it picked itself; to push them to random others would give some peers none.
"""

from __future__ import annotations

from random import Random

from ..parameters import RunParameters, Timing
from ..payloads import Ballot
from .membership import Membership
from .neighbours import Neighbours

__all__ = ["Pulls"]


class Pulls:
    """The draws of the rounds that still matter.  Stands where `Routes` does."""

    def __init__(
        self,
        run: RunParameters,
        timing: Timing,
        membership: Membership,
        neighbours: Neighbours,
        random: Random,
    ) -> None:
        self.calm = 0.0  # seconds without a new ballot before a peer leaves: it waits for none
        self._degree = run.degree
        self._membership, self._neighbours = membership, neighbours
        self._random = random
        self._drawn: dict[int, tuple[bytes, ...]] = {}

    def draw(self, round: int, here: set[bytes], declined: set[bytes]) -> tuple[bytes, ...]:
        """Authors to be asked for `round`, ascending.

        Those drawn before stay whose ballots are `here`, or may still come; others take the
        place of the rest.
        """
        may_vote = self._membership.may_vote

        def fit(author: bytes) -> bool:
            return author not in declined and may_vote(author, round)

        drawn = [a for a in self._drawn.get(round, ()) if a in here or fit(a)]
        others = [a for a in self._neighbours.chosen if a not in drawn and fit(a)]
        drawn += self._random.sample(others, min(self._degree - len(drawn), len(others)))
        self._drawn[round] = tuple(sorted(drawn))
        return self._drawn[round]

    @property
    def newest(self) -> tuple[bytes, ...]:
        """Authors that were drawn last: their ballots may still be waited for."""
        return self._drawn[max(self._drawn)] if self._drawn else ()

    def receivers(self, round: int, start: int | None) -> tuple[bytes, ...]:
        """Nobody gets a ballot without asking."""
        return ()

    def expected(self, round: int, start: int | None) -> tuple[bytes, ...]:
        """Authors that were drawn for `round`."""
        return self._drawn.get(round, ())

    def relays(self, sender: bytes, ballot: Ballot, at: int) -> tuple[bytes, ...]:
        """A ballot goes only to who asks its author."""
        return ()

    def accepts(self, sender: bytes, ballot: Ballot) -> bool:
        """Only what was asked for counts, from its author."""
        return ballot.author == sender and sender in self.expected(ballot.round, None)

    def forget_before(self, round: int) -> None:
        """Ballots of older rounds are not kept any longer."""
        for old in [at for at in self._drawn if at < round]:
            del self._drawn[old]

    def check(self, rounds: int) -> None:
        """At most `rounds` rounds, each with at most `degree` authors."""
        assert len(self._drawn) <= rounds, len(self._drawn)
        assert all(len(drawn) <= self._degree for drawn in self._drawn.values())
