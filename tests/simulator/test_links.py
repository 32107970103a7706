"""What the network does to messages, one condition at a time."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from tallyp2p.simulator.links import Network, Wire
from tallyp2p.simulator.spec import Group, Link, Route, WorldSpec

GROUPS = (Group("left", (0, 1)), Group("right", (2, 3)))


def network(link: Link, **spec: object) -> Network:
    return Network(WorldSpec(links=link, groups=GROUPS, **spec), Random(1))  # type: ignore[arg-type]


def many(net: Network, count: int = 4000, gap: float = 1.0) -> list[tuple[float, ...]]:
    """Arrivals, less the moment of sending, of messages on one connection."""
    wire = Wire()
    return [
        tuple(moment - gap * at for moment in net.arrivals(0, 2, wire, 100, gap * at))
        for at in range(count)
    ]


def test_delay_and_jitter() -> None:
    moments = [moment for (moment,) in many(network(Link(delay=0.1, jitter=0.2)))]
    assert 0.1 <= min(moments) < 0.11 and 0.29 < max(moments) <= 0.3


def test_doubled_messages_come_as_often_as_stated() -> None:
    net = network(Link(double=1.0, copies=3))
    assert len(net.arrivals(0, 1, Wire(), 100, 0.0)) == 3 and net.doubled == 1


def test_loss_and_doubles_come_as_often_as_stated() -> None:
    net = network(Link(loss=0.3, double=0.5))
    arrived = many(net)
    assert sum(not moments for moments in arrived) == net.lost == pytest.approx(1200, abs=100)
    assert sum(len(m) == 2 for m in arrived) == net.doubled == pytest.approx(1400, abs=100)


def test_trouble_begins_when_it_is_told_to() -> None:
    link = Link(loss=0.5, double=0.5, reorder=0.5, begin=1000.0)
    early, late = many(network(link), 1000), many(network(replace(link, begin=0.0)), 1000)
    assert [len(moments) for moments in early] == [1] * 1000
    assert not all(len(moments) == 1 for moments in late)
    assert many(network(replace(link, begin=1.0)), 1000)[1:] != early[1:]


def in_order(link: Link) -> bool:
    wire, net = Wire(), network(link)
    moments = [m for at in range(500) for m in net.arrivals(0, 2, wire, 100, at * 0.01)]
    return moments == sorted(moments)


def test_a_connection_keeps_its_order_but_for_those_that_may_overtake() -> None:
    assert in_order(Link(jitter=1.0))
    assert not in_order(Link(jitter=1.0, reorder=0.1))


def test_bandwidth_is_shared_by_a_senders_connections() -> None:
    net = network(Link(delay=0.0, bandwidth=1000.0))
    one, two = Wire(), Wire()
    assert net.arrivals(0, 2, one, 500, 0.0) == (0.5,)
    assert net.arrivals(0, 3, two, 500, 0.0) == (1.0,)
    assert net.arrivals(1, 3, two, 500, 0.0) == (1.0,)  # another sender's, in order behind it
    assert net.arrivals(0, 2, one, 500, 9.0) == (9.5,)


def test_a_route_has_its_own_conditions_one_way() -> None:
    net = network(Link(delay=0.1), routes=(Route("left", "right", Link(delay=2.0)),))
    assert net.arrivals(0, 2, Wire(), 10, 0.0) == (2.0,)
    assert net.arrivals(2, 0, Wire(), 10, 0.0) == (0.1,)
    assert net.arrivals(0, 1, Wire(), 10, 0.0) == (0.1,)


def test_partitions_cut_and_heal() -> None:
    net = network(Link())
    net.sever(0, ("left", "right"), one_way=False)
    assert not net.hears(0, 2) and not net.hears(3, 1)
    assert net.hears(0, 1) and net.hears(2, 3)
    assert net.arrivals(0, 2, Wire(), 10, 0.0) == () and net.cut == 1
    net.heal(0)
    assert net.hears(0, 2)


def test_a_cut_may_be_one_way() -> None:
    net = network(Link())
    net.sever(0, ("left", "right"), one_way=True)
    assert not net.hears(0, 2) and net.hears(2, 0)


def test_who_is_in_no_group_is_cut_off_from_nobody() -> None:
    net = network(Link(), peers=6)
    net.sever(0, ("left", "right"), one_way=False)
    assert net.hears(5, 0) and net.hears(2, 5)
