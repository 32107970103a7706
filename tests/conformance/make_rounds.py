"""Scripts about rounds (4.5): votes, to whom they go, when a round closes, and the end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tests.conformance import reference
from tests.conformance.cases import BASE, EXPLICIT, Case
from tests.conformance.frames import NONE, ping, pong, want
from tests.conformance.script import BROADCAST, PATIENT, Script

__all__ = ["round_cases"]


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
    s.receive(40, s.vote(s.a, 0), refused="EQUIVOCATION").never("ERROR")
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

    s = Script(
        "who comes while it stays is told that it has finished", "ROUND-9", rounds=2, **PATIENT
    )
    s.start().meet(10, s.a).receive(20, s.vote(s.a, 0)).sends(s.a, "BYE", code=1, last=0)
    s.receive(30, s.b.hello(start=4, met=False), "b").sends(s.b, "HELLO")
    s.sends(s.b, "BYE", code=1, last=0)
    yield s

    s = Script("who has left does nothing more", "ROUND-10", **PATIENT)
    s.start().meet(10, s.a).stop(20).sends(s.a, "BYE", code=0)
    s.receive(30, s.b.hello(start=0, met=False), "b").open().silent().never("HELLO")
    s.receive(40, ping(1)).open().silent().wait(9_000).silent().never("HELLO").never("PING")
    yield s

    s = Script("nobody waits for who never votes", "ROUND-6 MEMBER-6", rounds=2, **PATIENT)
    s.start().meet(10, s.a).receive(20, s.a.bye(1, None)).sends(s.a, "BYE", code=1, last=0)
    s.tally(0, {})
    yield s

    s = Script("nobody waits for who will begin later", "ROUND-6", rounds=2, **PATIENT)
    s.start().meet(10, s.a).receive(20, s.a.again().hello(start=8), "a2").tally(0, {})
    yield s

    s = Script("who is undecided again is waited for", "ROUND-6 CONTACT-4", rounds=2, **PATIENT)
    s.start().meet(10, s.a).receive(20, s.a.again().hello(), "a2").never("BYE").tally(0, None)
    yield s

    s = Script("a ballot of an earlier life is cast again", "ROUND-1", quorum=3, **PATIENT)
    s.start().meet(10, s.a).receive(20, s.vote(s.me, 0, "earlier", relayed=True))
    s.receive(30, s.b.hello(start=0), "b")
    s.sends(s.b, "VOTE", author=s.me.author, round=0, votes=s.votes(s.me, 0, "earlier"))
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
