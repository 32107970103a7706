"""Whole swarms over a fake wire: every promise of the machine, one by one."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallyp2p.consensus import digraph
from tallyp2p.consensus.tally import count
from tallyp2p.errors import Reason
from tallyp2p.gossip import events
from tallyp2p.gossip.contacts import IN_USE
from tallyp2p.parameters import Ids, Pace, Spreading, Timing
from tests.world import SMALL_RUN, Wire, World, ballot_of

BROADCAST = replace(SMALL_RUN, spreading=Spreading.BROADCAST)


def tallies(world: World, index: int) -> dict[int, bytes]:
    """Digest of each tally that a peer counted, by round."""
    peer = world.peers[index]
    return {
        round: count(world.run, election, own=peer.machine.author).digest()
        for round, election in peer.elections.items()
    }


def heard(world: World, index: int, round: int) -> set[bytes]:
    return {ballot.author for ballot in world.peers[index].elections[round].ballots}


# --- rounds without trouble -----------------------------------------------------------------


def test_sampled_peers_hear_exactly_their_senders() -> None:
    """ROUND-2."""
    world = World(7)
    world.finish()
    members = sorted(peer.machine.author for peer in world.peers.values())
    for index, peer in world.peers.items():
        assert peer.finish == events.Finish(True, "")
        assert peer.learnt == [0, 2, 4, 6, 8, 10]
        for round in peer.learnt:
            senders = digraph.senders(world.run.run, round, members, peer.machine.author, 2)
            assert heard(world, index, round) == {peer.machine.author, *senders}


def test_broadcast_peers_end_with_equal_tallies() -> None:
    """ROUND-2."""
    world = World(5, BROADCAST)
    world.finish()
    first = tallies(world, 0)
    assert len(first) == 6
    assert all(tallies(world, index) == first for index in world.peers)


def test_no_question_is_asked_where_nothing_is_lost() -> None:
    world = World(6)
    world.finish()
    assert all(not peer.rejected for peer in world.peers.values())
    assert all(not closed.missing for peer in world.peers.values() for closed in peer.closed)
    assert all(peer.machine.refused == {} for peer in world.peers.values())


def test_a_swarm_of_one_may_go_alone() -> None:
    world = World(1, timing=Timing(rounds=4, quorum=1))
    world.finish()
    assert world.peers[0].finish == events.Finish(True, "")


def test_explicit_ids_travel() -> None:
    """BALLOT-3."""
    world = World(4, replace(SMALL_RUN, ids=Ids.EXPLICIT))
    world.finish()
    assert all(b.ids for e in world.peers[1].elections.values() for b in e.ballots)


@pytest.mark.parametrize("spreading", list(Spreading))
def test_lockstep_does_not_depend_on_timing(spreading: Spreading) -> None:
    """Slow peers, jitter and reordering change when things happen, never what is counted."""
    run = replace(SMALL_RUN, spreading=spreading)
    calm = World(6, run)
    rough = World(
        6,
        run,
        wire=Wire(jitter=0.4, double=0.2),
        train=lambda index, round: 0.1 + 0.7 * ((index + round) % 4),
        seed=5,
    )
    calm.finish()
    rough.finish()
    for index in range(6):
        assert tallies(calm, index) == tallies(rough, index)


def test_same_seed_same_trace_under_any_hash_seed() -> None:
    code = (
        "from tests.world import World, Wire\n"
        "w = World(6, wire=Wire(jitter=0.3, loss=0.1, double=0.1), seed=3); w.finish()\n"
        "print(w.trace.hexdigest())"
    )
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(digests) == 1


# --- paces --------------------------------------------------------------------------------


def slow_first(index: int, round: int) -> float:
    return 3.0 if index == 0 else 0.1


def test_free_peers_never_wait() -> None:
    """ROUND-3."""
    world = World(4, timing=Timing(rounds=12, quorum=4, pace=Pace.FREE), train=slow_first)
    world.run_until(lambda: all(world.peers[i].machine.phase == "staying" for i in (1, 2, 3)))
    assert world.peers[0].machine.round == 0
    assert all(c.waited == 0.0 for i in (1, 2, 3) for c in world.peers[i].closed)


def test_bounded_peers_run_ahead_by_their_staleness_and_no_more() -> None:
    """ROUND-3."""
    run = BROADCAST
    ahead: list[int] = []
    timing = Timing(rounds=20, quorum=4, pace=Pace.BOUNDED, staleness=2)
    world = World(4, run, timing, train=slow_first)

    def watch() -> bool:
        rounds = {i: p.machine.round for i, p in world.peers.items()}
        first = rounds[0]
        if first is not None:
            ahead.extend(r - first for r in rounds.values() if r is not None)
        return all(peer.finish for peer in world.peers.values())

    world.run_until(watch)
    span = run.rounds_per_ballot
    assert max(ahead) == (timing.staleness + 1) * span
    late = [e for e in world.peers[1].learnt if e]
    assert late  # it did learn while ahead


def test_late_ballots_teach_when_not_in_lockstep() -> None:
    timing = Timing(rounds=12, quorum=2, pace=Pace.BOUNDED, staleness=1)
    world = World(2, BROADCAST, timing, train=lambda index, round: 0.1 + 0.2 * index)
    world.finish()
    assert heard(world, 0, 0) == {world.author(0), world.author(1)}


# --- loss, cuts, deaths -------------------------------------------------------------------


@pytest.mark.parametrize("loss", [0.1, 0.3])
def test_sampled_ballots_that_are_lost_are_asked_for(loss: float) -> None:
    """ROUND-4, ROUND-5."""
    timing = Timing(rounds=80, quorum=8, suspect_after=12.0, deadline=100.0)
    world = World(8, SMALL_RUN, timing, Wire(loss=loss), seed=11)
    world.finish(limit=2000)
    closed = [c for peer in world.peers.values() for c in peer.closed if c.round >= 40]
    assert len(closed) == 8 * 20 and not any(c.missing for c in closed)


@pytest.mark.parametrize("seed", range(5))
def test_broadcast_repairs_whatever_was_lost(seed: int) -> None:
    """Nothing lost: what any survivor holds, every survivor holds in the end.

    REPAIR-3, REPAIR-4.
    """
    timing = Timing(rounds=400, quorum=6, deadline=3.0)
    wire = Wire(loss=0.3, double=0.1, jitter=0.2)
    world = World(6, BROADCAST, timing, wire, seed, train=lambda index, round: 0.5)
    world.run_until(lambda: min(p.machine.round or 0 for p in world.peers.values()) >= 40)
    world.run_for(40.0)
    ledgers = [peer.machine.ledger for peer in world.peers.values()]
    assert len({ledger.range_hash(0, 20) for ledger in ledgers}) == 1
    assert len(ledgers[0].listing(38)) == 6


def test_a_killed_peer_stalls_nobody_beyond_the_deadline() -> None:
    """ROUND-3, MEMBER-5."""
    timing = Timing(rounds=40, quorum=6, deadline=4.0, suspect_after=60.0)
    world = World(6, timing=timing)
    world.run_until(lambda: (world.peers[2].machine.round or 0) >= 10)
    world.kill(2)
    world.finish()
    waits = [c.waited for p in world.peers.values() if not p.dead for c in p.closed]
    assert max(waits) <= timing.deadline + 1e-6
    assert all(p.finish == events.Finish(True, "") for p in world.peers.values() if not p.dead)


def test_a_killed_peer_is_suspected_long_before_the_deadline() -> None:
    """MEMBER-4."""
    timing = Timing(rounds=40, quorum=6, deadline=30.0)
    world = World(6, timing=timing)
    world.run_until(lambda: (world.peers[2].machine.round or 0) >= 10)
    world.kill(2)
    world.finish()
    slow = [c for p in world.peers.values() if not p.dead for c in p.closed if c.waited > 1.0]
    assert slow, "nobody noticed"
    assert max(c.waited for c in slow) <= timing.patience + timing.suspect_after + 0.1


def test_a_broken_connection_is_noticed_at_once() -> None:
    """MEMBER-4."""
    world = World(6, timing=Timing(rounds=40, quorum=6))
    world.run_until(lambda: (world.peers[2].machine.round or 0) >= 10)
    world.kill(2, noticed=True)
    world.finish()
    waits = [c.waited for p in world.peers.values() if not p.dead for c in p.closed]
    assert max(waits) < 0.2
    causes = {n.cause for n in world.peers[0].notices if isinstance(n, events.MemberChanged)}
    assert "lost" in causes


@pytest.mark.parametrize("spreading", list(Spreading))
def test_a_restarted_peer_catches_up_and_does_not_vote_twice(spreading: Spreading) -> None:
    """ROUND-1, NAME-1, BALLOT-1."""
    run = replace(SMALL_RUN, spreading=spreading)
    world = World(6, run, Timing(rounds=80, quorum=6, deadline=8.0), seed=2)
    world.run_until(lambda: (world.peers[3].machine.round or 0) >= 10)
    world.kill(3)
    world.run_for(1.0)
    world.equivocate(3)  # would its new ballots differ from the old ones?
    peer = world.restart(3, seeds=[0])
    world.finish()
    assert peer.finish == events.Finish(True, "")
    assert peer.learnt and peer.learnt[0] > 10 and peer.learnt[-1] == 78
    assert not any(Reason.EQUIVOCATION in other.machine.refused for other in world.peers.values())
    # From its first round on it is heard again like everybody else.
    assert world.author(3) in {a for r in range(60, 80, 2) for a in heard(world, 0, r)}
    assert len(heard(world, 3, 78)) == (3 if spreading is Spreading.SAMPLED else 6)


def test_a_joiner_with_a_dead_seed_soon_knows_all() -> None:
    """JOIN-2.  It counts the line on which nobody answers, so its HELLO does not ask for PEERS."""
    world = World(2, timing=Timing(rounds=400, quorum=2))
    world.run_until(lambda: (world.peers[0].machine.round or 0) >= 10)
    joiner = world.add(2)
    seeds = ("tcp://10.0.0.1:9", world.peers[0].endpoint)  # nobody is at the first one
    world.feed(joiner, events.Started(joiner.endpoint, seeds))
    world.run_for(world.timing.patience + 0.5)
    assert joiner.machine.members().keys() == {world.author(0), world.author(1)}
    assert world.author(2) in world.peers[1].machine.members()


def test_who_runs_twice_is_told_so_by_those_who_met_the_other() -> None:
    """CONTACT-6.  Whom others take for the peer now they do not name to it, and it hears nobody."""
    world = World(4, timing=Timing(rounds=400, quorum=3, deadline=6.0))
    world.run_until(lambda: (world.peers[0].machine.round or 0) >= 10)
    first, copy = world.peers[0], world.add(4, name=0)
    world.feed(copy, events.Started(copy.endpoint, (world.peers[1].endpoint,)))
    told = events.Refused(int(Reason.AUTHOR), IN_USE, by_them=True)
    world.run_until(lambda: told in first.notices, 60.0)


def test_a_late_joiner_votes_from_its_announced_round() -> None:
    """JOIN-2."""
    world = World(5, timing=Timing(rounds=60, quorum=5))
    world.run_until(lambda: (world.peers[0].machine.round or 0) >= 10)
    joiner = world.add(5)
    world.feed(joiner, events.Started(joiner.endpoint, (world.peers[1].endpoint,)))
    world.finish()
    assert joiner.finish == events.Finish(True, "")
    start = joiner.learnt[0]
    assert 10 < start < 30
    members = sorted(peer.machine.author for peer in world.peers.values())
    for round in range(start, 60, 2):
        for index, peer in world.peers.items():
            senders = digraph.senders(world.run.run, round, members, peer.machine.author, 2)
            assert heard(world, index, round) == {peer.machine.author, *senders}, round


def test_a_partition_goes_on_and_heals() -> None:
    timing = Timing(rounds=400, quorum=6, deadline=3.0, gone_after=20.0)
    wire = Wire()
    world = World(6, BROADCAST, timing, wire, train=lambda index, round: 0.5)
    world.run_until(lambda: (world.peers[0].machine.round or 0) >= 10)
    wire.cut = lambda a, b: (a < 3) != (b < 3)
    before = world.peers[0].machine.round or 0
    world.run_for(15.0)
    assert all((p.machine.round or 0) > before + 10 for p in world.peers.values())
    wire.cut = lambda a, b: False
    world.run_for(20.0)
    healed = max(p.machine.round or 0 for p in world.peers.values())
    world.run_until(lambda: min(p.machine.round or 0 for p in world.peers.values()) > healed + 4)
    everybody = {peer.machine.author for peer in world.peers.values()}
    assert all(heard(world, index, healed + 2) == everybody for index in world.peers)


def test_a_frozen_peer_comes_back_to_the_present() -> None:
    timing = Timing(rounds=400, quorum=5, deadline=4.0, suspect_after=2.0)
    world = World(5, timing=timing, train=lambda index, round: 0.3)
    world.run_until(lambda: (world.peers[1].machine.round or 0) >= 10)
    world.peers[1].frozen = True
    world.run_for(30.0)
    world.peers[1].frozen = False
    world.run_for(5.0)
    rounds = [peer.machine.round or 0 for peer in world.peers.values()]
    assert max(rounds) - min(rounds) <= 4 * world.run.rounds_per_ballot, rounds
    world.finish()
    assert all(peer.finish == events.Finish(True, "") for peer in world.peers.values())


def test_leaving_changes_nobodys_digraph_in_rounds_already_voted() -> None:
    """A peer far ahead at the end says BYE while others still are in its last rounds.  MEMBER-6."""
    world = World(6, train=lambda index, round: 0.05 if index == 0 else 0.5)
    world.finish()
    members = sorted(peer.machine.author for peer in world.peers.values())
    for index, peer in world.peers.items():
        senders = digraph.senders(world.run.run, 10, members, peer.machine.author, 2)
        assert heard(world, index, 10) == {peer.machine.author, *senders}


# --- equivocation, strangers --------------------------------------------------------------


@pytest.mark.parametrize("seed", range(3))
def test_two_ballots_of_one_author_annul_each_other_everywhere(seed: int) -> None:
    """LEDGER-4, VOTE-6."""
    timing = Timing(rounds=60, quorum=5)
    world = World(5, BROADCAST, timing, Wire(jitter=0.3), seed=seed)
    world.run_until(lambda: (world.peers[0].machine.round or 0) >= 4)
    liar, round = world.peers[4], 20
    for index in (0, 1, 2, 3):  # half hear one ballot, half the other, before its time
        salt = "a" if index < 2 else "b"
        ballot = ballot_of(world.run, liar.machine.author, round, salt)
        target = world.peers[index]
        link = liar.lines[target.endpoint]
        world.feed(target, events.Received(link, ballot))
    world.run_until(lambda: all((p.machine.round or 0) > round + 8 for p in world.peers.values()))
    honest = [world.peers[index].machine.ledger for index in range(4)]
    assert all(liar.machine.author not in {b.author for b in x.ballots(round)} for x in honest)
    assert all(len(x.wanted(liar.machine.author, round)) == 2 for x in honest)
    assert len({x.range_hash(round, 1) for x in honest}) == 1


# --- bad luck of every kind ----------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_any_luck_leaves_invariants_whole(data: st.DataObject) -> None:
    """Random worlds: check() holds after every step, every living peer finishes in time."""
    count = data.draw(st.integers(2, 6), label="peers")
    run = replace(
        SMALL_RUN,
        spreading=data.draw(st.sampled_from(list(Spreading)), label="spreading"),
        degree=data.draw(st.integers(1, 3), label="degree"),
    )
    pace = data.draw(st.sampled_from(list(Pace)), label="pace")
    timing = Timing(rounds=16, quorum=count, pace=pace, deadline=3.0, gone_after=8.0)
    wire = Wire(
        jitter=data.draw(st.sampled_from([0.0, 0.5]), label="jitter"),
        loss=data.draw(st.sampled_from([0.0, 0.2, 0.4]), label="loss"),
        double=data.draw(st.sampled_from([0.0, 0.3]), label="double"),
    )
    world = World(count, run, timing, wire, seed=data.draw(st.integers(0, 999), label="seed"))
    for _ in range(data.draw(st.integers(0, 3), label="faults")):
        world.run_for(data.draw(st.sampled_from([0.3, 1.0, 4.0]), label="pause"))
        victim = data.draw(st.integers(0, count - 1), label="victim")
        kind = data.draw(st.sampled_from(["kill", "freeze", "restart"]), label="fault")
        peer = world.peers[victim]
        if kind == "freeze":
            peer.frozen = not peer.frozen
        elif kind == "kill" and not peer.dead and not peer.finish:
            world.kill(victim)
        elif kind == "restart" and (peer.dead or not peer.finish):
            if not peer.dead:
                world.kill(victim)
            world.restart(victim, [i for i in world.peers if i != victim])
    for peer in world.peers.values():
        peer.frozen = False
    world.finish(limit=world.now + 400)
