"""The judges of these tests see what they are there to see."""

from __future__ import annotations

from pathlib import Path

from tallyp2p.birth import Birth
from tallyp2p.gossip.events import Cast, Received
from tallyp2p.parameters import Timing
from tallyp2p.payloads import Ballot
from tallyp2p.tracing.reading import Moment, Trace
from tests.faults.history import History, Life
from tests.world import SMALL_RUN, ballot_of

A, B = b"a" * 8, b"b" * 8
OURS = ballot_of(SMALL_RUN, A, 0)
OTHER = Ballot(A, 0, bytes(len(OURS.votes)))


def life(peer: int, *came: tuple[float, Ballot], until: float = 100.0) -> Life:
    """The life of a peer that received these ballots, and cast one at the end."""
    birth = Birth.of(SMALL_RUN, Timing(), b"i" * 32, b"instance", b"seed" * 4)
    moments = [Moment(0, at, Received(b"link", ballot), {}, ()) for at, ballot in came]
    moments.append(Moment(0, until, Cast(ballot_of(SMALL_RUN, B, 2)), {}, ()))
    return Life(peer, 0, Trace(Path(), birth, (), tuple(moments), torn=False))


def test_two_ballots_of_an_author_are_seen_in_whosever_trace_they_are() -> None:
    assert OTHER != OURS
    assert History([life(0, (1.0, OURS)), life(1, (2.0, OTHER))]).equivocations() == [(A, 0)]
    assert not History([life(0, (1.0, OURS)), life(1, (2.0, OURS))]).equivocations()


def test_what_came_late_or_never_is_told() -> None:
    history = History([life(0, (1.0, OURS)), life(1, (9.0, OURS)), life(2)])
    late, never = history.lacking((0, 1, 2), within=5.0, last=0)
    assert (late.peer, late.seconds) == (1, 8.0) and (never.peer, never.seconds) == (2, None)
    assert [one.peer for one in history.lacking((0, 1, 2), within=10.0, last=0)] == [2]
    assert [one.peer for one in history.lacking((0, 1, 2), within=5.0, after=8.0, last=0)] == [2]
    assert not history.lacking((0, 1), within=8.0)
    assert history.worst((0, 1)) == 8.0 and history.worst((0, 1), after=4.0) == 5.0


def test_who_died_before_is_not_asked_for_it() -> None:
    assert not History([life(0, (1.0, OURS)), life(1, until=3.0)]).lacking((0, 1), 5.0, last=0)
