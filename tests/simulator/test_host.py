"""One simulated process: frozen, slow, dead, and never looked at in vain."""

from __future__ import annotations

import pytest

from tallyp2p.gossip import events
from tallyp2p.simulator.host import Host
from tallyp2p.simulator.spec import ClockOffset, Voting, WorldSpec
from tallyp2p.simulator.world import World
from tests.simulator.worlds import world


def until(made: World, moment: float) -> None:
    """Play a world up to a moment."""
    while (upcoming := made.clock.next()) is not None and upcoming <= moment:
        made.clock.step()


def playing(spec: WorldSpec, moment: float) -> tuple[World, Host]:
    made = World(spec)
    until(made, moment)
    return made, made.peers[2]


def test_a_frozen_process_does_nothing_and_loses_nothing() -> None:
    made, host = playing(world(), 5.0)
    host.freeze()
    handled = host.events
    until(made, 12.0)
    assert host.events == handled and host._waiting
    host.thaw()
    assert host.events > handled
    assert made.run().finish["completed"] == 5


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallyp2p.simulator.host._HELD", 3)
    made, host = playing(world(), 5.0)
    host.freeze()
    until(made, 12.0)
    assert host.dropped > 0 and host._queued == 3


def test_a_slow_process_takes_its_time_for_each_thing() -> None:
    made, host = playing(world(), 5.0)
    host.slow_down(0.2, 1.0)
    handled, at = host.events, made.clock.now
    until(made, at + 4.0)
    assert 0 < host.events - handled <= 4.0 / 0.2
    host.slow_down(0.0, 1.0)
    assert made.run().finish["completed"] == 5


def test_a_dead_process_is_silent() -> None:
    made, host = playing(world(), 5.0)
    assert made.crash(2, noticed=False, disk=True)
    handled, sent = host.events, host.meter.snapshot()
    until(made, 9.0)
    assert host.events == handled and host.meter.snapshot() == sent
    assert not made.crash(2, noticed=False, disk=True)


def test_a_break_is_noticed_where_the_computer_lives() -> None:
    for noticed in (True, False):
        made, host = playing(world(), 5.0)
        made.crash(2, noticed=noticed, disk=True)
        until(made, 5.5)
        state = made.peers[0].machine.members()[host.machine.author]
        assert state == ("suspect" if noticed else "alive")


def test_few_wake_ups_wait_for_each_host() -> None:
    made, _ = playing(world(), 9.0)
    alarms = sum(action.__name__ == "_alarm" for _, _, action, _ in made.clock._heap)
    assert alarms <= 4 * len(made.hosts)


def test_machines_are_not_woken_much_more_often_than_they_want() -> None:
    made = World(world())
    ticks = 0
    honest = Host._handle

    def handle(self: Host, event: events.Event, local: float) -> bool:
        nonlocal ticks
        ticks += isinstance(event, events.Ticked)
        return honest(self, event, local)

    Host._handle = handle  # type: ignore[method-assign]
    try:
        result = made.run()
    finally:
        Host._handle = honest  # type: ignore[method-assign]
    assert ticks < 3 * result.seconds * len(made.hosts)  # gossip once a second, and some pings


@pytest.mark.parametrize("offset", [3600.0, -172_800.0, 1e9 / 3])
def test_where_a_clock_stands_does_not_matter(offset: float) -> None:
    """A peer's moments are only compared with its own; microseconds are lost in large numbers."""
    plain = World(world()).run()
    other = World(world(clocks=(ClockOffset((1, 2), offset),))).run()
    assert other.messages == plain.messages and other.finish == plain.finish
    assert other.seconds == pytest.approx(plain.seconds, abs=0.01)


def test_training_takes_as_long_as_stated() -> None:
    brisk = World(world(voting=Voting(training=0.5, spread=0.0))).run()
    lazy = World(world(voting=Voting(training=2.5, spread=0.0))).run()
    assert lazy.seconds - brisk.seconds == pytest.approx(12 * 2.0, abs=0.5)
