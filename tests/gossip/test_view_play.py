"""Swarms in which nobody knows everybody: loss, churn, strangers, and a cut in the middle.

Each world is the simulator's, from one seed; a violated invariant prints the line that repeats it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest

from tallyp2p.gossip.neighbourhood import Neighbourhood
from tallyp2p.messages import Hello
from tallyp2p.parameters import RunParameters, Spreading, Timing
from tallyp2p.simulator.host import Host
from tallyp2p.simulator.spec import Churn, Group, Link, Partition, Promises, Voting, WorldSpec
from tallyp2p.simulator.world import World

VIEW = 6
RUN = RunParameters(view=VIEW, pool=3000)


def circle(host: Host) -> Neighbourhood:
    found = host.machine._circle
    assert isinstance(found, Neighbourhood)
    return found


def arrows(world: World) -> dict[int, set[int]]:
    """Whom each running peer has chosen, by number, of those that run."""
    running = {h.machine.author: h for h in world.peers.values() if h.running}
    return {
        host.index: {running[m.author].index for m in circle(host).heard() if m.author in running}
        for host in running.values()
    }


def reached(graph: dict[int, set[int]]) -> int:
    """How many peers hang together with the first one, whoever has chosen whom."""
    both = {peer: set(heard) for peer, heard in graph.items()}
    for peer, heard in graph.items():
        for other in heard:
            both[other].add(peer)
    seen, waiting = set[int](), [min(both)]
    while waiting:
        peer = waiting.pop()
        if peer not in seen:
            seen.add(peer)
            waiting += both[peer]
    return len(seen)


def watched(spec: WorldSpec, look: Callable[[World], None], every: float, end: float) -> World:
    """Play a world and look at it now and then."""
    world = World(spec)

    def again() -> None:
        look(world)
        if world.clock.now + every <= end:
            world.clock.after(every, again)

    world.clock.after(every, again)
    world.run()
    return world


@pytest.mark.slow
def test_everybody_gets_its_ballots_and_the_swarm_hangs_together() -> None:
    """VIEW-1, VIEW-6: 20 % of all messages lost, every 3 s somebody dies or comes back."""
    spec = WorldSpec(
        seed=1,
        peers=60,
        run=RUN,
        timing=Timing(rounds=160, view_interval=10.0),
        links=Link(loss=0.2),
        churn=Churn(every=3.0, down=5.0, begin=5.0, end=50.0, noticed=False),
    )

    def look(world: World) -> None:
        graph = arrows(world)
        assert reached(graph) == len(graph), f"{world.line}: torn at {world.clock.now:.0f} s"
        counted = Counter(other for heard in graph.values() for other in heard)
        assert max(counted.values()) <= 3 * VIEW, counted

    world = watched(spec, look, 5.0, 60.0)
    wanted = RUN.degree * len(world.watch.waits)
    assert world.watch.heard >= 0.99 * wanted, (world.watch.heard, wanted, world.line)


def stranger(run: RunParameters, number: int) -> Hello:
    identity = hashlib.sha256(f"stranger {number}".encode()).digest()
    return Hello(identity, bytes(8), f"tcp://10.9.9.9:{number + 1}", run.digest, start=0)


def test_strangers_that_pour_in_change_nothing_for_those_who_are_there() -> None:
    """VIEW-3: memory stays within its bounds (`check`), the chosen are not displaced."""
    spec = WorldSpec(
        peers=16,
        run=RUN,
        timing=Timing(rounds=64, view_interval=60.0),
        voting=Voting(training=0.5),
    )
    world = World(spec)
    before: set[bytes] = set()

    def flood() -> None:
        host = world.peers[0]
        before.update(host.machine.author for host in world.peers.values())
        heard = {member.author for member in circle(host).heard()}
        for number in range(500):
            hello = stranger(RUN, number)
            host.arrive(b"S%d" % number, host.codec.encode(hello), None)
        assert {member.author for member in circle(host).heard()} == heard
        assert len(host.machine.members()) <= 3 * VIEW

    world.clock.after(1.5, flood)
    world.run()
    assert world.watch.missing == 0 and world.watch.heard == RUN.degree * len(world.watch.waits)
    for round, ballots in world.watch.rounds.items():
        assert {ballot.author for ballot in ballots} <= before, round


@pytest.mark.slow
def test_two_halves_find_each_other_after_a_cut_longer_than_suspicion() -> None:
    """MEMBER-9, VIEW-7: each half fills up with its own, and nobody is left who was chosen
    before; who is absent is looked for."""
    halves = (Group("left", tuple(range(8))), Group("right", tuple(range(8, 16))))
    cut = Partition(begin=10.0, end=50.0, groups=("left", "right"))
    spec = WorldSpec(
        peers=16,
        run=RUN,
        timing=Timing(
            rounds=1200, view_interval=5.0, suspect_after=2.0, gone_after=10.0, probe_interval=1.0
        ),
        voting=Voting(training=2.0),
        groups=halves,
        partitions=(cut,),
        limit=115.0,
        promises=Promises(complete=False),
    )
    across: dict[float, int] = {}

    def look(world: World) -> None:
        found = arrows(world)
        across[world.clock.now] = sum((a < 8) != (b < 8) for a in found for b in found[a])

    watched(spec, look, 5.0, 110.0)
    assert across[10.0] > 20 and across[45.0] == 0, across
    assert across[110.0] > 20, across


def test_every_ballot_reaches_everybody_though_each_peer_knows_few() -> None:
    """VIEW-11 to VIEW-13: 64 peers that choose 8 each, from 10 s on 30 % of all messages lost;
    then all vote, and ten gossip rounds later every peer holds every ballot."""
    spec = WorldSpec(
        peers=64,
        check=False,
        run=replace(RUN, view=8, rounds_per_ballot=1, spreading=Spreading.BROADCAST),
        timing=Timing(rounds=2),
        links=Link(loss=0.3, begin=10.0),
        voting=Voting(training=20.0, spread=0.01),
        promises=Promises(complete=False, within=1000),
    )
    world = World(spec)
    reaches, whole = world.watch.seen.reach, spec.peers * (spec.peers - 1)
    while 1 not in reaches or reaches[1].arrivals < whole:
        assert world.running and world.clock.step(), f"{world.line}: {reaches}"
    took = (reaches[1].newest - reaches[1].first) / spec.timing.gossip_interval
    assert took <= 10, f"{world.line}: {took:.1f} gossip rounds"
    assert max(len(host.lines) for host in world.peers.values()) < spec.peers, "or who needs views"


def test_where_nothing_is_lost_all_end_with_equal_tallies() -> None:
    """VIEW-14: those who have finished stay until the last ballots have come, also from afar."""
    spec = WorldSpec(
        peers=24,
        run=replace(RUN, view=4, spreading=Spreading.BROADCAST),
        timing=Timing(rounds=24),
    )
    world = World(spec)
    world.run()
    voters = {host.machine.author for host in world.peers.values()}
    for host in world.peers.values():
        for round in (0, 8, 16):
            assert host.machine.ledger.authors(round) == voters, (host.index, round)
