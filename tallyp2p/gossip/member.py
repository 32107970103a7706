"""Another peer, as one peer sees it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["Change", "Introduction", "Member", "State", "roster_part"]


def roster_part(author: bytes, start: int | None) -> int:
    """What a member whose first round is `start` adds to the sum of a roster, u32 (MEMBER-7)."""
    spread = 0 if start is None else (start + 1) * 2654435761 % 2**32
    return int.from_bytes(author[:4], "big") ^ spread


class State(StrEnum):
    """What one peer believes of another."""

    ALIVE = "alive"
    SUSPECT = "suspect"
    GONE = "gone"


class Introduction(StrEnum):
    """What a HELLO turned out to be."""

    NEW = "new"  # an author never met, or one that had gone
    RESTARTED = "restarted"  # a known author's new process
    KNOWN = "known"  # the same process again, perhaps with news
    FULL = "full"  # no room for another member


@dataclass(slots=True)
class Member:
    """Another peer."""

    author: bytes
    identity: bytes
    instance: bytes
    endpoint: str
    heard_at: float
    former: tuple[bytes, ...] = ()  # instances that it had before: they do not come back
    links: list[bytes] = field(default_factory=list)  # inbound connections with its HELLO
    state: State = State.ALIVE
    start: int | None = None  # first round in which it votes; None: not decided
    round: int | None = None  # newest round that it was seen to have open
    until: int | None = None  # the last round in whose roster it is, once it votes no more
    finished: bool = False  # it votes no more, but still answers
    left: bool = False  # it said BYE: only another HELLO brings it back
    asked_at: float | None = None  # when the oldest unanswered question was put
    borne: float = 0.0  # seconds for which that is borne until it is suspect
    remind_at: float = 0.0  # when an unanswered question is put again, as PING
    silent_since: float = 0.0  # when it became suspect, or gone
    lost: bool = False  # it became suspect because its connection broke, not by silence
    vouched: int = -1  # newest round whose ballot, brought by others, showed that it lives
    met_at: float = 0.0  # when it first said HELLO
    greeted_at: float = 0.0  # when HELLO may next be repeated to it
    told_at: float = 0.0  # when it may next be told of a roster that differs from its own

    @property
    def votes(self) -> bool:
        """Whether it is there and has not said that it votes no more."""
        return self.state is State.ALIVE and not self.finished


@dataclass(frozen=True, slots=True)
class Change:
    """A member's state changed; `cause` is a word for people."""

    member: Member
    cause: str
