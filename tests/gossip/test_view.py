"""The machine in a run with a view, and its greeting of who falls silent."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from tallyp2p.errors import Reason
from tallyp2p.gossip import events
from tallyp2p.gossip.machine import PeerMachine
from tallyp2p.messages import PARTED, Bye, Error, Hello, Message, Ping, Pong, Want
from tallyp2p.parameters import RunParameters, Timing
from tests.gossip.circles import endpoint, identity
from tests.world import SMALL_RUN, ballot_of

VIEW = replace(SMALL_RUN, view=4, degree=1)


class One:
    """A machine and what it says."""

    def __init__(self, run: RunParameters, **timing: float) -> None:
        self.run = run
        settings = Timing(**{"rounds": 12, **timing})  # type: ignore[arg-type]
        self.machine = PeerMachine(run, settings, identity(99), bytes(8), Random(0), grease=False)
        self.feed(0.0, events.Started("tcp://me:1", (endpoint(1),), fresh=True))

    def feed(self, now: float, event: events.Event) -> list[tuple[str, Message]]:
        effects = self.machine.handle(event, now)
        self.machine.check()
        for effect in effects:
            if isinstance(effect, events.VoteOn):
                ballot = ballot_of(self.run, self.machine.author, effect.round)
                effects = [*effects, *self.machine.handle(events.Cast(ballot), now)]
        return [(e.endpoint, e.message) for e in effects if isinstance(e, events.Send)]

    def hear(self, now: float, message: Message, name: int = 1) -> list[tuple[str, Message]]:
        return self.feed(now, events.Received(b"L%d" % name, message))

    def hello(
        self, now: float, name: int = 1, round: int | None = None
    ) -> list[tuple[str, Message]]:
        where = endpoint(name)
        said = Hello(
            identity(name), bytes(8), where, self.run.digest, round=round, start=0, met=True
        )
        return self.hear(now, said, name)

    def later(self, until: float) -> list[tuple[str, Message]]:
        sent = []
        while (moment := self.machine.wake_at()) is not None and moment <= until:
            sent += self.feed(moment, events.Ticked())
        return sent


def test_quorum_counts_the_chosen_and_a_ballot_is_asked_for_when_the_own_is_cast() -> None:
    """VIEW-6, VIEW-9."""
    one = One(VIEW)
    one.hello(0.1, name=7)  # a guest
    sent = one.hello(0.1)
    [nonce] = [m.nonce for _, m in sent if isinstance(m, Ping)]
    assert one.machine.phase == "joining"
    sent = one.hear(0.2, Pong(nonce, 1234, None))
    author = one.machine.members()
    assert one.machine.phase == "open" and len(author) == 2
    [(to, want)] = [(to, m) for to, m in sent if isinstance(m, Want)]
    assert to == endpoint(1) and want.entries[0][1] == 0


def test_guests_cannot_make_a_peer_leave_out_rounds() -> None:
    """VIEW-9: ROUND-8 looks at the chosen alone."""
    one = One(replace(VIEW, rounds_per_ballot=1), rounds=1000)
    [nonce] = [m.nonce for _, m in one.hello(0.1) if isinstance(m, Ping)]
    one.hear(0.2, Pong(nonce, 0, 0))
    for guest in range(50, 58):
        one.hello(0.3, name=guest, round=900)
    assert len(one.machine.members()) == 9 and one.machine.round == 0
    one.hear(0.4, ballot_of(one.run, next(iter(one.machine._circle.heard())).author, 0))
    assert one.machine.phase == "learning"
    one.feed(0.5, events.Learned(0))
    assert one.machine.round == 1


def test_rosters_are_not_told_nor_compared() -> None:
    """VIEW-9."""
    one = One(VIEW)
    one.hello(0.1)
    assert one.hear(0.2, Ping(5, 1234)) == [(endpoint(1), Pong(5, 0, None))]


def test_parted_is_leaving_where_everybody_knows_everybody() -> None:
    """BYE-2, VIEW-8."""
    for run, left in ((VIEW, {}), (SMALL_RUN, {"gone"})):
        one = One(run)
        one.hello(0.1, name=7)
        one.hear(0.2, Bye(None, PARTED), name=7)
        assert set(one.machine.members().values()) == set(left)


def test_who_never_got_our_hello_gets_it_again() -> None:
    """MEMBER-10: it answers nothing, or that we speak too early."""
    one = One(SMALL_RUN, quorum=9)
    one.hello(0.1)
    early = Error(int(Reason.EARLY))
    for now, again in ((0.2, 1), (0.3, 0), (1.3, 1)):
        sent = [m for _, m in one.hear(now, early) if isinstance(m, Hello)]
        assert len(sent) == again and all(not hello.met for hello in sent)
    sent = [m for _, m in one.later(30.0) if isinstance(m, Hello)]
    assert len(sent) == 1 and list(one.machine.members().values()) == ["suspect"]
