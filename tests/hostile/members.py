"""What a member may do: an identity of its own, sealed HELLO, and then whatever it likes.

In a run with an electorate it is one of the list that has turned; in an open one, anybody.
No attack breaks a signature: they say what the keys allow, repeat what they heard, and make noise.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace

from tallyp2p.gossip.membership import author_of
from tallyp2p.messages import (
    Digest,
    DigestEntry,
    Have,
    Hello,
    Kind,
    Message,
    Peers,
    Ping,
    Pong,
    Want,
)
from tallyp2p.parameters import LIMITS, RunParameters
from tallyp2p.runtime.admission import Encryption
from tallyp2p.runtime.raw import Inbox, Line, Raw
from tallyp2p.wire.codec import Codec
from tallyp2p.wire.seal import Sealer, identity_of
from tests.hostile.house import TURNED
from tests.hostile.strangers import Figures
from tests.world import ballot_of

__all__ = ["ATTACKS", "Attack", "Impostor"]

Attack = Callable[[RunParameters, list[str], int], Awaitable[Figures]]
"""(run, endpoints of the honest, the first of which is the target, how much)."""

_BATCH = 200  # frames sent before the loop gets its turn
_KEPT = 10_000  # messages
_QUIET = 0.3  # s without a message: nothing more comes


class Anybody:
    """A list of members that has everybody on it, for one who does not mind the true one."""

    def __init__(self, digest: str) -> None:
        self.digest = digest

    def __contains__(self, identity: object) -> bool:
        return True


class Wires(Raw):
    """Sockets of one who has the key `secret`, and encrypts where others do."""

    def __init__(self, secret: bytes, encrypted: bool) -> None:
        super().__init__()
        self._encryption = Encryption.of(secret) if encrypted else None

    def line(self, endpoint: str, name: bytes = b"", encryption: Encryption | None = None) -> Line:
        """A DEALER, see Raw; under the own key where the endpoint names its own."""
        return super().line(endpoint, name, encryption or self._encryption)

    async def listen(self, arrived: Callable[[bytes, list[bytes]], None]) -> tuple[Inbox, str]:
        """An inbox, and how others reach it."""
        inbox = await self.inbox("tcp://127.0.0.1:*", arrived, self._encryption)
        return inbox, inbox.endpoint


class Impostor:
    """A member by hand: says what it is told to, and keeps what it hears."""

    def __init__(self, raw: Wires, run: RunParameters, secret: bytes | None = None) -> None:
        self.run, self.raw = run, raw
        self.secret = secret or os.urandom(32)
        self.identity = identity_of(self.secret)
        self.author = author_of(self.identity)
        self.instance = os.urandom(8)
        listed = Anybody(run.electorate) if run.electorate else None
        sealer = Sealer(run.digest, self.secret, self.instance, electorate=listed)
        self.codec = Codec(run, self.author, sealer)
        self.heard: list[bytes] = []
        self.authors: list[bytes] = []  # of the honest, in the order of their endpoints
        self.bytes = 0
        self.endpoint = ""
        self._inbox: Inbox | None = None
        self._news = asyncio.Event()

    def elsewhere(self, at: int) -> str:
        """The `at`th of many endpoints at which nobody listens."""
        address = f"tcp://127.{9 + at // 60_000}.{at // 250 % 240}.{1 + at % 250}:9"
        return address + self.endpoint[self.endpoint.find("#") :] * ("#" in self.endpoint)

    async def listen(self) -> None:
        """Have an endpoint of one's own."""
        self._inbox, self.endpoint = await self.raw.listen(self._arrived)

    def _arrived(self, link: bytes, parts: list[bytes]) -> None:
        self.bytes += sum(map(len, parts))
        if len(self.heard) < _KEPT:
            self.heard += parts
        self._news.set()

    def hello(self, **changes: object) -> bytes:
        """The frame of HELLO; without a first round, so that nobody waits for its ballots."""
        hello = Hello(
            identity=self.identity,
            instance=self.instance,
            endpoint=self.endpoint,
            run=self.run.digest,
            met=True,
        )
        return self.codec.encode(replace(hello, **changes))  # type: ignore[arg-type]

    def frame(self, message: Message) -> bytes:
        """The frame of anything else."""
        return self.codec.frame(message)

    async def join(self, target: str, name: bytes = b"", **changes: object) -> Line:
        """A connection on which HELLO was said and heard."""
        line = self.raw.line(target, name)
        greeted = len(self.of(Kind.HELLO))
        line.send(self.hello(**{"met": False, **changes}))
        await self.hears(lambda frames: len(self.of(Kind.HELLO)) > greeted)
        hello = self.codec.decode(self.of(Kind.HELLO)[-1], None)
        assert isinstance(hello, Hello)
        self.authors.append(author_of(hello.identity))
        return line

    def of(self, kind: Kind) -> list[bytes]:
        """Frames of one kind that were heard."""
        return [frame for frame in self.heard if frame[0] == kind]

    async def round(self, line: Line) -> int:
        """The round that the honest are in."""
        before = len(self.of(Kind.PONG))
        line.send(self.frame(Ping(1, 0)))
        await self.hears(lambda frames: len(self.of(Kind.PONG)) > before)
        return int.from_bytes(self.of(Kind.PONG)[-1][10:14], "big")

    async def ask(self, line: Line, rounds: int) -> None:
        """Ask for the newest ballots of all honest authors, and wait for them."""
        newest = await self.round(line)
        pairs = [(a, r) for r in range(max(0, newest - rounds), newest) for a in self.authors]
        line.send(self.frame(Want(tuple(pairs[: LIMITS.want]))))
        await self.quiet()

    async def hears(self, enough: Callable[[list[bytes]], bool], within: float = 20.0) -> bool:
        """Whether what was heard so far is enough, in time."""
        try:
            async with asyncio.timeout(within):
                while not enough(self.heard):
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            return False
        return True

    async def quiet(self, within: float = 5.0) -> None:
        """Nothing has come for a while."""
        try:
            async with asyncio.timeout(within):
                while True:
                    self._news.clear()
                    await asyncio.wait_for(self._news.wait(), _QUIET)
        except TimeoutError:
            return


async def flood(line: Line, frames: Iterable[bytes]) -> int:
    """Send as fast as the line takes; how many it took."""
    sent = 0
    for at, frame in enumerate(frames, 1):
        sent += line.send(frame)
        if at % _BATCH == 0:
            await asyncio.sleep(0)
    return sent


async def _with(run: RunParameters, attack: Callable[[Impostor], Awaitable[Figures]]) -> Figures:
    encrypted = bool(run.electorate)
    secret = TURNED if encrypted else os.urandom(32)
    raw = Wires(secret, encrypted)
    try:
        impostor = Impostor(raw, run, secret)
        await impostor.listen()
        return await attack(impostor)
    finally:
        raw.close()


def _flooding(make: Callable[[Impostor, int], bytes]) -> Attack:
    """An attack that says HELLO once and then `count` frames."""

    async def attack(run: RunParameters, targets: list[str], count: int) -> Figures:
        async def act(impostor: Impostor) -> Figures:
            line = await impostor.join(targets[0])
            sent = await flood(line, (make(impostor, at) for at in range(count)))
            await impostor.quiet()
            line.close(0)
            return {"messages": sent, "bytes that came": impostor.bytes}

        return await _with(run, act)

    return attack


def _forged(impostor: Impostor, at: int) -> bytes:
    """A ballot of its own with a signature that is none: the dearest thing to refuse."""
    return bytes((Kind.VOTE, 4)) + (0).to_bytes(4, "big") + bytes(16) + os.urandom(64)


async def hellos(run: RunParameters, targets: list[str], count: int) -> Figures:
    """`count` identities say HELLO, each from another connection and endpoint."""

    async def act(impostor: Impostor) -> Figures:
        lines = [impostor.raw.line(targets[0]) for _ in range(20)]
        frames = []
        for at in range(count):
            fresh = Impostor(impostor.raw, run)
            fresh.endpoint = impostor.elsewhere(at)
            frames.append(fresh.hello())
        sent = 0
        for at, frame in enumerate(frames):
            sent += lines[at % len(lines)].send(frame)
            if at % _BATCH == 0:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.5)
        for line in lines:
            line.close(0)
        return {"messages": sent}

    return await _with(run, act)


async def lies(run: RunParameters, targets: list[str], count: int) -> Figures:
    """HELLO and PONG of far rounds, of the oldest, and of ballots that nobody has cast."""
    far = 2**32 - 2

    async def act(impostor: Impostor) -> Figures:
        line = await impostor.join(targets[0], round=far, known=LIMITS.members)
        pongs = (Pong(at, at, (far, 0, 7)[at % 3]) for at in range(1, count + 1))
        sent = await flood(line, (impostor.frame(pong) for pong in pongs))
        again = {"round": far, "held": far, "met": False}
        sent += await flood(line, [impostor.hello(**again)] * 50)
        await impostor.quiet()
        line.close(0)
        return {"messages": sent}

    return await _with(run, act)


async def replay(run: RunParameters, targets: list[str], count: int) -> Figures:
    """All that one honest peer says to us, said again to another; and HELLO of another run."""

    async def act(impostor: Impostor) -> Figures:
        line = await impostor.join(targets[1])
        await impostor.ask(line, 40)
        foreign = Impostor(impostor.raw, replace(run, seed=run.seed + 1), impostor.secret)
        foreign.endpoint = impostor.endpoint
        ballot = foreign.codec.seal(ballot_of(foreign.run, foreign.author, 0))
        hello, *others = sorted(impostor.heard, key=lambda frame: frame[0] != Kind.HELLO)
        thief = impostor.raw.line(targets[0])
        sent = await flood(thief, [foreign.hello(), hello, foreign.frame(ballot)])
        sent += await flood(thief, others * max(1, count // max(1, len(others))))
        await impostor.quiet()
        line.close(0)
        thief.close(0)
        return {"messages": sent, "recorded": len(others)}

    return await _with(run, act)


async def stolen_names(run: RunParameters, targets: list[str], count: int) -> Figures:
    """A member's routing id, taken by `count` connections that speak for it."""

    async def act(impostor: Impostor) -> Figures:
        name = b"\x01stolen.."
        line = await impostor.join(targets[0], name)
        thieves = [impostor.raw.line(targets[0], name) for _ in range(count)]
        for at, thief in enumerate(thieves):
            thief.send(impostor.frame(Ping(0xBAD0000 + at, 0)))
        await impostor.quiet()
        for other in (line, *thieves):
            other.close(0)
        answered = [frame for frame in impostor.of(Kind.PONG) if frame[2:4] == b"\x0b\xad"]
        return {"answers to thieves": len(answered)}

    return await _with(run, act)


async def dead_ends(run: RunParameters, targets: list[str], count: int) -> Figures:
    """PEERS with `count` endpoints at which nobody listens."""

    async def act(impostor: Impostor) -> Figures:
        line = await impostor.join(targets[0])
        dead = [impostor.elsewhere(at) for at in range(count)]
        blocks = [dead[at : at + LIMITS.peers] for at in range(0, count, LIMITS.peers)]
        sent = await flood(line, (impostor.frame(Peers(tuple(block))) for block in blocks))
        await impostor.quiet()
        line.close(0)
        return {"messages": sent}

    return await _with(run, act)


def _bounced(make: Callable[[Impostor, int], Message]) -> Attack:
    """HELLO with a bystander's endpoint, then `count` times what is answered there; how many
    bytes come there for one that is sent."""

    async def attack(run: RunParameters, targets: list[str], count: int) -> Figures:
        async def act(impostor: Impostor) -> Figures:
            line = await impostor.join(targets[0])  # its inbox is the bystander's
            frame = impostor.frame(make(impostor, await impostor.round(line)))
            await impostor.quiet()
            before = impostor.bytes
            sent = await flood(line, [frame] * count) * len(frame)
            await impostor.quiet(8.0)
            line.close(0)
            came = impostor.bytes - before
            return {"bytes sent": sent, "bytes that came": came, "times": round(came / sent, 1)}

        return await _with(run, act)

    return attack


def _digest(impostor: Impostor, round: int) -> Message:
    """Of as many rounds as can be, all unlike."""
    rounds = range(max(0, round - 60), round + 60)
    return Digest(tuple(DigestEntry(at, 1, bytes(16)) for at in rounds))


def _want(impostor: Impostor, round: int) -> Message:
    """Of all that one is known to hold."""
    author = impostor.authors[0]
    return Want(tuple((author, at) for at in range(max(0, round - 60), round)))


def _have(impostor: Impostor, at: int) -> bytes:
    authors = sorted({os.urandom(8) for _ in range(200)})
    return impostor.frame(Have(at % 64, tuple((author, bytes(16)) for author in authors)))


async def two_faces(run: RunParameters, targets: list[str], count: int) -> Figures:
    """Two different ballots of its own for each of the next rounds, by turns to the honest."""

    async def act(impostor: Impostor) -> Figures:
        lines = [await impostor.join(target) for target in targets]
        newest = await impostor.round(lines[0])
        sent = 0
        for round in range(newest, newest + min(count, 60)):
            for at, line in enumerate(lines):
                ballot = ballot_of(run, impostor.author, round, "one" if at % 2 else "other")
                sent += line.send(impostor.frame(impostor.codec.seal(ballot)))
        await impostor.quiet()
        for line in lines:
            line.close(0)
        return {"messages": sent}

    return await _with(run, act)


ATTACKS: dict[str, Attack] = {
    "pings": _flooding(lambda impostor, at: impostor.frame(Ping(at + 1, at))),
    "forged ballots": _flooding(_forged),
    "lists": _flooding(_have),
    "noise": _flooding(lambda impostor, at: os.urandom(40)),
    "lies": lies,
    "replay": replay,
    "stolen names": stolen_names,
    "dead ends": dead_ends,
    "digests": _bounced(_digest),
    "wants": _bounced(_want),
    "two faces": two_faces,
    "hellos": hellos,
}
