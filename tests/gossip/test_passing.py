"""Where nobody knows everybody: to whom ballots are sent and sent on, and who is waited for."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from tallyp2p.gossip.membership import Membership, author_of
from tallyp2p.gossip.neighbours import Neighbours
from tallyp2p.gossip.nonces import Nonces
from tallyp2p.gossip.passing import HANDS, Passing
from tallyp2p.messages import Hello
from tallyp2p.parameters import Spreading, Timing
from tests.world import SMALL_RUN, ballot_of

RUN = replace(SMALL_RUN, view=6, spreading=Spreading.BROADCAST)  # ballots of 2 rounds
NAMES = [bytes([n]) * 32 for n in range(9)]
AUTHORS = [author_of(name) for name in NAMES]
CHOSEN, GUESTS = set(AUTHORS[:6]), set(AUTHORS[6:])
STRANGER = author_of(b"s" * 32)


def passing(start: int | None = 0, seed: int = 0) -> tuple[Passing, Membership]:
    membership = Membership(b"somebody", Timing(), Random(0))
    neighbours = Neighbours(RUN.view, Random(0), Nonces(b""))
    for n, name in enumerate(NAMES):
        hello = Hello(name, bytes(8), f"tcp://h:{n}", bytes(32), start=start)
        membership.introduce(name, hello, 0.0)
        if AUTHORS[n] in CHOSEN:
            neighbours.choose(AUTHORS[n], AUTHORS, ())
    return Passing(RUN, Timing(), membership, neighbours, Random(seed)), membership


def silence(membership: Membership, author: bytes) -> None:
    member = membership.get(author)
    assert member is not None
    membership.lose(member.endpoint, 1.0)


def test_own_ballots_go_to_guests_too_and_guests_are_not_waited_for() -> None:
    """VIEW-11: a guest waits for the ballot, but who dials must not hold a round open."""
    there, _ = passing()
    assert set(there.receivers(4, 0)) == CHOSEN | GUESTS
    assert there.expected(4, 0) == tuple(sorted(CHOSEN))


def test_who_is_silent_is_expected_again_and_who_begins_later_is_not_yet() -> None:
    """VIEW-11, ROUND-6."""
    there, membership = passing()
    silence(membership, AUTHORS[0])
    assert there.expected(4, 0) == tuple(sorted(CHOSEN)), "it may be heard again"
    later, _ = passing(start=8)
    assert later.expected(6, 0) == () and set(later.expected(8, 0)) == CHOSEN
    undecided, _ = passing(start=None)
    assert undecided.expected(8, 0) == (), "or a round of all that join waits for its deadline"


def test_a_new_ballot_is_sent_on_to_a_few_of_the_chosen_but_not_back() -> None:
    """VIEW-12: never to guests, or who dials much would swallow what is sent on."""
    seen: set[bytes] = set()
    for seed in range(40):
        there, membership = passing(seed=seed)
        silence(membership, AUTHORS[2])
        hands = there.relays(AUTHORS[0], ballot_of(RUN, AUTHORS[1], 4), 4)
        assert len(set(hands)) == HANDS == 3
        seen |= set(hands)
    assert seen == set(AUTHORS[3:6]), "all chosen but sender, author, and who is silent"


def test_a_ballot_of_strangers_counts_and_an_old_one_is_not_sent_on() -> None:
    """VIEW-12: who fetched old ballots by comparison would flood those who hold them."""
    there, _ = passing()
    assert there.accepts(AUTHORS[7], ballot_of(RUN, STRANGER, 4))
    assert there.relays(AUTHORS[0], ballot_of(RUN, STRANGER, 4), 6), "the round before"
    assert not there.relays(AUTHORS[0], ballot_of(RUN, STRANGER, 4), 8)


def test_nobody_is_asked_in_turn_and_nobody_is_kept_for_its_ballot() -> None:
    """VIEW-7: the oldest is let go though a round waits for it: others bring its ballot."""
    there, _ = passing()
    assert there.draw(4, set(), set()) == () == there.newest
