"""Peers that go on from what their disks have kept: the same ballots, the same elections.

The world plays the disk: it keeps each peer's state as it stands before each vote, and every
own ballot is the same at every start (`ballot_of`), as a journal makes it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from tallyp2p.gossip import events
from tallyp2p.gossip.body import Kept
from tallyp2p.messages import Bye, Hello
from tallyp2p.parameters import Spreading, Timing
from tests.world import SMALL_RUN, Peer, Wire, World, ballot_of, identity_of

PEERS, ROUNDS = 5, 40
TIMING = Timing(rounds=ROUNDS, quorum=PEERS, deadline=8.0, patience=0.5)
SAMPLED = SMALL_RUN
BROADCAST = replace(SMALL_RUN, spreading=Spreading.BROADCAST)


@dataclass(frozen=True)
class Disk:
    kept: Kept
    newest: int  # own ballot that may have been sent


class Kind(World):
    """A world that keeps what each peer would write to disk before it votes on a round."""

    def __init__(self, run: object = SAMPLED, start: bool = True, **more: object) -> None:
        self.disks: dict[tuple[int, int], Kept] = {}
        more = {"timing": TIMING, **more}
        super().__init__(PEERS, run, start=start, **more)  # type: ignore[arg-type]

    def _obey(self, peer: Peer, effect: events.Effect) -> None:
        if isinstance(effect, events.VoteOn):
            self.disks[peer.index, effect.round] = peer.machine.kept()
        super()._obey(peer, effect)

    def resume(self, index: int, round: int, disk: Disk, seeds: tuple[str, ...] = ()) -> Peer:
        peer = self.add(index)
        for ballot in disk.kept.ballots:
            if ballot.author != peer.machine.author or ballot.round < round:
                peer.machine.ledger.add(ballot)
        assert disk.kept.start is not None
        self.feed(peer, events.Resumed(round, disk.kept.start, disk.newest))
        if seeds:
            self.feed(peer, events.Started(peer.endpoint, seeds))
        return peer


def newest(world: World, index: int) -> int:
    found = world.peers[index].machine.ledger.newest(world.author(index))
    return -1 if found is None else found


def elections(world: World) -> dict[int, dict[int, object]]:
    return {index: dict(peer.elections) for index, peer in world.peers.items()}


@pytest.mark.parametrize("run", [SAMPLED, BROADCAST], ids=["sampled", "broadcast"])
@pytest.mark.parametrize("seed", range(3))
def test_a_whole_swarm_goes_on_as_if_nothing_had_been(run: object, seed: int) -> None:
    """Cut at one round for all, whoever was how far when they died."""
    whole = Kind(run, seed=seed, wire=Wire(jitter=0.2))
    whole.finish()
    cut = 2 * (5 + 5 * seed)
    first = Kind(run, seed=seed + 100, wire=Wire(jitter=0.2))
    first.run_until(lambda: all((i, cut) in first.disks for i in range(PEERS)))
    first.run_for(0.3 * seed)
    disks = {i: Disk(first.disks[i, cut], newest(first, i)) for i in range(PEERS)}
    second = Kind(run, start=False, seed=seed + 200, wire=Wire(jitter=0.2))
    peers = [second.resume(i, cut, disks[i]) for i in range(PEERS)]
    endpoints = tuple(peer.endpoint for peer in peers)
    for peer in peers:
        second.feed(peer, events.Started(peer.endpoint, endpoints, fresh=True))
    second.finish()
    expected = elections(whole)
    for index, peer in second.peers.items():
        assert peer.finish and peer.finish.completed
        assert peer.learnt == list(range(cut, ROUNDS, 2))
        for round, election in peer.elections.items():
            assert election == expected[index][round], (seed, index, round)


def test_a_swarm_whose_disks_are_a_few_rounds_apart_goes_on_all_the_same() -> None:
    whole, first = Kind(), Kind(seed=1)
    whole.finish()
    first.run_until(lambda: all((i, 26) in first.disks for i in range(PEERS)))
    second = Kind(start=False)
    cuts = [20, 22, 24, 26, 26]
    disks = [Disk(first.disks[i, cut], newest(first, i)) for i, cut in enumerate(cuts)]
    peers = [second.resume(i, cut, disks[i]) for i, cut in enumerate(cuts)]
    endpoints = tuple(peer.endpoint for peer in peers)
    for peer in peers:
        second.feed(peer, events.Started(peer.endpoint, endpoints, fresh=True))
    second.finish()
    for index, peer in second.peers.items():
        assert peer.learnt == list(range(cuts[index], ROUNDS, 2))
        for round, election in peer.elections.items():
            assert election == whole.peers[index].elections[round], (index, round)


@pytest.mark.parametrize("away", [0.5, 5.0, 12.0])
def test_one_that_comes_back_goes_on_and_annuls_nothing(away: float) -> None:
    """Soon after, it makes its next round; later, it leaps to where the others are."""
    world = Kind(BROADCAST, train=lambda index, round: 1.5)
    world.run_until(lambda: (2, 10) in world.disks)
    disk = Disk(world.disks[2, 10], newest(world, 2))
    world.kill(2, noticed=True)
    world.run_for(away)
    seeds = tuple(world.peers[i].endpoint for i in (0, 1))
    peer = world.resume(2, 10, disk, seeds)
    world.finish()
    assert peer.finish and peer.finish.completed
    assert peer.learnt[-1] == ROUNDS - 2
    if away < 1:
        assert peer.learnt[0] == 10
    for other in world.peers.values():
        for election in other.elections.values():
            assert len({b.author for b in election.ballots}) == len(election.ballots)
        for round in range(0, ROUNDS, 2):
            assert len(other.machine.ledger.wanted(peer.machine.author, round)) < 2
    # From when it is there again everybody counts its ballots.
    back = peer.learnt[1]
    late = [e for o in world.peers.values() for r, e in o.elections.items() if r > back + 8]
    assert late and all(len(election.ballots) == PEERS for election in late)


def test_a_disk_that_has_forgotten_a_ballot_is_not_believed() -> None:
    """A backup was laid back: others hold a newer ballot than it knows, so it begins after that."""
    world = Kind(train=lambda index, round: 0.5)
    world.run_until(lambda: (2, 20) in world.disks)
    old = Disk(world.disks[2, 10], 8)
    world.kill(2, noticed=True)
    world.equivocate(2)  # and what it would say now is something else
    peer = world.resume(2, 10, old, tuple(world.peers[i].endpoint for i in (0, 1)))
    world.finish()
    assert peer.finish and peer.finish.completed
    assert peer.learnt and peer.learnt[0] > 20
    for other in world.peers.values():
        for round in range(0, ROUNDS, 2):
            assert len(other.machine.ledger.wanted(peer.machine.author, round)) < 2


@pytest.mark.parametrize("seed", range(3))
def test_nor_where_the_first_to_answer_does_not_know(seed: int) -> None:
    """In a sampled run not everybody holds the newest ballot, and two are a quorum."""
    two, wire = replace(TIMING, quorum=2), Wire(jitter=0.2)
    world = Kind(timing=two, seed=seed, wire=wire, train=lambda index, round: 0.5)
    world.run_until(lambda: (2, 20) in world.disks)
    old = Disk(world.disks[2, 16], 14)
    world.kill(2, noticed=True)
    world.equivocate(2)
    world.resume(2, 16, old, tuple(world.peers[i].endpoint for i in (0, 1)))
    world.finish()
    for other in world.peers.values():
        for round in range(0, ROUNDS, 2):
            assert len(other.machine.ledger.wanted(world.author(2), round)) < 2, (seed, round)


def test_one_that_had_made_all_its_rounds_only_stays_for_the_others() -> None:
    world = Kind(start=False)
    peer = world.add(0)
    own = ballot_of(SAMPLED, peer.machine.author, ROUNDS - 2)
    peer.machine.ledger.add(own)
    world.feed(peer, events.Resumed(ROUNDS, 0, ROUNDS - 2))
    world.feed(peer, events.Started(peer.endpoint, ("tcp://10.0.0.9:9",), fresh=True))
    assert peer.machine.phase == "joining"
    for other in range(1, PEERS):
        hello = Hello(
            identity_of(other), b"instance", f"tcp://10.0.0.9:{other}", SAMPLED.digest, start=0
        )
        world.feed(peer, events.Received(b"%d" % other, hello))
    assert peer.machine.phase == "staying"
    said = [n for n in peer.notices if isinstance(n, events.RoundOpened)]
    assert not said
    effects = peer.machine.handle(events.Stopped(), 1.0)
    byes = [e.message for e in effects if isinstance(e, events.Send)]
    assert byes and all(isinstance(m, Bye) and m.last == ROUNDS - 2 for m in byes)


class Full(Kind):
    """A world in which the disk of peer 1 is full in some rounds."""

    full = range(10, 16, 2)

    def _obey(self, peer: Peer, effect: events.Effect) -> None:
        if isinstance(effect, events.VoteOn) and peer.index == 1 and effect.round in self.full:
            self._queue_for(peer, 0.001, events.Withheld(effect.round))
        else:
            super()._obey(peer, effect)


@pytest.mark.parametrize("run", [SAMPLED, BROADCAST], ids=["sampled", "broadcast"])
def test_who_withholds_its_ballot_goes_on_and_so_do_the_others(run: object) -> None:
    world = Full(run)
    world.finish()
    author = world.author(1)
    for peer in world.peers.values():
        assert peer.finish and peer.finish.completed
        assert peer.learnt == list(range(0, ROUNDS, 2))
        assert all(closed.waited < TIMING.deadline for closed in peer.closed)
        for round in Full.full:
            ballots = peer.elections[round].ballots
            assert author not in {ballot.author for ballot in ballots}
            assert peer.index != 1 or ballots, "it still hears the others"
