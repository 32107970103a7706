"""Vectors of chapter 5 and its text agree, and the generated ones are what the script makes."""

from __future__ import annotations

from tallyp2p.consensus import digraph, probes
from tallyp2p.consensus.ledger import ballot_tag
from tallyp2p.payloads import Ballot
from tests.conformance import make_vectors, reference


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
