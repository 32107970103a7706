"""The clockwork alone: one peer, two others, no network."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from tallyp2p.consensus.ledger import Ledger
from tallyp2p.gossip.membership import Membership, author_of
from tallyp2p.gossip.rounds import Phase, Rounds
from tallyp2p.messages import Hello
from tallyp2p.parameters import LIMITS, Pace, Timing
from tests.world import SMALL_RUN, ballot_of

A, B = (author_of(bytes([n]) * 32) for n in (1, 2))
TIMING = Timing(deadline=10.0, patience=1.0, staleness=1)


class Bench:
    """Rounds with A and B as the expected authors; both alive."""

    def __init__(self, timing: Timing = TIMING) -> None:
        self.ledger = Ledger(SMALL_RUN, LIMITS.members)
        self.membership = Membership(bytes(8), timing, Random(0))
        for n in (1, 2):
            hello = Hello(bytes([n]) * 32, bytes(8), f"tcp://h:{n}", bytes(32), start=0)
            self.membership.introduce(bytes([n]), hello, 0.0)
        self.rounds = Rounds(SMALL_RUN, timing, self.ledger, lambda r: (A, B), self.membership)

    def hear(self, author: bytes, round: int) -> None:
        self.ledger.add(ballot_of(SMALL_RUN, author, round))

    def open(self, round: int, now: float) -> None:
        self.rounds.vote(round)
        self.ledger.add(ballot_of(SMALL_RUN, bytes(8), round))
        self.rounds.open(now)
        self.rounds.check()


def test_lockstep_closes_with_the_last_expected_ballot() -> None:
    """ROUND-3."""
    bench = Bench()
    bench.open(0, 1.0)
    assert not bench.rounds.closes(1.0)
    bench.hear(A, 0)
    assert not bench.rounds.closes(1.0)
    bench.hear(B, 0)
    assert bench.rounds.closes(1.0)
    [election] = bench.rounds.close(1.0)
    assert [b.author for b in election.ballots] == sorted([bytes(8), A, B])
    assert bench.rounds.phase is Phase.LEARNING and not bench.rounds.closes(1.0)


def test_the_deadline_closes_whatever_is_missing() -> None:
    """ROUND-3."""
    bench = Bench()
    bench.open(0, 1.0)
    assert not bench.rounds.closes(10.9)
    assert bench.rounds.closes(11.0)


def test_nobody_waits_for_a_suspect() -> None:
    """ROUND-3."""
    bench = Bench()
    bench.open(0, 1.0)
    bench.hear(A, 0)
    bench.membership.asked(B, 1.0)
    bench.membership.expire(6.0)
    assert bench.rounds.closes(6.0)
    assert bench.rounds.missing(0) == [B]


def test_silent_authors_are_asked_again_and_again_and_answering_ones_more_rarely() -> None:
    """ROUND-4."""
    bench = Bench()
    bench.open(0, 0.0)
    asked: dict[bytes, list[float]] = {A: [], B: []}
    for step in range(1, 1000):
        now = step / 100
        for author, round in bench.rounds.questions(now):
            assert round == 0
            asked[author].append(now)
            if author == A:  # "I have no ballot for round 0, but will"
                bench.rounds.decline(A, 0, now)
                bench.rounds.decline(A, 0, now)
    assert asked[B] == [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]
    assert asked[A] == [1.0, 3.0, 7.0]


def test_whose_ballot_is_surely_cast_is_asked_at_once_and_not_more_rarely() -> None:
    """ROUND-4."""
    bench = Bench()
    bench.open(0, 1.0)
    asked = []
    for step in range(10, 120):
        now = step / 10
        if step == 60:  # it has answered so far, and been asked more and more rarely
            assert bench.rounds.beyond(A, 0, now) == [], "it may still be busy with round 0"
            assert bench.rounds.beyond(A, 2, now) == [0]
            assert bench.rounds.beyond(A, 4, now) == [], "once is enough"
        asked += [now for author, _ in bench.rounds.questions(now) if author == A]
        if asked and asked[-1] == now and now < 6.0:
            bench.rounds.decline(A, 0, now)
    assert asked == [2.0, 4.0, 7.0, 8.0, 9.0, 10.0, 11.0]


def test_questions_that_are_due_at_nearly_the_same_time_go_together() -> None:
    bench = Bench()
    bench.open(0, 0.0)
    assert bench.rounds.questions(1.0) == [(A, 0), (B, 0)]
    bench.rounds.decline(A, 0, 1.0)
    bench.rounds.decline(B, 0, 1.2)
    assert bench.rounds.wake_at() == 3.0
    assert bench.rounds.questions(3.0) == [(A, 0), (B, 0)]
    bench.rounds.decline(A, 0, 3.0)
    bench.rounds.decline(B, 0, 3.3)
    assert bench.rounds.questions(7.0) == [(A, 0)], "a third of a patience later is too late"


def test_who_is_drawn_is_asked_once_at_once_and_anew_when_it_is_drawn_again() -> None:
    """VIEW-6: a question that was put before somebody was let go is no question any more."""
    bench = Bench()
    bench.open(0, 1.0)
    assert bench.rounds.expect((A,), 1.0) == [A]
    assert bench.rounds.expect((A,), 1.5) == [] and bench.rounds.missing(0) == [A]
    assert bench.rounds.expect((B,), 2.0) == [B]
    assert bench.rounds.expect((A, B), 9.0) == [A]
    assert bench.rounds.wake_at() == 3.0, "B is asked again after patience"
    bench.hear(A, 0)
    bench.rounds.decline(B, 4, 9.0)
    assert bench.rounds.settled() == ({bytes(8), A}, {B}) and bench.rounds.closes(9.0)


def test_who_declines_is_let_go_but_only_after_being_asked() -> None:
    """ROUND-6."""
    bench = Bench()
    bench.open(0, 0.0)
    bench.hear(A, 0)
    bench.rounds.decline(B, 8, 0.5)
    assert not bench.rounds.closes(0.5), "its ballot may be on the way"
    bench.rounds.questions(1.0)
    bench.rounds.decline(B, 0, 1.1)
    assert not bench.rounds.closes(1.1), "it is in this round and will vote"
    bench.rounds.decline(B, 2, 1.1)
    assert bench.rounds.closes(1.1)


def test_what_others_may_hold_is_known_to_be_lacking() -> None:
    """REPAIR-1: not at once, nor what its author will send, but also what the last round missed."""
    bench = Bench()
    bench.open(0, 0.0)
    assert bench.rounds.lacking() == []  # it may be on its way
    bench.rounds.questions(1.0)
    assert bench.rounds.lacking() == [(A, 0), (B, 0)]
    bench.rounds.decline(A, 0, 1.1)  # "I have no ballot for round 0, but will"
    assert bench.rounds.lacking() == [(B, 0)]
    bench.rounds.questions(3.1)  # no ballot yet: perhaps it was lost
    assert bench.rounds.lacking() == [(A, 0), (B, 0)]
    bench.hear(A, 0)
    assert bench.rounds.lacking() == [(B, 0)]
    bench.rounds.close(10.0)
    assert bench.rounds.lacking() == [(B, 0)]
    bench.open(2, 11.0)
    assert bench.rounds.lacking() == [(B, 0)]
    bench.hear(B, 0)
    assert bench.rounds.lacking() == []


def test_bounded_waits_for_the_ballot_before_the_last() -> None:
    """ROUND-3."""
    bench = Bench(replace(TIMING, pace=Pace.BOUNDED))
    bench.open(0, 0.0)
    assert bench.rounds.closes(0.0)
    assert [e.round for e in bench.rounds.close(0.0)] == [0]
    bench.open(2, 1.0)
    assert not bench.rounds.closes(1.0)
    bench.hear(A, 0)
    bench.hear(B, 0)
    assert bench.rounds.closes(1.0)
    first, second = bench.rounds.close(1.0)
    assert (first.round, len(first.ballots)) == (0, 3), "late ballots teach with their round"
    assert (second.round, len(second.ballots)) == (2, 1)


def test_under_lockstep_late_ballots_do_not_teach() -> None:
    bench = Bench()
    bench.open(0, 0.0)
    bench.rounds.close(10.0)
    bench.hear(A, 0)
    bench.open(2, 11.0)
    bench.hear(A, 2)
    bench.hear(B, 2)
    assert [e.round for e in bench.rounds.close(11.0)] == [2]


def test_free_closes_at_once_and_never_leaps() -> None:
    """ROUND-3, ROUND-8."""
    bench = Bench(replace(TIMING, pace=Pace.FREE))
    bench.open(0, 0.0)
    assert bench.rounds.closes(0.0)
    bench.rounds.close(0.0)
    assert bench.rounds.next([200, 200, 200]) == 2


def test_a_peer_left_far_behind_leaps_and_a_slow_one_does_not() -> None:
    """ROUND-8."""
    bench = Bench()
    bench.open(0, 0.0)
    bench.rounds.close(10.0)
    # Three others: floor(log2 3) + 3 = 4 ballots, 8 rounds, beyond the next round 2.
    assert bench.rounds.next([10, 10, 10]) == 2
    assert bench.rounds.next([12, 12, 12]) == 12
    assert bench.rounds.next([2, 2, 400]) == 2, "one that ran ahead is no reason"
    assert bench.rounds.next([]) == 2
    assert bench.rounds.next([13] * 3) == 12, "a ballot begins there"
    assert bench.rounds.next([401] * 3) == 2 + TIMING.ahead * 2, "not farther at once"
    assert bench.rounds.next([TIMING.rounds] * 3) == 2, "nobody's claim ends a run"
    assert bench.rounds.next([2**32 - 3] * 3) == 2


def test_it_wakes_for_the_next_question_and_for_the_deadline() -> None:
    bench = Bench()
    bench.open(0, 5.0)
    assert bench.rounds.wake_at() == 6.0
    bench.rounds.questions(6.0)
    assert bench.rounds.wake_at() == 7.0
    bench.hear(A, 0)
    bench.hear(B, 0)
    assert bench.rounds.wake_at() == 15.0
    bench.rounds.close(6.0)
    assert bench.rounds.wake_at() is None
    bench.rounds.stay(20.0)
    assert bench.rounds.wake_at() == 30.0


def test_it_does_not_wake_for_a_deadline_that_closes_nothing() -> None:
    """After a leap several old rounds hold the open one; the last of their deadlines counts."""
    bench = Bench(replace(TIMING, pace=Pace.BOUNDED, staleness=2))
    for round, now in ((0, 0.0), (2, 5.0)):
        bench.open(round, now)
        bench.rounds.close(now)
    bench.open(100, 9.0)
    bench.rounds.questions(11.0)
    assert not bench.rounds.closes(11.0), "round 2 may still come"
    wake = bench.rounds.wake_at()
    assert wake is not None and wake > 11.0
    assert bench.rounds.closes(15.0)
