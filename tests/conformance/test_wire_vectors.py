"""The vectors of protocol_spec 02 and 03, read by the package, and the examples in the text."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from tallyp2p.bits import pack, unpack, well_formed
from tallyp2p.errors import Reason, RemoteError
from tallyp2p.messages import (
    Ballot,
    Bye,
    Digest,
    DigestEntry,
    Error,
    Have,
    Hello,
    Kind,
    Message,
    Peers,
    Ping,
    Pong,
    Want,
)
from tallyp2p.parameters import Ids, RunParameters, Seal, Spreading
from tallyp2p.payloads import author_of
from tallyp2p.wire.codec import Codec
from tests.conformance.make_vectors import VECTORS

Case = dict[str, Any]
OTHER = b"somebody"  # the author of whoever reads, when only a sender is named
TEXT = (VECTORS.parent / "03-messages.md").read_text()
HAND = json.loads((VECTORS / "codec" / "hand.json").read_text())


def params(cases: list[Case], prefix: str = "") -> list[Any]:
    return [pytest.param(case, id=f"{prefix}{case['name']}") for case in cases]


def bit_cases() -> list[Any]:
    found = []
    for path in sorted((VECTORS / "bits").glob("*.json")):
        found += params(json.loads(path.read_text())["cases"], f"{path.stem}: ")
    return found


def run_of(fields: Case) -> RunParameters:
    words = {"spreading": Spreading, "ids": Ids, "seal": Seal}
    return RunParameters(**{k: words.get(k, lambda x: x)(v) for k, v in fields.items()})


def entries(given: Case) -> tuple[tuple[Any, ...], ...]:
    """Lists of JSON as tuples, hexadecimal as bytes."""
    return tuple(
        tuple(bytes.fromhex(item) if isinstance(item, str) else item for item in entry)
        for entry in given["entries"]
    )


def message_of(given: Case) -> Message:
    """A message as its vector describes it."""
    match Kind[given["kind"]]:
        case Kind.HELLO:
            fields = {key: value for key, value in given.items() if key != "kind"}
            for key in ("identity", "instance", "run"):
                fields[key] = bytes.fromhex(fields[key])
            return Hello(**{**fields, "versions": tuple(fields["versions"])})
        case Kind.BYE:
            return Bye(given.get("last"), given["code"], given["text"])
        case Kind.ERROR:
            return Error(given["code"], given["text"])
        case Kind.PING:
            return Ping(given["nonce"], given["roster"])
        case Kind.PONG:
            return Pong(given["nonce"], given["roster"], given.get("round"))
        case Kind.PEERS:
            return Peers(tuple(given["endpoints"]))
        case Kind.VOTE:
            author, votes = bytes.fromhex(given["author"]), bytes.fromhex(given["votes"])
            ids = tuple(given["ids"]) if "ids" in given else None
            return Ballot(author, given["round"], votes, ids)
        case Kind.DIGEST:
            return Digest(tuple(DigestEntry(*entry) for entry in entries(given)))
        case Kind.HAVE:
            return Have(given["round"], entries(given))
        case Kind.WANT:
            return Want(entries(given))


@pytest.mark.parametrize("case", bit_cases())
def test_bits(case: Case) -> None:
    given, expect = case["input"], case["expect"]
    bits = given["bits"]
    if "verdict" in expect:
        data = bytes.fromhex(given["packed"])
        padding, labels = well_formed(data, given["count"], bits, given["highest"])
        assert (padding, labels) == (
            expect.get("reason") != "PADDING",
            expect.get("reason") != "LABEL",
        )
        return
    assert pack(given["labels"], bits).hex() == expect["packed"]
    packed = bytes.fromhex(expect["packed"])
    assert unpack(packed, len(given["labels"]), bits).tolist() == given["labels"]


@pytest.mark.parametrize("case", params(HAND["cases"]))
def test_codec(case: Case) -> None:
    given, expect = case["input"], case["expect"]
    run, frame = run_of(given["run"]), bytes.fromhex(given["frame"])
    bound = given["sender"]
    sender = None if bound is None else author_of(bytes.fromhex(bound["identity"]))
    codec = Codec(run, OTHER)
    if expect["verdict"] != "accept":
        with pytest.raises(RemoteError) as caught:
            codec.decode(frame, sender)
        assert caught.value.reason is Reason[expect["reason"]]
        assert caught.value.reason.verdict.value == expect["verdict"]
        return
    message = codec.decode(frame, sender)
    assert Codec(run, sender or OTHER).encode(message) == frame
    if isinstance(message, Hello):
        message = replace(message, extra=())  # what it does not know, a vector does not name
    assert message == message_of(expect["message"])


def examples() -> list[str]:
    """Frames of the fenced blocks in chapter 3, without comments, as hexadecimal."""
    blocks = re.findall(r"```hex\n(.*?)```", TEXT, re.DOTALL)
    lines = [[line.partition(";")[0] for line in block.splitlines()] for block in blocks]
    return [re.sub(r"\s", "", "".join(block)) for block in lines]


def test_every_kind_has_an_example_and_every_example_is_a_vector() -> None:
    accepted = {
        case["input"]["frame"]: case["expect"]["message"]["kind"]
        for case in HAND["cases"]
        if "message" in case["expect"]
    }
    shown = [accepted[frame] for frame in examples()]  # KeyError: an example without a vector
    assert set(shown) == {kind.name for kind in Kind}


def test_every_rule_on_refusals_has_a_vector() -> None:
    named = {case["name"].partition(":")[0] for case in HAND["cases"]}
    ruled = set()
    for text in (TEXT, (VECTORS.parent / "02-frames.md").read_text()):
        for rule, body in re.findall(
            r"- \*\*([A-Z]+-\d+)\*\*(.*?)(?=\n- \*\*|\n\n)", text, re.DOTALL
        ):
            if "refused (" in body:
                ruled.add(rule)
    # FRAME-4 is about more than one frame, which a vector of one frame cannot show.
    assert ruled - named == {"FRAME-4"}


def test_the_worked_example_of_the_run_descriptor() -> None:
    text = (VECTORS.parent / "01-concepts.md").read_text()
    run = RunParameters()
    assert f"```\n{run.descriptor}```" in text
    assert f"give {len(run.descriptor)} bytes" in text
    assert run.digest.hex() in text
    assert f"run id `{run.run.hex()}`" in text
