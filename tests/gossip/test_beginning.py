"""When a peer begins, seen from its own little world."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from tallyp2p.gossip.body import Body
from tallyp2p.gossip.card import Card
from tallyp2p.gossip.events import Send
from tallyp2p.gossip.member import State
from tallyp2p.gossip.neighbourhood import Neighbourhood
from tallyp2p.messages import Hello, Want
from tallyp2p.parameters import RunParameters, Spreading
from tests.gossip.circles import ME, TIMING, author, endpoint, identity
from tests.world import SMALL_RUN


def body(rounds: int = 560, run: RunParameters = SMALL_RUN, *, fresh: bool) -> Body:
    """The organs of a peer that needs two others."""
    card = Card(ME, b"instance", "test/1", grease=False)
    made = Body(run, replace(TIMING, quorum=3, rounds=rounds), card, Random(0))
    made.contacts.endpoint = "tcp://me:1"
    made.joining.begin(0.0, fresh=fresh)
    return made


def meet(here: Body, name: int, now: float = 1.0, **said: object) -> None:
    values: dict[str, object] = {"round": None, "start": 0, "met": True, "known": 9, **said}
    run = values.pop("run", SMALL_RUN.digest)
    hello = Hello(identity(name), bytes(8), endpoint(name), run, **values)  # type: ignore[arg-type]
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


def test_who_is_chosen_later_is_asked_for_its_ballot_as_well() -> None:
    """VIEW-6: when its first round is decided a joiner may not have chosen anybody yet."""
    run = replace(SMALL_RUN, spreading=Spreading.SAMPLED, degree=2, view=4)
    here = body(run=run, fresh=False)
    assert isinstance(here.circle, Neighbourhood)
    here.circle.begin(tuple(map(endpoint, (1, 2, 3))), 0.0)
    picks = {e: pick.nonce for e, pick in here.circle._neighbours.picks.items()}
    for name in (1, 2, 3):
        meet(here, name, round=4, run=run.digest)
    assert here.beginning.look(1.0) is None and here.joining.start == 8
    asked = []
    for name in (1, 2, 3):
        here.circle.pong(author(name), picks[endpoint(name)], None, 1.0)
        assert here.beginning.look(1.0) is None
        sent = [e.message for e in here.outbox.take() if isinstance(e, Send)]
        asked += [m.entries for m in sent if isinstance(m, Want)]
    assert asked == [((author(1), 8),), ((author(2), 8),)]


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
