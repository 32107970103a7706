"""Scripts about who is there: contact (4.2), members (4.3), what is refused (6.3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tests.conformance import reference
from tests.conformance.cases import BASE, Case
from tests.conformance.frames import Voice, error, hello_frame, peers, ping, pong, want
from tests.conformance.script import Script

__all__ = ["contact_cases", "crowd_cases", "member_cases", "refusal_cases"]

FOREIGN = {**BASE, "seed": 1}
WAITING: dict[str, Any] = {"quorum": 9}  # so many never come, and so nobody votes
LATE: dict[str, Any] = {"quorum": 9, "join_deadline": 1_000}


def contact_cases() -> Iterable[Case]:
    yield from (script.case() for script in _contact())


def _contact() -> Iterator[Script]:
    s = Script("HELLO is the first word to a seed", "CONTACT-1 CONTACT-2 JOIN-1", **WAITING)
    s.start(s.a).sends(s.a, "HELLO", met=False, start=0, round=None, held=None)
    yield s

    s = Script("HELLO says who and in which run", "NAME-1 NAME-3 NAME-4 RUN-2", **WAITING)
    about = {"identity": s.me.identity, "instance": s.me.instance, "endpoint": s.me.endpoint}
    s.start(s.a).sends(s.a, "HELLO", **about, run=reference.run_digest(BASE))
    yield s

    s = Script("a joiner's HELLO has no first round", "JOIN-2", **WAITING)
    s.start(s.a, fresh=False).sends(s.a, "HELLO", start=None, met=False)
    yield s

    s = Script("a stranger is met", "CONTACT-4 NAME-2", **WAITING)
    s.start().receive(10, s.a.hello(start=0, met=False))
    s.sends(s.a, "HELLO", met=True, start=0).member(s.a, "alive")
    yield s

    s = Script("who was dialled and answers is met", "CONTACT-4", **WAITING)
    s.start(s.a).receive(10, s.a.hello(start=0)).member(s.a, "alive")
    yield s

    s = Script("a member that has not heard HELLO hears it again", "CONTACT-5", **WAITING)
    s.start().receive(10, s.a.hello(start=0)).sends(s.a, "HELLO")
    s.receive(20, s.a.hello(start=0, met=False)).sends(s.a, "HELLO", met=True)
    yield s

    s = Script("a member that has heard HELLO does not hear it again", "CONTACT-5", **WAITING)
    s.start().receive(10, s.a.hello(start=0, met=True)).sends(s.a, "HELLO")
    s.receive(20, s.a.hello(start=0, met=True)).never("HELLO")
    yield s

    s = Script("a HELLO with keys of a later revision is answered", "HELLO-4 GREASE-1", **WAITING)
    grease = {"grease_beef": [1, {"a": b"\x00"}], "x_lab": None, "zone": 7}
    s.start().receive(10, s.a.hello(start=0, met=False, **grease)).sends(s.a, "HELLO")
    s.member(s.a, "alive")
    yield s

    s = Script("a HELLO that speaks more versions is answered", "HELLO-3 VERSION-1", **WAITING)
    s.start().receive(10, s.a.hello(start=0, met=False, versions=[1, 3])).sends(s.a, "HELLO")
    yield s

    s = Script("another run: no member, and nothing but HELLO, ERROR and BYE", "CONTACT-3 RUN-3")
    stranger = Voice(FOREIGN, "a", s.a.endpoint)
    s.start().receive(10, stranger.hello(start=0, met=False), refused="RUN")
    s.silent("PING", "PONG", "PEERS", "VOTE", "WANT").member(s.a, None)
    s.receive(20, ping(1), refused="EARLY").silent()
    s.wait(9_000).silent("PING", "PONG", "PEERS", "VOTE", "WANT")
    yield s

    s = Script("another run: it is told the run", "CONTACT-3 RUN-1 RUN-2", should=True)
    s.start().receive(10, stranger.hello(start=0, met=False), refused="RUN")
    s.sends(s.a, "ERROR", code=13, text=reference.descriptor(BASE))
    yield s

    s = Script("who names no run is told the run", "CONTACT-3", should=True)
    s.start().receive(10, s.a.hello(run=bytes(32), met=False), refused="RUN")
    s.sends(s.a, "ERROR", code=13, text=reference.descriptor(BASE)).member(s.a, None)
    yield s

    s = Script("another run, sealed in its way: only the run is judged", "CONTACT-3 SEAL-7")
    foreign = stranger.hello(start=0, met=False)
    frame = foreign[:1] + b"\x04" + foreign[2:] + bytes(64)
    s.start().receive(10, frame, refused="RUN").member(s.a, None)
    yield s

    s = Script("two of another run in one second hear one ERROR", "CONTACT-3 VERDICT-4")
    other = Voice(FOREIGN, "b", s.b.endpoint)
    s.start().receive(10, stranger.hello(met=False), refused="RUN")
    s.receive(500, other.hello(met=False), "b", refused="RUN").never("ERROR")
    s.receive(900, other.hello(met=False), "b", refused="RUN").never("ERROR")
    yield s

    s = Script("a second later another is told", "CONTACT-3 VERDICT-4", should=True)
    s.start().receive(10, stranger.hello(met=False), refused="RUN").sends(s.a, "ERROR", code=13)
    s.receive(1_100, other.hello(met=False), "b", refused="RUN").sends(s.b, "ERROR", code=13)
    yield s

    s = Script("the own identity in another process is told", "CONTACT-7 VERDICT-3", **WAITING)
    double = Voice(BASE, "me", s.a.endpoint, life=1)
    s.start().receive(10, double.hello(met=False), refused="AUTHOR")
    s.sends(s.a, "ERROR", code=20).member(s.me, None)
    yield s

    s = Script("a peer that hears itself is no member of its own", "CONTACT-7", **WAITING)
    s.start().receive(10, s.me.hello(met=False)).open().silent().member(s.me, None)
    yield s

    s = Script("a member's new process is greeted on a new line", "CONTACT-6 CONTACT-2", **WAITING)
    s.start().receive(10, s.a.hello(start=0)).sends(s.a, "HELLO")
    s.receive(20, s.a.again().hello(start=0, met=True), "a2").sends(s.a, "HELLO", met=True)
    s.member(s.a, "alive")
    yield s

    s = Script("a member at a new endpoint is greeted there", "CONTACT-6 NAME-4", **WAITING)
    moved = Voice(BASE, "a", s.d.endpoint)
    s.start().receive(10, s.a.hello(start=0)).sends(s.a, "HELLO")
    s.receive(20, moved.hello(start=0), "a2").sends(s.d, "HELLO", met=True)
    s.receive(30, ping(7), "a2").sends(s.d, "PONG", nonce=7)
    yield s

    s = Script("what an older process's connection brings is EARLY", "CONTACT-6", **WAITING)
    s.start().meet(10, s.a).receive(20, s.a.again().hello(start=0), "a2")
    s.receive(30, ping(4), refused="EARLY").never("PONG")
    s.receive(40, s.a.bye(), refused="EARLY").member(s.a, "alive")
    s.receive(50, ping(5), "a2").sends(s.a, "PONG", nonce=5)
    yield s

    s = Script("HELLO on a further connection binds it", "CONTACT-4", **WAITING)
    s.start().meet(10, s.a).receive(20, s.a.hello(start=0), "more")
    s.receive(30, ping(4), "more").sends(s.a, "PONG", nonce=4)
    yield s

    s = Script("and leaves the first one bound", "CONTACT-4", should=True, **WAITING)
    s.start().meet(10, s.a).receive(20, s.a.hello(start=0), "more")
    s.receive(30, ping(4)).sends(s.a, "PONG", nonce=4)
    yield s

    s = Script("HELLO of another binds a connection anew", "CONTACT-4", **WAITING)
    s.start().meet(10, s.a).receive(20, s.b.hello(start=0), "a")
    s.receive(30, ping(4)).sends(s.b, "PONG", nonce=4).never("PONG", s.a)
    yield s

    s = Script("a first round that is undecided again", "CONTACT-4 MEMBER-7", **WAITING)
    s.start().meet(10, s.a).receive(20, s.a.hello())
    s.receive(30, ping(4)).sends(s.a, "PONG", roster=s.roster((s.me, 0), (s.a, None)))
    yield s

    s = Script("an endpoint that was told is dialled", "CONTACT-9", should=True, **WAITING)
    s.start().receive(10, s.a.hello(start=0))
    s.receive(20, peers([s.b.endpoint])).sends(s.b, "HELLO", met=False)
    yield s

    s = Script("one bad endpoint spoils PEERS", "PEERS-2 VERDICT-1", **WAITING)
    s.start().receive(10, s.a.hello(start=0))
    s.receive(20, peers([s.b.endpoint, "tcp://x"]), refused="MALFORMED").never("HELLO", s.b)
    s.wait(900).never("HELLO", s.b)
    yield s

    s = Script(
        "a newcomer that knows few is told of the others", "CONTACT-8", should=True, **WAITING
    )
    s.start().receive(10, s.a.hello(start=0, known=9))
    s.receive(20, s.b.hello(start=0, known=1), "b").sends(s.b, "PEERS", endpoints=[s.a.endpoint])
    yield s

    s = Script("HELLO is repeated where nobody answers", "CONTACT-11", should=True, **WAITING)
    s.start(s.a).sends(s.a, "HELLO")
    s.wait(1_200).sends(s.a, "HELLO", met=False)
    yield s

    s = Script("HELLO of version 2 only makes no member", "HELLO-3 VERSION-2", **WAITING)
    frame = s.a.hello(versions=[2, 3], met=False)
    s.start().receive(10, frame, refused="VERSION").silent("PONG", "PEERS", "VOTE")
    s.member(s.a, None)
    yield s

    s = Script("HELLO of version 2 only is told so", "VERSION-2", should=True, **WAITING)
    s.start().receive(10, frame, refused="VERSION").sends(s.a, "ERROR", code=10)
    yield s

    s = Script(
        "HELLO of version 2 with keys unheard of is told so", "VERSION-2 FIXED-1", should=True
    )
    strange = hello_frame({"endpoint": s.a.endpoint, "versions": [2, 2], "zzz": 1})
    s.start().receive(10, strange, refused="VERSION").sends(s.a, "ERROR", code=10)
    yield s


# --- members ---------------------------------------------------------------------------------


def member_cases() -> Iterable[Case]:
    yield from (script.case() for script in _members())


def _members() -> Iterator[Script]:
    s = Script("PING is answered with its nonce", "MEMBER-3 MEMBER-7 PING-2", **WAITING)
    s.start().meet(10, s.a)
    roster = s.roster((s.me, 0), (s.a, 0))
    s.receive(20, ping(4_000_000_000, roster))
    s.sends(s.a, "PONG", nonce=4_000_000_000, roster=roster, round=None)
    yield s

    s = Script("PING with nonce 0 is answered like any other", "PING-1 MEMBER-3", **WAITING)
    s.start().meet(10, s.a).receive(20, ping(0)).sends(s.a, "PONG", nonce=0)
    yield s

    s = Script("PONG tells the open round", "MEMBER-3 PING-2")
    s.start().meet(10, s.a).receive(20, ping(1)).sends(s.a, "PONG", nonce=1, round=0)
    s.receive(30, s.vote(s.a, 0)).receive(40, ping(2)).sends(s.a, "PONG", nonce=2, round=2)
    yield s

    s = Script("the roster counts first rounds, and none as 0", "MEMBER-7", **WAITING)
    s.start().receive(10, s.a.hello(start=6)).receive(11, s.b.hello(), "b")
    roster = s.roster((s.me, 0), (s.a, 6), (s.b, None))
    s.receive(20, ping(1)).sends(s.a, "PONG", roster=roster)
    s.receive(30, s.b.hello(start=8), "b")
    roster = s.roster((s.me, 0), (s.a, 6), (s.b, 8))
    s.receive(40, ping(2)).sends(s.a, "PONG", roster=roster)
    yield s

    s = Script("the roster of a joiner", "MEMBER-7", **WAITING)
    s.start(s.a, s.b, fresh=False).receive(10, s.a.hello(start=0, round=20))
    roster = s.roster((s.me, None), (s.a, 0))
    s.receive(20, ping(1)).sends(s.a, "PONG", roster=roster, round=None)
    yield s

    s = Script("suspects are in the roster's sum, who is gone is not", "MEMBER-7", **WAITING)
    s.start().meet(10, s.a, s.b, s.c).lost(20, s.b).receive(30, s.c.bye(0, None), "c")
    roster = s.roster((s.me, 0), (s.a, 0), (s.b, 0))
    s.receive(40, ping(1)).sends(s.a, "PONG", roster=roster)
    s.member(s.a, "alive").member(s.b, "suspect").member(s.c, "gone")
    yield s

    s = Script("another roster is answered by HELLO and PEERS", "MEMBER-7", should=True, **WAITING)
    s.start().meet(10, s.a, s.b).receive(20, ping(1, 12_345)).sends(s.a, "HELLO")
    s.sends(s.a, "PEERS", endpoints=[s.b.endpoint])
    yield s

    s = Script("but once in a patience only", "MEMBER-7", should=True, **WAITING)
    s.start().meet(10, s.a, s.b).receive(20, ping(1, 12_345))
    s.receive(30, ping(2, 54_321)).sends(s.a, "PONG", nonce=2).never("PEERS").never("HELLO")
    yield s

    s = Script("a member whose line breaks is suspect", "MEMBER-4", **WAITING)
    s.start().meet(10, s.a).lost(20, s.a).member(s.a, "suspect")
    yield s

    s = Script("any message makes a suspect alive", "MEMBER-1", **WAITING)
    s.start().meet(10, s.a).lost(20, s.a).receive(30, pong(9)).member(s.a, "alive")
    yield s

    s = Script("a suspect is gone in the end", "MEMBER-5", **LATE, gone_after=7)
    s.start().meet(10, s.a).lost(20, s.a).wait(7_100).member(s.a, "gone")
    yield s

    s = Script("not before gone_after", "MEMBER-5", **LATE, gone_after=7)
    s.start().meet(10, s.a).lost(20, s.a).wait(6_900).member(s.a, "suspect")
    yield s

    s = Script("any message brings back who went in silence", "MEMBER-1", **LATE, gone_after=7)
    s.start().meet(10, s.a).lost(20, s.a).wait(8_000).receive(8_010, ping(5))
    s.sends(s.a, "PONG", nonce=5).member(s.a, "alive")
    yield s

    for code in (0, 2, 255):
        s = Script(f"BYE {code} makes a member gone at once", "MEMBER-5 BYE-2", **WAITING)
        s.start().meet(10, s.a).receive(20, s.a.bye(code, None, "so long")).member(s.a, "gone")
        yield s

    s = Script("after BYE nothing but HELLO counts", "MEMBER-1", **WAITING)
    s.start().meet(10, s.a).receive(20, s.a.bye()).receive(30, ping(5)).open()
    s.member(s.a, "gone")
    yield s

    s = Script("HELLO brings back who said BYE", "MEMBER-1 CONTACT-4", **WAITING)
    s.start().meet(10, s.a).receive(20, s.a.bye())
    s.receive(30, s.a.again().hello(start=0, met=False), "a2").sends(s.a, "HELLO", met=True)
    s.member(s.a, "alive")
    yield s

    s = Script("BYE FINISHED leaves a member alive, and it is answered", "ROUND-9", **WAITING)
    s.start().meet(10, s.a).receive(20, s.a.bye(1, 4)).receive(30, ping(5))
    s.sends(s.a, "PONG", nonce=5).member(s.a, "alive")
    yield s

    s = Script("who has finished and breaks its line is gone", "MEMBER-5", **WAITING)
    s.start().meet(10, s.a).receive(20, s.a.bye(1, 4)).lost(30, s.a).member(s.a, "gone")
    yield s

    s = Script("a quiet member is pinged", "MEMBER-2", should=True, **LATE)
    s.start().meet(10, s.a).wait(11_000).sends(s.a, "PING")
    yield s

    s = Script("and is suspect if it does not answer", "MEMBER-2 MEMBER-4", should=True, **LATE)
    s.start().meet(10, s.a).wait(18_000).member(s.a, "suspect")
    yield s

    s = Script("an answer of any kind will do", "MEMBER-4", **LATE)
    s.start().meet(10, s.a)
    for at in range(2_000, 20_000, 2_000):
        s.receive(at, peers([]))
    s.member(s.a, "alive")
    yield s

    s = Script("who leaves says so to every member", "ROUND-10", **WAITING)
    s.start().meet(10, s.a).stop(20).sends(s.a, "BYE", code=0, last=None)
    yield s


def crowd_cases() -> Iterable[Case]:
    s = Script("more authors than may be known", "LIMIT-3 LIMIT-2", **WAITING).start()
    crowd = [Voice(BASE, f"m{n}", f"tcp://10.1.{n // 250}.{n % 250 + 1}:1") for n in range(1_026)]
    for number, one in enumerate(crowd):
        refused = "" if number < 1_024 else "LIMIT"
        s.receive(number, one.hello(start=0, known=5_000), f"l{number}", refused)
    yield (
        s.member(crowd[0], "alive").member(crowd[1_023], "alive").member(crowd[1_024], None).case()
    )

    s = Script("a full round still has a place for the own ballot", "LEDGER-7", should=True)
    s.start().receive(10, s.a.hello()).never("VOTE")
    for number, one in enumerate(crowd[:1_024]):
        s.receive(20 + number, s.vote(one, 0, relayed=True))
    s.receive(2_000, s.a.hello(start=0)).sends(s.a, "VOTE", author=s.me.author, round=0)
    s.receive(2_010, want([(s.me.author, 0)]))
    yield s.sends(s.a, "VOTE", author=s.me.author, round=0, votes=s.own(0)).case()


# --- what is refused -------------------------------------------------------------------------


def refusal_cases() -> Iterable[Case]:
    yield from (script.case() for script in _refusals())


def _refusals() -> Iterator[Script]:
    s = Script("nothing but HELLO is heard on a new connection", "CONTACT-10 FRAME-14")
    s.start().meet(10, s.a)
    frames = (ping(1), pong(0, 0, 8), s.vote(s.a, 0), want([(s.me.author, 0)]), peers([]))
    for number, frame in enumerate(frames):
        s.receive(20 + number, frame, "new", refused="EARLY").silent("PONG", "ERROR", "VOTE")
    s.tally(0, None)
    yield s

    s = Script("a BYE on a connection of nobody ends no membership", "CONTACT-10", **WAITING)
    s.start().meet(10, s.a).receive(20, s.a.bye(), "new", refused="EARLY").member(s.a, "alive")
    yield s

    s = Script("an ERROR on a connection of nobody is heard", "CONTACT-10 ERROR-2", **WAITING)
    s.start().receive(10, error(13, "another run"), "new").silent().never("HELLO")
    yield s

    for name, frame, reason in (
        ("too long", error(33, "a" * 513), "LIMIT"),
        ("no UTF-8", error(33) + b"\xff", "MALFORMED"),
        ("flagged", b"\x03\x01\x21", "MALFORMED"),
        ("cut off", b"\x03\x00", "LENGTH"),
    ):
        s = Script(f"an ERROR that is {name} is not answered by another", "ERROR-2", **WAITING)
        s.start().meet(10, s.a).receive(20, frame, refused=reason).silent()
        yield s

    s = Script("an unknown kind below 80 is answered", "FRAME-10", **WAITING)
    s.start().meet(10, s.a).receive(20, b"\x07\x00abc", refused="TYPE")
    s.sends(s.a, "ERROR", code=12)
    yield s

    s = Script("unknown kinds from 80 on are not", "FRAME-10 GREASE-1", **WAITING)
    s.start().meet(10, s.a)
    for number, kind in enumerate((0x80, 0x8A, 0xBF, 0xC0, 0xFA, 0xFF)):
        s.receive(20 + number, bytes((kind, 0)) + b"abc", refused="TYPE").never("ERROR")
    s.receive(40, ping(3)).sends(s.a, "PONG", nonce=3).member(s.a, "alive")
    yield s

    s = Script("a message of two frames is none", "FRAME-4", **WAITING)
    s.start().meet(10, s.a).receive_parts(20, ping(1), ping(2)).never("PONG")
    s.receive(30, ping(3)).sends(s.a, "PONG", nonce=3)
    yield s

    s = Script("a HELLO with something behind it is none", "FRAME-4", **WAITING)
    s.start().receive_parts(10, s.a.hello(start=0, met=False), b"").never("HELLO")
    s.member(s.a, None)
    yield s

    s = Script("what only a faulty sender sends is answered", "VERDICT-3", should=True, **WAITING)
    s.start().meet(10, s.a).receive(20, ping(1) + b"\x00", refused="LENGTH")
    s.sends(s.a, "ERROR", code="*")
    yield s

    s = Script("but by one ERROR a second at most", "VERDICT-4 VERDICT-5", **WAITING)
    s.start().meet(10, s.a, s.b).receive(20, ping(1) + b"\x00", refused="LENGTH")
    for at in (30, 500, 1_000):
        s.receive(at, b"\x04", refused="MALFORMED").never("ERROR")
    s.receive(1_005, ping(1) + b"\x00", "b", refused="LENGTH").never("ERROR")
    s.receive(1_010, ping(9)).sends(s.a, "PONG", nonce=9).member(s.a, "alive")
    yield s

    s = Script("and again a second later", "VERDICT-3 VERDICT-4", should=True, **WAITING)
    s.start().meet(10, s.a).receive(20, b"\x04", refused="MALFORMED").sends(s.a, "ERROR", code="*")
    s.receive(1_100, b"\x04", refused="MALFORMED").sends(s.a, "ERROR", code="*")
    yield s

    s = Script("what an honest peer may send is not answered", "VERDICT-2", **WAITING)
    s.start().meet(10, s.a).receive(20, s.a.vote(7, bytes(4)), refused="ROUND").never("ERROR")
    yield s

    s = Script("ERROR is not answered, and changes nothing", "ERROR-2 ERROR-3", **WAITING)
    s.start().meet(10, s.a)
    for number, code in enumerate((10, 13, 20, 21, 33, 40, 255)):
        s.receive(20 + number, error(code, "no")).silent()
    s.receive(40, ping(9)).sends(s.a, "PONG", nonce=9).member(s.a, "alive")
    yield s

    s = Script("nothing that is refused changes anything", "VERDICT-1", **WAITING)
    s.start().meet(10, s.a)
    roster = s.roster((s.me, 0), (s.a, 0))
    s.receive(20, s.b.hello(start=0, met=False, endpoint="tcp://b"), "b", refused="MAP")
    s.never("HELLO", s.b).member(s.b, None)
    s.receive(30, ping(2)).sends(s.a, "PONG", roster=roster)
    yield s
