"""One machine by itself: what it does with each message and each turn of its life."""

from __future__ import annotations

import pytest

from tallyp2p.errors import LocalError, Reason
from tallyp2p.gossip import events
from tallyp2p.gossip.machine import PeerMachine
from tallyp2p.messages import FINISHED, Bye, Error, Hello, Ping, Pong, Want
from tallyp2p.parameters import Timing
from tallyp2p.payloads import author_of
from tests.world import SMALL_RUN, World, ballot_of, identity_of

OTHER = author_of(identity_of("other"))


def fresh_machine() -> tuple[PeerMachine, list[events.Effect]]:
    world = World(2, start=False)
    peer = world.add(0)
    return peer.machine, peer.machine.handle(events.Started("tcp://10.0.0.1:1"), 0.0)


def hello(**changes: object) -> Hello:
    values: dict[str, object] = {
        "identity": identity_of("other"),
        "instance": b"instance",
        "endpoint": "tcp://10.0.0.9:9",
        "run": SMALL_RUN.digest,
        "start": 0,
    }
    return Hello(**{**values, **changes})  # type: ignore[arg-type]


def test_another_run_is_told_so_and_not_met() -> None:
    """RUN-3, CONTACT-3, VERDICT-2."""
    machine, _ = fresh_machine()
    effects = machine.handle(events.Received(b"L", hello(run=bytes(32))), 1.0)
    sent = [e.message for e in effects if isinstance(e, events.Send)]
    assert sent == [Error(int(Reason.RUN), SMALL_RUN.descriptor)]
    assert machine.members() == {} and machine.sender(b"L") is None
    again = machine.handle(events.Received(b"L", hello(run=bytes(32))), 1.1)
    assert not [e for e in again if isinstance(e, events.Send)], "one ERROR a second"


def test_before_hello_nothing_counts() -> None:
    """CONTACT-10."""
    machine, _ = fresh_machine()
    for message in (Ping(1, 1), Bye(), ballot_of(SMALL_RUN, b"12345678", 0)):
        effects = machine.handle(events.Received(b"L", message), 1.0)
        assert all(isinstance(effect, events.Tell) for effect in effects)
    assert len(machine.ledger.authors(0)) == 0
    assert machine.refused == {Reason.EARLY: 3}


def test_a_second_process_with_our_identity_is_refused() -> None:
    """CONTACT-7."""
    world = World(2, start=False)
    peer = world.add(0)
    peer.machine.handle(events.Started("tcp://10.0.0.1:1"), 0.0)
    twin = hello(identity=identity_of(0), instance=b"another1")
    effects = peer.machine.handle(events.Received(b"L", twin), 1.0)
    assert [e.message.code for e in effects if isinstance(e, events.Send)] == [Reason.AUTHOR]  # type: ignore[union-attr]
    assert peer.machine.members() == {}


def test_a_late_hello_of_an_old_process_is_no_second_one() -> None:
    """CONTACT-6.  It was started again where it was."""
    machine, _ = fresh_machine()
    for instance in (b"before..", b"now....."):
        machine.handle(events.Received(b"L", hello(instance=instance)), 1.0)
    effects = machine.handle(events.Received(b"M", hello(instance=b"before..")), 2.0)
    assert not effects and machine.refused == {Reason.EARLY: 1}


def test_ping_is_answered_while_learning() -> None:
    """MEMBER-3."""
    world = World(2, train=lambda index, round: 50.0)
    world.run_for(5.0)
    peer, other = world.peers[0], world.peers[1]
    assert peer.machine.phase == "learning"
    link = other.lines[peer.endpoint]
    effects = peer.machine.handle(events.Received(link, Ping(7, 0)), world.now)
    pongs = [e.message for e in effects if isinstance(e, events.Send) and type(e.message) is Pong]
    assert [pong.nonce for pong in pongs] == [7]


def test_rounds_outside_the_window_are_not_kept() -> None:
    """ROUND-7."""
    world = World(2)
    world.run_for(0.3)
    peer, other = world.peers[0], world.peers[1]
    link = other.lines[peer.endpoint]
    far = (world.timing.ahead + 20) * world.run.rounds_per_ballot
    for round in (far, 1):  # too far ahead; not the first round of a ballot
        ballot = ballot_of(world.run, other.machine.author, round)
        peer.machine.handle(events.Received(link, ballot), world.now)
        assert len(peer.machine.ledger.authors(round)) == 0
    assert peer.machine.refused[Reason.ROUND] == 2


def test_a_flood_of_refusals_tells_observers_once_a_second() -> None:
    world = World(2)
    world.run_for(0.3)
    peer = world.peers[0]
    told = 0
    for step in range(1000):
        event = events.Trespassed(b"L", Reason.MALFORMED, "rubbish")
        effects = peer.machine.handle(event, world.now + step / 1000)
        told += sum(isinstance(e, events.Tell) for e in effects)
    assert told <= 2 and peer.machine.refused[Reason.MALFORMED] == 1000


def test_wants_are_answered_now_or_when_cast() -> None:
    """ROUND-5, WANT-2, PING-2."""
    world = World(3, timing=Timing(rounds=40, quorum=3), train=lambda index, round: 1.0)
    world.run_for(0.5)
    peer, other = world.peers[0], world.peers[1]
    assert peer.machine.round == 0
    link = other.lines[peer.endpoint]
    ask = Want(((peer.machine.author, 0), (peer.machine.author, 2)))
    effects = peer.machine.handle(events.Received(link, ask), world.now)
    sent = [e.message for e in effects if isinstance(e, events.Send)]
    assert [type(m).__name__ for m in sent] == ["Ballot", "Pong"]


def test_a_shell_that_breaks_the_rules_is_told() -> None:
    machine, _ = fresh_machine()
    with pytest.raises(LocalError, match="nobody asked"):
        machine.handle(events.Learned(0), 0.0)
    with pytest.raises(LocalError, match="nobody asked"):
        machine.handle(events.Cast(ballot_of(SMALL_RUN, machine.author, 0)), 0.0)
    with pytest.raises(LocalError, match="not an event"):
        machine.handle("hello", 0.0)  # type: ignore[arg-type]


def test_stop_says_bye_and_ends() -> None:
    """ROUND-10."""
    world = World(3, train=lambda index, round: 5.0)
    world.run_for(1.0)
    peer = world.peers[0]
    effects = peer.machine.handle(events.Stopped(), world.now)
    assert [type(e).__name__ for e in effects] == ["Send", "Send", "Finish"]
    assert peer.machine.finished and peer.machine.wake_at() is None
    assert peer.machine.handle(events.Ticked(), world.now + 1) == []


def test_too_few_peers_give_up_with_a_reason() -> None:
    """JOIN-4."""
    world = World(1, timing=Timing(quorum=2, join_deadline=5.0))
    world.finish()
    assert world.peers[0].finish == events.Finish(
        False, "0 other peers came within 5 s, but 1 are needed"
    )


def sent(effects: list[events.Effect]) -> list[object]:
    return [effect.message for effect in effects if isinstance(effect, events.Send)]


def alone() -> tuple[PeerMachine, list[events.Effect]]:
    """A machine with one other member, in its first round, before its ballot is cast."""
    machine, _ = fresh_machine()
    effects = machine.handle(events.Received(b"L", hello(met=True)), 0.1)
    assert events.VoteOn(0) in effects
    return machine, effects


def test_a_ballot_of_an_earlier_life_is_the_one_that_is_cast() -> None:
    """ROUND-1: who comes back by another's hand must not vote twice."""
    machine, _ = alone()
    earlier = ballot_of(SMALL_RUN, machine.author, 0, "earlier")
    machine.handle(events.Received(b"L", earlier), 0.2)
    effects = machine.handle(events.Cast(ballot_of(SMALL_RUN, machine.author, 0)), 0.3)
    assert earlier in sent(effects)
    assert machine.ledger.get(machine.author, 0) == earlier


def test_who_has_said_that_it_votes_no_more_is_not_waited_for() -> None:
    """ROUND-6: finished members are alive, and would be asked in vain."""
    machine, _ = alone()
    machine.handle(events.Received(b"L", Bye(None, FINISHED)), 0.2)
    effects = machine.handle(events.Cast(ballot_of(SMALL_RUN, machine.author, 0)), 0.3)
    assert any(isinstance(effect, events.Learn) for effect in effects)


def test_who_votes_later_only_is_not_waited_for() -> None:
    """ROUND-6: a member that started again says so in HELLO."""
    machine, _ = alone()
    machine.handle(events.Cast(ballot_of(SMALL_RUN, machine.author, 0)), 0.2)
    assert machine.phase == "open"
    again = hello(instance=b"reborn!!", start=8, met=True)
    effects = machine.handle(events.Received(b"M", again), 0.3)
    assert any(isinstance(effect, events.Learn) for effect in effects)


def test_who_comes_while_we_stay_is_told_that_we_have_finished() -> None:
    """ROUND-9."""
    world = World(2, timing=Timing(rounds=2, quorum=2), start=False)
    machine = world.add(0).machine
    machine.handle(events.Started("tcp://10.0.0.1:1"), 0.0)
    machine.handle(events.Received(b"L", hello(met=True)), 0.1)
    machine.handle(events.Cast(ballot_of(SMALL_RUN, machine.author, 0)), 0.2)
    machine.handle(events.Received(b"L", ballot_of(SMALL_RUN, OTHER, 0)), 0.3)
    machine.handle(events.Learned(0), 0.4)
    assert machine.phase == "staying"
    late = hello(identity=identity_of("late"), endpoint="tcp://10.0.0.9:10", start=None)
    effects = machine.handle(events.Received(b"N", late), 0.5)
    assert Bye(0, FINISHED) in sent(effects)


def test_an_author_id_that_another_identity_has_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """CONTACT-4: whoever was first keeps the name.  (A real twin takes some 2^64 hashes.)"""
    machine, _ = alone()
    member = machine.credentials(OTHER)
    monkeypatch.setattr("tallyp2p.gossip.contacts.author_of", lambda identity: OTHER)
    twin = hello(identity=identity_of("twin"), endpoint="tcp://10.0.0.9:10")
    effects = machine.handle(events.Received(b"T", twin), 0.2)
    assert [m.code for m in sent(effects)] == [Reason.AUTHOR]  # type: ignore[attr-defined]
    assert machine.credentials(OTHER) == member


def test_a_life_that_another_has_replaced_does_not_come_back() -> None:
    """CONTACT-6: whoever repeats a HELLO of long ago must not silence its author."""
    machine, _ = alone()
    first, second = hello(met=True), hello(instance=b"reborn!!", met=True)
    machine.handle(events.Received(b"M", second), 0.2)
    assert machine.sender(b"L") is None and machine.sender(b"M") == OTHER
    machine.handle(events.Received(b"attacker", first), 0.3)
    assert machine.sender(b"M") == OTHER and machine.sender(b"attacker") is None
    assert machine.credentials(OTHER) == (identity_of("other"), b"reborn!!")
    assert machine.refused == {Reason.EARLY: 1}
