"""What the watch sees, and how it tells of a violation (seeded defects are in test_world)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tallyp2p.errors import FailureError
from tallyp2p.parameters import Timing
from tallyp2p.simulator.invariants import Violation
from tallyp2p.simulator.learners import Voter
from tallyp2p.simulator.spec import Group, Hostile, Hostility, Link, Partition, Voting
from tallyp2p.simulator.world import World
from tests.simulator.worlds import BROADCAST, RUN, world


def test_a_violation_names_moment_and_replay() -> None:
    violation = World(world(), seed=7, options=" --set peers=9").watch.violated(
        "memory", "too much"
    )
    assert isinstance(violation, FailureError) and violation.name == "memory"
    assert str(violation).splitlines() == [
        "invariant 'memory' broken at 0.000000 s: too much",
        "replay it with: tallyp2p simulate world --seed 7 --set peers=9",
    ]


def test_rounds_are_compared_after_the_last_disturbance_only() -> None:
    sides = (Group("a", (0, 1)), Group("b", (2, 3, 4)))
    for end, compared in ((6.0, True), (1000.0, False)):
        cut = (Partition(4.0, end, ("a", "b")),)
        result = World(world(groups=sides, partitions=cut)).run()
        assert (result.settled["rounds"] > 0) is compared


def test_sampled_worlds_compare_no_ledgers() -> None:
    result = World(world(run=RUN)).run()
    assert result.settled == {"survivors": 5, "rounds": 0} and result.same_tallies is None


def test_ledgers_that_differ_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    made = World(world())
    made.run()
    hosts = list(made.peers.values())
    ledger = hosts[3].machine.ledger
    author = hosts[0].machine.author
    ledger.add(made.learners.vote(Voter(0, author), 4, rival=1))  # annulled here and nowhere else
    with pytest.raises(Violation, match="peers 0 and 3 hold other ballots of round 4"):
        made.watch.at_end(hosts, made.done_at)
    page = ledger._pages[6]
    del page.entries[author]
    with pytest.raises(Violation, match=f"peer 3 lacks the ballots of {author.hex()} for round 6"):
        made.watch._compare(hosts, 6)


def test_too_many_connections_and_ballots_are_told() -> None:
    made = World(world(timing=Timing(rounds=24, retain=2, ahead=2)))
    made.run()
    host = made.peers[0]
    for round in range(0, 60, 2):
        host.machine.ledger.add(made.learners.vote(Voter(0, host.machine.author), round))
    with pytest.raises(Violation, match="peer 0 holds ballots of 30 rounds"):
        made.watch._memory(host, held=True)
    host.lines |= dict.fromkeys(map(str, range(2000)), next(iter(host.lines.values())))
    with pytest.raises(Violation, match="connections"):
        made.watch._memory(host, held=False)


def test_equivocators_end_annulled_everywhere() -> None:
    hostile = (Hostile((2,), Hostility.EQUIVOCATE),)
    run = replace(BROADCAST, probes=16)  # of eight votes two ballots may say the same
    result = World(world(run=run, hostile=hostile, links=Link(loss=0.1))).run()
    assert result.annulled == 12 and result.settled["rounds"] > 0


def test_spread_is_the_time_to_the_last_arrival() -> None:
    calm = World(world(links=Link(delay=0.25))).run()
    assert calm.spread == {"median": 0.25, "p99": 0.25, "longest": 0.25}
    lossy = World(world(links=Link(delay=0.25, loss=0.3))).run()
    assert (lossy.spread["longest"] or 0) > 0.9
    assert (lossy.whole["longest"] or 0) > 0.25


def test_reach_tells_when_all_have_all() -> None:
    calm = World(world(voting=Voting(spread=0.0)))
    whole = calm.run().whole
    for round, reach in calm.watch.seen.reach.items():
        assert reach.arrivals == 5 * 4, round
        assert reach.first <= reach.last < reach.newest
    assert whole["longest"] == pytest.approx(0.01)  # the delay of a link
