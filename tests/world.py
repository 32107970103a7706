"""Many machines, a fake wire and a virtual clock: a whole network in memory for tests.

The wire can lose, double, delay, reorder and cut, all from one seed.  Every message passes
through the real codec, and every machine's ``check()`` runs after every step.
"""

from __future__ import annotations

import hashlib
import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from tallyp2p.bits import pack
from tallyp2p.consensus import probes
from tallyp2p.consensus.contributor import Election
from tallyp2p.errors import Reason, RemoteError
from tallyp2p.gossip import events
from tallyp2p.gossip.machine import PeerMachine
from tallyp2p.messages import Message
from tallyp2p.parameters import Ids, RunParameters, Seal, Timing
from tallyp2p.payloads import Ballot
from tallyp2p.wire.codec import Codec
from tallyp2p.wire.seal import Sealer
from tallyp2p.wire.seal import identity_of as public

SMALL_RUN = RunParameters(classes=10, pool=40, probes=4, rounds_per_ballot=2)


def identity_of(name: object) -> bytes:
    """A 32-byte identity that follows from a name."""
    return hashlib.sha256(f"identity {name}".encode()).digest()


def ballot_of(run: RunParameters, author: bytes, round: int, salt: str = "") -> Ballot:
    """A valid ballot that follows from author and round (and `salt`, for equivocators)."""
    random = Random(f"{author.hex()} {round} {salt}")
    labels = [random.randrange(run.highest_label + 1) for _ in range(run.votes)]
    ids = None
    if run.ids is Ids.EXPLICIT:
        ids = tuple(sorted(random.sample(range(run.pool), run.votes)))
    return Ballot(author, round, pack(labels, run.bits), ids)


@dataclass
class Wire:
    """What the network does to one message; all shares are probabilities."""

    delay: float = 0.01
    jitter: float = 0.0
    loss: float = 0.0
    double: float = 0.0
    cut: Callable[[int, int], bool] = lambda a, b: False  # (from, to) that do not hear


@dataclass
class Peer:
    """One machine with what the shell would know."""

    index: int
    machine: PeerMachine
    codec: Codec
    endpoint: str
    lines: dict[str, bytes] = field(default_factory=dict)  # endpoint -> link id there
    elections: dict[int, Election] = field(default_factory=dict)
    closed: list[events.RoundClosed] = field(default_factory=list)
    notices: list[events.Notice] = field(default_factory=list)
    rejected: list[tuple[Reason, str]] = field(default_factory=list)
    learnt: list[int] = field(default_factory=list)
    finish: events.Finish | None = None
    frozen: bool = False
    dead: bool = False


class World:
    """`count` peers that start together, unless `start=False`."""

    def __init__(
        self,
        count: int,
        run: RunParameters = SMALL_RUN,
        timing: Timing | None = None,
        wire: Wire | None = None,
        seed: int = 0,
        train: Callable[[int, int], float] = lambda index, round: 0.1,
        start: bool = True,
    ) -> None:
        self.run, self.seed = run, seed
        self.timing = timing or Timing(rounds=12, quorum=count)
        self.wire = wire or Wire()
        self.train = train
        self.random = Random(f"world {seed}")
        self.now = 0.0
        self.peers: dict[int, Peer] = {}
        self.at: dict[str, Peer] = {}
        self.trace = hashlib.sha256()
        self.sent = 0
        self._lives = itertools.count()
        self._links = itertools.count()
        self._queue: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._salt: dict[int, str] = {}
        if start:
            endpoints = [self.add(index).endpoint for index in range(count)]
            for peer in list(self.peers.values()):
                self.feed(peer, events.Started(peer.endpoint, tuple(endpoints), fresh=True))

    # --- peers --------------------------------------------------------------------------

    def add(self, index: int, timing: Timing | None = None, name: object = None) -> Peer:
        """A machine at an endpoint of its own; it does not start yet."""
        life = next(self._lives)
        random = Random(f"machine {self.seed} {life}")
        secret, instance = identity_of(index if name is None else name), random.randbytes(8)
        sealed = self.run.seal is Seal.ED25519
        identity = public(secret) if sealed else secret
        timing = timing or self.timing
        machine = PeerMachine(self.run, timing, identity, instance, random, "test/1")
        sealer = Sealer(self.run.digest, secret, instance, machine.credentials) if sealed else None
        codec = self.make_codec(index, machine.author, sealer)
        peer = Peer(index, machine, codec, f"tcp://10.0.0.1:{1000 + life}")
        self.peers[index] = self.at[peer.endpoint] = peer
        return peer

    def make_codec(self, index: int, author: bytes, sealer: Sealer | None) -> Codec:
        """The codec of peer `index`; a test may give it another."""
        return Codec(self.run, author, sealer)

    def kill(self, index: int, noticed: bool = False) -> None:
        """As by kill -9: the process is gone and says nothing.

        `noticed`: the host lives on and closes its connections, which the others see.
        """
        victim = self.peers[index]
        victim.dead = True
        del self.at[victim.endpoint]
        for peer in self.peers.values():
            if noticed and victim.endpoint in peer.lines:
                self._queue_for(peer, self.wire.delay, events.Lost(victim.endpoint))

    def restart(self, index: int, seeds: list[int]) -> Peer:
        """The same identity in a new process that knows only `seeds`."""
        peer = self.add(index, timing=self.timing)
        endpoints = tuple(self.peers[seed].endpoint for seed in seeds)
        self.feed(peer, events.Started(peer.endpoint, endpoints))
        return peer

    def equivocate(self, index: int) -> None:
        """From now on this peer's ballots differ from those of its earlier life."""
        self._salt[index] = "other"

    def author(self, index: int) -> bytes:
        return self.peers[index].machine.author

    # --- running ------------------------------------------------------------------------

    def run_until(self, done: Callable[[], bool], limit: float = 600.0) -> None:
        """Advance virtual time until `done()`; fails loudly when it takes too long."""
        while not done():
            moment = self._next()
            if moment is None or moment > limit:
                phases = {p.index: (p.machine.phase, p.machine.round) for p in self.peers.values()}
                raise AssertionError(f"not done at {self.now:.1f} s, seed {self.seed}: {phases}")
            self._advance(moment)

    def run_for(self, seconds: float) -> None:
        """Advance virtual time by `seconds`."""
        end = self.now + seconds
        while (moment := self._next()) is not None and moment <= end:
            self._advance(moment)
        self.now = end

    def finish(self, limit: float = 600.0) -> None:
        """Run until every living peer has finished."""
        self.run_until(lambda: all(p.finish or p.dead for p in self.peers.values()), limit)

    def feed(self, peer: Peer, event: events.Event) -> None:
        """One event into one machine; obey what it asks for."""
        if peer.dead:
            return
        effects = peer.machine.handle(event, self.now)
        peer.machine.check()
        for effect in effects:
            self._obey(peer, effect)

    def later(self, delay: float, action: Callable[[], None]) -> None:
        """Do something at a virtual moment."""
        heapq.heappush(self._queue, (self.now + delay, next(self._order), action))

    def _next(self) -> float | None:
        moments = [self._queue[0][0]] if self._queue else []
        for peer in self.peers.values():
            wake = peer.machine.wake_at()
            if wake is not None and not peer.dead and not peer.frozen:
                moments.append(max(wake, self.now))
        return min(moments, default=None)

    def _advance(self, moment: float) -> None:
        self.now = moment
        if self._queue and self._queue[0][0] <= moment:
            heapq.heappop(self._queue)[2]()
            return
        for peer in list(self.peers.values()):
            wake = peer.machine.wake_at()
            if wake is not None and wake <= moment and not peer.dead and not peer.frozen:
                self.feed(peer, events.Ticked())
                again = peer.machine.wake_at()
                assert again is None or again > moment, f"{peer.machine.phase}: a tick in vain"

    # --- obeying ------------------------------------------------------------------------

    def _obey(self, peer: Peer, effect: events.Effect) -> None:
        match effect:
            case events.Dial(endpoint):
                assert endpoint not in peer.lines, f"{endpoint} is dialled already"
                peer.lines[endpoint] = b"\x01" + next(self._links).to_bytes(8, "big")
            case events.Hangup(endpoint):
                del peer.lines[endpoint]
            case events.Send(endpoint, message):
                self._send(peer, endpoint, message)
            case events.VoteOn(round):
                if self.run.ids is Ids.DERIVED:
                    assert len(probes.derive(self.run, round)) == self.run.votes
                salt = self._salt.get(peer.index, "")
                ballot = ballot_of(self.run, peer.machine.author, round, salt)
                self._queue_for(peer, 0.001, events.Cast(peer.codec.seal(ballot)))
            case events.Learn(round, elections):
                peer.learnt.append(round)
                for election in elections:
                    peer.elections[election.round] = election
                self._queue_for(peer, self.train(peer.index, round), events.Learned(round))
            case events.Finish():
                peer.finish = effect
            case events.Tell(notice):
                peer.notices.append(notice)
                if isinstance(notice, events.RoundClosed):
                    peer.closed.append(notice)

    def _queue_for(self, peer: Peer, delay: float, event: events.Event) -> None:
        def act() -> None:
            if peer.frozen:
                self.later(0.05, act)
            else:
                self.feed(peer, event)

        self.later(delay, act)

    def _send(self, peer: Peer, endpoint: str, message: Message) -> None:
        frame = peer.codec.encode(message)
        self.sent += len(frame)
        self.trace.update(f"{self.now:.6f} {peer.index} {endpoint} {frame.hex()}\n".encode())
        link = peer.lines[endpoint]
        target = self.at.get(endpoint)
        if target is None:
            return
        wire, random = self.wire, self.random
        for _ in range(2 if random.random() < wire.double else 1):
            if random.random() < wire.loss or wire.cut(peer.index, target.index):
                continue
            delay = wire.delay + random.random() * wire.jitter
            self.later(delay, lambda: self._deliver(endpoint, link, frame))

    def deliver(self, endpoint: str, link: bytes, frame: bytes) -> None:
        """A frame arrives; a test may bring one that no codec would make."""
        self._deliver(endpoint, link, frame)

    def _deliver(self, endpoint: str, link: bytes, frame: bytes) -> None:
        target = self.at.get(endpoint)
        if target is None:
            return
        if target.frozen:
            self.later(0.05, lambda: self._deliver(endpoint, link, frame))
            return
        try:
            message = target.codec.decode(frame, target.machine.sender(link))
        except RemoteError as error:
            if not error.optional:  # grease is no news
                target.rejected.append((error.reason, str(error)))
            about = (error.reason, str(error), error.optional, error.endpoint)
            self.feed(target, events.Trespassed(link, *about))
            return
        self.feed(target, events.Received(link, message))
