"""What peers lived through, read from their traces, and what must be true of it.

Traces of one machine share its monotonic clock, so moments of different peers compare.  A killed
process loses up to the last second of its trace; what it said then stands in the others'.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tallyp2p.gossip.events import Cast, Received
from tallyp2p.payloads import Ballot, author_of
from tallyp2p.tracing.reading import Trace, read_trace

__all__ = ["History", "Late", "Life"]

Name = tuple[bytes, int]  # a ballot's author and round


@dataclass(frozen=True, slots=True)
class Late:
    """A ballot that one peer held and another did not, or not in time."""

    author: bytes
    round: int
    peer: int  # who lacked it
    seconds: float | None  # how late it came; None: never

    def __str__(self) -> str:
        came = "never came" if self.seconds is None else f"came {self.seconds:.1f} s late"
        return f"the ballot of {self.author.hex()} for round {self.round} {came} to {self.peer}"


@dataclass(frozen=True)
class Life:
    """One start of one peer."""

    peer: int
    life: int
    trace: Trace

    @classmethod
    def read(cls, peer: int, life: int, path: Path) -> Life:
        """The life that a trace tells."""
        return cls(peer, life, read_trace(path))

    @property
    def author(self) -> bytes:
        """Its author id."""
        return author_of(self.trace.birth.identity)

    @property
    def span(self) -> tuple[float, float]:
        """The moments of its first and last event."""
        moments = self.trace.moments
        return (moments[0].at, moments[-1].at) if moments else (0.0, 0.0)

    def ballots(self) -> Iterator[tuple[float, Ballot]]:
        """All ballots that it cast or received, with the moment, in order."""
        for moment in self.trace.moments:
            event = moment.event
            if isinstance(event, Cast):
                yield moment.at, event.ballot
            elif isinstance(event, Received) and isinstance(event.message, Ballot):
                yield moment.at, event.message

    def notices(self, kind: str) -> Iterator[tuple[float, dict[str, Any]]]:
        """What it told of one kind, with the moment."""
        for moment in self.trace.moments:
            for effect in moment.effects:
                if effect["effect"] == "tell" and effect["notice"] == kind:
                    yield moment.at, effect

    def elections(self) -> dict[int, frozenset[tuple[str, str]]]:
        """What it counted for each round: authors and tags of the ballots."""
        counted = {}
        for moment in self.trace.moments:
            for effect in moment.effects:
                if effect["effect"] == "learn":
                    for round, ballots in effect["elections"]:
                        counted[round] = frozenset((author, tag) for author, tag in ballots)
        return counted


class History:
    """The lives of all peers."""

    def __init__(self, lives: Iterable[Life]) -> None:
        self.lives = list(lives)

    def of(self, peer: int) -> list[Life]:
        """The lives of one peer, in order."""
        return [life for life in self.lives if life.peer == peer]

    def equivocations(self) -> list[Name]:
        """Ballots of which more than one was seen anywhere."""
        seen: dict[Name, set[tuple[bytes, Any]]] = defaultdict(set)
        for life in self.lives:
            for _, ballot in life.ballots():
                seen[ballot.author, ballot.round].add((ballot.votes, ballot.ids))
        return sorted(name for name, ballots in seen.items() if len(ballots) > 1)

    def lacking(
        self, peers: Iterable[int], within: float, after: float = 0.0, last: int = 2**32
    ) -> list[Late]:
        """Ballots that one of `peers` held and another did not hold `within` seconds after.

        What was held before the moment `after` counts as from then.  `last`: no later rounds.
        Those that came in the last `within` seconds of a peer's life are not asked for.
        """
        those = list(peers)
        first: dict[int, dict[Name, float]] = {peer: {} for peer in those}
        for peer in those:
            for life in self.of(peer):
                for at, ballot in life.ballots():
                    if ballot.round <= last:
                        first[peer].setdefault((ballot.author, ballot.round), at)
        late = []
        names = sorted({name for held in first.values() for name in held})
        for name in names:
            begin = max(after, min(held[name] for held in first.values() if name in held))
            for peer in those:
                came = first[peer].get(name)
                end = self.of(peer)[-1].span[1]
                if (came is None and end > begin + within) or (came or 0) > begin + within:
                    late.append(Late(*name, peer, None if came is None else came - begin))
        return late

    def worst(self, peers: Iterable[int], after: float = 0.0) -> float:
        """Seconds from when one of `peers` first held a ballot until all did, at most."""
        those = list(peers)
        firsts: dict[Name, dict[int, float]] = defaultdict(dict)
        for peer in those:
            for life in self.of(peer):
                for at, ballot in life.ballots():
                    firsts[ballot.author, ballot.round].setdefault(peer, at)
        whole = [held for held in firsts.values() if len(held) == len(those)]
        return max(
            (max(held.values()) - max(after, min(held.values())) for held in whole), default=0
        )

    def waits(self, peers: Iterable[int]) -> list[float]:
        """Seconds from the own ballot to the close, of every round of these peers."""
        return [
            notice["waited"]
            for peer in peers
            for life in self.of(peer)
            for _, notice in life.notices("round_closed")
        ]
