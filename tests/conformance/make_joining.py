"""Scripts about joining (4.4): when a peer begins, and in which round."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tests.conformance.cases import Case
from tests.conformance.frames import pong, want
from tests.conformance.script import PATIENT, Script

__all__ = ["join_cases"]


def join_cases() -> Iterable[Case]:
    yield from (script.case() for script in _joining())


def _joining() -> Iterator[Script]:
    s = Script("a new swarm begins with its quorum", "JOIN-1 JOIN-4 ROUND-1 ROUND-2")
    s.start().receive(10, s.a.hello(start=0)).sends(s.a, "HELLO")
    s.sends(s.a, "VOTE", author=s.me.author, round=0, votes=s.own(0), ids=None)
    yield s

    s = Script("not before the quorum is there", "JOIN-4", quorum=3)
    s.start().receive(10, s.a.hello(start=0)).never("VOTE")
    s.receive(20, s.b.hello(start=0), "b").sends(s.b, "VOTE", round=0)
    yield s

    s = Script("who has no first round is not counted", "JOIN-4")
    s.start().receive(10, s.a.hello()).never("VOTE")
    s.receive(20, s.a.hello(start=0)).sends(s.a, "VOTE", round=0)
    yield s

    s = Script("alone is enough where the quorum is one", "JOIN-4 ROUND-3", quorum=1, rounds=4)
    s.start().tally(0, {}).tally(2, {}).tally(4, None)
    yield s

    s = Script(
        "after the deadline one other is enough", "JOIN-4", quorum=3, join_deadline=8, **PATIENT
    )
    s.start().meet(10, s.a).wait(7_900).never("VOTE")
    s.wait(8_100).sends(s.a, "VOTE", round=0)
    yield s

    s = Script("alone after the deadline it gives up", "JOIN-4", join_deadline=8)
    s.start().receive(8_100, s.a.hello(start=0, met=False)).open().silent().never("HELLO")
    yield s

    s = Script("a joiner of a new swarm begins with it", "JOIN-2")
    s.start(s.a, fresh=False).receive(10, s.a.hello(start=0)).sends(s.a, "HELLO", start=0)
    s.sends(s.a, "VOTE", round=0)
    yield s

    for open_round in (10, 11):
        s = Script(f"a joiner of a swarm in round {open_round} begins in 14", "JOIN-2")
        s.start(s.a, fresh=False).receive(10, s.a.hello(start=0, round=open_round))
        s.sends(s.a, "HELLO", start=14, round=None).never("VOTE")
        yield s

    s = Script("the newest round that was told counts", "JOIN-2")
    s.start(s.a, s.b, fresh=False).receive(10, s.a.hello(start=0, round=20))
    # Two ballots apart, so that neither contradicts the other.
    s.never("HELLO", start=24).receive(20, s.b.hello(start=0, round=16), "b")
    s.sends(s.b, "HELLO", start=24)
    yield s

    s = Script("a joiner decides a patience after the first answer", "JOIN-2")
    s.start(s.a, s.b, fresh=False).receive(10, s.a.hello(start=0, round=20)).never(
        "HELLO", start=24
    )
    s.wait(900).never("HELLO", start=24).wait(1_200).sends(s.a, "HELLO", start=24)
    yield s

    s = Script("a joiner with a silent seed asks who else is there", "JOIN-2", should=True)
    s.start(s.b, s.a, fresh=False).receive(10, s.a.hello(start=0, round=20)).never("PING")
    s.wait(1_200).sends(s.a, "HELLO", start=24).sends(s.a, "PING")
    yield s

    s = Script("a joiner begins after every ballot of its own that is held", "JOIN-2")
    s.start(s.a, fresh=False).receive(10, s.a.hello(start=0, round=10, held=20))
    s.sends(s.a, "HELLO", start=22)
    yield s

    s = Script("a ballot held of a swarm in no round", "JOIN-2")
    s.start(s.a, fresh=False).receive(10, s.a.hello(held=0)).sends(s.a, "HELLO", start=2)
    yield s

    s = Script(
        "a joiner waits for the swarm to come to its first round", "JOIN-4 MEMBER-8", **PATIENT
    )
    s.start(s.a, fresh=False).receive(10, s.a.hello(start=0, round=10)).sends(
        s.a, "HELLO", start=14
    )
    s.receive(20, s.vote(s.a, 12)).never("VOTE")
    s.receive(30, s.vote(s.a, 14)).sends(s.a, "VOTE", round=14, votes=s.own(14))
    s.tally(12, None).tally(14, {s.a: s.votes(s.a, 14)})
    yield s

    s = Script("a joiner that hears later of a ballot of its own", "JOIN-3")
    s.start(s.a, fresh=False).receive(10, s.a.hello(start=0, round=10)).sends(
        s.a, "HELLO", start=14
    )
    s.receive(20, s.b.hello(start=0, round=10, held=20), "b").sends(s.b, "HELLO", start=22)
    yield s

    for name, at_round in (("in it", 14), ("beyond it", 17)):
        s = Script(f"a PONG tells that the swarm is {name}", "JOIN-4 MEMBER-8", **PATIENT)
        s.start(s.a, fresh=False).receive(10, s.a.hello(start=0, round=10))
        s.receive(20, pong(0, 0, at_round)).never("VOTE")
        s.receive(30, pong(5, 0, at_round)).sends(s.a, "VOTE", round=14)
        yield s

    s = Script("a HELLO tells that the swarm has come", "JOIN-4 MEMBER-8", **PATIENT)
    s.start(s.a, fresh=False).receive(10, s.a.hello(start=0, round=10))
    s.receive(20, s.a.hello(start=0, round=14)).sends(s.a, "VOTE", round=14)
    yield s

    s = Script("a WANT tells that the swarm has come", "JOIN-4 MEMBER-8 ROUND-5", **PATIENT)
    s.start(s.a, fresh=False).receive(10, s.a.hello(start=0, round=10))
    s.receive(20, want([(s.me.author, 14)])).sends(s.a, "VOTE", round=14)
    yield s

    s = Script("a peer that is not as fresh as it thought", "JOIN-3")
    s.start(s.a).sends(s.a, "HELLO", start=0)
    s.receive(10, s.a.hello(start=0, round=10)).sends(s.a, "HELLO", start=14).never("VOTE")
    yield s

    s = Script("a peer that voted in an earlier life", "JOIN-3")
    s.start(s.a).receive(10, s.a.hello(start=0, held=4)).sends(s.a, "HELLO", start=6).never("VOTE")
    yield s

    s = Script("a process that has begun meanwhile is no swarm that runs", "JOIN-3", quorum=3)
    s.start().receive(10, s.a.hello(start=0)).receive(20, s.a.hello(start=0, round=2))
    s.receive(30, s.b.hello(start=0), "b").sends(s.b, "VOTE", round=0)
    yield s

    s = Script("too late to vote at all", "JOIN-4 ROUND-10", rounds=12)
    s.start(s.a, s.b, s.c, fresh=False).receive(10, s.a.hello(start=0, round=10))
    s.receive(20, s.b.hello(start=0, round=10), "b")
    s.receive(30, s.c.hello(start=0, round=10), "c")
    s.sends(s.a, "BYE", code=0, last=None).never("VOTE")
    yield s

    s = Script("a WANT for a round where none can begin tells nothing", "MEMBER-8", **PATIENT)
    s.start(s.a, fresh=False).receive(10, s.a.hello(start=0, round=10))
    s.receive(20, want([(s.me.author, 15)])).never("VOTE")
    yield s

    s = Script(
        "a ballot that another relays says nothing of the author's round", "MEMBER-8", **PATIENT
    )
    s.start(s.a, fresh=False).receive(10, s.a.hello(start=0, round=10))
    s.receive(20, s.vote(s.b, 14, relayed=True)).never("VOTE")
    yield s
