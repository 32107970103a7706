"""Cases of chapter 5, and of packing: what follows from numbers alone.

The expected values come from `reference`, which reads the specification without our package.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import permutations
from typing import Any

from tests.conformance import reference
from tests.conformance.cases import BASE, Case
from tests.conformance.make_seal import SEALED

__all__ = ["RUN", "bit_cases", "digraph_cases", "ledger_cases", "probe_cases", "tally_cases"]

RUN = "b4c0c6bd49c26fc9"
FIELDS = BASE


def numbers(seed: str, below: int, count: int) -> list[int]:
    """`count` numbers from 0 to `below` - 1 that follow from `seed`."""
    drawn = (hashlib.sha256(f"{seed} {at}".encode()).digest() for at in range(count))
    return [int.from_bytes(digest[:8], "big") % below for digest in drawn]


def author(name: object) -> bytes:
    return hashlib.sha256(f"author {name}".encode()).digest()[:8]


def probe_cases() -> Iterable[Case]:
    for name, run, round, pool, count in (
        ("the example of chapter 5", RUN, 7, 10_000, 32),
        ("round 0", RUN, 0, 10_000, 32),
        ("the last round", RUN, 2**32 - 2, 10_000, 8),
        ("another run", "0000000000000000", 7, 10_000, 8),
        ("a whole pool, so many repeats", RUN, 7, 40, 40),
        ("a pool of one", RUN, 7, 1, 1),
        ("a quarter of all words is skipped", RUN, 7, 3 * 2**30, 24),
        ("nearly half of all words is skipped", RUN, 7, 2**31 + 1, 24),
        ("a power of two skips none", RUN, 7, 2**16, 16),
        ("the largest pool", RUN, 7, 2**32 - 1, 8),
    ):
        ids = reference.derive(bytes.fromhex(run), round, pool, count)
        given = {"run_id": run, "round": round, "pool": pool, "count": count}
        clauses = ["PROBE-1", "PROBE-2", "PROBE-3", "PROBE-4", "PROBE-5"]
        yield {"name": name, "clauses": clauses, "input": given, "expect": {"ids": ids}}


def digraph_cases() -> Iterable[Case]:
    for size, degree, round in ((3, 1, 0), (5, 2, 7), (5, 2, 8), (5, 9, 7), (10, 3, 4_294_967_294)):
        members = [author(number) for number in range(size)]
        around = reference.ring(bytes.fromhex(RUN), round, members)
        yield {
            "name": f"{size} members, degree {degree}, round {round}",
            "clauses": ["DIGRAPH-2", "DIGRAPH-3"],
            "input": {
                "run_id": RUN,
                "round": round,
                "degree": degree,
                "members": [member.hex() for member in members],
            },
            "expect": {
                "ring": [member.hex() for member in around],
                "receivers": {
                    me.hex(): [a.hex() for a in reference.send(around, me, degree)]
                    for me in members
                },
                "senders": {
                    me.hex(): [a.hex() for a in reference.hear(around, me, degree)]
                    for me in members
                },
            },
        }


def tally_case(name: str, fields: Mapping[str, Any], round: int, authors: int) -> Case:
    """Random ballots, with few labels, so that ties are common."""
    run = reference.run_id(fields)
    highest, bits = fields["classes"] - (not fields["abstain"]), reference.label_bits(fields)
    votes = fields["probes"] * fields["rounds_per_ballot"]
    derived = reference.derive(run, round, fields["pool"], votes)
    choice = sorted({0, 1, fields["classes"] // 2, fields["classes"] - 1, highest})
    ballots: list[Case] = []
    ballot: Case
    read = []
    for number in range(authors):
        seed = f"{name} {number}"
        ids = derived
        if fields["ids"] == "explicit":
            size = 1 + numbers(seed + " size", votes, 1)[0]
            ids = sorted({*numbers(seed + " ids", fields["pool"], size)})
        labels = [choice[pick] for pick in numbers(seed, len(choice), len(ids))]
        votes_bytes = reference.pack(labels, bits)
        ballot = {"author": author(number).hex(), "round": round, "votes": votes_bytes.hex()}
        if fields["ids"] == "explicit":
            ballot["ids"] = ids
        ballots.append(ballot)
        read.append(list(zip(ids, labels, strict=True)))
    decided = reference.tally(read, fields["classes"], round)
    order = derived if fields["ids"] == "derived" else sorted(decided)
    return {
        "name": name,
        "clauses": ["TALLY-2", "TALLY-3", "TALLY-5", "TALLY-6", "TIE-1"],
        "input": {"run": dict(fields), "round": round, "ballots": ballots},
        "expect": {
            "ids": order,
            "voters": [sum(decided[probe]["counts"].values()) for probe in order],
            "plurality": [decided[probe]["plurality"] for probe in order],
            "margin": [decided[probe]["margin"] for probe in order],
            "cells": [
                [probe, label, votes]
                for probe in sorted(decided)
                for label, votes in sorted(decided[probe]["counts"].items())
            ],
            "digest": reference.tally_digest(run, round, decided).hex(),
        },
    }


def tally_cases() -> Iterable[Case]:
    yield tally_case("10 classes, abstention", FIELDS, 14, 5)
    yield tally_case("2 classes, no abstention", {**FIELDS, "classes": 2, "abstain": False}, 0, 4)
    yield tally_case("labels of more than two bytes", {**FIELDS, "classes": 70_000}, 2, 3)
    yield tally_case("the last round", FIELDS, 2**32 - 2, 4)
    explicit = {**FIELDS, "ids": "explicit", "pool": 12}
    yield tally_case("explicit ids", explicit, 14, 5)
    yield tally_case("one ballot", FIELDS, 6, 1)
    yield tally_case("as many ballots as make two bytes of count", {**FIELDS, "classes": 2}, 8, 300)
    yield tally_case("a sealed run", SEALED, 6, 4)
    # TIE-1 adds without wrapping: 2^32 is no multiple of 7 or 11.
    wide = {**FIELDS, "ids": "explicit", "pool": 2**32 - 1, "classes": 7}
    yield tied_case("ids and rounds near the end of 32 bits", wide, 2**32 - 2)
    yield tied_case("the same of 11 classes", {**wide, "classes": 11}, 2**32 - 4)


def tied_case(name: str, fields: Mapping[str, Any], round: int) -> Case:
    """All classes tie on the largest ids; only TIE-1 says which wins."""
    run, bits = reference.run_id(fields), reference.label_bits(fields)
    ids = list(range(2**32 - 9, 2**32 - 1))
    ballots, read = [], []
    for label in range(fields["classes"]):
        packed = reference.pack([label] * len(ids), bits)
        who = author(label).hex()
        ballots.append({"author": who, "round": round, "votes": packed.hex(), "ids": ids})
        read.append([(probe, label) for probe in ids])
    decided = reference.tally(read, fields["classes"], round)
    return {
        "name": name,
        "clauses": ["TIE-1"],
        "input": {"run": dict(fields), "round": round, "ballots": ballots},
        "expect": {
            "ids": ids,
            "voters": [fields["classes"]] * len(ids),
            "plurality": [decided[probe]["plurality"] for probe in ids],
            "margin": [0] * len(ids),
            "digest": reference.tally_digest(run, round, decided).hex(),
        },
    }


def ledger_cases() -> Iterable[Case]:
    for name, ids in (("a tag, derived ids", None), ("a tag, explicit ids", [1, 5, 4_000_000_000])):
        labels = [3, 10, 7] if ids else [3, 10, 7, 0, 1, 2, 9, 4]
        votes = reference.pack(labels, 4)
        run = {**FIELDS, "pool": 2**32 - 1, "ids": "explicit" if ids else "derived"}
        ballot: Case = {"author": author(0).hex(), "round": 16, "votes": votes.hex()}
        if ids is not None:
            ballot["ids"] = ids
        tag = reference.tag(reference.run_id(run), author(0), 16, ids or [], votes)
        yield {
            "name": name,
            "clauses": ["TAG-1"],
            "input": {"run": run, "ballot": ballot},
            "expect": {"tag": tag.hex()},
        }
    sealed = {"author": author(0).hex(), "round": 16, "votes": "3a701294"}
    tag = reference.tag(reference.run_id(SEALED), author(0), 16, [], bytes.fromhex("3a701294"))
    yield {
        "name": "a tag, sealed",
        "clauses": ["TAG-1", "SEAL-8"],
        "input": {"run": SEALED, "ballot": sealed},
        "expect": {"tag": tag.hex()},
    }
    yield range_case()
    yield from order_cases()
    yield full_case()


def order_cases() -> Iterable[Case]:
    """Three ballots of one author in all orders: what counts does not depend on it."""
    for what, kinds in (("a a b", "aab"), ("a b c", "abc"), ("a a a", "aaa")):
        for order in sorted(set(permutations(kinds))):
            yield order_case(f"{what} as {' '.join(order)}", order, None)
    ids = {"a": [1, 2], "b": [1, 3], "c": [2, 3]}  # the same votes on other probes differ
    for order in sorted(set(permutations("aab"))):
        yield order_case(f"the same votes on ids a a b as {' '.join(order)}", order, ids)


def order_case(name: str, order: Sequence[str], ids: Mapping[str, list[int]] | None) -> Case:
    run = {**FIELDS, "ids": "explicit"} if ids else FIELDS
    who, other = author(1), author(2)
    votes = {"a": "11111111", "b": "11111112", "c": "21111111"}
    if ids:
        votes = dict.fromkeys("abc", "12")
    added: list[Case] = [{"author": other.hex(), "round": 4, "votes": votes["a"]}]
    added += [{"author": who.hex(), "round": 4, "votes": votes[kind]} for kind in order]
    if ids:
        for ballot, kind in zip(added, ["a", *order], strict=True):
            ballot["ids"] = ids[kind]
    outcomes = ["new"]
    for at, kind in enumerate(order):
        seen = set(order[:at])
        outcomes.append("new" if not at else "known" if seen == {kind} else "annulled")
    counted = {other: added[0], **({who: added[1]} if len(set(order)) == 1 else {})}
    listing = []
    for one in sorted((who, other)):
        mark = b"\xff" * 16
        if one in counted:
            packed = bytes.fromhex(counted[one]["votes"])
            mark = reference.tag(reference.run_id(run), one, 4, counted[one].get("ids", ()), packed)
        listing.append((one, mark))
    return {
        "name": name,
        "clauses": ["LEDGER-2", "LEDGER-3", "LEDGER-4", "BALLOT-4"],
        "input": {"run": run, "add": added, "ranges": [[4, 1]]},
        "expect": {
            "outcomes": outcomes,
            "ballots": {"4": [[one.hex(), counted[one]["votes"]] for one in sorted(counted)]},
            "listings": {"4": [[one.hex(), mark.hex()] for one, mark in listing]},
            "ranges": [[4, 1, reference.range_hash({4: listing}).hex()]],
        },
    }


def full_case() -> Case:
    """1,024 authors in a round; one more is dropped, another round and a second ballot are not."""
    added: list[Case] = [
        {"author": number.to_bytes(8, "big").hex(), "round": 0, "votes": "00000000"}
        for number in range(1, 1_026)
    ]
    added.append({**added[-1], "round": 2})
    added.append({**added[-3], "votes": "00000001"})
    added.append(added[0])
    run = reference.run_id(FIELDS)
    held = [bytes.fromhex(ballot["author"]) for ballot in added[:1_024]]
    tags = [reference.tag(run, who, 0, (), bytes(4)) for who in held]
    tags[-1] = b"\xff" * 16
    outcomes = ["new"] * 1_024 + ["full", "new", "annulled", "known"]
    marks = {0: list(zip(held, tags, strict=True))}
    return {
        "name": "as many authors as may be, and one more",
        "clauses": ["LEDGER-7"],
        "input": {"run": FIELDS, "add": added, "ranges": [[0, 1]]},
        "expect": {
            "outcomes": outcomes,
            "ballots": {"2": [[added[1_024]["author"], "00000000"]]},
            "ranges": [[0, 1, reference.range_hash(marks).hex()]],
        },
    }


def range_case() -> Case:
    """Three authors in rounds 0, 2 and 6; author 1 has two ballots for round 2."""
    run = reference.run_id(FIELDS)
    held: dict[int, dict[bytes, list[bytes]]] = {}
    added = []
    for round, who, byte in ((2, 1, 0), (0, 2, 1), (2, 1, 3), (6, 0, 1), (2, 2, 0), (0, 0, 2)):
        votes = bytes([byte]) * 4
        held.setdefault(round, {}).setdefault(author(who), []).append(votes)
        added.append({"author": author(who).hex(), "round": round, "votes": votes.hex()})
    listings: dict[int, Sequence[tuple[bytes, bytes]]] = {
        round: sorted(
            (who, b"\xff" * 16 if len(kept) > 1 else reference.tag(run, who, round, (), kept[0]))
            for who, kept in entries.items()
        )
        for round, entries in held.items()
    }
    ranges: list[list[Any]] = []
    for first, count in ((0, 1), (2, 1), (4, 1), (0, 4), (2, 3), (8, 2), (0, 65_535)):
        covered = range(first, first + 2 * count, 2)
        within = {round: listing for round, listing in listings.items() if round in covered}
        ranges.append([first, count, reference.range_hash(within).hex()])
    return {
        "name": "listings and range hashes",
        "clauses": ["LEDGER-4", "LEDGER-6"],
        "input": {"run": FIELDS, "add": added, "ranges": [entry[:2] for entry in ranges]},
        "expect": {
            "listings": {
                str(round): [[who.hex(), tag.hex()] for who, tag in listings[round]]
                for round in sorted(listings)
            },
            "ranges": ranges,
        },
    }


def bit_cases() -> Iterable[Case]:
    """Every width, at counts around a group of eight labels and around 64; kept and broken."""
    for bits in range(1, 25):
        for count in (1, 7, 8, 9, 63 + bits % 3):
            labels = numbers(f"labels {bits} {count}", 2**bits, count)
            yield {
                "name": f"{count} labels of {bits} bits",
                "clauses": ["BITS-1", "BITS-2"],
                "input": {"labels": labels, "bits": bits},
                "expect": {"packed": reference.pack(labels, bits).hex()},
            }
        yield from read_cases(bits)


def read_cases(bits: int) -> Iterable[Case]:
    """Labels up to a highest, one above it, and each bit of padding."""
    top = 2**bits - 1
    yield {
        "name": f"no labels of {bits} bits",
        "clauses": ["BITS-2"],
        "input": {"packed": "", "count": 0, "bits": bits, "highest": 1},
        "expect": {"verdict": "accept", "labels": []},
    }
    for highest in sorted({top, 2 ** (bits - 1)}):
        for count in (1, 5, 65):
            labels = [highest, *numbers(f"read {bits} {count}", highest + 1, count - 2), highest]
            labels = labels[:count]
            packed = reference.pack(labels, bits)
            name = f"{count} labels of {bits} bits up to {highest}"
            given = {"count": count, "bits": bits, "highest": highest}
            expect: Case = {"verdict": "accept", "labels": labels}
            yield {
                "name": name,
                "clauses": ["BITS-1", "BITS-3"],
                "input": {"packed": packed.hex(), **given},
                "expect": expect,
            }
            if highest < top:
                above = [*labels[: count // 2], highest + 1, *labels[count // 2 + 1 :]]
                expect = {"verdict": "reject", "reason": "LABEL"}
                yield {
                    "name": f"{name}, one above",
                    "clauses": ["BITS-3"],
                    "input": {"packed": reference.pack(above, bits).hex(), **given},
                    "expect": expect,
                }
            if count == 5:
                for bit in range(len(packed) * 8 - count * bits):
                    padded = packed[:-1] + bytes((packed[-1] | 1 << bit,))
                    expect = {"verdict": "reject", "reason": "PADDING"}
                    yield {
                        "name": f"{name}, padding bit {bit}",
                        "clauses": ["BITS-2"],
                        "input": {"packed": padded.hex(), **given},
                        "expect": expect,
                    }
