"""The circle without a view: who is told of whom, who is looked for again."""

from __future__ import annotations

from tallyp2p.gossip.events import Dial, Hangup
from tallyp2p.gossip.everybody import Everybody
from tallyp2p.messages import Hello, Message, Peers, Ping
from tests.gossip.circles import Bench, author, endpoint, said
from tests.world import SMALL_RUN, ballot_of


def bench() -> Bench[Everybody]:
    return Bench(SMALL_RUN, Everybody)


def test_who_knows_fewer_is_told_of_the_others() -> None:
    """CONTACT-8."""
    here = bench()
    for name in (1, 2, 3):
        here.hello(name)
    [peers] = [m for m in said(here.hello(4, known=2)) if isinstance(m, Peers)]
    assert sorted(peers.endpoints) == [endpoint(1), endpoint(2), endpoint(3)]


def told(messages: list[Message]) -> list[str]:
    """Endpoints that were named to somebody."""
    return [e for m in messages if isinstance(m, Peers) for e in m.endpoints]


def asked(messages: list[Message]) -> list[int]:
    """Nonces that were sent to somebody."""
    return [m.nonce for m in messages if isinstance(m, Ping)]


def crowd(count: int) -> Bench[Everybody]:
    here = bench()
    for name in range(1, count + 1):
        here.hello(name)
    return here


def test_an_endpoint_that_nothing_proves_is_told_of_a_few() -> None:
    """CONTACT-8: else 200 bytes with somebody else's address in them call for 30 KB there."""
    here = crowd(40)
    for life in range(5):
        told_to = said(here.hello(41, known=1, instance=bytes([life]) * 8))
        assert len(told(told_to)) == 8 and len(asked(told_to)) == 1
    here.circle.compare(author(41), 1234, 0, 9.0)
    assert len(told(said(here.take()))) == 8  # and by PING with a wrong sum no more


def test_who_answers_from_there_is_told_of_all() -> None:
    """CONTACT-8."""
    here = crowd(40)
    [nonce] = asked(said(here.hello(41, known=1)))
    here.circle.pong(author(41), nonce % (2**32 - 1) + 1, None, 1.2)  # a guess
    here.circle.pong(author(40), nonce, None, 1.2)  # somebody else's word
    assert told(said(here.take())) == []
    here.circle.pong(author(41), nonce, None, 1.2)
    assert len(told(said(here.take()))) == 40
    here.circle.compare(author(41), 1234, 0, 1.3)
    assert said(here.take()) == []  # it has just been told
    here.circle.compare(author(41), 1234, 0, 9.0)
    assert len(told(said(here.take()))) == 40  # it stays where it was


def test_who_moves_is_asked_again() -> None:
    """CONTACT-8: what is proved is an endpoint, and not its member's good will."""
    here = crowd(40)
    [nonce] = asked(said(here.hello(41, known=1)))
    here.circle.pong(author(41), nonce, None, 1.2)
    here.take()
    moved = said(here.hello(41, known=1, endpoint="tcp://victim:1", instance=b"another!"))
    assert len(told(moved)) == 8
    [other] = asked(moved)
    here.circle.pong(author(41), nonce, None, 1.3)  # that went elsewhere
    assert told(said(here.take())) == [] and other != nonce


def test_who_starts_again_is_asked_again() -> None:
    """CONTACT-8: where nobody signs, anybody can say HELLO in the name of who has answered."""
    here = crowd(40)
    [nonce] = asked(said(here.hello(41, known=1)))
    here.circle.pong(author(41), nonce, None, 1.2)
    here.take()
    for life in range(1, 6):
        again = said(here.hello(41, known=1, instance=bytes([life]) * 8))
        assert len(told(again)) == 8 and asked(again) != [nonce]


def test_an_answer_that_is_long_on_its_way_proves_as_well() -> None:
    """CONTACT-8: where it takes longer than `patience`, another question has gone meanwhile."""
    here = crowd(40)
    [nonce] = asked(said(here.hello(41, known=1)))
    here.circle.compare(author(41), 1234, 0, 5.0)
    assert asked(said(here.take())) == [nonce]
    here.circle.pong(author(41), nonce, None, 5.1)
    assert len(told(said(here.take()))) == 40


def test_peers_that_are_known_to_be_gone_are_not_dialled_again() -> None:
    """CONTACT-9."""
    here = bench()
    here.hello(1)
    change = here.membership.leave(author(1), 0, 2.0)
    assert change is not None
    here.contacts.part(change)
    assert Hangup(endpoint(1)) in here.take()
    here.circle.on_peers(author(2), Peers((endpoint(1), endpoint(2))), None, 3.0)
    assert [e for e in here.take() if isinstance(e, Dial)] == [Dial(endpoint(2))]


def test_another_roster_is_answered_once_a_patience() -> None:
    """MEMBER-7."""
    here = bench()
    here.hello(1)
    here.hello(2)
    for now, answered in ((5.0, True), (5.9, False), (6.0, True)):
        here.circle.compare(author(1), 1234, 0, now)
        kinds = {type(m) for m in said(here.take())}
        assert kinds == ({Hello, Peers} if answered else set())


def silent(here: Bench[Everybody], name: int, now: float, bye: bool = False) -> None:
    """Member `name` goes: by silence, or by BYE."""
    here.hello(name)
    if bye:
        change = here.membership.leave(author(name), 0, now)
        assert change is not None
        here.circle.gone(change, now)
    else:
        here.membership.lose(endpoint(name), now - 60.0)
        for gone in here.membership.expire(now):
            here.contacts.part(gone)
            here.circle.gone(gone, now)
    here.take()


def looks(here: Bench[Everybody], begin: float, end: float) -> list[float]:
    """When somebody was dialled."""
    found = []
    while (moment := here.circle.wake_at()) is not None and moment < end:
        now = max(moment, begin)
        here.circle.tick(0, now)
        found += [now for e in here.take() if isinstance(e, Dial)]
        for name in range(9):
            here.contacts.abandon(endpoint(name))
        here.take()
    return found


def test_who_went_by_silence_is_looked_for_at_growing_distances() -> None:
    """MEMBER-9: a cut that lasted longer than suspicion heals."""
    here = bench()
    silent(here, 1, 100.0)
    at = looks(here, 100.0, 3000.0)
    pauses = [b - a for a, b in zip([100.0, *at], at, strict=False)]
    assert 4 <= len(at) <= 9, at
    for number, pause in enumerate(pauses):
        assert 30.0 * 2**number <= pause <= 90.0 * 2**number


def test_who_said_bye_or_is_back_is_not_looked_for() -> None:
    """MEMBER-9."""
    here = bench()
    silent(here, 1, 100.0, bye=True)
    silent(here, 2, 100.0)
    here.hello(2, 120.0)
    assert looks(here, 100.0, 1e6) == []


def test_of_many_that_are_absent_one_is_looked_for_at_a_time() -> None:
    """MEMBER-9: a large network that was cut does not begin with a storm."""
    here = bench()
    for name in range(2, 8):
        silent(here, name, 100.0)
    at = looks(here, 100.0, 400.0)
    assert len(at) >= 6 and all(b - a >= 5.0 for a, b in zip(at, at[1:], strict=False))


def test_no_ones_word_makes_a_peer_knock_at_a_thousand_doors() -> None:
    """CONTACT-9: each costs files and memory, and where nobody answers they would stay."""
    here = bench()
    here.hello(1)
    for first in range(100, 1100, 64):
        named = tuple(endpoint(name) for name in range(first, first + 64))
        here.circle.on_peers(author(1), Peers(named), 0, 2.0)
    assert here.contacts.unanswered() == 128
    here.take()
    here.hello(100)
    here.circle.on_peers(author(1), Peers((endpoint(2000),)), 0, 3.0)
    assert [e for e in here.take() if isinstance(e, Dial)] == [Dial(endpoint(2000))]


def test_who_names_dead_ends_keeps_nobody_else_from_being_heard() -> None:
    """CONTACT-9: else two messages a minute would keep a peer from whoever joins."""
    here = bench()
    here.hello(1)
    here.hello(2)
    for first in (100, 164):
        named = tuple(endpoint(name) for name in range(first, first + 64))
        here.circle.on_peers(author(1), Peers(named), 0, 2.0)
    here.take()
    others = tuple(endpoint(name) for name in range(1000, 1128))
    for now, names in ((2.1, others[:64]), (2.2, others[64:])):
        here.circle.on_peers(author(2), Peers(names), 0, now)
    effects = here.take()
    assert [e for e in effects if isinstance(e, Dial)] == [Dial(e) for e in others[:64]]
    assert len([e for e in effects if isinstance(e, Hangup)]) == 64
    assert here.contacts.unanswered() == 128


def test_endpoints_that_a_peer_was_started_with_take_nobodys_place() -> None:
    """CONTACT-9: who goes on after a long break may have kept many that are no more."""
    here = bench()
    here.hello(1)
    here.circle.begin(tuple(endpoint(name) for name in range(100, 300)), 1.0)
    here.take()
    here.circle.on_peers(author(1), Peers((endpoint(2000),)), 0, 3.0)
    assert [e for e in here.take() if isinstance(e, Dial)] == [Dial(endpoint(2000))]


def test_nothing_is_passed_on_where_everybody_is_told_by_the_author() -> None:
    """ROUND-2, ROUND-9."""
    here = bench()
    here.hello(1)
    here.circle.pass_on(author(1), ballot_of(here.run, author(2), 0), 0, 2.0)
    assert here.take() == [] and not here.circle.may_leave(2.0)
    here.membership.finish(author(1), 0)
    assert here.circle.may_leave(2.0)
