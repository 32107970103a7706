"""What all cases of one probe share: the peer under test, its run, and who takes part."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from ...messages import Ballot, Error, Hello, Ping, Pong
from ...parameters import RunParameters
from ...payloads import author_of
from ...runtime.command import Process
from ...runtime.raw import Raw
from .seen import Seen

__all__ = ["Session", "Subject"]

_GROUND = 30  # ballots ahead of the open round; the window has 64
_HIGHEST = 2**31  # a peer's word for a later round is not taken: cases play ahead of it
_ERROR_EVERY = 1.03  # s from one ERROR of the peer's to the next that a case may want


_KEPT = 64 * 2**20  # bytes that a probe keeps of all that comes; an honest one sends 5 MB


@dataclass(frozen=True, slots=True)
class Subject:
    """The peer under test, as its HELLO describes it."""

    identity: bytes
    instance: bytes
    author: bytes
    endpoint: str
    agent: str
    start: int | None


@dataclass
class Session:
    """One probe."""

    raw: Raw
    endpoint: str  # where the peer under test listens
    listen: str  # where players listen
    run: RunParameters
    clock: Callable[[], float]
    process: Process | None = None
    subject: Subject | None = None
    round: int | None = None  # the newest round that the peer was seen in
    begun: bool = False  # it voted before the prober came
    roster: int = 0  # its newest sum of the roster
    kept: int = 0  # bytes that came to all players
    seen: list[Seen] = field(default_factory=list)
    backwards: list[bytes] = field(default_factory=list)  # what its ROUTER sent
    members: dict[bytes, int | None] = field(default_factory=dict)  # author -> first round
    unsound: set[int] = field(default_factory=set)  # rounds in which its ballots were forged
    errors: asyncio.Lock = field(default_factory=asyncio.Lock)
    pace: asyncio.Lock = field(default_factory=asyncio.Lock)
    _error_at: float = -10.0
    _ground: int | None = None

    @property
    def span(self) -> int:
        """Rounds that one ballot covers."""
        return self.run.rounds_per_ballot

    def speaker(self, author: bytes) -> tuple[bytes, bytes] | None:
        """(identity, instance) of whoever is bound to a connection, to check signatures."""
        subject = self.subject
        if subject is None or subject.author != author:
            return None
        return subject.identity, subject.instance

    def room(self, size: int) -> bool:
        """Whether a message of `size` bytes is still kept; a peer may flood who probes it."""
        self.kept += size
        return not self.flooded

    @property
    def flooded(self) -> bool:
        """Whether more came than a probe keeps; nothing is taken in after that."""
        return self.kept > _KEPT

    def take(self, seen: Seen) -> None:
        """Remember what came, and what it says about the peer."""
        self.seen.append(seen)
        match seen.message:
            case Hello() as hello:
                self._meet(hello)
            case Error():
                self._error_at = seen.at
            case Ballot(author, round) if author == self.author:
                self._move_to(round)
            case Pong(nonce, roster, round):
                self.roster = roster
                if nonce and round is not None:
                    self._move_to(round)
            case Ping(_, roster):
                self.roster = roster

    @property
    def author(self) -> bytes:
        """The author id of the peer under test; empty before it has said HELLO."""
        return b"" if self.subject is None else self.subject.author

    def _meet(self, hello: Hello) -> None:
        if hello.run != self.run.digest:
            return
        if hello.round is not None:
            self._move_to(hello.round)
        if self.subject is None:
            self.begun = hello.round is not None
            self.subject = Subject(
                hello.identity,
                hello.instance,
                author_of(hello.identity),
                hello.endpoint,
                hello.agent,
                hello.start,
            )

    def _move_to(self, round: int) -> None:
        possible = round % self.span == 0 and round < _HIGHEST
        if possible and round not in self.unsound:
            self.round = max(round, -1 if self.round is None else self.round)

    def own_ground(self) -> int:
        """A round that nobody else uses, nor the one after it, well ahead and in the window."""
        if self._ground is None:
            self._ground = (self.round or 0) + _GROUND * self.span
        self._ground += 2 * self.span
        return self._ground

    async def error_may_come(self) -> None:
        """Wait until the peer may send ERROR again (VERDICT-4)."""
        await asyncio.sleep(max(0.0, self._error_at + _ERROR_EVERY - self.clock()))
