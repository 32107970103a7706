"""One peer of a run with a view: whom it chooses, lets go, and believes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tallyp2p.gossip.events import Dial, Effect, Hangup, Send
from tallyp2p.gossip.neighbourhood import Neighbourhood
from tallyp2p.messages import PARTED, Bye, Error, Hello, Peers, Ping
from tallyp2p.parameters import Spreading
from tests.gossip.circles import TIMING, Bench, author, endpoint, said
from tests.world import SMALL_RUN, ballot_of

VIEW = 4
RUN = replace(SMALL_RUN, view=VIEW, degree=2)


def bench(seeds: int = 0) -> Bench[Neighbourhood]:
    here = Bench(RUN, Neighbourhood)
    here.circle.begin(tuple(endpoint(n) for n in range(1, seeds + 1)), 0.0)
    return here


def nonces(effects: list[Effect]) -> dict[str, int]:
    """Nonce of the PING to each endpoint."""
    return {
        e.endpoint: e.message.nonce
        for e in effects
        if isinstance(e, Send) and isinstance(e.message, Ping)
    }


def answer(here: Bench[Neighbourhood], name: int, now: float = 1.0) -> list[Effect]:
    """Peer `name`, which is dialled, says HELLO and answers PING."""
    nonce = nonces(here.hello(name, now))[endpoint(name)]
    here.membership.heard(author(name), now)
    here.circle.pong(author(name), nonce, 0, now)
    return here.take()


def settled(seeds: int = VIEW) -> Bench[Neighbourhood]:
    """A peer that has chosen peers 1 to 4, in this order."""
    here = bench(seeds)
    here.take()
    for name in range(1, VIEW + 1):
        answer(here, name)
    return here


def chosen(here: Bench[Neighbourhood]) -> set[bytes]:
    return {member.author for member in here.circle.heard()}


def test_seeds_are_dialled_as_many_as_are_wanted() -> None:
    """VIEW-2."""
    here = bench(seeds=9)
    assert len([e for e in here.take() if isinstance(e, Dial)]) == VIEW


def test_who_answers_where_it_was_dialled_is_chosen_and_asked_for_more() -> None:
    """VIEW-3, VIEW-4."""
    here = bench(seeds=1)
    here.take()
    effects = answer(here, 1)
    assert chosen(here) == {author(1)}
    assert Send(endpoint(1), Peers(())) in effects


def test_who_only_claims_to_be_there_is_not() -> None:
    """VIEW-3: HELLO with an endpoint that is being dialled, from somebody else."""
    here = bench(seeds=1)
    here.take()
    ping = nonces(here.hello(66, endpoint=endpoint(1)))
    assert list(ping) == [endpoint(1)], "the question goes to the endpoint, not to who said HELLO"
    here.circle.pong(author(66), ping[endpoint(1)] ^ 1, 0, 1.0)
    assert chosen(here) == set()


def test_guests_are_members_but_have_no_voice_and_teach_no_endpoints() -> None:
    """VIEW-1, VIEW-4, VIEW-6."""
    here = settled()
    here.hello(50)
    here.circle.draw(0, set(), set())
    for _ in range(100):
        assert author(50) not in here.circle.draw(0, set(), set())
    assert not here.circle.accepts(author(50), ballot_of(RUN, author(50), 0))
    here.circle.on_peers(author(50), Peers((endpoint(51), endpoint(52))), 0, 2.0)
    here.circle.tick(0, 100.0)
    assert not {endpoint(51), endpoint(52)} & {
        e.endpoint for e in here.take() if isinstance(e, Dial)
    }


def test_only_a_ballot_that_was_asked_for_counts_and_only_from_its_author() -> None:
    """VIEW-6."""
    here = settled()
    asked = here.circle.draw(0, set(), set())
    other = next(iter(chosen(here) - set(asked)))
    assert here.circle.accepts(asked[0], ballot_of(RUN, asked[0], 0))
    assert not here.circle.accepts(asked[1], ballot_of(RUN, asked[0], 0))
    assert not here.circle.accepts(other, ballot_of(RUN, other, 0))
    assert not here.circle.accepts(asked[0], ballot_of(RUN, asked[0], 2))


def test_strangers_beyond_the_guests_seats_are_turned_away() -> None:
    """VIEW-3."""
    here = settled()
    for name in range(100, 100 + 2 * VIEW):
        here.hello(name)
    assert here.membership.met() == 3 * VIEW
    effects = here.hello(999, now=9.0)
    assert [type(m) for m in said(effects)] == [Error] and here.membership.met() == 3 * VIEW
    assert chosen(here) == {author(n) for n in range(1, VIEW + 1)}


def test_strangers_that_claim_a_picks_endpoint_do_not_keep_it_from_being_chosen() -> None:
    """VIEW-3: where there is no room, who is at a pick's endpoint takes a guest's place."""
    here = bench(seeds=VIEW)
    here.take()
    claimed = next(iter(here.neighbours.picks)) if here.neighbours else ""
    for name in range(100, 100 + 5 * VIEW):
        here.hello(name, endpoint=claimed)
    assert here.membership.met() == 3 * VIEW
    for name in range(1, VIEW + 1):
        answer(here, name)
    assert chosen(here) == {author(n) for n in range(1, VIEW + 1)}
    assert here.membership.met() <= 4 * VIEW


def test_who_claims_a_picks_endpoint_and_moves_on_drives_out_no_older_guest() -> None:
    """VIEW-3."""
    here = bench(seeds=1)
    here.take()
    for guest in range(50, 50 + 2 * VIEW):
        here.hello(guest)
    for step in range(20):
        here.hello(100 + step, now=2.0 + step, endpoint=endpoint(1))
        here.hello(100 + step, now=2.0 + step, instance=b"moved on")
    assert here.membership.met() == 3 * VIEW
    assert all(here.membership.get(author(guest)) for guest in range(50, 50 + 2 * VIEW))


def test_draws_of_rounds_that_do_not_matter_any_more_are_not_kept() -> None:
    here = settled()
    for round in range(3 * TIMING.retain):
        here.circle.draw(round, set(), set())
    with pytest.raises(AssertionError):
        here.circle.check()
    here.circle.forget_before(2 * TIMING.retain)
    here.circle.check()


def test_one_answer_does_not_fill_the_cache() -> None:
    """VIEW-4: of what one chosen member sends at once no more than a view is taken."""
    here = settled()
    here.circle.tick(0, 1000.0)  # one of the chosen is asked
    asked = {e.endpoint for e in here.take() if isinstance(e, Send) and e.message == Peers(())}
    assert len(asked) == 1
    one = next(n for n in range(1, VIEW + 1) if endpoint(n) in asked)
    here.circle.on_peers(author(one), Peers(tuple(endpoint(n) for n in range(200, 264))), 0, 1000.0)
    assert here.neighbours is not None
    assert sum(here.neighbours.draw(()) is not None for _ in range(64)) == VIEW


def test_all_absent_that_are_due_are_looked_for_at_once() -> None:
    """Or a peer that overslept would have to be woken again for each."""
    here = settled()
    for name in range(1, VIEW + 1):
        here.membership.lose(endpoint(name), 10.0)
    for change in here.membership.expire(100.0):
        here.circle.gone(change, 100.0)
    here.circle.tick(0, 1000.0)
    assert here.circle.wake_at() > 1000.0


def test_once_an_interval_a_fresh_one_takes_the_oldests_place() -> None:
    """VIEW-5, VIEW-7."""
    here = settled()
    at = here.circle.wake_at()
    here.circle.tick(0, at)
    [ask] = [e for e in here.take() if isinstance(e, Send) and isinstance(e.message, Peers)]
    asked = next(n for n in range(1, VIEW + 1) if endpoint(n) == ask.endpoint)
    here.circle.on_peers(author(asked), Peers((endpoint(7),)), 0, at)
    dialled: list[Effect] = []
    for _ in range(20):
        if dialled:
            break
        at = here.circle.wake_at()
        here.circle.tick(0, at)
        dialled = [e for e in here.take() if isinstance(e, Dial)]
    assert dialled == [Dial(endpoint(7))] and at >= 60.0
    effects = answer(here, 7, at)
    assert chosen(here) == {author(n) for n in (2, 3, 4, 7)}
    assert Send(endpoint(1), Bye(None, PARTED)) in effects and Hangup(endpoint(1)) in effects
    assert here.membership.get(author(1)) is None


def test_a_guest_that_has_parted_is_forgotten_a_chosen_one_greeted() -> None:
    """VIEW-8."""
    here = settled()
    here.hello(50)
    here.circle.parted(author(50), 0, 2.0)
    assert Hangup(endpoint(50)) in here.take() and here.membership.get(author(50)) is None
    for _ in range(9):
        here.circle.parted(author(1), 0, 2.0)
    [hello] = said(here.take())  # but once: nothing proves that it goes to who asked
    assert isinstance(hello, Hello) and not hello.met, "it shall say HELLO, too"
    assert author(1) in chosen(here)


def test_endpoints_are_passed_on_but_not_too_often() -> None:
    """VIEW-5."""
    here = settled()
    here.hello(50)
    for now, answered in ((2.0, True), (6.9, False), (7.0, True)):
        here.circle.on_peers(author(50), Peers(()), 0, now)
        answers = said(here.take())
        assert len(answers) == answered
        for peers in answers:
            assert isinstance(peers, Peers) and endpoint(50) not in peers.endpoints


def test_who_falls_silent_makes_room_and_is_looked_for_later() -> None:
    """VIEW-7, MEMBER-9."""
    here = settled()
    here.membership.lose(endpoint(1), 2.0)
    here.circle.discover(endpoint(8), 0, 2.0)
    answer(here, 8, 3.0)
    assert chosen(here) == {author(n) for n in (2, 3, 4, 8)}
    now, dialled = 3.0, set()
    while now < 95.0:
        now = here.circle.wake_at()
        here.circle.tick(0, now)
        dialled |= {e.endpoint for e in here.take() if isinstance(e, Dial)}
    assert dialled == {endpoint(1)}


def test_a_pick_that_never_answers_is_given_up() -> None:
    """VIEW-2."""
    here = settled()
    here.membership.lose(endpoint(1), 2.0)
    here.circle.discover(endpoint(8), 0, 2.0)
    here.take()
    here.circle.tick(0, 7.0)
    assert Hangup(endpoint(8)) in here.take()


def test_who_has_nobody_goes_back_to_its_seeds() -> None:
    """VIEW-2."""
    here = settled()
    for name in range(1, VIEW + 1):
        here.membership.lose(endpoint(name), 2.0)
    for change in here.membership.expire(62.0):
        here.contacts.part(change)
        here.circle.gone(change, 62.0)
    assert here.circle.heard() == []
    here.take()
    here.circle.tick(0, 62.0)
    assert len([e for e in here.take() if isinstance(e, Dial)]) == VIEW


def test_guests_are_picked_when_all_seeds_are_silent_and_no_sooner() -> None:
    """VIEW-2: a peer that was started again may know dead endpoints only."""
    here = bench(seeds=2)
    here.hello(50)
    here.take()
    asked: list[str] = []
    while not asked:
        at = here.circle.wake_at()
        here.circle.tick(None, at)
        asked = list(nonces(here.take()))
    assert asked == [endpoint(50)] and TIMING.join_deadline / 2 <= at <= TIMING.join_deadline


def test_who_had_to_pick_guests_tries_its_seeds_again() -> None:
    """VIEW-2: it may have been dialled by enemies before its seeds were up."""
    here = bench(seeds=2)
    for guest in range(50, 50 + VIEW):
        here.hello(guest)
    here.take()
    while len(chosen(here)) < VIEW:
        at = here.circle.wake_at()
        here.circle.tick(None, at)
        for to, nonce in nonces(here.take()).items():
            name = next(n for n in range(50, 50 + VIEW) if endpoint(n) == to)
            here.circle.pong(author(name), nonce, 0, at)
    dialled: set[str] = set()
    while not dialled & {endpoint(1), endpoint(2)}:
        at = here.circle.wake_at()
        assert at < 10 * TIMING.view_interval
        here.circle.tick(1, at)
        dialled |= {e.endpoint for e in here.take() if isinstance(e, Dial)}


def test_who_has_made_its_rounds_looks_for_nobody() -> None:
    """VIEW-2."""
    here = settled()
    here.circle.content = True
    here.membership.lose(endpoint(1), 2.0)
    here.circle.discover(endpoint(8), 0, 2.0)
    for now in range(3, 300):
        here.circle.tick(0, float(now))
    assert [e for e in here.take() if isinstance(e, Dial)] == []


def test_a_guest_that_never_asks_is_forgotten() -> None:
    """VIEW-10: who has chosen this peer would have asked; and it comes again if it has."""
    here = settled()
    here.hello(9, now=10.0)
    here.circle.tick(0, 10.0 + 3 * TIMING.gone_after)
    assert here.membership.get(author(9)) is not None
    for name in range(1, VIEW + 1):
        here.membership.heard(author(name), 400.0)
    here.circle.tick(0, 400.0)
    assert here.membership.get(author(9)) is None
    assert len(chosen(here)) == VIEW, "who was chosen is pinged, and not forgotten for silence"


def test_dead_endpoints_do_not_keep_others_from_being_tried() -> None:
    """VIEW-2: twice a view of them are tried at a time, and others in their place when they
    have been silent for `suspect_after`, though before the first round each may take longer."""
    here = bench(seeds=3 * VIEW)
    dialled = {e.endpoint for e in here.take() if isinstance(e, Dial)}
    here.circle.tick(None, 3.0)
    assert not [e for e in here.take() if isinstance(e, Dial)], "they may still answer"
    for now in range(5, 60, 5):
        here.circle.tick(None, float(now))
        dialled |= {e.endpoint for e in here.take() if isinstance(e, Dial)}
    assert dialled == {endpoint(n) for n in range(1, 3 * VIEW + 1)}


def test_a_ballot_that_is_new_is_passed_on_and_kept_waiting_for_more() -> None:
    """VIEW-12, VIEW-14: who has finished stays while ballots still come."""
    here = Bench(replace(RUN, spreading=Spreading.BROADCAST), Neighbourhood)
    here.circle.begin(tuple(endpoint(n) for n in range(1, VIEW + 1)), 0.0)
    here.take()
    for name in range(1, VIEW + 1):
        answer(here, name)
        here.membership.finish(author(name), 0)
    ballot = ballot_of(here.run, author(50), 0)
    assert here.circle.accepts(author(1), ballot), "whoever brings it"
    here.circle.pass_on(author(1), ballot, 0, 9.0)
    sent = [e for e in here.take() if isinstance(e, Send)]
    assert {e.endpoint for e in sent} == {endpoint(2), endpoint(3), endpoint(4)}
    assert [e.message for e in sent] == [ballot] * 3
    calm = 3 * TIMING.gossip_interval
    assert not here.circle.may_leave(8.9 + calm) and here.circle.may_leave(9.0 + calm)


def test_nothing_is_passed_on_where_ballots_are_asked_for() -> None:
    """VIEW-6."""
    here = settled()
    here.circle.pass_on(author(1), ballot_of(RUN, author(1), 0), 0, 9.0)
    assert here.take() == []
    assert not here.circle.may_leave(9.0)
    for name in range(1, VIEW + 1):
        here.membership.finish(author(name), 0)
    assert here.circle.may_leave(9.0)
