from __future__ import annotations

from dataclasses import replace
from random import Random

from tallyp2p.gossip.membership import Membership, author_of
from tallyp2p.gossip.spreading import Routes
from tallyp2p.messages import Hello
from tallyp2p.parameters import Spreading, Timing
from tests.world import SMALL_RUN

NAMES = [bytes([n]) * 32 for n in range(8)]
AUTHORS = sorted(author_of(name) for name in NAMES)


def views(run_spreading: Spreading, degree: int = 2) -> dict[bytes, Routes]:
    """Eight peers that know each other."""
    run = replace(SMALL_RUN, spreading=run_spreading, degree=degree)
    routes = {}
    for me in NAMES:
        membership = Membership(author_of(me), Timing(), Random(0))
        for other in NAMES:
            if other != me:
                hello = Hello(other, bytes(8), "tcp://h:1", bytes(32), start=0)
                membership.introduce(other, hello, 0.0)
        routes[author_of(me)] = Routes(run, membership)
    return routes


def test_whom_one_sends_to_expects_it() -> None:
    routes = views(Spreading.SAMPLED)
    for round in (0, 2, 4):
        for me in AUTHORS:
            assert len(routes[me].receivers(round, 0)) == 2
            for receiver in routes[me].receivers(round, 0):
                assert me in routes[receiver].expected(round, 0)


def test_broadcast_is_everybody_else() -> None:
    routes = views(Spreading.BROADCAST)
    for me in AUTHORS:
        others = tuple(author for author in AUTHORS if author != me)
        assert routes[me].receivers(0, 0) == others == routes[me].expected(0, 0)


def test_before_its_first_round_a_peer_hears_and_sends_nothing() -> None:
    routes = views(Spreading.SAMPLED)[AUTHORS[0]]
    assert routes.receivers(0, 8) == () == routes.expected(0, 8)
    assert len(routes.receivers(8, 8)) == 2


def test_a_change_of_the_roster_is_noticed() -> None:
    membership = Membership(bytes(8), Timing(), Random(0))
    routes = Routes(SMALL_RUN, membership)
    assert routes.expected(0, 0) == ()
    membership.introduce(b"L", Hello(NAMES[1], bytes(8), "tcp://h:1", bytes(32), start=0), 0.0)
    assert routes.expected(0, 0) == (author_of(NAMES[1]),)
    membership.leave(author_of(NAMES[1]), 0, 1.0)
    assert routes.expected(0, 0) == (author_of(NAMES[1]),), "it voted in round 0"
    assert routes.expected(2, 0) == ()
