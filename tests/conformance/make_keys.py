"""Cases for keys and electorates (chapter 7.5): texts, CURVE keys, lists, and who is on one."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from tests.conformance import ed25519, reference
from tests.conformance.cases import Case, accept, refuse
from tests.conformance.frames import Voice
from tests.conformance.make_seal import SEALED, flipped, seed
from tests.conformance.make_votes import vote_message
from tests.conformance.script import PATIENT, Script

__all__ = ["electorate_cases", "electorate_script_cases", "key_cases"]

VOTES = bytes.fromhex("31415926")


def text_of(identity: bytes) -> str:
    """KEY-3."""
    return base64.urlsafe_b64encode(identity).decode().rstrip("=")


def curve_of(identity: bytes) -> bytes:
    """KEY-2: u = (1 + y) / (1 - y)."""
    y = int.from_bytes(identity, "little") & (1 << 255) - 1
    u = (1 + y) * pow(1 - y, -1, ed25519.PRIME) % ed25519.PRIME
    return u.to_bytes(32, "little")


def list_text(identities: Sequence[bytes]) -> str:
    """ELECT-1."""
    return "tally/1 electorate\n" + "".join(f"{one}\n" for one in sorted(map(text_of, identities)))


def list_hash(identities: Sequence[bytes]) -> str:
    return hashlib.sha256(list_text(identities).encode("ascii")).hexdigest()


# --- keys and lists alone ---------------------------------------------------------------------


def key_cases() -> Iterable[Case]:
    secrets = {
        "RFC 8032, test 1": "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "RFC 8032, test 2": "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "the example": bytes(range(32)).hex(),
        **{f"secret {n}": seed(f"key {n}").hex() for n in range(5)},
    }
    for name, secret in secrets.items():
        identity = ed25519.identity(bytes.fromhex(secret))
        clamped = ed25519.scalar(bytes.fromhex(secret)).to_bytes(32, "little")
        yield {
            "name": f"{name}: its keys",
            "clauses": ["KEY-2", "KEY-3"],
            "input": {"secret": secret},
            "expect": {
                "identity": identity.hex(),
                "text": text_of(identity),
                "curve": curve_of(identity).hex(),
                "curve_secret": clamped.hex(),
            },
        }
        yield _read(f"{name}: from its text", "KEY-2 KEY-3", text_of(identity), identity)
    yield from _no_keys()
    yield from _lists()


def _read(name: str, clauses: str, text: str, identity: bytes | None) -> Case:
    expect = {"verdict": "reject"}
    if identity is not None:
        curve = curve_of(identity).hex()
        expect = {"verdict": "accept", "identity": identity.hex(), "curve": curve}
    return {"name": name, "clauses": clauses.split(), "input": {"text": text}, "expect": expect}


def _no_keys() -> Iterator[Case]:
    good = text_of(ed25519.identity(seed("key 0")))
    for name, text in (
        ("nothing", ""),
        ("a character too few", good[:-1]),
        ("a character too many", good + "A"),
        ("padded", good + "="),
        ("the alphabet with + and /", "+/" + good[2:]),
        ("a last character with bits that mean nothing", good[:-1] + chr(ord(good[-1]) + 1)),
        ("a space before it", " " + good),
        ("a line end behind it", good + "\n"),
    ):
        yield _read(f"no text of a key: {name}", "KEY-3", text, None)
    for small in ed25519.SMALL:
        name = f"no key: the point of small order {small.hex()[:8]}..{small.hex()[-2:]}"
        yield _read(name, "KEY-1", text_of(small), None)
    beside = next(y for y in range(2, 99) if ed25519.point(y.to_bytes(32, "little")) is None)
    yield _read("no key: beside the curve", "KEY-1", text_of(beside.to_bytes(32, "little")), None)
    on = next(y for y in range(3, 19) if ed25519.point(y.to_bytes(32, "little")) is not None)
    second = (on + ed25519.PRIME).to_bytes(32, "little")
    yield _read("no key: a point in a second form", "KEY-1", text_of(second), None)


def _lists() -> Iterator[Case]:
    for count in (1, 2, 3, 16):
        listed = [ed25519.identity(seed(f"listed {n}")) for n in range(count)]
        yield {
            "name": f"a list of {count}",
            "clauses": ["ELECT-1"],
            "input": {"electorate": [identity.hex() for identity in listed]},
            "expect": {"text": list_text(listed), "electorate": list_hash(listed)},
        }


# --- in frames --------------------------------------------------------------------------------


def _run(*names: str) -> tuple[dict[str, Any], list[str]]:
    """A run of these, and its list in the order in which they are named."""
    identities = [Voice(SEALED, name, "").identity for name in names]
    return {**SEALED, "electorate": list_hash(identities)}, [one.hex() for one in identities]


def electorate_cases() -> Iterable[Case]:
    run, listed = _run("owner", "other", "third")
    for case in _frames(run):
        case["input"]["electorate"] = listed
        yield case


def _frames(run: dict[str, Any]) -> Iterator[Case]:
    owner, other, stranger = (
        Voice(run, name, f"tcp://10.0.0.{at}:5555")
        for at, name in enumerate(("owner", "other", "stranger"), start=7)
    )
    shown = {"kind": "HELLO", "identity": owner.identity.hex()}
    yield accept("HELLO of who is on the list", "ELECT-3 RUN-1", owner.hello(), shown, run, None)
    hello = stranger.hello()
    refused = "HELLO of who is not on the list"
    yield refuse("AUTHOR", refused, "ELECT-3", hello, run, None)
    forged = replace(stranger, sealed_as="owner").hello()
    yield refuse("AUTHOR", f"{refused}, signed by one who is", "ELECT-3", forged, run, None)
    posing = replace(owner, sealed_as="stranger").hello()
    yield refuse("SEAL", "HELLO in the name of who is on the list", "SEAL-3", posing, run, None)
    elsewhere = Voice(SEALED, "stranger", stranger.endpoint).hello()
    shown = {"kind": "HELLO", "identity": stranger.identity.hex()}
    yield accept("HELLO of a stranger for another run", "SEAL-7", elsewhere, shown, run, None)
    vote = vote_message(6, VOTES, owner)
    clauses = "ELECT-4 SEAL-4"
    yield accept("VOTE of who is on the list", "SEAL-2", owner.vote(6, VOTES), vote, run, owner)
    relayed = owner.vote(6, VOTES, relayed=True)
    yield accept("VOTE of who is on the list, relayed", clauses, relayed, vote, run, other)
    relayed = stranger.vote(6, VOTES, relayed=True)
    name = "VOTE of who is not on the list, relayed"
    yield refuse("AUTHOR", name, clauses, relayed, run, other)
    wrong = flipped(relayed, len(relayed) - 40)
    yield refuse("AUTHOR", f"{name}, its signature wrong", clauses, wrong, run, other)


def electorate_script_cases() -> Iterable[Case]:
    run, listed = _run("me", "a", "b")
    for script in _scripts(run):
        case = script.case()
        case["input"]["electorate"] = listed
        yield case


def _scripts(run: dict[str, Any]) -> Iterator[Script]:
    s = Script("two of the list meet, vote and count", "ELECT-3", run, **PATIENT)
    s.start().receive(10, s.a.hello(start=0, met=False)).sends(s.a, "HELLO", met=True)
    s.receive(20, s.vote(s.a, 0)).sends(s.a, "VOTE", round=2)
    s.tally(0, {s.a: s.votes(s.a, 0)}).member(s.a, "alive")
    yield s

    s = Script("who is not on the list is told so, and is no member", "ELECT-3", run, **PATIENT)
    s.start().receive(10, s.c.hello(start=0, met=False), "c", refused="AUTHOR")
    s.sends(s.c, "ERROR", code=20).never("VOTE").never("HELLO", s.c).member(s.c, None)
    yield s

    s = Script("a ballot from off the list counts nowhere", "ELECT-4", run, quorum=3, **PATIENT)
    s.start().meet(10, s.a, s.b)
    s.receive(20, s.vote(s.c, 0, relayed=True), "b", refused="AUTHOR")
    s.receive(30, s.vote(s.a, 0)).receive(40, s.vote(s.b, 0), "b")
    s.tally(0, {s.a: s.votes(s.a, 0), s.b: s.votes(s.b, 0)}).member(s.c, None)
    yield s

    s = Script("another list is another run", "ELECT-2 CONTACT-3", run, **PATIENT)
    other = Voice(_run("me", "a")[0], "a", s.a.endpoint)
    s.start().receive(10, other.hello(start=0), "a", refused="RUN")
    s.sends(s.a, "ERROR", code=13, text=reference.descriptor(run)).member(s.a, None)
    yield s
