"""Scripts and frames of runs with a view (4.8), as far as no chance is in them.

Who is chosen follows from a nonce that the peer under test draws, which no script can know: so
these are about guests, strangers, and what is asked and answered before anybody is chosen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tests.conformance import reference
from tests.conformance.cases import BASE, Case, accept
from tests.conformance.frames import Voice, peers, ping, want
from tests.conformance.script import PATIENT, Script

__all__ = ["view_cases", "view_frame_cases"]

VIEW = {**BASE, "degree": 1, "view": 2}


def view_cases() -> Iterable[Case]:
    yield from (script.case() for script in (*_meeting(), *_telling(), *_voting(), *_parting()))


def view_frame_cases() -> Iterable[Case]:
    """The run descriptor names `view` where it is not 0, and HELLO carries its hash."""
    for view in (2, 128):
        run = {**VIEW, "view": view}
        frame = Voice(run, "sender", "tcp://10.0.0.7:5555").hello(start=0)
        shown = {"kind": "HELLO", "run": Voice(run, "sender", "").fields()["run"].hex()}
        name = f"HELLO in a run with a view of {view}"
        yield accept(name, "RUN-1 RUN-2", frame, shown, run, None)


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
