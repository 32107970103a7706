"""Where each ballot was seen: what invariants and results need to know of it, round by round.

Rounds that no ledger holds any more are summed up and dropped, so a long world takes no more
memory than a short one.
"""

from __future__ import annotations

from array import array
from collections.abc import Set
from dataclasses import dataclass, field

from ..payloads import Ballot

__all__ = ["Page", "Reach", "Sightings"]


@dataclass(slots=True)
class Reach:
    """How the ballots of one round spread among honest peers.  Times are virtual seconds."""

    first: float  # when the first ballot was cast
    last: float  # when the last one was
    newest: float  # when a peer last got a ballot that it did not have
    arrivals: int = 0  # how often a peer got a ballot that it did not have


@dataclass(slots=True)
class Page:
    """The ballots of one round."""

    ballots: dict[bytes, Ballot] = field(default_factory=dict)  # author -> the first one seen
    cast: dict[bytes, float] = field(default_factory=dict)  # author -> when
    newest: dict[bytes, float] = field(default_factory=dict)  # author -> newest first arrival
    reached: dict[int, set[bytes]] = field(default_factory=dict)  # life -> authors

    def arrive(self, life: int, author: bytes) -> bool:
        """A ballot comes to a life; whether it is the first of its author there."""
        here = self.reached.get(life)
        if here is None:
            self.reached[life] = {author}
        elif author in here:
            return False
        else:
            here.add(author)
        return True

    def waits(self) -> list[float]:
        """Seconds from each ballot's cast to its newest first arrival, of those that arrived."""
        return [moment - self.cast[author] for author, moment in self.newest.items()]


class Sightings:
    """The pages of all rounds from a moving one on, and how far ballots came in all."""

    def __init__(self, kept: int) -> None:
        """`kept`: rounds, counted from the newest that anybody cast, that are not dropped."""
        self.reach: dict[int, Reach] = {}  # by round, of all rounds
        self._kept = kept
        self._pages: dict[int, Page] = {}
        self._oldest = 0
        self._waited = array("d")  # of dropped rounds

    def page(self, round: int) -> Page | None:
        """What is known of a round; None where that has been dropped."""
        page = self._pages.get(round)
        if page is None and round >= self._oldest:
            page = self._pages[round] = Page()
        return page

    def cast(self, author: bytes, round: int, now: float) -> None:
        """A learner has voted; the first vote of an author for a round counts."""
        page = self.page(round)
        if page is None or author in page.cast:
            return
        page.cast[author] = now
        reach = self.reach.get(round)
        if reach is None:
            self.reach[round] = Reach(now, now, now)
            self._drop(round - self._kept)
        else:
            reach.last = now

    def came(self, page: Page, ballot: Ballot, now: float) -> None:
        """An honest peer got a ballot that it did not have."""
        if ballot.author in page.cast:
            page.newest[ballot.author] = now
            reach = self.reach[ballot.round]
            reach.newest, reach.arrivals = now, reach.arrivals + 1

    def rounds(self) -> dict[int, float]:
        """When the last ballot was cast, of each round that is kept and that anybody voted in."""
        return {at: max(page.cast.values()) for at, page in self._pages.items() if page.cast}

    def reached(self, round: int, life: int) -> Set[bytes]:
        """Authors whose ballots of `round` came to a life."""
        page = self._pages.get(round)
        return frozenset() if page is None else page.reached.get(life, frozenset())

    def waits(self) -> list[float]:
        """Seconds from each ballot's cast to its newest first arrival, ascending."""
        return sorted(self._waited.tolist() + [w for p in self._pages.values() for w in p.waits()])

    def _drop(self, before: int) -> None:
        for round in [at for at in self._pages if at < before]:
            self._waited.extend(self._pages.pop(round).waits())
        self._oldest = max(self._oldest, before)
