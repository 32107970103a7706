"""A whole world: peers, clock, network and mischief from one description and one seed."""

from __future__ import annotations

import gc
import hashlib
import shlex
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from random import Random

from ..birth import Birth
from ..gossip.events import Learn
from ..gossip.machine import PeerMachine
from ..messages import Ballot
from ..parameters import Timing
from . import faults
from .clock import Clock
from .host import Host
from .hostile import claimant, equivocator, garbage, liar
from .invariants import Watch
from .learners import Learners, Voter
from .links import Network
from .post import Post
from .result import Result, summed_up
from .spec import Hostility, Kind, WorldSpec
from .voters import Electorate

__all__ = ["World"]

_EACH = 4096  # steps between two calls of `progress`
_EACH_TRAINING = 16  # the same where learners really train
_COLLECT = 1 << 20  # steps between two looks for garbage
_FIRST_SEEDS = 8  # endpoints that a peer of a run with a view knows at the beginning
_SEEDS = 3  # endpoints that a peer knows when it is started again
_LIE = 40  # ballots by which a liar says it is ahead
_PUSHED = 3  # ballots that are pushed at a time
_AGENT = "simulated"

Progress = Callable[["World"], None]


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Nearly all that a world makes lives as long as the world: to look through it again and again
    for what nobody can reach takes a tenth of the time, and finds next to nothing."""
    collected = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collected:
            gc.enable()


class World:
    """Makes all that `spec` describes; `run` lets it happen once."""

    def __init__(
        self,
        spec: WorldSpec,
        seed: int | None = None,
        options: str = "",
        secrets: Callable[[int], bytes] | None = None,
        machines: Callable[[Birth, int, int], PeerMachine] | None = None,
        learners: Learners | None = None,
    ) -> None:
        """`seed`: instead of the description's; `options`: what else replays this world.

        `secrets`: peer -> 32 bytes, its identity, or in sealed runs the secret key of it;
        such as those of the seats of a real swarm.  By default they follow from the seed.
        `machines`: (birth, peer, life) -> the machine, where it is to be recorded.
        `learners`: instead of the synthetic voters that the description tells of.
        """
        self.spec = spec
        self.seed = spec.seed if seed is None else seed
        self._secret = self._own_secret if secrets is None else secrets
        self._machine = (lambda birth, *_: birth.machine()) if machines is None else machines
        self.line = f"tallyp2p simulate {shlex.quote(spec.name)} --seed {self.seed}{options}"
        self.clock = Clock()
        self.network = Network(spec, self.chance("network"))
        self.post = Post(self.clock, self.network)
        self.learners = learners or Electorate(spec.run, spec.voting, self.seed)
        self.hosts: list[Host] = []  # all lives, in order
        self.peers: dict[int, Host] = {}  # the newest life of each peer
        self.done_at: dict[int, float] = {}  # life -> when it finished
        self.running = 0  # hosts that have something to do
        self.pending = 0  # starts that are still to come
        self.churned: list[tuple[float, int]] = []  # (when, who) crashed by churn
        self.watch = Watch(spec, self.clock, self.line, self.is_honest, self._done)
        self._hostile = {peer: part for part in spec.hostile for peer in part.peers}
        self._offsets = {peer: part.offset for part in spec.clocks for peer in part.peers}
        self._may_forget = faults.forgetful(spec)
        self._forgot: dict[int, int] = {}  # peer -> how often it lost its disk
        self._disk: dict[int, dict[int, Ballot]] = {}  # peer -> the ballots it has cast, by round
        self._seeds = self.chance("seeds")
        with self._collections():
            self._begin()

    def _begin(self) -> None:
        spec = self.spec
        late = {peer for part in spec.joins for peer in part.peers}
        first = [peer for peer in range(spec.peers) if peer not in late]
        view, timing = spec.run.view, spec.timing
        if spec.together:  # with a view nobody ever knows all
            quorum = min(len(first), view // 2 + 1) if view else len(first)
            timing = replace(timing, quorum=quorum)
        hosts = [self._new(peer, timing) for peer in first]
        self.watch.first = len(hosts)
        faults.schedule(self)
        for host in hosts:  # all listen before the first one dials
            self.post.at[host.endpoint] = host
        endpoints = tuple(host.endpoint for host in hosts)
        some, chance = min(view, _FIRST_SEEDS, len(hosts)), self.chance("first seeds")
        for host in hosts:
            seeds = tuple(chance.sample(endpoints, some)) if view else endpoints
            self._start(host, seeds, fresh=True)

    def _own_secret(self, peer: int) -> bytes:
        return hashlib.sha256(f"tallyp2p world {self.seed} peer {peer}".encode()).digest()

    def chance(self, *words: object) -> Random:
        """A generator of its own for each purpose, all from the seed."""
        return Random(" ".join(["tallyp2p", str(self.seed), *map(str, words)]))

    # --- running ----------------------------------------------------------------------------

    def run(self, progress: Progress | None = None) -> Result:
        """Let everything happen.  Raises :class:`Violation` where an invariant breaks."""
        clock, limit = self.clock, self.spec.limit
        step = clock.step
        each = _EACH_TRAINING if self._trains else _EACH
        with self._collections():
            while (self.running or self.pending) and step(limit):
                if not clock.steps % _COLLECT:
                    gc.collect()
                if progress is not None and not clock.steps % each:
                    progress(self)
        for host in self.peers.values():
            host.check()
        settled = self.watch.at_end(self.peers.values(), self.done_at)
        return summed_up(
            self.spec,
            self.seed,
            self.clock,
            self.post,
            self.network,
            self.hosts,
            self.peers,
            self.watch,
            self.learners,
            settled,
            self._hostile,
        )

    @property
    def _trains(self) -> bool:
        return self.spec.learners.kind is not Kind.VOTERS

    def _collections(self) -> AbstractContextManager[None]:
        """Rare ones, but where models are trained, which leave much behind."""
        return nullcontext() if self._trains else _rare_collections()

    @property
    def events(self) -> int:
        """Events that machines have handled."""
        return sum(host.events for host in self.hosts)

    # --- peers ------------------------------------------------------------------------------

    def is_honest(self, host: Host) -> bool:
        """Whether a host is none of the hostile ones."""
        return host.index not in self._hostile

    def crash(self, peer: int, *, noticed: bool, disk: bool) -> bool:
        """A process ends without a word; False when there is none."""
        host = self.peers.get(peer)
        if host is None or not host.running:
            return False
        if not disk:
            self._disk.pop(peer, None)
            self._forgot[peer] = self._forgot.get(peer, 0) + 1
        self.running -= not host.frozen_for_good
        self._vanish(host, noticed)
        host.die()
        return True

    def restart(self, peer: int, *, same_endpoint: bool = False) -> None:
        """The same identity in a new process, which knows some of the others."""
        old = self.peers[peer]
        others = [host for host in self.peers.values() if host.index != peer]
        there = [host for host in others if host.running] or others
        seeds = self._seeds.sample(there, min(_SEEDS, len(there)))
        host = self._new(peer, self.spec.timing, old.endpoint if same_endpoint else None)
        for ballot in self._disk.get(peer, {}).values():
            host.machine.ledger.add(ballot)
        self._start(host, tuple(seed.endpoint for seed in seeds), fresh=False)

    def join(self, peer: int, seeds: tuple[int, ...]) -> None:
        """A peer comes late."""
        known = tuple(self.peers[seed].endpoint for seed in seeds if seed in self.peers)
        self._start(self._new(peer, self.spec.timing), known, fresh=False)

    def _start(self, host: Host, seeds: tuple[str, ...], *, fresh: bool) -> None:
        self.running += 1
        host.start(seeds, fresh=fresh)
        part = self._hostile.get(host.index)
        if part is not None and part.does is Hostility.GARBAGE:
            self._litter(host, part.every, self.chance("garbage", host.life))
        elif part is not None and part.does is Hostility.PUSH:
            self._push(host, part.every)

    def _done(self, host: Host) -> None:
        self.done_at[host.life] = self.clock.now
        self.running -= not host.frozen_for_good
        self._vanish(host, noticed=True)

    def _vanish(self, host: Host, noticed: bool) -> None:
        """A process is gone; while its computer lives, others see their connections break."""
        if self.post.at.get(host.endpoint) is host:
            del self.post.at[host.endpoint]
        if not noticed:
            return
        for other in self.peers.values():
            if other is not host and other.running and host.endpoint in other.lines:
                if self.network.hears(host.index, other.index):
                    self.clock.after(self.spec.links.delay, other.lose, host.endpoint)

    def _new(self, peer: int, timing: Timing, endpoint: str | None = None) -> Host:
        spec, life = self.spec, len(self.hosts)
        chance, secret = self.chance("machine", life), self._secret(peer)
        instance, seed = chance.randbytes(8), chance.randbytes(16)
        birth = Birth.of(spec.run, timing, secret, instance, seed, _AGENT)
        machine = self._machine(birth, peer, life)
        host = Host(
            index=peer,
            life=life,
            endpoint=endpoint or f"tcp://10.{life >> 16}.{life >> 8 & 255}.{life & 255}:7777",
            machine=machine,
            codec=birth.codec(machine, secret),
            clock=self.clock,
            post=self.post,
            watcher=self.watch,
            vote=self._vote,
            learn=self._learn,
            voting=spec.voting,
            random=self.chance("training", life),
            offset=self._offsets.get(peer, 0.0),
            check=spec.check,
            thorough=spec.thorough,
            exact=spec.exact,
        )
        part = self._hostile.get(peer)
        if part is not None:
            self._set_on(host, part.does)
        if part is None and peer not in self._may_forget:
            self.watch.steady(machine.author)
        self.hosts.append(host)
        self.peers[peer] = host
        return host

    # --- votes and mischief -----------------------------------------------------------------

    def _vote(self, host: Host, round: int) -> Ballot:
        kept = self._disk.setdefault(host.index, {})
        if round not in kept:  # what was cast once is cast again
            part = self._hostile.get(host.index)
            wrong = part is not None and part.does is Hostility.WRONG
            ballot = self.learners.vote(self._voter(host), round, wrong=wrong)
            kept[round] = host.codec.seal(ballot)
        return kept[round]

    def _learn(self, host: Host, effect: Learn) -> None:
        self.learners.learn(self._voter(host), effect.round, effect.elections)

    def _voter(self, host: Host) -> Voter:
        return Voter(host.index, host.machine.author, self._forgot.get(host.index, 0))

    def _rival(self, host: Host, round: int) -> Ballot:
        return host.codec.seal(self.learners.vote(self._voter(host), round, rival=1))

    def _set_on(self, host: Host, does: Hostility) -> None:
        """Let a hostile peer say other things than its machine wants to."""
        if does is Hostility.EQUIVOCATE:
            author = host.machine.author
            host.twist = equivocator(author, lambda round: self._rival(host, round))
        elif does is Hostility.LIE:
            host.twist = liar(_LIE * self.spec.run.rounds_per_ballot)
        elif does is Hostility.CLAIM:
            others = [other.endpoint for other in self.peers.values()]
            if others:
                host.twist = claimant(others[0])

    def _push(self, host: Host, every: float) -> None:
        """The newest own ballots to everybody, again and again."""
        if not host.running:
            return
        cast = self._disk.get(host.index, {})
        frames = [host.codec.encode(cast[round]) for round in sorted(cast)[-_PUSHED:]]
        for endpoint in list(host.lines):
            for frame in frames:
                host.inject(endpoint, frame)
        self.clock.after(every, self._push, host, every)

    def _litter(self, host: Host, every: float, chance: Random) -> None:
        """Garbage to everybody, again and again."""
        if not host.running:
            return
        for endpoint in list(host.lines):
            host.inject(endpoint, garbage(chance))
        self.clock.after(every, self._litter, host, every, chance)
