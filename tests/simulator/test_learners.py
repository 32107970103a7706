"""The seam to learners: who is asked when, and how accuracies are told."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from tallyp2p.consensus.contributor import Election
from tallyp2p.messages import Ballot
from tallyp2p.simulator.learners import Accuracies, Learners, Point, Voter
from tallyp2p.simulator.spec import Crash, Hostile, Hostility
from tallyp2p.simulator.voters import Electorate
from tallyp2p.simulator.world import World
from tests.simulator.worlds import world


class Spy(Electorate):
    """Voters that remember what they were asked."""

    def __init__(self) -> None:
        spec = world()
        super().__init__(spec.run, spec.voting, 0)
        self.asked: list[tuple[str, int, int, int]] = []  # what, peer, life, round
        self.wrong: set[int] = set()

    def vote(self, voter: Voter, round: int, *, wrong: bool = False, rival: int = 0) -> Ballot:
        self.asked.append(("vote", voter.peer, voter.life, round))
        if wrong:
            self.wrong.add(voter.peer)
        return super().vote(voter, round, wrong=wrong, rival=rival)

    def learn(self, voter: Voter, round: int, elections: Sequence[Election]) -> None:
        self.asked.append(("learn", voter.peer, voter.life, round))

    def accuracies(self, honest: object) -> Accuracies:
        return Accuracies((0.25, 0.75), (1.0, None))


def test_each_learner_votes_and_learns_in_turn() -> None:
    spy: Learners = Spy()
    hostile = (Hostile((4,), Hostility.WRONG),)
    result = World(world(hostile=hostile), learners=spy).run()
    assert isinstance(spy, Spy)
    for peer in range(5):
        mine = [(what, round) for what, one, _, round in spy.asked if one == peer]
        assert mine == [(what, round) for round in range(0, 24, 2) for what in ("vote", "learn")]
    assert spy.wrong == {4}
    assert result.learnt is not None and result.learnt["alone"]["mean"] == 0.5
    assert result.accuracy["voter"] is None


@pytest.mark.parametrize("disk", [True, False])
def test_a_ballot_on_the_disk_is_not_asked_for_again_and_another_life_is(disk: bool) -> None:
    spy = Spy()
    crash = Crash((1,), at=5.0, restart_after=0.5, disk=disk)
    made = World(world(crashes=(crash,)), learners=spy)
    made.run()
    lives = {life for what, peer, life, _ in spy.asked if (what, peer) == ("vote", 1)}
    assert lives == ({0} if disk else {0, 1})
    asked = len(spy.asked)
    first = made._vote(made.peers[1], 0)
    assert len(spy.asked) == asked + (not disk)
    assert made._vote(made.peers[1], 0) is first


def test_accuracies_are_told_as_a_swarm_tells_them() -> None:
    told = Accuracies((0.25, 0.75, None), (1.0, 1.0, None), (Point(8, (0.25, 0.75), ()),)).as_json()
    assert told["alone"] == {"mean": 0.5, "std": 0.25, "per_peer": [0.25, 0.75, None]}
    assert told["swarm"]["std"] == 0.0
    assert told["curve"] == [
        {"rounds": 8, "alone": {"mean": 0.5, "least": 0.25, "most": 0.75}, "swarm": {}}
    ]
    assert Accuracies((None,), (None,)).as_json()["alone"]["mean"] is None
