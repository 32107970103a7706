"""Whole swarms whose ballots are signed: what forgers can and cannot do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tallyp2p.errors import Reason
from tallyp2p.gossip import events
from tallyp2p.messages import Bye, Want
from tallyp2p.parameters import Seal, Spreading, Timing
from tallyp2p.wire.codec import Codec
from tests.world import SMALL_RUN, Wire, World, ballot_of

RUN = replace(SMALL_RUN, spreading=Spreading.BROADCAST, seal=Seal.ED25519)
TIMING = Timing(rounds=8, quorum=4, gossip_interval=0.5)


@pytest.mark.parametrize("spreading", list(Spreading))
def test_a_sealed_swarm_ends_like_any_other(spreading: Spreading) -> None:
    run = replace(RUN, spreading=spreading)
    world = World(4, run, TIMING, Wire(loss=0.2, double=0.1), seed=5)
    world.finish()
    for peer in world.peers.values():
        assert peer.finish is not None and peer.finish.completed
        assert {reason for reason, _ in peer.rejected} <= {Reason.EARLY}  # a HELLO was lost
    if spreading is Spreading.BROADCAST:
        for round in range(0, 8, 2):
            votes = [
                {b.author: b.votes for b in peer.elections[round].ballots}
                for peer in world.peers.values()
            ]
            assert all(vote == votes[0] and len(vote) == 4 for vote in votes)


def start() -> World:
    """Four peers in their first round, all ballots cast."""
    world = World(4, RUN, TIMING, train=lambda index, round: 30.0)
    world.run_for(1.0)
    assert all(len(p.machine.ledger.ballots(0)) == 4 for p in world.peers.values())
    return world


def link_of(world: World, index: int, at: int) -> bytes:
    """The connection on which `index` speaks to `at`."""
    return world.peers[index].lines[world.peers[at].endpoint]


def test_a_member_cannot_silence_another_with_an_invented_ballot() -> None:
    """In an open run two ballots of an author annul each other; here the forgery is not one."""
    world = start()
    forger, victim, judge = (world.peers[index] for index in (0, 1, 2))
    true = judge.machine.ledger.get(victim.machine.author, 0)
    assert true is not None and true.seal is not None
    other = ballot_of(RUN, victim.machine.author, 0, "forged")
    forged = forger.codec.encode(replace(other, seal=true.seal))  # with the true one's signature
    world.deliver(judge.endpoint, link_of(world, 0, 2), forged)
    assert judge.rejected == [(Reason.SEAL, "the signature is not good")]
    assert judge.machine.ledger.get(victim.machine.author, 0) == true


def test_two_ballots_of_one_author_are_a_proof_that_anybody_can_pass_on() -> None:
    """SEAL-4, LEDGER-5."""
    world = start()
    cheat, relay, judge = (world.peers[index] for index in (0, 1, 2))
    second = cheat.codec.seal(ballot_of(RUN, cheat.machine.author, 0, "second"))
    world.deliver(relay.endpoint, link_of(world, 0, 1), cheat.codec.encode(second))
    assert relay.machine.ledger.get(cheat.machine.author, 0) is None
    proof = relay.machine.ledger.wanted(cheat.machine.author, 0)
    assert len(proof) == 2
    for ballot in proof:
        world.deliver(judge.endpoint, link_of(world, 1, 2), relay.codec.encode(ballot))
    assert judge.machine.ledger.get(cheat.machine.author, 0) is None
    assert judge.rejected == []  # who passes the proof on has done nothing wrong


def test_nobody_can_say_bye_for_another() -> None:
    """SEAL-3."""
    world = start()
    judge, victim = world.peers[2], world.peers[1]
    bye = world.peers[0].codec.encode(Bye(0, 0, "gone"))
    world.deliver(judge.endpoint, link_of(world, 1, 2), bye)  # injected into its connection
    assert [reason for reason, _ in judge.rejected] == [Reason.SEAL]
    assert judge.machine.members()[victim.machine.author] == "alive"


def test_an_unsigned_hello_makes_no_member() -> None:
    """SEAL-2, SEAL-7."""
    world = start()
    judge = world.peers[2]
    hello = next(
        effect.message
        for effect in _restarted(world)
        if isinstance(effect, events.Send) and type(effect.message).__name__ == "Hello"
    )
    bare = Codec(replace(RUN, seal=Seal.NONE), b"stranger").encode(hello)
    before = judge.machine.members()
    world.deliver(judge.endpoint, b"\x01new link", bare)
    assert [reason for reason, _ in judge.rejected] == [Reason.SEAL]
    assert judge.machine.members() == before


def _restarted(world: World) -> list[events.Effect]:
    peer = world.add(9)
    seeds = (world.peers[2].endpoint,)
    return peer.machine.handle(events.Started(peer.endpoint, seeds), world.now)


def test_a_late_comer_can_check_ballots_of_authors_that_it_never_met() -> None:
    """SEAL-4."""
    world = start()
    gone, relay = world.peers[0], world.peers[1]
    ballot = relay.machine.ledger.get(gone.machine.author, 0)
    assert ballot is not None
    world.kill(0, noticed=True)
    late = world.add(5)
    world.feed(late, events.Started(late.endpoint, (relay.endpoint,)))
    world.run_for(1.0)
    assert gone.machine.author not in late.machine.members()
    want = late.codec.encode(Want(((gone.machine.author, 0),)))
    world.deliver(relay.endpoint, late.lines[relay.endpoint], want)
    world.run_for(0.5)
    assert late.machine.ledger.get(gone.machine.author, 0) == ballot
    assert not late.rejected
