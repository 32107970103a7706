"""Whom a peer pings."""

from __future__ import annotations

from dataclasses import replace
from typing import Generic, TypeVar

from tallyp2p.gossip.card import Card
from tallyp2p.gossip.events import Send
from tallyp2p.gossip.everybody import Everybody
from tallyp2p.gossip.neighbourhood import Neighbourhood
from tallyp2p.gossip.probing import Probing
from tallyp2p.messages import Hello, Ping
from tallyp2p.parameters import RunParameters
from tests.gossip.circles import ME, TIMING, Bench, author, endpoint
from tests.world import SMALL_RUN

VIEW = replace(SMALL_RUN, view=4, degree=2)


_Circle = TypeVar("_Circle", Everybody, Neighbourhood)


class Probed(Generic[_Circle]):
    """A circle, and who pings its members."""

    def __init__(self, run: RunParameters, kind: type[_Circle]) -> None:
        self.bench: Bench[_Circle] = Bench(run, kind)
        parts = (self.bench.membership, self.bench.contacts)
        card = Card(ME, b"instance", "test/1", grease=False)
        self.probing = Probing(run, TIMING, card, self.bench.chance, *parts, self.bench.circle)
        self.probing.begin(0.0)

    def tick(self, now: float, round: int | None = 0) -> list[tuple[str, object]]:
        """To whom a tick sends what."""
        self.probing.tick(round, now)
        return [(e.endpoint, e.message) for e in self.bench.take() if isinstance(e, Send)]


def test_quiet_members_are_pinged_one_at_a_time() -> None:
    """MEMBER-2, PING-1."""
    here = Probed(SMALL_RUN, Everybody)
    here.bench.hello(1, now=1.0)
    here.bench.hello(2, now=1.0)
    assert here.tick(4.9) == [], "it is not time"
    [(first, ping)] = here.tick(6.0)
    assert isinstance(ping, Ping)
    [(reminded, _)] = here.tick(7.0)
    assert reminded == first, "it owes an answer"
    here.bench.membership.heard(author(int(first[-1])), 7.5)
    [(second, _)] = here.tick(11.0)
    assert {first, second} == {endpoint(1), endpoint(2)}


def test_while_nobody_can_be_quiet_it_does_not_wake() -> None:
    here = Probed(SMALL_RUN, Everybody)
    here.bench.hello(1, now=4.0)
    here.bench.hello(2, now=4.5)
    assert here.tick(5.0) == []
    assert here.probing.wake_at() == 10.0
    alone = Probed(SMALL_RUN, Everybody)
    assert alone.tick(5.0) == [] and alone.probing.wake_at() == 10.0


def test_who_has_not_begun_pings_also_those_that_talk_to_it() -> None:
    """One that asks for its ballots may know somebody for whom it waits (MEMBER-7)."""
    here = Probed(SMALL_RUN, Everybody)
    here.bench.hello(1, now=1.0)
    here.bench.membership.heard(author(1), 4.9)
    [(asked, ping)] = here.tick(5.0, round=None)
    assert asked == endpoint(1) and isinstance(ping, Ping)


def test_who_else_is_there_is_asked_where_somebody_dialled_is_silent() -> None:
    """JOIN-2."""
    here = Probed(SMALL_RUN, Everybody)
    here.bench.hello(1, now=1.0)
    here.probing.who_else(2.0)
    assert here.bench.take() == [], "all have answered"
    here.bench.circle.begin((endpoint(2),), 2.0)
    here.bench.take()
    here.probing.who_else(3.0)
    [asked] = here.bench.take()
    assert isinstance(asked, Send) and asked.endpoint == endpoint(1)
    assert isinstance(asked.message, Ping)


def test_a_member_whose_first_round_is_unknown_is_asked_for_it() -> None:
    """Where the HELLO that told it is lost, sums of rosters need not differ (MEMBER-7): 0 of
    three peers and 0 of one have the same sum.  CONTACT-5: `met` false asks for an answer."""
    here = Probed(SMALL_RUN, Everybody)
    here.bench.hello(1, now=4.0, start=None)
    here.bench.hello(2, now=4.0, start=0)
    [(asked, hello)] = here.tick(5.0)
    assert asked == endpoint(1) and isinstance(hello, Hello) and not hello.met
    assert here.probing.wake_at() == 10.0


def test_with_a_view_only_the_chosen_are_pinged_and_only_after_long_silence() -> None:
    """VIEW-10."""
    here = Probed(VIEW, Neighbourhood)
    here.bench.circle.begin((endpoint(1),), 0.0)
    nonce = next(
        e.message.nonce
        for e in here.bench.hello(1, now=1.0)
        if isinstance(e, Send) and isinstance(e.message, Ping)
    )
    here.bench.membership.heard(author(1), 1.0)
    here.bench.circle.pong(author(1), nonce, 0, 1.0)
    here.bench.hello(2, now=1.0)  # a guest
    here.bench.take()
    assert here.tick(5.0) == [] and here.probing.wake_at() == 1.0 + TIMING.gone_after
    assert [to for to, _ in here.tick(1.0 + TIMING.gone_after)] == [endpoint(1)]


def test_who_waits_for_its_first_round_asks_the_chosen_where_they_are() -> None:
    """VIEW-10, JOIN-4: nothing else would tell it that its round has come."""
    here = Probed(VIEW, Neighbourhood)
    here.bench.circle.begin((endpoint(1),), 0.0)
    nonce = next(
        e.message.nonce
        for e in here.bench.hello(1, now=1.0)
        if isinstance(e, Send) and isinstance(e.message, Ping)
    )
    here.bench.membership.heard(author(1), 1.0)
    here.bench.circle.pong(author(1), nonce, None, 1.0)
    here.bench.take()
    here.probing.tick(None, 6.0)
    assert [e.endpoint for e in here.bench.take() if isinstance(e, Send)] == [endpoint(1)]
