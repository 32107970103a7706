"""Scripts about votes: joining (4.4), rounds (4.5), repair (4.6), sealed runs (chapter 7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from tests.conformance import reference
from tests.conformance.frames import NONE, digest, have, ping, pong, want
from tests.conformance.make_codec import BASE, EXPLICIT, Case
from tests.conformance.make_seal import SEALED
from tests.conformance.script import Script

__all__ = ["join_cases", "repair_cases", "round_cases", "sealed_script_cases"]

BROADCAST = {**BASE, "spreading": "broadcast"}
PATIENT: dict[str, Any] = {"patience": 100, "suspect_after": 1_000}  # nobody is asked


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
    s.start().receive(8_100, s.a.hello(start=0, met=False)).open().never("VOTE").never("HELLO")
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
    s.never("HELLO", start=24).receive(20, s.b.hello(start=0, round=10), "b")
    s.sends(s.b, "HELLO", start=24)
    yield s

    s = Script("a joiner decides a patience after the first answer", "JOIN-2")
    s.start(s.a, s.b, fresh=False).receive(10, s.a.hello(start=0, round=20)).never(
        "HELLO", start=24
    )
    s.wait(900).never("HELLO", start=24).wait(1_200).sends(s.a, "HELLO", start=24)
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
    s.start(s.a, fresh=False).receive(10, s.a.hello(start=0, round=10))
    s.sends(s.a, "BYE", code=0, last=None).never("VOTE")
    yield s


# --- rounds ----------------------------------------------------------------------------------


def round_cases() -> Iterable[Case]:
    yield from (script.case() for script in _rounds())
    yield from (script.case() for script in _spreading())
    yield from (script.case() for script in _wanting())


def _rounds() -> Iterator[Script]:
    s = Script("lockstep closes when all are heard", "ROUND-3 TALLY-1 TALLY-6", **PATIENT)
    s.start().meet(10, s.a).receive(20, s.vote(s.a, 0)).sends(s.a, "VOTE", round=2, votes=s.own(2))
    s.tally(0, {s.a: s.votes(s.a, 0)}).tally(2, None)
    yield s

    s = Script("lockstep waits for all of them", "ROUND-3", quorum=3, **PATIENT)
    s.start().meet(10, s.a, s.b).receive(20, s.vote(s.a, 0)).never("VOTE")
    s.receive(30, s.vote(s.b, 0), "b").sends(s.b, "VOTE", round=2)
    s.tally(0, {s.a: s.votes(s.a, 0), s.b: s.votes(s.b, 0)})
    yield s

    s = Script("two rounds", "ROUND-3 ROUND-8", **PATIENT)
    s.start().meet(10, s.a).receive(20, s.vote(s.a, 0)).receive(30, s.vote(s.a, 2))
    s.sends(s.a, "VOTE", round=4, votes=s.own(4))
    s.tally(0, {s.a: s.votes(s.a, 0)}).tally(2, {s.a: s.votes(s.a, 2)}).tally(4, None)
    yield s

    s = Script("a ballot that came early counts in its round", "ROUND-3 ROUND-7", **PATIENT)
    s.start().meet(10, s.a).receive(20, s.vote(s.a, 2)).never("VOTE")
    s.receive(30, s.vote(s.a, 0)).sends(s.a, "VOTE", round=2).sends(s.a, "VOTE", round=4)
    s.tally(0, {s.a: s.votes(s.a, 0)}).tally(2, {s.a: s.votes(s.a, 2)})
    yield s

    s = Script("a round closes at its deadline", "ROUND-3", deadline=10, **PATIENT)
    s.start().meet(10, s.a).wait(9_900).never("VOTE")
    s.wait(10_200).sends(s.a, "VOTE", round=2).tally(0, {}).tally(2, None)
    yield s

    s = Script("a ballot after its round has closed", "ROUND-3 TALLY-1", deadline=10, **PATIENT)
    s.start().meet(10, s.a).wait(10_200).receive(10_300, s.vote(s.a, 0)).never("VOTE")
    s.receive(10_400, s.vote(s.a, 2)).sends(s.a, "VOTE", round=4)
    s.tally(0, {}).tally(2, {s.a: s.votes(s.a, 2)})
    yield s

    s = Script("nobody waits for a suspect", "ROUND-3 MEMBER-4", rounds=4, **PATIENT)
    s.start().meet(10, s.a).lost(20, s.a).tally(0, {}).tally(2, {})
    yield s

    s = Script("nobody waits for who has left", "ROUND-3 MEMBER-5", rounds=4, **PATIENT)
    s.start().meet(10, s.a).receive(20, s.a.bye(0, None)).tally(0, {}).tally(2, {})
    yield s

    s = Script("who has finished is not expected later", "MEMBER-6", rounds=6, **PATIENT)
    s.start().meet(10, s.a).receive(20, s.a.bye(1, 0)).never("VOTE")
    s.receive(30, s.vote(s.a, 0)).sends(s.a, "BYE", code=1, last=4)
    s.tally(0, {s.a: s.votes(s.a, 0)}).tally(2, {}).tally(4, {})
    yield s

    s = Script("who joins later is not expected before", "MEMBER-6 ROUND-2", **PATIENT)
    s.start().meet(10, s.a).receive(20, s.b.hello(start=4), "b")
    s.receive(30, s.vote(s.a, 0)).sends(s.a, "VOTE", round=2).never("VOTE", s.b)
    s.receive(40, s.vote(s.a, 2)).sends(s.b, "VOTE", round=4)
    s.receive(50, s.vote(s.a, 4)).never("VOTE")
    s.receive(60, s.vote(s.b, 4), "b").sends(s.b, "VOTE", round=6)
    yield s

    s = Script("a free peer does not wait", "ROUND-3", pace="free", rounds=4, **PATIENT)
    s.start().receive(10, s.a.hello(start=0)).sends(s.a, "VOTE", round=0)
    s.sends(s.a, "VOTE", round=2).sends(s.a, "BYE", code=1, last=2).tally(0, {}).tally(2, {})
    yield s

    s = Script("a bounded peer is a ballot ahead at most", "ROUND-3", pace="bounded", **PATIENT)
    s.start().receive(10, s.a.hello(start=0)).sends(s.a, "VOTE", round=0)
    s.sends(s.a, "VOTE", round=2).never("VOTE", round=4)
    s.receive(20, s.vote(s.a, 0)).sends(s.a, "VOTE", round=4).never("VOTE", round=6)
    yield s

    s = Script("two different ballots annul each other", "LEDGER-4 VERDICT-3", quorum=3, **PATIENT)
    s.start().meet(10, s.a, s.b).receive(20, s.vote(s.a, 0))
    s.receive(30, s.vote(s.a, 0, "other"), refused="EQUIVOCATION").never("ERROR").never("VOTE")
    s.receive(40, s.vote(s.a, 0)).open().never("ERROR")
    s.receive(50, s.vote(s.b, 0), "b").sends(s.b, "VOTE", round=2)
    s.tally(0, {s.b: s.votes(s.b, 0)})
    yield s

    s = Script("the second ballot may come from anybody", "LEDGER-4 VERDICT-3", quorum=3, **PATIENT)
    s.start().meet(10, s.a, s.b).receive(20, s.vote(s.a, 0, "other", relayed=True), "b")
    s.receive(30, s.vote(s.a, 0), refused="EQUIVOCATION").never("ERROR")
    s.receive(40, s.vote(s.b, 0), "b").tally(0, {s.b: s.votes(s.b, 0)})
    yield s

    s = Script("the same ballot again changes nothing", "LEDGER-3", quorum=3, **PATIENT)
    s.start().meet(10, s.a, s.b).receive(20, s.vote(s.a, 0)).receive(30, s.vote(s.a, 0))
    s.receive(40, s.vote(s.a, 0, relayed=True), "b").receive(50, s.vote(s.b, 0), "b")
    s.tally(0, {s.a: s.votes(s.a, 0), s.b: s.votes(s.b, 0)})
    yield s

    s = Script("an own ballot that somebody else has changed annuls it", "LEDGER-4", **PATIENT)
    s.start().meet(10, s.a).receive(
        20, s.vote(s.me, 0, "other", relayed=True), refused="EQUIVOCATION"
    )
    s.receive(30, s.vote(s.a, 0)).sends(s.a, "VOTE", round=2)
    yield s

    s = Script("a ballot that is wrong is not counted", "VERDICT-1 BITS-3", **PATIENT)
    s.start().meet(10, s.a).receive(20, s.a.vote(0, b"\xff" * 4), refused="LABEL").never("VOTE")
    s.receive(30, s.vote(s.a, 0)).sends(s.a, "VOTE", round=2).tally(0, {s.a: s.votes(s.a, 0)})
    yield s

    s = Script("ballots up to `ahead` are kept", "ROUND-7", ahead=3, **PATIENT)
    s.start().meet(10, s.a).receive(20, s.vote(s.a, 6)).receive(30, s.vote(s.a, 8), refused="ROUND")
    s.never("ERROR")
    for at, round in ((40, 0), (50, 2), (60, 4)):
        s.receive(at, s.vote(s.a, round))
    s.sends(s.a, "VOTE", round=6).sends(s.a, "VOTE", round=8)
    s.tally(6, {s.a: s.votes(s.a, 6)}).tally(8, None)
    yield s

    s = Script("ballots older than what is kept are not", "ROUND-7 REPAIR-2", retain=2, **PATIENT)
    s.start(s.a, fresh=False).receive(10, s.a.hello(start=0, round=10)).sends(
        s.a, "HELLO", start=14
    )
    s.receive(20, s.vote(s.a, 8)).receive(30, s.vote(s.a, 6), refused="ROUND").never("ERROR")
    yield s

    s = Script("the end: FINISHED, answers, and leaving", "ROUND-9 ROUND-10", rounds=2, **PATIENT)
    s.start().meet(10, s.a).receive(20, s.vote(s.a, 0)).sends(s.a, "BYE", code=1, last=0)
    s.receive(30, want([(s.me.author, 0)])).sends(s.a, "VOTE", round=0, votes=s.own(0))
    s.receive(40, ping(3)).sends(s.a, "PONG", nonce=3)
    s.receive(50, s.a.bye(1, 0)).sends(s.a, "BYE", code=0, last=0)
    yield s

    s = Script("the end where the other finished first", "ROUND-9 ROUND-10", rounds=2, **PATIENT)
    s.start().meet(10, s.a).receive(20, s.a.bye(1, 0)).never("BYE")
    s.receive(30, s.vote(s.a, 0)).sends(s.a, "BYE", code=1, last=0).sends(
        s.a, "BYE", code=0, last=0
    )
    yield s

    s = Script("it stays for a deadline at most", "ROUND-9", rounds=2, deadline=10, **PATIENT)
    s.start().meet(10, s.a).receive(20, s.vote(s.a, 0)).sends(s.a, "BYE", code=1)
    s.wait(9_900).never("BYE").wait(10_200).sends(s.a, "BYE", code=0, last=0)
    yield s

    s = Script("who is told to leave says its last round", "ROUND-10", **PATIENT)
    s.start().meet(10, s.a).receive(20, s.vote(s.a, 0)).stop(30).sends(s.a, "BYE", code=0, last=2)
    yield s

    s = Script("a peer left behind leaps", "ROUND-8", should=True, **PATIENT)
    s.start().meet(10, s.a).receive(20, pong(9, 0, 101)).receive(30, s.vote(s.a, 0))
    s.sends(s.a, "VOTE", round=100).never("VOTE", round=2)
    yield s

    s = Script("a peer that is a little behind does not", "ROUND-8", **PATIENT)
    s.start().meet(10, s.a).receive(20, pong(9, 0, 8)).receive(30, s.vote(s.a, 0))
    s.sends(s.a, "VOTE", round=2)
    yield s

    s = Script("ids that the author names", "BALLOT-3 TALLY-2", EXPLICIT, **PATIENT)
    s.start().receive(10, s.a.hello(start=0))
    s.sends(s.a, "VOTE", round=0, ids=list(range(8)), votes=s.own(0))
    s.receive(20, s.vote(s.a, 0)).sends(s.a, "VOTE", round=2, ids=list(range(2, 10)))
    s.tally(0, {s.a: s.votes(s.a, 0)})
    yield s


def _spreading() -> Iterator[Script]:
    """Four members, one receiver each: the ring says who."""
    run = {**BASE, "degree": 1}
    for round in (0, 2):
        s = Script(
            f"a ballot goes where the ring says, round {round}", "ROUND-2 DIGRAPH-3", run, quorum=4
        )
        s.timing.update(PATIENT)
        others = {voice.author: voice for voice in (s.a, s.b, s.c)}
        s.start().meet(10, s.a, s.b, s.c)
        at = 20
        for now in range(0, round + 1, 2):
            around = reference.ring(reference.run_id(run), now, [s.me.author, *others])
            [to] = reference.send(around, s.me.author, 1)
            [of] = reference.hear(around, s.me.author, 1)
            s.sends(others[to], "VOTE", round=now)
            for author, voice in others.items():
                if author != to:
                    s.never("VOTE", voice, round=now)
            s.receive(at, s.vote(others[of], now), others[of].name)
            s.tally(now, {others[of]: s.votes(others[of], now)})
            at += 10
        yield s

    around = reference.ring(reference.run_id(run), 0, [s.me.author, *others])
    [of] = reference.hear(around, s.me.author, 1)
    unexpected = next(voice for author, voice in others.items() if author != of)
    s = Script(
        "a ballot that nobody expected counts all the same", "DIGRAPH-3 ROUND-3", run, quorum=4
    )
    s.timing.update(PATIENT)
    s.start().meet(10, s.a, s.b, s.c)
    s.receive(20, s.vote(unexpected, 0), unexpected.name).never("VOTE")
    s.receive(30, s.vote(others[of], 0), others[of].name)
    s.tally(0, {who: s.votes(who, 0) for who in (unexpected, others[of])})
    yield s

    for name in "abc":
        s = Script(f"broadcast: everybody hears it, {name} too", "ROUND-2", BROADCAST, quorum=4)
        s.timing.update(PATIENT)
        receiver = {"a": s.a, "b": s.b, "c": s.c}[name]
        s.start().meet(10, s.a, s.b, s.c).sends(receiver, "VOTE", round=0)
        yield s

    s = Script("broadcast: everybody is waited for", "ROUND-2 ROUND-3", BROADCAST, quorum=4)
    s.timing.update(PATIENT)
    s.start().meet(10, s.a, s.b, s.c).receive(20, s.vote(s.a, 0)).receive(30, s.vote(s.b, 0), "b")
    s.never("VOTE").receive(40, s.vote(s.c, 0, relayed=True)).sends(s.c, "VOTE", round=2)
    s.tally(0, {who: s.votes(who, 0) for who in (s.a, s.b, s.c)})
    yield s


def _wanting() -> Iterator[Script]:
    s = Script("a ballot that does not come is asked for", "ROUND-4", should=True)
    s.start().meet(10, s.a).wait(1_200).sends(s.a, "WANT", entries=[[s.a.author.hex(), 0]])
    s.receive(1_300, s.vote(s.a, 0)).sends(s.a, "VOTE", round=2).tally(0, {s.a: s.votes(s.a, 0)})
    yield s

    s = Script("again while it is silent", "ROUND-4", should=True)
    s.start().meet(10, s.a).wait(1_200).sends(s.a, "WANT").wait(2_300).sends(s.a, "WANT")
    yield s

    s = Script("who leaves WANT unanswered is suspect", "ROUND-4 MEMBER-4", should=True, rounds=2)
    s.start().meet(10, s.a).wait(7_000).member(s.a, "suspect").tally(0, {})
    yield s

    s = Script("a later round lets go of an author", "ROUND-6", should=True, rounds=2)
    s.start().meet(10, s.a).wait(1_200).sends(s.a, "WANT")
    s.receive(1_300, pong(0, 0, 4)).sends(s.a, "BYE", code=1, last=0).tally(0, {})
    yield s

    s = Script("no round at all lets go of an author", "ROUND-6", should=True, rounds=2)
    s.start().meet(10, s.a).wait(1_200).receive(1_300, pong(0)).tally(0, {})
    yield s

    s = Script("the same round does not let go", "ROUND-6", deadline=20)
    s.start().meet(10, s.a).wait(1_200).receive(1_300, pong(0, 0, 0)).never("VOTE")
    s.receive(2_000, s.vote(s.a, 0)).sends(s.a, "VOTE", round=2).tally(0, {s.a: s.votes(s.a, 0)})
    yield s

    s = Script("a PONG with a nonce does not let go", "ROUND-6 MEMBER-8", deadline=20)
    s.start().meet(10, s.a).wait(1_200).receive(1_300, pong(7, 0, 4)).never("VOTE").tally(0, None)
    yield s

    s = Script("the own ballot is sent to who wants it", "ROUND-5", **PATIENT)
    s.start().meet(10, s.a).receive(20, want([(s.me.author, 0)]))
    s.sends(s.a, "VOTE", author=s.me.author, round=0, votes=s.own(0))
    yield s

    s = Script(
        "another's ballot is passed on as it came", "ROUND-5 VOTE-1 VOTE-5", quorum=3, **PATIENT
    )
    s.start().meet(10, s.a, s.b).receive(20, s.vote(s.b, 0), "b")
    s.receive(30, want([(s.b.author, 0)]))
    s.sends(s.a, "VOTE", author=s.b.author, round=0, votes=s.votes(s.b, 0))
    yield s

    s = Script("a ballot goes back to its author too", "VOTE-1 ROUND-5", quorum=3, **PATIENT)
    s.start().meet(10, s.a, s.b).receive(20, s.vote(s.a, 0)).receive(30, want([(s.a.author, 0)]))
    s.sends(s.a, "VOTE", author=s.a.author, round=0, votes=s.votes(s.a, 0))
    yield s

    for number, salt in enumerate(("", "other")):
        name = f"both ballots that annul each other are sent, number {number + 1}"
        s = Script(name, "ROUND-5 LEDGER-5", quorum=3, **PATIENT)
        s.start().meet(10, s.a, s.b).receive(20, s.vote(s.b, 0), "b")
        s.receive(30, s.vote(s.b, 0, "other"), "b", refused="EQUIVOCATION")
        s.receive(40, want([(s.b.author, 0)]))
        s.sends(s.a, "VOTE", author=s.b.author, votes=s.votes(s.b, 0, salt))
        yield s

    s = Script("what is not there is passed over", "WANT-2", **PATIENT)
    s.start().meet(10, s.a).receive(
        20, want([(s.b.author, 0), (s.a.author, 0), (s.c.author, NONE)])
    )
    s.never("VOTE").never("PONG").never("ERROR")
    yield s

    s = Script("an own ballot that is not cast yet", "ROUND-5 PING-2", **PATIENT)
    s.start().meet(10, s.a).receive(20, want([(s.me.author, 2)])).sends(
        s.a, "PONG", nonce=0, round=0
    )
    s.never("VOTE")
    yield s

    s = Script("an own ballot that is not cast yet, of a joiner", "ROUND-5 PING-2", **PATIENT)
    s.start(s.a, fresh=False).receive(10, s.a.hello(start=0, round=10)).sends(
        s.a, "HELLO", start=14
    )
    s.receive(20, want([(s.me.author, 12)])).sends(s.a, "PONG", nonce=0, round=14)
    yield s

    s = Script(
        "an own ballot that is not cast yet, first round undecided", "ROUND-5 PING-2", **PATIENT
    )
    s.start(s.a, s.b, fresh=False).receive(10, s.a.hello(start=0, round=10))
    s.receive(20, want([(s.me.author, 12)])).sends(s.a, "PONG", nonce=0, round=None)
    yield s

    s = Script("one PONG a WANT", "ROUND-5", **PATIENT)
    s.start().meet(10, s.a)
    entries = [(s.me.author, 2), (s.me.author, 4), (s.me.author, 0), (s.b.author, 0)]
    s.receive(20, want(entries)).sends(s.a, "VOTE", round=0).sends(s.a, "PONG", nonce=0)
    yield s

    run = {**BASE, "degree": 1}
    s = Script("a ballot that was asked for is sent when it is cast", "ROUND-5", run, should=True)
    s.timing.update(quorum=4, **PATIENT)
    others = {voice.author: voice for voice in (s.a, s.b, s.c)}
    ring_run = reference.run_id(run)
    around = reference.ring(ring_run, 2, [s.me.author, *others])
    [to] = reference.send(around, s.me.author, 1)
    asker = next(voice for author, voice in others.items() if author != to)
    [of] = reference.hear(reference.ring(ring_run, 0, [s.me.author, *others]), s.me.author, 1)
    s.start().meet(10, s.a, s.b, s.c)
    s.receive(20, want([(s.me.author, 2)]), asker.name).sends(asker, "PONG", nonce=0, round=0)
    s.receive(30, s.vote(others[of], 0), others[of].name).sends(asker, "VOTE", round=2)
    yield s


# --- repair ----------------------------------------------------------------------------------


def repair_cases() -> Iterable[Case]:
    yield from (script.case() for script in _repair())


def _range(s: Script, first: int, held: dict[int, list[tuple[bytes, bytes]]]) -> bytes:
    return reference.range_hash({round: sorted(held[round]) for round in held})


def _repair() -> Iterator[Script]:
    def begun(name: str, clauses: str, should: bool = False) -> Script:
        """Three members; the ballots of `me` and of b are held for round 0."""
        s = Script(name, clauses, BROADCAST, should, quorum=3, **PATIENT)
        s.start().meet(10, s.a, s.b).receive(20, s.vote(s.b, 0), "b")
        return s

    def own_tag(s: Script) -> bytes:
        return reference.tag(reference.run_id(s.run), s.me.author, 0, (), s.own(0))

    def holding(s: Script) -> list[tuple[bytes, bytes]]:
        return sorted([(s.me.author, own_tag(s)), (s.b.author, s.tag(s.b, 0))])

    nothing = reference.range_hash({})

    s = begun("a round that differs is answered by HAVE", "REPAIR-3 HAVE-2")
    listing = [[who.hex(), tag.hex()] for who, tag in holding(s)]
    s.receive(30, digest([(0, 1, nothing)])).sends(s.a, "HAVE", round=0, entries=listing)
    yield s

    s = begun("an annulled ballot is listed by its tag", "REPAIR-3 LEDGER-6")
    s.receive(30, s.vote(s.b, 0, "other"), "b", refused="EQUIVOCATION")
    marked = sorted([(s.me.author.hex(), own_tag(s).hex()), (s.b.author.hex(), "ff" * 16)])
    s.receive(40, digest([(0, 1, nothing)])).sends(s.a, "HAVE", entries=[list(e) for e in marked])
    yield s

    s = begun("a round that is the same is not answered", "REPAIR-3 LEDGER-6")
    same = _range(s, 0, {0: holding(s)})
    s.receive(30, digest([(0, 1, same)])).silent("HAVE", "DIGEST", "WANT", "VOTE", "ERROR")
    s.receive(40, digest([(0, 5, same), (2, 1, nothing)])).silent("HAVE", "DIGEST", "WANT")
    yield s

    s = begun("a hash changes when a ballot comes", "REPAIR-3 LEDGER-6")
    s.receive(30, digest([(0, 1, same), (0, 4, same)])).silent("HAVE", "DIGEST")
    s.receive(40, s.vote(s.c, 0, relayed=True), "b")
    s.receive(50, digest([(0, 1, same)])).sends(s.a, "HAVE", round=0)
    more = _range(s, 0, {0: [*holding(s), (s.c.author, s.tag(s.c, 0))]})
    s.receive(60, digest([(0, 1, more), (0, 4, more)])).silent("HAVE", "DIGEST")
    s.receive(70, s.vote(s.c, 0, "other", relayed=True), "b", refused="EQUIVOCATION")
    s.receive(80, digest([(0, 1, more)])).sends(s.a, "HAVE", round=0)
    annulled = _range(s, 0, {0: [*holding(s), (s.c.author, b"\xff" * 16)]})
    s.receive(90, digest([(0, 1, annulled), (0, 4, annulled)])).silent("HAVE", "DIGEST")
    yield s

    s = begun("a range that differs is split", "REPAIR-3 LEDGER-6")
    parts = [[0, 1, _range(s, 0, {0: holding(s)}).hex()]]
    parts += [[at, 1, nothing.hex()] for at in (2, 4, 6)]
    s.receive(30, digest([(0, 4, bytes(16))])).sends(s.a, "DIGEST", entries=parts)
    yield s

    s = begun("an entry on no round of a ballot is ignored, its neighbour not", "DIGEST-2")
    s.receive(30, digest([(1, 1, bytes(16)), (0, 1, bytes(16))])).sends(s.a, "HAVE", round=0)
    s.never("HAVE", round=1)
    yield s

    s = begun("entries of no round are ignored", "DIGEST-2 REPAIR-3")
    s.receive(30, digest([(0, 0, bytes(16)), (2**32 - 4, 9, bytes(16))]))
    s.silent("HAVE", "DIGEST", "WANT", "ERROR")
    yield s

    s = begun("entries beyond the own range are ignored", "REPAIR-3")
    s.receive(30, digest([(130, 1, bytes(16)), (0, 66, bytes(16)), (0, 65_535, bytes(16))]))
    s.silent("HAVE", "DIGEST", "WANT", "ERROR")
    s.receive(40, digest([(128, 1, bytes(16))])).sends(s.a, "HAVE", round=128, entries=[])
    yield s

    s = begun("what a list has more is asked for", "REPAIR-4")
    listed = sorted([*holding(s), (s.c.author, bytes(16))])
    s.receive(30, have(0, listed)).sends(s.a, "WANT", entries=[[s.c.author.hex(), 0]])
    s.never("VOTE")
    yield s

    s = begun("what a list names by another tag is asked for, and sent", "REPAIR-4 LEDGER-4")
    listed = sorted([(s.me.author, own_tag(s)), (s.b.author, bytes(16))])
    s.receive(30, have(0, listed)).sends(s.a, "WANT", entries=[[s.b.author.hex(), 0]])
    yield s

    s = begun("what a list names by another tag is sent", "REPAIR-4")
    s.receive(30, have(0, listed)).sends(s.a, "VOTE", author=s.b.author, round=0)
    s.never("VOTE", author=s.me.author)
    yield s

    s = begun("what a list lacks is sent", "REPAIR-4")
    s.receive(30, have(0, [(s.me.author, own_tag(s))]))
    s.sends(s.a, "VOTE", author=s.b.author, round=0, votes=s.votes(s.b, 0)).never("WANT")
    s.never("VOTE", author=s.me.author)
    yield s

    s = begun("the own ballot is sent too", "REPAIR-4")
    s.receive(30, have(0, [(s.b.author, s.tag(s.b, 0))]))
    s.sends(s.a, "VOTE", author=s.me.author, round=0, votes=s.own(0))
    yield s

    s = begun("a list that is the same leads to nothing", "REPAIR-4")
    s.receive(30, have(0, holding(s))).silent("WANT", "VOTE", "HAVE", "DIGEST")
    yield s

    s = begun("what a list names as annulled is asked for and not sent", "REPAIR-4 LEDGER-4")
    listed = sorted([(s.me.author, own_tag(s)), (s.b.author, b"\xff" * 16)])
    s.receive(30, have(0, listed)).sends(s.a, "WANT", entries=[[s.b.author.hex(), 0]])
    s.never("VOTE")
    s.receive(40, s.vote(s.a, 0)).tally(0, {s.b: s.votes(s.b, 0), s.a: s.votes(s.a, 0)})
    yield s

    s = begun("who holds the pair asks for nothing", "REPAIR-4")
    s.receive(30, s.vote(s.b, 0, "other"), "b", refused="EQUIVOCATION")
    s.receive(40, have(0, sorted([(s.me.author, own_tag(s)), (s.b.author, bytes(16))])))
    s.never("WANT").sends(s.a, "VOTE", author=s.b.author)
    yield s

    s = begun("a list for no round of a ballot is ignored", "HAVE-3")
    s.receive(30, have(1, [(s.c.author, bytes(16))])).open().silent("WANT", "VOTE")
    s.receive(40, have(130, [(s.c.author, bytes(16))])).open().silent("WANT", "VOTE")
    yield s

    s = Script("a DIGEST is sent now and then", "REPAIR-1", BROADCAST, should=True, **PATIENT)
    s.start().meet(10, s.a).wait(5_000).sends(s.a, "DIGEST")
    yield s

    s = Script("in sampled runs a list leads to nothing bad", "CONF-2", quorum=3, **PATIENT)
    s.start().meet(10, s.a, s.b).receive(20, s.vote(s.b, 0), "b")
    s.receive(30, digest([(0, 1, bytes(16))])).open().never("ERROR")
    s.receive(40, have(0, [(s.c.author, bytes(16))])).open().never("ERROR")
    s.receive(50, ping(4)).sends(s.a, "PONG", nonce=4).member(s.a, "alive")
    yield s


# --- sealed runs -----------------------------------------------------------------------------


def sealed_script_cases() -> Iterable[Case]:
    yield from (script.case() for script in _sealed())


def _sealed() -> Iterator[Script]:
    s = Script("sealed: two meet, vote and count", "SEAL-1 SEAL-2 SEAL-3", SEALED, **PATIENT)
    s.start().receive(10, s.a.hello(start=0, met=False)).sends(s.a, "HELLO", met=True)
    s.sends(s.a, "VOTE", round=0, votes=s.own(0), signature="*")
    s.receive(20, s.vote(s.a, 0)).sends(s.a, "VOTE", round=2)
    s.tally(0, {s.a: s.votes(s.a, 0)}).member(s.a, "alive")
    yield s

    s = Script("sealed: the signature of a ballot follows from it", "SEAL-9", SEALED, **PATIENT)
    body = b"\x00\x00\x00\x00" + s.own(0)
    s.start().receive(10, s.a.hello(start=0)).sends(s.a, "VOTE", signature=s.me.seal(body))
    yield s

    s = Script("sealed: who does not sign HELLO is no member", "SEAL-2", SEALED)
    hello = s.a.hello(start=0, met=False)
    bare = b"\x01\x00" + hello[2:-64]
    s.start().receive(10, bare, refused="SEAL").never("VOTE").member(s.a, None)
    yield s

    s = Script("sealed: who signs HELLO for another is no member", "SEAL-3 SEAL-7", SEALED)
    forger = replace(s.a, sealed_as="b")
    s.start().receive(10, forger.hello(start=0, met=False), refused="SEAL").never("VOTE")
    s.member(s.a, None)
    yield s

    s = Script("sealed: a forged HELLO moves no member", "SEAL-7 CONTACT-6", SEALED, quorum=9)
    elsewhere = replace(s.a, sealed_as="b", endpoint=s.d.endpoint)
    s.start().meet(10, s.a).receive(20, elsewhere.hello(start=0), "x", refused="SEAL")
    s.never("HELLO", s.d).receive(30, ping(2)).sends(s.a, "PONG", nonce=2)
    yield s

    s = Script(
        "sealed: another run is told the run, signed or not", "CONTACT-3", SEALED, should=True
    )
    foreign = replace(s.a, run=BASE)
    s.start().receive(10, foreign.hello(met=False), refused="RUN")
    s.sends(s.a, "ERROR", code=13, text=reference.descriptor(SEALED))
    yield s

    s = Script(
        "sealed: a forged ballot changes nothing", "SEAL-3 VERDICT-1", SEALED, quorum=3, **PATIENT
    )
    s.start().meet(10, s.a, s.b)
    s.receive(20, s.vote(replace(s.a, sealed_as="b"), 0, relayed=True), "b", refused="SEAL")
    s.receive(30, s.vote(s.a, 0)).receive(40, s.vote(s.b, 0), "b")
    s.tally(0, {s.a: s.votes(s.a, 0), s.b: s.votes(s.b, 0)})
    yield s

    s = Script(
        "sealed: a ballot is passed on with its signature", "SEAL-4 SEAL-8", SEALED, quorum=3
    )
    s.timing.update(PATIENT)
    s.start().meet(10, s.a, s.b).receive(20, s.vote(s.b, 0), "b").receive(
        30, want([(s.b.author, 0)])
    )
    signature = s.b.seal(b"\x00\x00\x00\x00" + s.votes(s.b, 0))
    s.sends(s.a, "VOTE", author=s.b.author, votes=s.votes(s.b, 0), signature=signature)
    yield s

    s = Script("sealed: a ballot of an author never met is checked", "SEAL-4", SEALED, quorum=3)
    s.timing.update(PATIENT)
    s.start().meet(10, s.a, s.b).receive(20, s.vote(s.c, 0, relayed=True))
    s.receive(30, s.vote(s.a, 0)).receive(40, s.vote(s.b, 0), "b")
    s.tally(0, {who: s.votes(who, 0) for who in (s.a, s.b, s.c)}).member(s.c, None)
    yield s

    s = Script(
        "sealed: two ballots annul each other", "LEDGER-4 SEAL-8", SEALED, quorum=3, **PATIENT
    )
    s.start().meet(10, s.a, s.b).receive(20, s.vote(s.a, 0))
    s.receive(30, s.vote(s.a, 0, "other"), refused="EQUIVOCATION")
    s.receive(40, s.vote(s.b, 0), "b").tally(0, {s.b: s.votes(s.b, 0)})
    yield s

    s = Script(
        "sealed: BYE of an earlier life ends no later one", "SEAL-3 MEMBER-5", SEALED, quorum=9
    )
    s.start().meet(10, s.a).receive(20, s.a.again().hello(start=0), "a2")
    s.receive(30, s.a.bye(0, None), "a2", refused="SEAL").member(s.a, "alive")
    yield s

    s = Script("sealed: BYE of this life ends it", "SEAL-3 MEMBER-5", SEALED, quorum=9)
    s.start().meet(10, s.a).receive(20, s.a.bye(0, None)).member(s.a, "gone")
    yield s

    s = Script("sealed: a peer that leaves signs its BYE", "SEAL-2 ROUND-10", SEALED, quorum=9)
    s.start().meet(10, s.a).stop(20).sends(s.a, "BYE", code=0, last=None)
    yield s
