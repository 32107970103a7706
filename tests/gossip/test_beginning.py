"""When a peer begins, seen from its own little world."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from tallyp2p.gossip.body import Body
from tallyp2p.gossip.card import Card
from tallyp2p.gossip.events import Send
from tallyp2p.gossip.member import State
from tallyp2p.messages import Hello
from tests.gossip.circles import ME, TIMING, author, endpoint, identity
from tests.world import SMALL_RUN


def body(rounds: int = 560, *, fresh: bool) -> Body:
    """The organs of a peer that needs two others."""
    card = Card(ME, b"instance", "test/1", grease=False)
    made = Body(SMALL_RUN, replace(TIMING, quorum=3, rounds=rounds), card, Random(0))
    made.contacts.endpoint = "tcp://me:1"
    made.joining.begin(0.0, fresh=fresh)
    return made


def meet(here: Body, name: int, now: float = 1.0, **said: object) -> None:
    values: dict[str, object] = {"round": None, "start": 0, "met": True, "known": 9, **said}
    hello = Hello(identity(name), bytes(8), endpoint(name), SMALL_RUN.digest, **values)  # type: ignore[arg-type]
    here.contacts.on_hello(b"L%d" % name, hello, None, now)
    here.outbox.take()


def test_a_fresh_swarm_begins_when_its_quorum_is_there() -> None:
    """JOIN-1, JOIN-4."""
    here = body(fresh=True)
    meet(here, 1)
    assert here.beginning.look(1.0) is None
    meet(here, 2, start=None)
    assert here.beginning.look(1.0) is None, "it has not decided yet"
    meet(here, 2)
    assert here.beginning.look(1.0) == 0


def test_a_joiner_tells_its_first_round_and_waits_for_it() -> None:
    """JOIN-2, JOIN-4."""
    here = body(fresh=False)
    meet(here, 1, round=4)
    meet(here, 2, round=4)
    assert here.beginning.look(1.0) is None
    told = [e.message for e in here.outbox.take() if isinstance(e, Send)]
    assert told and all(isinstance(m, Hello) and m.start == 8 for m in told)
    here.membership.seen_in(author(1), 8)
    assert here.beginning.look(2.0) == 8


def test_one_that_says_it_is_far_ahead_makes_no_joiner_begin() -> None:
    """JOIN-4: it would run ahead of the swarm, and hear nobody."""
    here = body(fresh=False)
    for name in (1, 2, 3):
        meet(here, name, round=4)
    assert here.beginning.look(1.0) is None
    here.membership.seen_in(author(1), 800)
    assert here.beginning.look(2.0) is None
    here.membership.seen_in(author(2), 8)
    assert here.beginning.look(2.0) == 8


def test_the_silent_keep_no_joiner_from_beginning() -> None:
    """JOIN-4: they stand where they were, and none of them will ever come further."""
    here = body(fresh=False)
    for name in (1, 2, 3):
        meet(here, name, round=4)
    assert here.beginning.look(1.0) is None
    here.membership.seen_in(author(1), 8)
    for name in (2, 3):
        member = here.membership.get(author(name))
        assert member is not None
        member.state = State.SUSPECT
    assert here.beginning.look(20.0) == 8


def test_who_comes_too_late_or_finds_nobody_is_told_why() -> None:
    """JOIN-4."""
    late = body(rounds=6, fresh=False)
    meet(late, 1, round=4)
    meet(late, 2, round=4)
    assert late.beginning.look(1.0) is None, "of two the one may lie and the other be slow"
    meet(late, 3, round=4)
    assert late.beginning.look(1.0) == "the swarm is at its end: round 8 would be the first"
    alone = body(fresh=True)
    assert alone.beginning.look(59.9) is None
    assert alone.beginning.look(60.0) == "0 other peers came within 60 s, but 2 are needed"
