"""The steady player: there from the first round to the last, and master of the pace.

The peer under test runs in lockstep and waits for the anchor's ballots, so that a case can
hold a round open or let it close.  Between cases the anchor lets a round go now and then.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from .log import Log
from .player import Player
from .session import Session
from .verdict import Broken

__all__ = ["Anchor"]

_MOST_OPEN = 8.0  # s that a round stays open while no case holds it; the deadline is 30
_LOOK = 1.0  # s between two looks; PING so often keeps the peer from asking the anchor
_CLOSE = 15.0  # s that the peer may take to train and to vote
_POLL = 0.02, 0.2  # s between two PINGs while it does, growing


class Anchor(Player):
    """Votes in every round from its first on, when it is told to."""

    def __init__(self, session: Session) -> None:
        super().__init__(session, "anchor", Log(session.clock))
        self.voters: list[Player] = []  # who votes whenever the anchor does
        self._moved_at = session.clock()
        self._keeper: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        """Become a member that votes.  Raises :class:`Broken`."""
        session = self.session
        running = session.round if session.begun else None
        self.start = 0 if running is None else running // session.span * session.span
        await self.join()
        await self._reaches(self.start, "its first round does not open")
        self._follow()
        self._keeper = asyncio.create_task(self._keep())

    async def end(self) -> None:
        """Keep the pace no longer."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])

    @asynccontextmanager
    async def still(self) -> AsyncIterator[int]:
        """Nobody else moves the rounds meanwhile; the open round."""
        async with self.session.pace:
            await self.ping()
            yield self._follow()

    async def advance(self, *, by: Player | None = None) -> int:
        """Let the open round close, with the ballots of all who vote; the next round.

        Call it inside `still`.  `by` votes in any case.  Raises :class:`Broken` when the
        round stays open.
        """
        round = self._follow()
        self.cast(round)
        for voter in {*self.voters, *([by] if by else [])}:
            if voter.start is not None and voter.start <= round:
                voter.at = round
                voter.cast(round)
        await self._reaches(round + 1, f"round {round} stays open though all ballots are there")
        return self._follow()

    async def opened(self, round: int) -> None:
        """Wait until the peer is in `round` or later.  Raises :class:`Broken`."""
        await self._reaches(round, f"round {round} does not open")
        self._follow()

    async def _reaches(self, round: int, otherwise: str) -> None:
        pause, most = _POLL
        end = self.session.clock() + _CLOSE
        while (await self.ping()).round is None or (self.session.round or 0) < round:
            if self.session.clock() > end:
                raise Broken(f"after {_CLOSE:g} s {otherwise}")
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, most)

    def _follow(self) -> int:
        if self.session.round is None:
            raise Broken("the peer names no round that there can be")
        if self.at != self.session.round:
            self.at = self.session.round
            self._moved_at = self.session.clock()
        return self.at

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(_LOOK)
            try:
                if self.session.pace.locked():
                    await self.ping()
                    continue
                async with self.session.pace:
                    await self.ping()
                    self._follow()
                    if self.session.clock() - self._moved_at > _MOST_OPEN:
                        await self.advance()
            except Broken as broken:
                self.log.note(self.name, str(broken))
