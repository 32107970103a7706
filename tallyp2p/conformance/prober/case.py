"""What a case is, and the list of all cases.

A case is an async function of a `Stage`.  It returns when it has seen enough, having told
the stage what it found; what it does not tell is as the text says.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .stage import Stage

__all__ = ["Case", "Lane", "Need", "case", "chosen"]

Play = Callable[["Stage"], Awaitable[None]]


class Lane(Enum):
    """When a case is played.  Those of one lane follow one another; lanes run side by side."""

    FIRST = "before anybody votes, one after another"
    ALONE = "with the anchor and nobody else, one after another"
    ROUNDS = "moves the rounds on, or holds one open"
    ERRORS = "makes the peer send ERROR, of which there is one a second at most"
    FREE = "minds nothing"
    SLOW = "waits for the peer's clocks: all of them side by side, from the beginning"
    LAST = "hard on the peer: after the others, one after another"
    END = "ends the peer"
    AFTER = "judges all that was seen"


class Need(Enum):
    """What a run, or the way the prober was started, must be for a case to be judged."""

    SAMPLED = "only for runs with spreading = sampled"
    BROADCAST = "only for runs with spreading = broadcast"
    DERIVED = "only for runs with ids = derived"
    EXPLICIT = "only for runs with ids = explicit"
    SEALED = "only for sealed runs"
    UNSEALED = "only for runs without seals"
    LISTED = "only for runs with an electorate"
    ENCRYPTED = "only for peers whose endpoint names a key"
    PROVED = "only for sealed runs of peers whose endpoint names a key"
    UNPROVED = "not where a connection proves whose it is"
    PROCESS = "needs --pid or --spawn, so that the peer can be told to leave"
    PADDING = "only where packed votes end within a byte"
    SPARE_LABEL = "only where the bits of a vote hold more than the highest label"


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that is tried, and what must come of it."""

    id: str  # group/name
    title: str
    description: str  # what the prober does
    expectation: str  # what the peer does, if it follows the text
    clauses: tuple[str, ...]
    lane: Lane
    needs: tuple[Need, ...]
    play: Play

    @property
    def group(self) -> str:
        """The part of the id before the slash."""
        return self.id.split("/")[0]


_ALL: dict[str, Case] = {}


def case(
    id: str,
    title: str,
    *,
    description: str,
    expectation: str,
    clauses: tuple[str, ...],
    lane: Lane = Lane.FREE,
    needs: tuple[Need, ...] = (),
) -> Callable[[Play], Play]:
    """Enter the function that follows as a case."""

    def enter(play: Play) -> Play:
        assert id not in _ALL, id
        _ALL[id] = Case(id, title, description, expectation, clauses, lane, needs, play)
        return play

    return enter


def chosen(only: tuple[str, ...] = ()) -> list[Case]:
    """All cases, or those that `only` names by id or by how their ids begin, in reading order."""
    from . import cases  # brings them all in

    cases.load()
    begins = tuple(word for word in only if word not in _ALL)
    found = [
        case
        for case in _ALL.values()
        if not only or case.id in only or (begins and case.id.startswith(begins))
    ]
    return sorted(found, key=lambda case: cases.GROUPS.index(case.group))
