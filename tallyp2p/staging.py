"""From a world's description to a world, with real learners where it asks for them.

The simulator does not know learners; this is where they are brought in, as `assemble` does
for peers on sockets.  A world with real learners has the data, the models and the seats of
`tallyp2p swarm` with the same profile and seed, so under lockstep both come to the same
ballots, tallies and weights, where models are not stacked and all know all: with run.view each
peer draws by its own chance whom it hears.  torch is imported only where learners are real.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .bits import pack, unpack
from .consensus.contributor import Election
from .consensus.probes import derive
from .consensus.tally import Tally
from .errors import SettingsError
from .parameters import RunParameters, Timing
from .payloads import Ballot
from .profiles import Profile, RunSettings, load, presets, setting
from .simulator.learners import Accuracies, Point, Voter
from .simulator.spec import Kind, WorldSpec
from .simulator.world import World

if TYPE_CHECKING:
    from .learning.crowd import Crowd

__all__ = ["Crew", "crew_of", "elsewhere", "profile_of", "stage"]

_FROM_DATA = ("seed", "classes", "abstain", "pool", "pool_digest")  # of a run with real learners


def stage(spec: WorldSpec, seed: int | None = None, options: str = "", **more: Any) -> World:
    """The world that `spec` describes, ready to run.

    `seed`, `options` and whatever else are :class:`World`'s.  Raises :class:`SettingsError`.
    """
    if spec.learners.kind is Kind.VOTERS:
        return World(spec, seed, options, **more)
    from .assemble import shard_seat

    profile = profile_of(spec, spec.seed if seed is None else seed)
    crew = crew_of(spec, profile)
    whole = replace(spec, run=crew.run, timing=profile.timing)
    seats = {"secrets": lambda peer: shard_seat(profile, peer).secret}
    return World(whole, seed, options, learners=crew, **(seats | more))


def profile_of(spec: WorldSpec, seed: int) -> Profile:
    """The profile by which the peers of a world train.

    Seed and peers are the world's.  Of [run] and [timing] the world's values hold where they
    differ from the defaults, else the profile's.  Raises :class:`SettingsError`.
    """
    where = f"learners.settings in {spec.name}"
    chosen = load(_source(spec), dict(map(setting, spec.learners.settings)), where)
    run, plain = spec.run, RunParameters()
    for key in _FROM_DATA:
        if getattr(run, key) != getattr(plain, key):
            raise SettingsError(
                f"run.{key} in {spec.name} follows from the seed and the data where learners are "
                "real: leave it out, and see data.* in learners.settings"
            )
    return replace(
        chosen,
        seed=seed,
        peers=spec.peers,
        run=_laid_over(chosen.run, run, RunSettings()),
        timing=_laid_over(chosen.timing, spec.timing, Timing()),
    )


def _source(spec: WorldSpec) -> str | Path:
    """The profile that a world names: a preset, or a file beside the world's."""
    named = spec.learners.profile
    return named if named in presets() else Path(spec.name).parent / named


def elsewhere(spec: WorldSpec) -> WorldSpec:
    """The same world for a file in another directory: it finds its profile from there too."""
    source = _source(spec)
    if spec.learners.kind is Kind.VOTERS or isinstance(source, str):
        return spec
    return replace(spec, learners=replace(spec.learners, profile=str(source.resolve())))


def _laid_over(under: Any, over: Any, plain: Any) -> Any:
    """`under`, with what `over` says otherwise than `plain`."""
    said = {item.name: getattr(over, item.name) for item in fields(plain)}
    return replace(
        under, **{key: value for key, value in said.items() if value != getattr(plain, key)}
    )


def crew_of(spec: WorldSpec, profile: Profile) -> Crew:
    """The real learners of a world.  Imports torch."""
    from .learning.builder import build, use_one_thread
    from .learning.crowd import Crowd, device_of
    from .learning.data import Shards
    from .learning.settings import private_examples

    use_one_thread()  # so that no result depends on the number of cores
    private_examples(profile.data, profile.peers)
    make = partial(
        build,
        learning=profile.learning,
        data=profile.data,
        run=profile.run,
        seed=profile.seed,
        peers=profile.peers,
        rounds=profile.timing.rounds,
        shards=Shards(profile.data, profile.seed, profile.peers),
    )
    crowd = Crowd(
        lambda peer: make(index=peer), device_of(spec.learners.device), spec.learners.stacked
    )
    return Crew(crowd.of(0).built.run, profile.peers, crowd)


class Crew:
    """Real learners in a world.  Implements :class:`~.simulator.learners.Learners`."""

    def __init__(self, run: RunParameters, peers: int, crowd: Crowd) -> None:
        from .runtime.casting import cast

        self.run = run
        self.crowd = crowd
        self._peers = peers
        self._ballot: Callable[..., Ballot] = cast
        self._lives: dict[int, int] = {}
        self._learnt: dict[int, int] = {}  # peer -> the newest round that it has learnt

    def vote(self, voter: Voter, round: int, *, wrong: bool = False, rival: int = 0) -> Ballot:
        """The ballot of a voter; see Learners.

        Who votes `wrong` trains as all do, but never withholds: it names the class after the
        one that it takes for right, and where it is unsure the one that the probe's id gives,
        as do all others of its kind.  A rival ballot is made in the same way.
        """
        self._see(voter)
        ballot = self._ballot(self.run, voter.author, self.crowd.of(voter.peer), round)
        return _turned(self.run, ballot) if wrong or rival else ballot

    def learn(self, voter: Voter, round: int, elections: Sequence[Election]) -> None:
        """Train, as soon as somebody asks; what a disk has kept is not learnt again."""
        self._see(voter)
        if round > self._learnt.get(voter.peer, -1):
            self._learnt[voter.peer] = round
            self.crowd.of(voter.peer).learn(round, elections)

    def _see(self, voter: Voter) -> None:
        if self._lives.setdefault(voter.peer, voter.life) != voter.life:
            self._lives[voter.peer] = voter.life
            self._learnt.pop(voter.peer, None)
            self.crowd.renew(voter.peer)

    def accuracy(self, tally: Tally) -> float | None:
        """None: labels of probes are read by nobody, not even here."""
        return None

    def accuracies(self, honest: Collection[int]) -> Accuracies:
        """What the models reach on the test set."""
        pairs = [
            self.crowd.accuracy(peer) if peer in honest else None for peer in range(self._peers)
        ]
        return Accuracies(
            alone=tuple(pair and pair[0] for pair in pairs),
            swarm=tuple(pair and pair[1] for pair in pairs),
            curve=self._curve(honest),
        )

    def newest(self) -> Point | None:
        """The last point at which half of the peers were measured."""
        curve = self._curve(range(self._peers))
        return next((p for p in reversed(curve) if 2 * len(p.swarm) >= self._peers), None)

    def _curve(self, peers: Collection[int]) -> tuple[Point, ...]:
        points: dict[int, dict[int, tuple[float, float]]] = {}
        for one in self.crowd.curve:  # of one who repeats rounds the newer counts
            if one.peer in peers:
                points.setdefault(one.rounds, {})[one.peer] = (one.alone, one.swarm)
        return tuple(
            Point(
                rounds,
                tuple(alone for alone, _ in measured.values()),
                tuple(swarm for _, swarm in measured.values()),
            )
            for rounds, measured in sorted(points.items())
        )


def _turned(run: RunParameters, ballot: Ballot) -> Ballot:
    """The ballot of one who means harm; see `Crew.vote`."""
    ids = derive(run, ballot.round) if ballot.ids is None else np.array(ballot.ids)
    labels = unpack(ballot.votes, len(ids), run.bits).astype(np.int64)
    unsure = labels == run.classes
    turned = np.where(unsure, ids, labels + 1) % run.classes
    return replace(ballot, votes=pack(turned, run.bits))
