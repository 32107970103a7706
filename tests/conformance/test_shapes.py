"""Objects of vectors become our words, and our words objects."""

from __future__ import annotations

import pytest

from tallyp2p.conformance.shapes import Reader, ballot_of, described, refusal, run_of
from tallyp2p.errors import Reason, RemoteError
from tallyp2p.messages import Bye, Digest, DigestEntry, Want
from tallyp2p.parameters import RunParameters, Seal


def test_run_parameters_are_the_default_ones_by_name() -> None:
    assert run_of({"classes": 3, "seal": "ed25519"}) == RunParameters(classes=3, seal=Seal.ED25519)


def test_a_reader_knows_whose_frames_it_reads() -> None:
    """FRAME-14: nobody's, or those of the one who said HELLO."""
    vote = bytes.fromhex("10000000000031415926")
    run = RunParameters(probes=4, rounds_per_ballot=2)
    with pytest.raises(RemoteError) as caught:
        Reader(run, None).read(vote)
    assert caught.value.reason is Reason.EARLY
    sender = {"identity": bytes(range(32)).hex(), "instance": "00" * 8}
    assert Reader(run, sender).read(vote)["author"] == "630dcd2966c43366"


def test_messages_are_named_by_their_fields() -> None:
    """Absent fields are absent, bytes hexadecimal, entries lists."""
    assert described(Bye(None, 1)) == {"kind": "BYE", "code": 1, "text": ""}
    want = described(Want(((bytes(8), 4),)))
    assert want == {"kind": "WANT", "entries": [["0000000000000000", 4]]}
    digest = described(Digest((DigestEntry(2, 1, bytes(16)),)))
    assert digest == {"kind": "DIGEST", "entries": [[2, 1, "00" * 16]]}


def test_a_ballot_and_a_vote_are_alike() -> None:
    given = {"author": "00" * 8, "round": 2, "votes": "12", "ids": [3, 4]}
    assert described(ballot_of(given)) == {"kind": "VOTE", **given}


def test_refusals_have_a_verdict() -> None:
    assert refusal(Reason.ROUND) == {"verdict": "ignore", "reason": "ROUND"}
