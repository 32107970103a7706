"""The vectors of protocol_spec 05, read by the package."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from tallyp2p.consensus import digraph, probes
from tallyp2p.consensus.contributor import Election
from tallyp2p.consensus.ledger import Ledger, ballot_tag
from tallyp2p.consensus.tally import count
from tallyp2p.parameters import Ids, RunParameters, Seal, Spreading
from tallyp2p.payloads import Ballot
from tests.conformance import make_vectors, reference

Case = dict[str, Any]


def cases(kind: str) -> list[Any]:
    """Every case under vectors/KIND, named for the report."""
    found = []
    for path in sorted((make_vectors.VECTORS / kind).glob("*.json")):
        for case in json.loads(path.read_text())["cases"]:
            found.append(pytest.param(case, id=f"{path.stem}: {case['name']}"))
    assert found, f"no vectors of kind {kind}"
    return found


def run_of(fields: Case) -> RunParameters:
    words = {"spreading": Spreading, "ids": Ids, "seal": Seal}
    return RunParameters(**{k: words.get(k, lambda x: x)(v) for k, v in fields.items()})


def ballot_of(given: Case) -> Ballot:
    ids = tuple(given["ids"]) if "ids" in given else None
    votes = bytes.fromhex(given["votes"])
    return Ballot(bytes.fromhex(given["author"]), given["round"], votes, ids)


def test_generated_vectors_are_what_the_script_makes() -> None:
    assert make_vectors.stale() == []


def test_the_worked_examples_of_the_chapter_are_right() -> None:
    text = (make_vectors.VECTORS.parent / "05-consensus.md").read_text()
    run, one, two = bytes.fromhex(make_vectors.RUN), bytes(7) + b"\1", bytes(7) + b"\2"
    ids = probes.draw(run, 7, 10_000, 8).tolist()
    assert f"gives {', '.join(str(number) for number in ids)}." in text
    members = [bytes(7) + bytes([number]) for number in range(1, 6)]
    for round, opening in ((7, "The ring is"), (8, "In round 8 the ring is")):
        around = [author[-1] for author in digraph.ring(run, round, members)]
        assert f"{opening} {' → '.join(str(a) for a in [*around, around[0]])}." in text
    assert [a[-1] for a in digraph.receivers(run, 7, members, one, 2)] == [3, 4]
    assert [a[-1] for a in digraph.senders(run, 7, members, one, 2)] == [5, 2]
    tag = ballot_tag(run, Ballot(one, 7, bytes.fromhex("3a70")))
    assert f"begins with the tag `{tag.hex()}`" in text
    listing = [(one, tag), (two, b"\xff" * 16)]
    assert f"cut to `{reference.range_hash({7: listing}).hex()}`" in text
    votes = [bytes([byte]) for byte in (0x1B, 0x2B, 0x1F)]
    read = [list(enumerate(reference.unpack(vote, 4, 2))) for vote in votes]
    digest = reference.tally_digest(run, 0, reference.tally(read, 3, 0))
    assert f"its digest is `{digest.hex()}`" in text


@pytest.mark.parametrize("case", cases("probes"))
def test_probes(case: Case) -> None:
    given = case["input"]
    ids = probes.draw(bytes.fromhex(given["run_id"]), given["round"], given["pool"], given["count"])
    assert ids.tolist() == case["expect"]["ids"]


@pytest.mark.parametrize("case", cases("digraph"))
def test_digraph(case: Case) -> None:
    given, expect = case["input"], case["expect"]
    run, round, degree = bytes.fromhex(given["run_id"]), given["round"], given["degree"]
    members = [bytes.fromhex(member) for member in given["members"]]
    if "ring" in expect:
        assert [a.hex() for a in digraph.ring(run, round, members)] == expect["ring"]
    for name, routes in (("receivers", digraph.receivers), ("senders", digraph.senders)):
        found = {
            m.hex(): [a.hex() for a in routes(run, round, members, m, degree)] for m in members
        }
        assert found == expect[name]


@pytest.mark.parametrize("case", cases("tally"))
def test_tally(case: Case) -> None:
    given, expect = case["input"], case["expect"]
    run = run_of(given["run"])
    ids = np.array(given["ids"], dtype=np.uint32) if "ids" in given else None
    ballots = tuple(ballot_of(ballot) for ballot in given["ballots"])
    counted = count(run, Election(given["round"], ballots), own=None, ids=ids)
    cells = counted.cells()
    found = {
        "ids": counted.ids.tolist(),
        "voters": counted.voters.tolist(),
        "plurality": counted.plurality().tolist(),
        "margin": counted.margin().tolist(),
        "cells": sorted(
            [int(counted.ids[probe]), int(label), int(votes)]
            for probe, label, votes in zip(cells.probe, cells.label, cells.votes, strict=True)
        ),
        "digest": counted.digest().hex(),
    }
    assert {key: found[key] for key in expect} == expect


@pytest.mark.parametrize("case", cases("ledger"))
def test_ledger(case: Case) -> None:
    given, expect = case["input"], case["expect"]
    run = run_of(given["run"])
    if "ballot" in given:
        tag = ballot_tag(run.run, ballot_of(given["ballot"]))
        assert tag.hex() == expect["tag"]
        return
    ledger = Ledger(run, 1_024)
    outcomes = [ledger.add(ballot_of(ballot)).value for ballot in given["add"]]
    assert outcomes == expect.get("outcomes", outcomes)
    for round, ballots in expect.get("ballots", {}).items():
        found = [[b.author.hex(), b.votes.hex()] for b in ledger.ballots(int(round))]
        assert found == ballots
    for round, listing in expect.get("listings", {}).items():
        entries = zip(ledger.listing(int(round)), listing, strict=True)
        for (author, tag_held), (who, tag_expected) in entries:
            assert author.hex() == who
            assert tag_expected in ("*", tag_held.hex())
    for first, size, expected in expect.get("ranges", []):
        assert ledger.range_hash(first, size).hex() == expected
    ledger.check()
