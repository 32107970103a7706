"""The vectors of protocol_spec, answered by this package; and what else that shows."""

from __future__ import annotations

import pytest

from tallyp2p.conformance.answers import answer
from tallyp2p.conformance.matching import differences
from tallyp2p.conformance.shapes import run_of
from tallyp2p.conformance.vectors import Case, find
from tallyp2p.errors import LocalError
from tallyp2p.payloads import author_of
from tallyp2p.wire.codec import Codec

CASES = find()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_vectors(case: Case) -> None:
    """The reason for a refusal is compared as well: ours is the one that the vectors name."""
    assert differences(case, answer(case.kind, case.input), reasons=True) == []


ACCEPTED = [
    case
    for case in CASES
    if case.kind == "codec"
    and case.expect["verdict"] == "accept"
    and case.input["run"]["seal"] == "none"
]


@pytest.mark.parametrize("case", ACCEPTED, ids=lambda case: case.id)
def test_what_is_read_is_written_in_the_same_way(case: Case) -> None:
    """FRAME-11."""
    run, frame = run_of(case.input["run"]), bytes.fromhex(case.input["frame"])
    bound = case.input["sender"]
    sender = None if bound is None else author_of(bytes.fromhex(bound["identity"]))
    message = Codec(run, b"somebody").decode(frame, sender)
    assert Codec(run, sender or b"somebody").encode(message) == frame


def test_there_is_no_such_kind() -> None:
    with pytest.raises(LocalError, match="no cases of the kind music"):
        answer("music", {})
