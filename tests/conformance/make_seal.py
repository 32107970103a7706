"""Cases for signatures: alone (chapter 7.2), and in frames of sealed runs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from tests.conformance import ed25519, reference
from tests.conformance.cases import BASE, Case, accept, refuse
from tests.conformance.frames import Voice, error, ids_bytes, ping
from tests.conformance.make_votes import vote_message

__all__ = ["SEALED", "example_cases", "seal_cases", "sealed_cases"]

SEALED: dict[str, Any] = {**BASE, "seal": "ed25519"}
VOTES = bytes.fromhex("31415926")


def seed(name: object) -> bytes:
    return hashlib.sha256(f"secret {name}".encode()).digest()


def flipped(data: bytes, at: int, bit: int = 0) -> bytes:
    """`data` with one bit changed."""
    return data[:at] + bytes((data[at] ^ 1 << bit,)) + data[at + 1 :]


# --- signatures alone ------------------------------------------------------------------------


def seal_cases() -> Iterable[Case]:
    for number, size in enumerate((0, 1, 64, 127, 128, 1_000)):
        secret, text = seed(number), bytes(n % 251 for n in range(size))
        signature, key = ed25519.sign(secret, text), ed25519.identity(secret)
        yield {
            "name": f"a text of {size} bytes, signed",
            "clauses": ["SEAL-1", "SEAL-9"],
            "input": {"secret": secret.hex(), "text": text.hex()},
            "expect": {"identity": key.hex(), "signature": signature.hex()},
        }
        yield _verified(f"a text of {size} bytes", "SEAL-5", key, text, signature, True)
    yield from _wrong()
    yield from _small()
    yield from _torsion()


def _verified(
    name: str, clauses: str, key: bytes, text: bytes, signature: bytes, good: bool
) -> Case:
    assert ed25519.good(key, text, signature) is good, name
    expect = {"verdict": "accept"} if good else {"verdict": "reject", "reason": "SEAL"}
    return {
        "name": name,
        "clauses": clauses.split(),
        "input": {"identity": key.hex(), "text": text.hex(), "signature": signature.hex()},
        "expect": expect,
    }


def _wrong() -> Iterator[Case]:
    secret, text = seed("wrong"), b"what is signed"
    key, signature = ed25519.identity(secret), ed25519.sign(secret, text)
    other = ed25519.identity(seed("other"))
    s = int.from_bytes(signature[32:], "little")
    for at in (0, 15, 31, 32, 47, 63):
        wrong = flipped(signature, at)
        yield _verified(f"a bit of byte {at} wrong", "SEAL-5", key, text, wrong, False)
    yield _verified("the sign of R wrong", "SEAL-5", key, text, flipped(signature, 31, 7), False)
    yield _verified("the sign of A wrong", "SEAL-5", flipped(key, 31, 7), text, signature, False)
    yield _verified("another's key", "SEAL-5", other, text, signature, False)
    yield _verified("another text", "SEAL-5", key, flipped(text, 3), signature, False)
    yield _verified("a longer text", "SEAL-5", key, text + b"\x00", signature, False)
    yield _verified("no text", "SEAL-5", key, b"", signature, False)
    yield _verified("all zeros", "SEAL-5 SEAL-6", key, text, bytes(64), False)
    for name, number in (
        ("S + L", s + ed25519.ORDER),
        ("S + 2L", s + 2 * ed25519.ORDER),
        ("S + 8L", s + 8 * ed25519.ORDER),
        ("S + 15L", s + 15 * ed25519.ORDER),
    ):
        wrong = signature[:32] + number.to_bytes(32, "little")
        yield _verified(f"{name} for S", "SEAL-5", key, text, wrong, False)
    turned = signature[32:] + signature[:32]
    yield _verified("S before R", "SEAL-5", key, text, turned, False)
    for y in range(2, 100):  # not on the curve
        nowhere = y.to_bytes(32, "little")
        if ed25519.point(nowhere) is None:
            name = "an identity that is no point"
            yield _verified(name, "SEAL-5", nowhere, text, signature, False)
            wrong = nowhere + signature[32:]
            yield _verified("an R that is no point", "SEAL-5", key, text, wrong, False)
            break


def _forged(key: bytes, nonce: int, text: bytes, wanted: Any) -> tuple[bytes, bytes] | None:
    """A signature with S = nonce that holds where k times `key` is what `wanted` says."""
    r = ed25519.encode(ed25519.times(nonce, ed25519.BASE))
    k = ed25519.challenge(r, key, text)
    return (r + nonce.to_bytes(32, "little"), text) if wanted(k) else None


def _small() -> Iterator[Case]:
    """Keys of small order: [k]A is nothing for one k in eight, so anybody can sign."""
    names = [encoding.hex()[:8] + ".." + encoding.hex()[-2:] for encoding in ed25519.SMALL]
    for name, key in zip(names, ed25519.SMALL, strict=True):
        for nonce in range(1, 200):
            found = _forged(key, nonce, b"anything", lambda k: k % 8 == 0)
            if found is not None:
                signature, text = found
                yield _verified(f"the identity {name}", "SEAL-6", key, text, signature, False)
                break
    secret, text = seed("small"), b"what is signed"
    key, number = ed25519.identity(secret), ed25519.scalar(seed("small"))
    for name, r in zip(names, ed25519.SMALL, strict=True):
        # R of small order: S = k a, which is right where R is the zero and else with the factor.
        s = ed25519.challenge(r, key, text) * number % ed25519.ORDER
        signature = r + s.to_bytes(32, "little")
        yield _verified(f"an R of {name}", "SEAL-6", key, text, signature, False)
    prime = ed25519.PRIME
    for y in (prime, prime + 1, 2**255 - 1, 2**255 - 10):
        for top in (0, 1 << 255):
            at = (y | top).to_bytes(32, "little")
            label = f"2^255 - {2**255 - y}{', top bit set' if top else ''}"
            found = _forged(at, 3, b"anything", lambda k: True)
            assert found is not None
            yield _verified(f"an identity with y = {label}", "SEAL-6", at, text, found[0], False)
            s = ed25519.challenge(at, key, text) * number % ed25519.ORDER
            wrong = at + s.to_bytes(32, "little")
            yield _verified(f"an R with y = {label}", "SEAL-6", key, text, wrong, False)


def _torsion() -> Iterator[Case]:
    """Points with a part of small order: where the factor 8 makes a difference."""
    secret, text = seed("torsion"), b"what is signed"
    key, number = ed25519.identity(secret), ed25519.scalar(secret)
    nonce = 2**200 + 9
    for order in (8, 4, 2):
        part = ed25519.times(8 // order, ed25519.TORSION)
        r = ed25519.encode(ed25519.add(ed25519.times(nonce, ed25519.BASE), part))
        s = (nonce + ed25519.challenge(r, key, text) * number) % ed25519.ORDER
        signature = r + s.to_bytes(32, "little")
        assert ed25519.good_with_cofactor(key, text, signature)
        name = f"good only with the factor 8: R has a part of order {order}"
        yield _verified(name, "SEAL-5", key, text, signature, False)
    mixed = ed25519.encode(ed25519.add(ed25519.times(number, ed25519.BASE), ed25519.TORSION))
    seen: set[bool] = set()
    for nonce in range(1, 300):
        r = ed25519.encode(ed25519.times(nonce, ed25519.BASE))
        k = ed25519.challenge(r, mixed, text)
        if (k % 8 == 0) in seen or (k % 8 and k % 2 == 0):
            continue
        seen.add(k % 8 == 0)
        signature = r + ((nonce + k * number) % ed25519.ORDER).to_bytes(32, "little")
        assert ed25519.good_with_cofactor(mixed, text, signature)
        name = "good without the factor 8" if k % 8 == 0 else "good only with the factor 8"
        name = f"{name}: the identity has a part of order 8"
        yield _verified(name, "SEAL-5 SEAL-6", mixed, text, signature, k % 8 == 0)


# --- in frames -------------------------------------------------------------------------------

OWNER = Voice(SEALED, "owner", "tcp://10.0.0.7:5555")
OTHER = Voice(SEALED, "other", "tcp://10.0.0.8:5555")
OPEN = replace(OWNER, run=BASE)
FORGER = replace(OWNER, sealed_as="other")  # says that it is the owner, and signs otherwise
ELSEWHERE = replace(OWNER, run={**SEALED, "seed": 1})


def example_cases() -> Iterable[Case]:
    """The sealed examples of chapter 3: the secret key is 00 01 02 .. 1f."""
    key, process = bytes(range(32)), bytes.fromhex("f1f2f3f4f5f6f7f8")
    one = replace(OWNER, key=key, process=process)
    hello = {"kind": "HELLO", "identity": one.identity.hex(), "known": 3}
    frame = one.hello(known=3)
    yield _accept("HELLO, sealed", "SEAL-2 SEAL-3", frame, hello, sender=None)
    bye = {"kind": "BYE", "code": 1, "last": 16, "text": "done"}
    frame = one.bye(1, 16, "done")
    yield _accept("BYE, sealed", "SEAL-2 SEAL-3", frame, bye, sender=one)
    vote = vote_message(6, VOTES, one)
    yield _accept("VOTE, sealed", "SEAL-2 SEAL-3", one.vote(6, VOTES), vote, sender=one)
    frame = one.vote(6, VOTES, relayed=True)
    yield _accept("VOTE, sealed, relayed", "SEAL-3 SEAL-4", frame, vote, sender=OTHER)


def _accept(name: str, clauses: str, frame: bytes, message: Case, **more: Any) -> Case:
    return accept(name, clauses, frame, message, **{"run": SEALED, "sender": OWNER, **more})


def _refuse(name: str, clauses: str, frame: bytes, **more: Any) -> Case:
    return refuse("SEAL", name, clauses, frame, **{"run": SEALED, "sender": OWNER, **more})


def sealed_cases() -> Iterable[Case]:
    yield from _sealed_hello()
    yield from _sealed_bye()
    yield from _sealed_votes()
    yield from _unsealed()


def _sealed_hello() -> Iterator[Case]:
    fields = {"kind": "HELLO", "identity": OWNER.identity.hex(), "known": 2, "met": True}
    hello = OWNER.hello()
    nobody: dict[str, Any] = {"sender": None}
    yield _accept("HELLO, sealed", "SEAL-2 SEAL-3", hello, fields, **nobody)
    again = {**fields, "start": 4}
    yield _accept("HELLO, sealed, when bound", "SEAL-3", OWNER.hello(start=4), again)
    extra = OWNER.hello(zone=[1, 2])
    yield _accept("HELLO, sealed, with a key that nobody knows", "SEAL-3", extra, fields, **nobody)
    unsigned = bytes((1, 0)) + hello[2:-64]
    yield _refuse("HELLO, not sealed", "SEAL-2", unsigned, **nobody)
    known = hello.index(b"known") + 5
    for name, at in (("its map", known), ("R", -64), ("S", -32)):
        yield _refuse(f"HELLO, a bit of {name} changed", "SEAL-5", flipped(hello, at), **nobody)
    yield _refuse("HELLO, signed by another", "SEAL-3", FORGER.hello(), **nobody)
    frame = hello[:-64]
    secret = OWNER.secret
    run = reference.run_digest(SEALED)
    for name, text in (
        ("without the text before", frame),
        ("with the text of BYE", b"TALLY1-SEAL-BYE" + frame),
        ("with the run digest, which it has in it", b"TALLY1-SEAL-HELLO" + run + frame),
        ("without kind and flags", b"TALLY1-SEAL-HELLO" + frame[2:]),
        ("as if it had no flags", b"TALLY1-SEAL-HELLO" + b"\x01\x00" + frame[2:]),
    ):
        wrong = frame + ed25519.sign(secret, text)
        yield _refuse(f"HELLO, signed {name}", "SEAL-3", wrong, **nobody)
    s = int.from_bytes(hello[-32:], "little") + ed25519.ORDER
    large = hello[:-32] + s.to_bytes(32, "little")
    yield _refuse("HELLO, S + L for S", "SEAL-5", large, **nobody)
    small = OWNER.hello(identity=ed25519.SMALL[2])
    yield _refuse("HELLO, an identity of small order", "SEAL-6", small, **nobody)
    short = hello[:30]
    yield refuse("LENGTH", "HELLO, shorter than a signature", "FRAME-12", short, SEALED, None)


def _sealed_bye() -> Iterator[Case]:
    message = {"kind": "BYE", "code": 1, "last": 6, "text": "done"}
    bye = OWNER.bye(1, 6, "done")
    yield _accept("BYE, sealed", "SEAL-2 SEAL-3", bye, message)
    yield _accept("BYE, sealed, before HELLO", "SEAL-7 FRAME-14", bye, message, sender=None)
    yield _refuse("BYE, not sealed", "SEAL-2", bytes((2, 0)) + bye[2:-64])
    yield _refuse("BYE, a bit changed", "SEAL-5", flipped(bye, 2, 1))
    yield _refuse("BYE, signed by another", "SEAL-3", FORGER.bye(1, 6, "done"))
    yield _refuse("BYE of an earlier life", "SEAL-3", bye, sender=OWNER.again())
    yield _refuse("BYE of another run", "SEAL-3", ELSEWHERE.bye(1, 6, "done"))
    yield _refuse("BYE of another member", "SEAL-3", bye, sender=OTHER)
    frame = bye[:-64]
    run = reference.run_digest(SEALED)
    for name, text in (
        ("without run and instance", b"TALLY1-SEAL-BYE" + frame),
        ("without its instance", b"TALLY1-SEAL-BYE" + run + frame),
        ("with the text of HELLO", b"TALLY1-SEAL-HELLO" + run + OWNER.instance + frame),
        ("with the run id", b"TALLY1-SEAL-BYE" + run[:8] + OWNER.instance + frame),
    ):
        wrong = frame + ed25519.sign(OWNER.secret, text)
        yield _refuse(f"BYE, signed {name}", "SEAL-3", wrong)
    yield refuse("LENGTH", "BYE within its signature", "FRAME-12", bye[:65], SEALED, OWNER)
    low = b"\x02\x04\x01\x00\x00\x00"
    text = b"TALLY1-SEAL-BYE" + run + OWNER.instance + low
    short = low + ed25519.sign(OWNER.secret, text)
    yield refuse("LENGTH", "BYE, sealed, a byte less", "FRAME-12", short, SEALED, OWNER)


def _sealed_votes() -> Iterator[Case]:
    vote, relayed = OWNER.vote(6, VOTES), OTHER.vote(6, VOTES, relayed=True)
    own, others = vote_message(6, VOTES, OWNER), vote_message(6, VOTES, OTHER)
    yield _accept("VOTE, sealed", "SEAL-2 SEAL-3", vote, own)
    yield _accept("VOTE, sealed, of another", "SEAL-3 SEAL-4", relayed, others)
    yield _refuse("VOTE, not sealed", "SEAL-2", OPEN.vote(6, VOTES))
    unsaid = b"\x10\x00" + vote[2:]
    yield _refuse("VOTE with a signature and without its flag", "SEAL-2", unsaid)
    for name, frame in (("", vote), (" of another", relayed)):
        for part, at in (("its votes", -65), ("its round", 2), ("R", -64), ("S", -32)):
            # the round stays a multiple of two
            changed = flipped(frame, at, 0)
            yield _refuse(f"VOTE{name}, a bit of {part} changed", "SEAL-5", changed)
        s = int.from_bytes(frame[-32:], "little") + ed25519.ORDER
        large = frame[:-32] + s.to_bytes(32, "little")
        yield _refuse(f"VOTE{name}, S + L for S", "SEAL-5", large)
    yield _refuse("VOTE, signed by another", "SEAL-3", FORGER.vote(6, VOTES))
    forged = replace(OTHER, sealed_as="owner").vote(6, VOTES, relayed=True)
    yield _refuse("VOTE of another, signed by who passes it on", "SEAL-3", forged)
    yield _refuse("VOTE of another run", "SEAL-3", ELSEWHERE.vote(6, VOTES))
    later = vote[:2] + b"\x00\x00\x00\x08" + vote[6:]
    yield _refuse("VOTE for a later round", "SEAL-3", later)
    named = OWNER.vote(6, VOTES, relayed=True)
    yield refuse("AUTHOR", "VOTE, sealed, that names its author", "VOTE-1", named, SEALED, OWNER)
    run = reference.run_digest(SEALED)
    body = b"\x00\x00\x00\x06" + VOTES
    for name, text in (
        ("without its domain", run + body),
        ("with the run id", b"TALLY1-SEAL-VOTE" + run[:8] + body),
        ("over its frame", b"TALLY1-SEAL-VOTE" + run + vote[:-64]),
        ("without its round", b"TALLY1-SEAL-VOTE" + run + VOTES),
        ("with its author", b"TALLY1-SEAL-VOTE" + run + body[:4] + OWNER.author + VOTES),
        ("with the text of a tag", b"TALLY1-BALLOT" + run + body),
    ):
        wrong = vote[:-64] + ed25519.sign(OWNER.secret, text)
        yield _refuse(f"VOTE, signed {name}", "SEAL-3", wrong)
    small = relayed[:6] + ed25519.SMALL[2] + relayed[38:]
    yield _refuse("VOTE of an author of small order", "SEAL-6", small)
    for name, frame in (
        ("VOTE, sealed, that ends within its signature", vote[:60]),
        ("VOTE, sealed, that ends within its author", relayed[:90]),
        ("VOTE, sealed, without votes", vote[:6] + OWNER.seal(body[:4])),
    ):
        yield refuse("LENGTH", name, "FRAME-12", frame, SEALED, OWNER)
    yield from _sealed_ids()


def _sealed_ids() -> Iterator[Case]:
    run = {**SEALED, "ids": "explicit"}
    owner, other = replace(OWNER, run=run), replace(OTHER, run=run)
    for ids in ([100, 101, 102], [5, 134, 135]):
        votes, more = bytes.fromhex("1230"), {"run": run, "sender": owner}
        own = owner.vote(6, votes, ids)
        name = f"VOTE, sealed, on {', '.join(map(str, ids))}"
        message = vote_message(6, votes, owner, ids)
        yield _accept(name, "SEAL-3 IDS-2", own, message, **more)
        relayed = other.vote(6, votes, ids, relayed=True)
        message = vote_message(6, votes, other, ids)
        yield _accept(f"{name}, of another", "SEAL-3 SEAL-4", relayed, message, **more)
        numbers = b"".join(number.to_bytes(4, "big") for number in ids)
        text = (
            b"TALLY1-SEAL-VOTE" + reference.run_digest(run) + b"\x00\x00\x00\x06" + numbers + votes
        )
        wrong = own[:-64] + ed25519.sign(owner.secret, text)
        yield _refuse(f"{name}, signed as a tag has ids", "SEAL-3", wrong, **more)
        assert ids_bytes(ids) in own


def _unsealed() -> Iterator[Case]:
    """Runs without seals refuse them; kinds that have none refuse the flag."""
    more: dict[str, Any] = {"run": BASE, "sender": OPEN}
    vote, bye = OPEN.vote(6, VOTES), OPEN.bye(1, 6)
    mark = bytes(range(64))
    sealed_vote = bytes((vote[0], 4)) + vote[2:] + mark
    yield _refuse("VOTE, sealed in a run without seals", "SEAL-2", sealed_vote, **more)
    said = bytes((vote[0], 4)) + vote[2:]
    name = "VOTE in a run without seals, with their flag alone"
    yield _refuse(name, "SEAL-2", said, **more)
    sealed_bye = bytes((bye[0], 4)) + bye[2:] + mark
    yield _refuse("BYE, sealed in a run without seals", "SEAL-2", sealed_bye, **more)
    hello = OPEN.hello()
    sealed_hello = bytes((hello[0], 4)) + hello[2:] + mark
    yield _refuse(
        "HELLO, sealed in a run without seals", "SEAL-2", sealed_hello, run=BASE, sender=None
    )
    for name, frame in (("PING", ping(1)), ("ERROR", error(33))):
        flagged = bytes((frame[0], 4)) + frame[2:] + mark
        yield refuse("MALFORMED", f"{name} with flag 04", "FRAME-9 SEAL-2", flagged, SEALED, OWNER)
    fine = {"kind": "ERROR", "code": 33}
    yield _accept("ERROR, never sealed", "SEAL-2", error(33), fine)
    yield _accept("PING, never sealed", "SEAL-2", ping(1), {"kind": "PING", "nonce": 1})
