"""The simulated double of a real swarm: same seats, data and models, in virtual time."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from tallyp2p.assemble import build, shard_seat, swarm_profile
from tallyp2p.consensus.contributor import Election
from tallyp2p.consensus.tally import Tally
from tallyp2p.payloads import Ballot
from tallyp2p.profiles import Profile
from tallyp2p.runtime.casting import cast
from tallyp2p.simulator.learners import Voter
from tallyp2p.simulator.spec import Link, WorldSpec
from tallyp2p.simulator.world import World


class Double:
    """The learners that a swarm of `profile` would have, each as it would be in its process."""

    def __init__(self, profile: Profile) -> None:
        self._profile = swarm_profile(profile)
        self._built = [build(self._profile, index) for index in range(profile.peers)]

    def play(self, links: Link) -> list[dict[str, str]]:
        """Run the whole swarm in virtual time; each peer's digests, as its summary has them."""
        profile, run = self._profile, self._built[0].run
        spec = WorldSpec(peers=profile.peers, run=run, timing=profile.timing, links=links, seed=9)
        World(spec, secrets=lambda peer: shard_seat(profile, peer).secret, learners=self).run()
        return [dict(built.digests()) for built in self._built]

    def vote(self, voter: Voter, round: int, *, wrong: bool = False, rival: int = 0) -> Ballot:
        """See Learners; the seed of the world is no matter for a real learner."""
        built = self._built[voter.peer]
        return cast(built.run, voter.author, built.contributor, round)

    def learn(self, voter: Voter, round: int, elections: Sequence[Election]) -> None:
        self._built[voter.peer].contributor.learn(round, elections)

    def accuracy(self, tally: Tally) -> None:
        return None

    def accuracies(self, honest: Collection[int]) -> None:
        return None

    def newest(self) -> None:
        return None
