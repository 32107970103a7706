"""Whose ballots are asked for: exactly `degree`, of the chosen, and others for who is out."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from tallyp2p.gossip.membership import Membership, author_of
from tallyp2p.gossip.neighbours import Neighbours
from tallyp2p.gossip.nonces import Nonces
from tallyp2p.gossip.pulling import Pulls
from tallyp2p.messages import Hello
from tallyp2p.parameters import Timing
from tests.world import SMALL_RUN

RUN = replace(SMALL_RUN, view=6, degree=3)
NAMES = [bytes([n]) * 32 for n in range(8)]
AUTHORS = [author_of(name) for name in NAMES]


def pulls(chosen: int = 6, start: int = 0) -> tuple[Pulls, Membership]:
    membership = Membership(b"somebody", Timing(), Random(0))
    neighbours = Neighbours(RUN.view, Random(0), Nonces(b""))
    for n, name in enumerate(NAMES):
        hello = Hello(name, bytes(8), f"tcp://h:{n}", bytes(32), start=start)
        membership.introduce(name, hello, 0.0)
        if n < chosen:
            neighbours.choose(AUTHORS[n], AUTHORS, ())
    return Pulls(RUN, Timing(), membership, neighbours, Random(0)), membership


def test_as_many_as_the_degree_says_all_chosen_and_others_each_round() -> None:
    """VIEW-6."""
    there, _ = pulls()
    drawn = {round: there.draw(round, set(), set()) for round in range(0, 40, 2)}
    assert all(len(set(some)) == 3 and set(some) <= set(AUTHORS[:6]) for some in drawn.values())
    assert set().union(*drawn.values()) == set(AUTHORS[:6]), "everybody has a turn"
    assert all(there.expected(round, 0) == some for round, some in drawn.items())
    assert there.expected(40, 0) == () == there.receivers(0, 0)


def test_who_is_out_is_replaced_and_who_was_heard_stays() -> None:
    """VIEW-6."""
    there, membership = pulls()
    heard, silent, declined = there.draw(0, set(), set())
    for author in (heard, silent):
        member = membership.get(author)
        assert member is not None
        membership.lose(member.endpoint, 1.0)
    drawn = there.draw(0, {heard}, {declined})
    assert len(drawn) == 3 and heard in drawn and not {silent, declined} & set(drawn)
    assert there.draw(0, {heard}, {declined}) == drawn, "no reason to draw again"


def test_nobody_is_asked_for_a_round_before_its_first() -> None:
    """VIEW-6."""
    there, _ = pulls(start=8)
    assert there.draw(6, set(), set()) == () and len(there.draw(8, set(), set())) == 3


def test_where_few_are_chosen_few_are_asked_and_old_rounds_are_forgotten() -> None:
    """VIEW-6."""
    there, _ = pulls(chosen=2)
    assert len(there.draw(0, set(), set())) == 2
    there.draw(2, set(), set())
    there.check(2)
    there.forget_before(2)
    there.check(1)
    assert there.expected(0, 0) == ()
