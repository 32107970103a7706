"""Scripts about repair (4.6) and about sealed runs (chapter 7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from tests.conformance import reference
from tests.conformance.cases import BASE, Case
from tests.conformance.frames import digest, have, ping, want
from tests.conformance.make_seal import SEALED
from tests.conformance.script import BROADCAST, PATIENT, Script

__all__ = ["repair_cases", "sealed_script_cases"]


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
    parts = [[0, 1, _range(s, 0, {0: holding(s)}).hex()], [2, 1, nothing.hex()]]
    s.receive(30, digest([(0, 2, bytes(16))])).sends(s.a, "DIGEST", entries=parts)
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
