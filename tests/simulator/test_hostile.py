"""Hostile peers harm as they were told to."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from tallyp2p.errors import RemoteError
from tallyp2p.messages import Ballot, Hello, Ping, Pong
from tallyp2p.parameters import RunParameters, Spreading, Timing
from tallyp2p.simulator.hostile import claimant, equivocator, garbage, liar
from tallyp2p.simulator.spec import Hostile, Hostility, Link, WorldSpec
from tallyp2p.simulator.world import World
from tallyp2p.wire.codec import Codec


def test_garbage_is_refused_for_many_reasons_and_never_raises_otherwise() -> None:
    random, codec = Random(5), Codec(RunParameters(), b"receiver")
    reasons, frames = set(), [garbage(random) for _ in range(4000)]
    for frame in frames:
        try:
            codec.decode(frame, b"a sender")
        except RemoteError as error:
            reasons.add(error.reason)
    assert len(reasons) >= 6
    assert frames[:50] == [garbage(again) for again in [Random(5)] for _ in range(50)]


def test_an_equivocator_tells_every_second_peer_something_else() -> None:
    def rival(round: int) -> Ballot:
        return Ballot(b"author 1", round, b"\xff")

    twist = equivocator(b"author 1", rival)
    own = Ballot(b"author 1", 0, b"\x00")
    told = [twist(endpoint, own) for endpoint in "abcabc"]
    assert told == [own, rival(0), own, own, rival(0), own]  # each always hears the same
    assert twist("b", Ping(1, 2)) == Ping(1, 2)
    other = Ballot(b"author 2", 0, b"\x00")
    assert twist("b", other) is other


def test_a_liar_is_ahead_in_whatever_names_a_round_and_in_nothing_else() -> None:
    twist = liar(40)
    said = Hello(bytes(32), bytes(8), "tcp://me:1", bytes(32), round=8)
    assert twist("a", said) == replace(said, round=48)
    assert twist("a", Pong(7, 1, 8)) == Pong(7, 1, 48)
    for honest in (Pong(7, 1, None), replace(said, round=None), Ping(1, 2)):
        assert twist("a", honest) is honest


def test_a_claimant_names_its_victims_endpoint() -> None:
    twist = claimant("tcp://victim:1")
    said = Hello(bytes(32), bytes(8), "tcp://me:1", bytes(32))
    assert twist("a", said) == replace(said, endpoint="tcp://victim:1")
    assert twist("a", Ping(1, 2)) == Ping(1, 2)


@pytest.mark.parametrize("does", list(Hostility))
@pytest.mark.parametrize("spreading", list(Spreading))
def test_honest_peers_come_to_their_end_beside_any_of_them(
    does: Hostility, spreading: Spreading
) -> None:
    run = RunParameters(pool=40, probes=4, rounds_per_ballot=2, spreading=spreading)
    harm = (Hostile((1, 4), does),)
    timing, links = Timing(rounds=60), Link(loss=0.1)
    spec = WorldSpec(peers=6, run=run, timing=timing, links=links, hostile=harm)
    world = World(spec, 3)
    world.run()
    sent = sum(host.meter.snapshot()["sent"]["total"]["messages"] for host in world.hosts)
    plain = World(replace(spec, hostile=()), 3)
    plain.run()
    assert sent > 0 and world.post.trace_hash() != plain.post.trace_hash(), "harm was done"
