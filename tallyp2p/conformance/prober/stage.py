"""What a case is given: players, and the words in which it says what it found."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ...errors import Reason
from ...messages import Ballot, Error, Kind, Pong
from .anchor import Anchor
from .frames import want
from .log import Log
from .player import Player
from .session import Session, Subject
from .verdict import Broken, Finding, NotJudged, Verdict
from .words import reason_name

__all__ = ["Stage"]

_GRACE = 0.05  # s after a PONG in which what must not come might still come
_ANSWER = 0.8  # s that an ERROR may take on a connection of its own


class Stage:
    """One case at play."""

    def __init__(self, session: Session, anchor: Anchor | None = None) -> None:
        self.session, self._anchor = session, anchor
        self.finding = Finding()
        self.log = Log(session.clock)
        self._players: list[Player] = []

    @property
    def subject(self) -> Subject:
        """The peer under test."""
        if self.session.subject is None:
            raise NotJudged("the peer has said HELLO to nobody")
        return self.session.subject

    # --- findings ---------------------------------------------------------------------------

    def must(self, good: bool, otherwise: str) -> None:
        """A MUST.  Raises :class:`Broken`: what follows would mean nothing."""
        if not good:
            raise Broken(otherwise)

    def should(self, good: bool, otherwise: str) -> None:
        """A SHOULD."""
        if not good:
            self.finding.add(Verdict.NON_STRICT, otherwise)

    def tell(self, what: str) -> None:
        """The text leaves it open."""
        self.finding.add(Verdict.INFORMATIONAL, what)

    def note(self, what: str) -> None:
        """Worth knowing, and as the text says."""
        self.finding.add(Verdict.OK, what)

    def lacks(self, what: str) -> None:
        """A part that the peer leaves out, as it may."""
        self.finding.add(Verdict.UNIMPLEMENTED, what)

    # --- players ----------------------------------------------------------------------------

    def newcomer(
        self, name: str = "player", *, start: int | None = None, secret: bytes = b""
    ) -> Player:
        """A player that has not said anything yet; it leaves when the case ends."""
        player = Player(self.session, name, self.log, start=start, secret=secret)
        self._players.append(player)
        return player

    async def player(self, name: str = "player", *, start: int | None = None) -> Player:
        """A player that the peer has met."""
        player = self.newcomer(name, start=start)
        await player.join()
        return player

    def dismiss(self) -> None:
        """Let all players leave."""
        for player in self._players:
            if self._anchor is not None and player in self._anchor.voters:
                self._anchor.voters.remove(player)
            player.leave()

    @property
    def anchor(self) -> Anchor:
        """The steady player."""
        if self._anchor is None:
            raise NotJudged("the anchor could not take part")
        return self._anchor

    # --- what many cases do -----------------------------------------------------------------

    async def still_answers(self, player: Player, after: str) -> Pong:
        """PING is answered; raises :class:`Broken` otherwise."""
        try:
            return await player.ping()
        except Broken:
            raise Broken(f"after {after} PING is not answered any more") from None

    async def in_silence(self, player: Player, *frames: bytes, what: str) -> None:
        """What is sent here must not be answered, and PING must.

        Sent when an ERROR could come: a peer that has just sent one would be silent anyway.
        """
        async with self.error_slot():
            player.mark()
            for frame in frames:
                player.throw(frame, what=what)
            await self.still_answers(player, what)
            await asyncio.sleep(_GRACE)
        errors = [seen.message for seen in player.heard(Error)]
        self.must(not errors, f"{what} is answered by ERROR")

    @asynccontextmanager
    async def error_slot(self) -> AsyncIterator[None]:
        """Nobody else makes the peer send ERROR meanwhile, and it may send one."""
        async with self.session.errors:
            await self.session.error_may_come()
            yield

    async def error_for(self, player: Player, what: str, *reasons: Reason) -> None:
        """The ERROR that SHOULD answer what `player` has just sent (VERDICT-3)."""
        error = await player.hear(Error, within=_ANSWER)
        names = " or ".join(reason.name for reason in reasons)
        if error is None:
            self.should(False, f"{what} is not answered by ERROR {names}")
        elif error.code not in reasons:
            named = reason_name(error.code)
            self.should(False, f"{what} is answered by ERROR {named}, not {names}")

    async def refused(self, player: Player, frame: bytes, what: str, *reasons: Reason) -> None:
        """`frame` is refused with ERROR, and harms nothing."""
        async with self.error_slot():
            player.mark()
            player.throw(frame, what=what)
            await self.still_answers(player, what)
            await self.error_for(player, what, *reasons)

    async def holds(self, player: Player, author: bytes, round: int) -> list[bytes]:
        """Frames of the ballots that WANT brings for `author` and `round`."""
        at = len(player.seen)
        player.throw(want((author, round)), what=f"WANT {author.hex()} round {round}")
        await self.still_answers(player, "WANT")
        return [
            seen.frame
            for seen in player.seen[at:]
            if seen.frame[:1] == bytes((Kind.VOTE,))
            and (not isinstance(seen.message, Ballot) or seen.message.author == author)
            and seen.frame[2:6] == round.to_bytes(4, "big")
        ]

    def ahead(self, ballots: int) -> int:
        """The round that many ballots after the one that the peer was last seen in."""
        return (self.session.round or 0) + ballots * self.session.span
