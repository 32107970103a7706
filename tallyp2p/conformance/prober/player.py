"""One scripted peer: it keeps the rules by itself as far as a case wants it to.

It has an identity, an inbox and a line to the peer under test, answers HELLO, PING and WANT
unless told not to, and remembers what it saw.  It votes only where a case lets it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, TypeVar

from ...bits import pack
from ...errors import RemoteError
from ...messages import Ballot, Bye, Error, Hello, Kind, Message, Ping, Pong, Want
from ...parameters import Ids, Seal
from ...payloads import author_of
from ...runtime.admission import Encryption
from ...runtime.raw import Inbox, Line
from ...wire.codec import Codec
from ...wire.hello import endpoint_key
from .log import Log
from .seen import Seen
from .session import Session
from .verdict import Broken
from .words import kind_name, words

if TYPE_CHECKING:
    from ...wire.seal import Sealer

__all__ = ["Player"]

_KNOWN = 1024  # members that a player says it knows, so that nobody sends it PEERS
_PATIENCE = 3.0  # s that an answer may take which the peer owes at once

M = TypeVar("M")


class _Unseen:
    """The list of a run's members that nobody has shown the prober: anybody may be on it."""

    def __init__(self, digest: str) -> None:
        self.digest = digest

    def __contains__(self, identity: object) -> bool:
        return True


class Player:
    """Make it with `Stage.player`."""

    def __init__(
        self,
        session: Session,
        name: str,
        log: Log,
        *,
        start: int | None = None,
        secret: bytes = b"",
    ) -> None:
        self.name, self.session, self.log = name, session, log
        self.start = start  # the first round in which it says that it votes
        self.at: int | None = None  # the round that it says it has open
        self.held: int | None = None  # ... and the peer's newest ballot that it holds
        self.last: int | None = None  # newest round that it voted in
        self.known = _KNOWN
        self.silent = False  # answers nothing by itself
        self.ballots: dict[int, Ballot] = {}
        self.seen: list[Seen] = []
        self.secret = secret or os.urandom(32)
        self.endpoint = ""
        self.encryption: Encryption | None = None
        if endpoint_key(session.endpoint):  # under the identity, where those are keys
            self.encryption = Encryption.of(self.secret)
        self._bound: dict[bytes, bytes] = {}  # link -> author that said HELLO on it
        self._links: set[bytes] = set()
        self._since = 0
        self._news = asyncio.Event()
        self._inbox: Inbox | None = None
        self._line: Line | None = None
        self._nonce = Random(self.secret)
        self.reborn()

    def reborn(self) -> None:
        """A new process of the same peer: another instance."""
        self.instance = os.urandom(8)
        run = self.session.run
        self.sealer: Sealer | None = None
        self.identity = self.secret
        if run.seal is Seal.ED25519:
            from ...wire.seal import Sealer, identity_of

            self.identity = identity_of(self.secret)
            listed = _Unseen(run.electorate) if run.electorate else None
            known = self.session.speaker
            self.sealer = Sealer(run.digest, self.secret, self.instance, known, listed)
        self.author = author_of(self.identity)
        self.codec = Codec(run, self.author, self.sealer)

    # --- there and gone -------------------------------------------------------------------

    async def listen(self, at: str = "") -> None:
        """Have an endpoint, on a free port unless `at` names one."""
        listen = at.partition("#")[0] or self.session.listen
        self._inbox = await self.session.raw.inbox(listen, self._arrived, self.encryption)
        self.endpoint = self._inbox.endpoint

    def dial(self, name: bytes = b"") -> None:
        """Open the line to the peer, anew if there is one, under a routing id."""
        if self._line is not None:
            self.unread()
            self._line.close()
        self._line = self.session.raw.line(self.session.endpoint, name, self.encryption)

    async def join(self, *, met: bool = False, within: float = _PATIENCE) -> Hello:
        """Listen, dial, say HELLO; the peer's HELLO in answer.  Raises :class:`Broken`."""
        if self._inbox is None:
            await self.listen()
        if self._line is None:
            self.dial()
        self.mark()
        self.say(self.hello(met=met))
        hello = await self.expect(Hello, within=within, what="HELLO in answer to HELLO")
        self.session.members[self.author] = self.start
        return hello

    def leave(self) -> None:
        """BYE, as somebody who leaves now, and silence."""
        if self._line is not None:
            self.say(Bye(self.last, 0))
        self.vanish()

    def vanish(self) -> None:
        """Be gone without a word."""
        self.session.members.pop(self.author, None)
        self.hang_up()
        if self._inbox is not None:
            self._inbox.close()
            self._inbox = None

    def hang_up(self) -> None:
        """Close the line, and keep listening."""
        if self._line is not None:
            self.unread()
            self._line.close()
            self._line = None

    def unread(self) -> None:
        """Take note of what the peer's ROUTER sent, which it must not."""
        if self._line is not None:
            for parts in self._line.unread():
                self.log.note(self.name, f"the peer's ROUTER sent {b' | '.join(parts).hex()}")
                self.session.backwards.append(b"".join(parts))

    # --- saying ---------------------------------------------------------------------------

    def hello(self, *, met: bool = True) -> Hello:
        """What this player says of itself."""
        return Hello(
            identity=self.identity,
            instance=self.instance,
            endpoint=self.endpoint,
            run=self.session.run.digest,
            known=self.known,
            round=self.at,
            start=self.start,
            met=met,
            held=self.held,
            agent="tallyp2p-prober",
        )

    def say(self, message: Message) -> bytes:
        """Send a message; its frame."""
        frame = self.codec.encode(message)
        self.throw(frame, what=words(message))
        return frame

    def throw(self, *parts: bytes, what: str = "") -> None:
        """Send these frames as one message, whatever they are."""
        assert self._line is not None, self.name
        self.log.sent(self.name, b" | ".join(parts), what or f"{kind_name(parts[0])}, by hand")
        self._line.send(*parts)

    def signed(self, frame: bytes, instance: bytes = b"") -> bytes:
        """`frame`, made by hand, with its signature where the run is sealed."""
        if self.sealer is None:
            return frame
        from ...wire.seal import sign

        kind = Kind(frame[0])
        frame = bytes((frame[0], frame[1] | 0x04)) + frame[2:]
        at = 38 if kind is Kind.VOTE and frame[1] & 0x01 else 6
        text = self.sealer.text(kind, frame, at, instance or self.instance)
        return frame + sign(self.secret, text)

    def reply(self, link: bytes, frame: bytes, what: str) -> bool:
        """Send from the own ROUTER to the peer's DEALER, which the rules forbid."""
        assert self._inbox is not None
        self.log.sent(self.name, frame, what)
        return self._inbox.reply(link, frame)

    async def ping(self, within: float = _PATIENCE) -> Pong:
        """PING; the PONG to it.  Raises :class:`Broken`."""
        nonce = self._nonce.randrange(1, 2**32)
        self.say(Ping(nonce, self.session.roster))
        what = f"PONG to PING {nonce:08x}"
        return await self.expect(Pong, lambda m: m.nonce == nonce, within=within, what=what)

    # --- ballots --------------------------------------------------------------------------

    def ballot(self, round: int, salt: str = "") -> Ballot:
        """The ballot that follows from author, round and `salt`, sealed where runs are."""
        run = self.session.run
        random = Random(f"{self.author.hex()} {round} {salt}")
        ids = None
        if run.ids is Ids.EXPLICIT:
            ids = tuple(sorted(random.sample(range(run.pool), run.votes)))
        labels = [random.randrange(run.highest_label + 1) for _ in range(run.votes)]
        return self.codec.seal(Ballot(self.author, round, pack(labels, run.bits), ids))

    def cast(self, round: int) -> Ballot:
        """Vote in `round`: the ballot is sent, and kept for who asks."""
        ballot = self.ballots.setdefault(round, self.ballot(round))
        self.last = max(round, -1 if self.last is None else self.last)
        self.say(ballot)
        return ballot

    # --- hearing --------------------------------------------------------------------------

    def mark(self, at: int | None = None) -> int:
        """From here on `hear` and `expect` listen (`at`: from there on); what was is over."""
        self._since = len(self.seen) if at is None else at
        return self._since

    def heard(self, kind: type[M], where: Callable[[M], bool] = lambda m: True) -> list[Seen]:
        """What has come since the mark."""
        return [
            seen
            for seen in self.seen[self._since :]
            if isinstance(seen.message, kind) and where(seen.message)
        ]

    async def hear(
        self, kind: type[M], where: Callable[[M], bool] = lambda m: True, *, within: float
    ) -> M | None:
        """The first such message since the mark, waiting for it; None when none comes."""
        since = self._since
        try:
            async with asyncio.timeout(within):
                while True:
                    for seen in self.seen[since:]:
                        if isinstance(seen.message, kind) and where(seen.message):
                            return seen.message
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return None

    async def expect(
        self,
        kind: type[M],
        where: Callable[[M], bool] = lambda m: True,
        *,
        within: float = _PATIENCE,
        what: str = "",
    ) -> M:
        """As `hear`; raises :class:`Broken` when none comes."""
        since = self._since
        message = await self.hear(kind, where, within=within)
        if message is None:
            refused = [s.problem for s in self.seen[since:] if s.problem and not s.optional]
            instead = f"; what came must be refused ({refused[0]})" if refused else ""
            name = what or kind.__name__.upper()
            instead += "; it floods whoever probes it" if self.session.flooded else ""
            raise Broken(f"no {name} came within {within:g} s{instead}")
        return message

    def _arrived(self, link: bytes, parts: list[bytes]) -> None:
        frame = b"".join(parts)
        if not self.session.room(len(frame)):
            return
        seen = Seen(self.session.clock(), self.name, link, link not in self._links, frame, None)
        self._links.add(link)
        if len(parts) != 1:
            seen = replace(seen, problem=f"a message of {len(parts)} frames")
        else:
            try:
                message = self.codec.decode(frame, self._bound.get(link))
                seen = replace(seen, message=message)
            except RemoteError as error:
                problem = f"{error.reason.name}: {error}"
                seen = replace(seen, problem=problem, optional=error.optional)
        said = words(seen.message) if seen.message else f"{kind_name(frame)} ({seen.problem})"
        self.log.seen(self.name, frame, said)
        self.seen.append(seen)
        self.session.take(seen)
        if isinstance(seen.message, Hello):
            self._bound[link] = author_of(seen.message.identity)
        if seen.message is not None and not self.silent and self._line is not None:
            self._react(seen.message)
        self._news.set()

    def _react(self, message: Message) -> None:
        """What everybody owes."""
        match message:
            case Hello(met=False):
                self.say(self.hello())
            case Ping(nonce, roster):
                self.say(Pong(nonce, roster, self.at))
            case Want(entries):
                lacking = False
                for author, round in entries:
                    ballot = self.ballots.get(round) if author == self.author else None
                    if ballot is not None:
                        self.say(ballot)
                    lacking |= author == self.author and ballot is None
                if lacking:
                    self.say(Pong(0, self.session.roster, self.at))
            case Error():
                pass  # shown in the log; nothing may follow from it (ERROR-3)
