"""Vectors of chapters 2 and 3 and their text agree."""

from __future__ import annotations

import json
import re

from tallyp2p.messages import Kind
from tallyp2p.parameters import RunParameters
from tests.conformance.make_vectors import VECTORS

SPEC = VECTORS.parent
CODEC = [
    case
    for path in sorted((VECTORS / "codec").glob("*.json"))
    for case in json.loads(path.read_text())["cases"]
]


def examples() -> list[str]:
    """Frames of the fenced blocks in chapter 3, without comments, as hexadecimal."""
    text = (SPEC / "03-messages.md").read_text()
    blocks = re.findall(r"```hex\n(.*?)```", text, re.DOTALL)
    lines = [[line.partition(";")[0] for line in block.splitlines()] for block in blocks]
    return [re.sub(r"\s", "", "".join(block)) for block in lines]


def test_every_kind_has_an_example_and_every_example_is_a_vector() -> None:
    accepted = {
        case["input"]["frame"]: case["expect"]["message"]["kind"]
        for case in CODEC
        if "message" in case["expect"]
    }
    shown = [accepted[frame] for frame in examples()]  # KeyError: an example without a vector
    assert set(shown) == {kind.name for kind in Kind}


def test_every_rule_on_refusals_has_a_vector() -> None:
    tested = {
        clause
        for case in CODEC
        if case["expect"]["verdict"] != "accept"
        for clause in case["clauses"]
    }
    ruled = set()
    for chapter in ("02-frames", "03-messages", "07-security"):
        text = (SPEC / f"{chapter}.md").read_text()
        for rule, body in re.findall(
            r"- \*\*([A-Z]+-\d+)\*\*(.*?)(?=\n- \*\*|\n\n)", text, re.DOTALL
        ):
            if "refused (" in body:
                ruled.add(rule)
    # FRAME-4 is about more than one frame, which is a gossip case; CURVE-5 about a connection.
    assert ruled - tested == {"FRAME-4", "CURVE-5"}


def test_the_worked_example_of_the_run_descriptor() -> None:
    text = (SPEC / "01-concepts.md").read_text()
    run = RunParameters()
    assert f"```\n{run.descriptor}```" in text
    assert f"give {len(run.descriptor)} bytes" in text
    assert run.digest.hex() in text
    assert f"run id `{run.run.hex()}`" in text
