"""Which worlds of the mix have peers that know only some others, and what is asked of them."""

from __future__ import annotations

from random import Random

from tallyp2p.parameters import RunParameters, Spreading, Timing
from tallyp2p.simulator.mix import standard
from tallyp2p.simulator.spec import Promises
from tallyp2p.simulator.views import passed_on, pulled
from tallyp2p.simulator.world import World

BROADCAST = RunParameters(spreading=Spreading.BROADCAST)


def test_few_peers_all_know_one_another() -> None:
    for seed in range(50):
        assert pulled(Random(seed), 4, RunParameters(), Timing()) == (RunParameters(), Timing())
        whole = (BROADCAST, Timing(), Promises())
        assert passed_on(seed, 4, *whole) == whole


def test_whoever_shall_hold_all_has_chosen_so_many_that_nothing_parts_them() -> None:
    """Two groups that know nothing of each other would have more than all peers."""
    seen = set()
    for count in (5, 8, 16):
        for seed in range(60):
            run, timing, promises = passed_on(seed, count, BROADCAST, Timing(), Promises())
            seen.add(run.view > 0)
            if run.view:
                assert count <= 2 * run.view + 1 and run.view < count
                assert promises.within * timing.gossip_interval > 3 * timing.gone_after
    assert seen == {True, False}


def test_broadcast_worlds_with_a_view_hold_what_they_promise() -> None:
    """The mix draws them, and a calm one among the first ends with equal ledgers."""
    specs = [standard(seed) for seed in range(400)]
    both = [s for s in specs if s.run.view and s.run.spreading is Spreading.BROADCAST]
    assert len(both) >= 20
    spec = min(both, key=lambda s: (s.peers * s.timing.rounds, s.seed))
    assert World(spec).run().settled["rounds"], spec.seed
