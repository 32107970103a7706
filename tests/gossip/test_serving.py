"""What is answered to WANT: ballots, promises, and PONG only where it is needed."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from tallyp2p.gossip.body import Body
from tallyp2p.gossip.card import Card
from tallyp2p.gossip.events import Send
from tallyp2p.gossip.membership import author_of
from tallyp2p.gossip.neighbourhood import Neighbourhood
from tallyp2p.messages import Digest, Hello, Want
from tallyp2p.parameters import Spreading, Timing
from tests.world import SMALL_RUN, ballot_of

ME, OTHER = author_of(bytes(32)), author_of(bytes([1]) * 32)


def body(**changes: object) -> Body:
    """A peer with one member."""
    run = replace(SMALL_RUN, **changes)  # type: ignore[arg-type]
    made = Body(run, Timing(), Card(bytes(32), bytes(8), "test/1", grease=False), Random(0))
    hello = Hello(bytes([1]) * 32, bytes(8), "tcp://h:1", run.digest, start=0)
    made.contacts.on_hello(b"L", hello, 0, 0.0)
    made.outbox.take()
    return made


def choose(here: Body) -> None:
    """With a view: the only member is chosen."""
    assert isinstance(here.circle, Neighbourhood)
    here.circle._neighbours.choose(OTHER, (), ())


def sent(here: Body) -> list[object]:
    return [e.message for e in here.outbox.take() if isinstance(e, Send)]


def test_what_is_here_is_sent_once_however_often_it_is_named() -> None:
    """ROUND-5."""
    here = body()
    ballot = ballot_of(SMALL_RUN, ME, 4)
    here.ledger.add(ballot)
    assert not here.serving.on_want(OTHER, Want(((ME, 4),) * 9), 4)
    assert sent(here) == [ballot]


def test_what_is_not_cast_is_promised_and_said() -> None:
    """ROUND-5."""
    here = body()
    assert here.serving.on_want(OTHER, Want(((ME, 4),)), 4)
    assert here.serving.owing.take(4) == {OTHER}
    assert here.serving.on_want(OTHER, Want(((ME, 2),)), 4), "left out: PONG says so"
    assert here.serving.owing.take(2) == set()


@pytest.mark.parametrize("view", [0, 6])
def test_with_a_view_the_first_question_is_answered_by_the_ballot_alone(view: int) -> None:
    """VIEW-6: whoever has to wait asks again, and is told; what never comes is told at once."""
    here = body(view=view)
    want = Want(((ME, 4),))
    assert here.serving.on_want(OTHER, want, 4) == (view == 0)
    assert here.serving.on_want(OTHER, want, 4)
    assert here.serving.on_want(OTHER, Want(((ME, 2),)), 4)


def test_ledgers_are_compared_in_broadcast_runs_only() -> None:
    """REPAIR-1."""
    for spreading in Spreading:
        here = body(spreading=spreading)
        here.serving.begin(1.0)
        wake = here.serving.wake_at()
        assert (wake is not None) == (spreading is Spreading.BROADCAST)
        here.serving.tick(None, 3.0)
        assert sent(here) == [], "before the first round there is nothing to compare"
        here.serving.tick(4, 4.5)
        assert sent(here) == [], "not every tick"
        here.serving.tick(4, 5.0)
        kinds = [type(message) for message in sent(here)]
        assert kinds == ([Digest] if spreading is Spreading.BROADCAST else [])


def test_with_a_view_ledgers_are_compared_with_the_chosen_alone() -> None:
    """VIEW-13: else 2 * `view` guests would take most turns of those who are heard."""
    here = body(view=6, spreading=Spreading.BROADCAST)
    here.serving.begin(1.0)
    here.serving.tick(4, 3.0)
    assert sent(here) == [], "the only member is a guest"
    choose(here)
    here.serving.tick(4, 5.0)
    assert Digest in map(type, sent(here))


def test_with_a_view_all_who_voted_before_are_asked_for_when_the_round_is_old_enough() -> None:
    """VIEW-13: of whom they are asked is drawn, so a message that is lost costs one interval."""
    here = body(view=6, spreading=Spreading.BROADCAST)
    choose(here)
    strangers = [author_of(bytes([n]) * 32) for n in (8, 9)]
    for author in strangers:
        for round in (0, 2):
            here.ledger.add(ballot_of(SMALL_RUN, author, round))
    here.serving.begin(1.0)
    here.rounds.vote(4)

    def wanted(now: float) -> set[tuple[bytes, int]]:
        here.serving.tick(4, now)
        return {one for m in sent(here) if isinstance(m, Want) for one in m.entries}

    heard = {(OTHER, 2)}  # of the chosen also what the round closed last lacks (REPAIR-1)
    assert wanted(3.0) == heard, "the own ballot is not cast, so others' need not be"
    here.rounds.open(4.5)
    assert wanted(5.0) == heard, "they are on their way"
    assert wanted(7.0) == heard | {(author, 4) for author in strangers}
