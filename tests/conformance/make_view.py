"""Scripts and frames of runs with a view (4.8), as far as no chance is in them.

Who is chosen follows from a nonce that the peer under test draws, which no script can know: so
these are about guests, strangers, and what is asked and answered before anybody is chosen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tests.conformance import reference
from tests.conformance.cases import BASE, Case, accept
from tests.conformance.frames import Voice, digest, peers, ping, want
from tests.conformance.script import PATIENT, Script

__all__ = ["view_cases", "view_frame_cases"]

VIEW = {**BASE, "degree": 1, "view": 2}
PASSED_ON = {**VIEW, "spreading": "broadcast"}


def view_cases() -> Iterable[Case]:
    yield from (
        script.case() for script in (*_meeting(), *_telling(), *_voting(), *_parting(), *_passing())
    )


def view_frame_cases() -> Iterable[Case]:
    """The run descriptor names `view` where it is not 0, and HELLO carries its hash."""
    for view in (2, 128):
        yield _hello(f"HELLO in a run with a view of {view}", {**VIEW, "view": view})
    yield _hello("HELLO in a broadcast run with a view", PASSED_ON)


def _hello(name: str, run: Case) -> Case:
    frame = Voice(run, "sender", "tcp://10.0.0.7:5555").hello(start=0)
    shown = {"kind": "HELLO", "run": Voice(run, "sender", "").fields()["run"].hex()}
    return accept(name, "RUN-1 RUN-2", frame, shown, run, None)


def _script(name: str, clauses: str, should: bool = False, **timing: float) -> Script:
    return Script(name, clauses, VIEW, should, **{**PATIENT, **timing})


def _meeting() -> Iterator[Script]:
    s = _script("endpoints of the start are picked", "VIEW-2", should=True)
    s.start(s.a, s.b).sends(s.a, "HELLO", met=False)
    yield s

    s = _script("a pick that says HELLO is asked to prove where it is", "VIEW-3")
    s.start(s.a).receive(10, s.a.hello(start=0, met=True)).sends(s.a, "PING", roster=0)
    yield s

    s = _script("the question goes to the endpoint, whoever named it", "VIEW-3")
    s.start(s.a).receive(10, s.b.hello(start=0, endpoint=s.a.endpoint), "b")
    s.sends(s.a, "PING", roster=0).never("PING", s.b)
    yield s

    s = _script("the same run without a view is another run", "RUN-1 CONTACT-3")
    other = Voice({**BASE, "degree": 1}, "other", "tcp://10.0.0.9:5000")
    s.start().receive(10, other.hello(start=0), "other", "RUN")
    s.sends(other, "ERROR", code=13, text=reference.descriptor(VIEW)).member(other, None)
    yield s

    s = _script("strangers beyond twice the view are turned away", "VIEW-3")
    fifth = Voice(VIEW, "fifth", "tcp://10.0.0.9:5000")
    s.start().meet(10, s.a, s.b, s.c, s.d).receive(20, fifth.hello(start=0), "fifth", "LIMIT")
    s.sends(fifth, "ERROR", code=40).member(s.d, "alive").member(fifth, None)
    yield s


def _telling() -> Iterator[Script]:
    s = _script("rosters are not told nor compared", "VIEW-9")
    s.start().meet(10, s.a, s.b).receive(20, ping(5, 1234)).sends(s.a, "PONG", nonce=5, roster=0)
    s.never("PEERS").wait(3_000).never("PEERS")
    yield s

    s = _script("who asks for endpoints is told some", "VIEW-5", should=True)
    s.start().meet(10, s.a, s.b).receive(20, peers([])).sends(
        s.a, "PEERS", endpoints=[s.b.endpoint]
    )
    yield s

    s = _script("but not again at once", "VIEW-5", should=True)
    s.start().meet(10, s.a, s.b).receive(20, peers([])).receive(30, peers([])).never("PEERS")
    yield s

    s = _script("what a guest passes on is not dialled", "VIEW-1 VIEW-4")
    there = "tcp://10.0.0.9:5000"
    s.start().meet(10, s.a).receive(20, peers([there])).never("HELLO", there)
    s.wait(50_000).never("HELLO", there)
    yield s


def _voting() -> Iterator[Script]:
    s = _script("guests make no quorum", "VIEW-9 JOIN-4")
    s.start().meet(10, s.a, s.b).never("VOTE").wait(1_000).never("VOTE")
    yield s

    s = _script("a ballot that was not asked for is refused", "VIEW-1 VIEW-6")
    s.start().meet(10, s.a).receive(20, s.vote(s.a, 0), refused="ROUND")
    yield s

    s = _script("who has to wait is told when it asks again", "VIEW-6")
    s.start().meet(10, s.a).receive(20, want([(s.me.author, 0)]))
    s.receive(30, want([(s.me.author, 0)])).sends(s.a, "PONG", nonce=0, roster=0)
    yield s


def _parting() -> Iterator[Script]:
    s = _script("a guest that has parted is forgotten", "VIEW-8")
    s.start().meet(10, s.a).receive(20, s.a.bye(2)).silent().member(s.a, None)
    s.receive(30, ping(5), refused="EARLY").silent()
    yield s

    s = _script("and is met like a stranger when it comes again", "VIEW-8 CONTACT-4")
    s.start().meet(10, s.a).receive(20, s.a.bye(2)).receive(30, s.a.hello(start=0))
    s.sends(s.a, "HELLO", met=True).member(s.a, "alive")
    yield s

    s = _script("who leaves is forgotten as well", "VIEW-9")
    s.start().meet(10, s.a).receive(20, s.a.bye(0)).member(s.a, None)
    yield s

    s = Script("without a view the same code is leaving", "VIEW-8 BYE-2", **PATIENT)
    s.start().meet(10, s.a).receive(20, s.a.bye(2)).member(s.a, "gone")
    yield s


def _passing() -> Iterator[Script]:
    """Broadcast.  Of the one seed nothing is heard, so that guests can come before it begins."""

    def alone(name: str, clauses: str, should: bool = False, **timing: int) -> Script:
        settled = {"patience": 5, "suspect_after": 1_000, "quorum": 1, **timing}
        s = Script(name, clauses, PASSED_ON, should, **settled)
        return s.start(s.d, fresh=False)

    s = alone("an own ballot goes to guests", "VIEW-11")
    s.meet(10, s.a).wait(5_500).sends(s.a, "VOTE", round=0, votes=s.own(0))
    yield s

    s = alone("guests are not waited for", "VIEW-11 ROUND-9", rounds=2)
    s.meet(10, s.a).wait(5_500).sends(s.a, "BYE", code=1, last=0).tally(0, {})
    yield s

    s = alone("what guests bring counts, be it their own or not", "VIEW-12", rounds=2)
    s.meet(10, s.a).receive(20, s.vote(s.a, 0)).receive(30, s.vote(s.c, 0, relayed=True))
    s.wait(5_500).sends(s.a, "VOTE").tally(0, {s.a: s.votes(s.a, 0), s.c: s.votes(s.c, 0)})
    yield s

    s = alone("and is not sent on to guests", "VIEW-12", should=True)
    s.meet(10, s.a, s.b).receive(20, s.vote(s.a, 0)).never("VOTE", s.b)
    s.receive(30, s.vote(s.c, 0, relayed=True)).never("VOTE", s.b).wait(4_000).never("VOTE")
    yield s

    s = alone("who asks gets it", "VIEW-12 ROUND-5")
    s.meet(10, s.a, s.b).receive(20, s.vote(s.a, 0))
    s.receive(30, want([(s.a.author, 0)]), "b").sends(s.b, "VOTE", author=s.a.author, round=0)
    yield s

    s = alone("guests are not asked to compare, and are answered", "VIEW-13 REPAIR-3", rounds=2)
    s.meet(10, s.a).wait(5_500).sends(s.a, "VOTE").never("DIGEST").wait(9_500).never("DIGEST")
    s.receive(9_600, digest([(0, 1, bytes(16))])).sends(s.a, "HAVE", round=0)
    yield s

    settling = {"rounds": 2, "deadline": 100, "gossip_interval": 10}
    s = alone("who has finished stays while ballots come", "VIEW-14", should=True, **settling)
    s.meet(10, s.a).wait(5_500).receive(10_000, s.vote(s.c, 0, relayed=True))
    s.receive(20_000, s.a.bye(1, 0)).never("BYE").wait(39_000).never("BYE")
    s.wait(60_000).sends(s.a, "BYE", code=0)
    yield s
