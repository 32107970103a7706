"""The tables of the specification say what the code says."""

from __future__ import annotations

import re
from dataclasses import MISSING, fields
from enum import Enum
from typing import Any

import pytest

from tallyp2p.errors import Reason
from tallyp2p.messages import Kind
from tallyp2p.parameters import LIMITS, RunParameters, Timing
from tests.conformance.make_vectors import VECTORS

CHAPTERS = VECTORS.parent


def table(chapter: str, head: str) -> list[list[str]]:
    """The rows of the first table whose heading row begins with `head`; bare cells."""
    lines = iter((CHAPTERS / chapter).read_text().splitlines())
    rows: list[list[str]] = []
    for line in lines:
        if line.startswith(head):
            next(lines)  # the rule below the heading
            for row in lines:
                if not row.startswith("|"):
                    return rows
                rows.append([cell.strip().strip("`") for cell in row.strip("|").split("|")])
    pytest.fail(f"{chapter} has no table that begins with {head}")


def plain(value: Any) -> str:
    """A default as the README writes it."""
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, (bool, float)):
        return str(int(value)) if value == int(value) else str(value)
    return "64 zeros" if value == "0" * 64 else str(value)


def test_limits() -> None:
    found = {
        row[0]: int(row[1].replace(",", ""))
        for row in table("06-limits-and-reasons.md", "| name | value |")
    }
    assert found == {item.name: getattr(LIMITS, item.name) for item in fields(LIMITS)}


def test_reasons() -> None:
    found = [
        (int(row[0]), row[1], row[2])
        for row in table("06-limits-and-reasons.md", "| code | name | verdict |")
    ]
    assert found == [(int(reason), reason.name, reason.verdict.value) for reason in Reason]


def test_kinds() -> None:
    found = [(int(row[0], 16), row[1]) for row in table("02-frames.md", "| kind | name |")]
    assert found == [(int(kind), kind.name) for kind in Kind]
    headings = re.findall(
        r"^## 3\.\d+ (.*)$", (CHAPTERS / "03-messages.md").read_text(), re.MULTILINE
    )
    named = [
        (int(number, 16), name)
        for heading in headings
        for name, number in re.findall(r"([A-Z]+) \(([0-9a-f]{2})\)", heading)
    ]
    assert named == found


@pytest.mark.parametrize(
    ("head", "settings"),
    [("| name | default | range |", RunParameters), ("| name | default | what |", Timing)],
)
def test_parameters(head: str, settings: type[RunParameters] | type[Timing]) -> None:
    found = [(row[0], row[1]) for row in table("README.md", head)]
    defaults = []
    for item in fields(settings):
        assert item.default is not MISSING
        defaults.append((item.name, plain(item.default)))
    assert found == defaults


def test_the_descriptor_lists_the_table_in_its_order() -> None:
    names = [row[0] for row in table("README.md", "| name | default | range |")]
    lines = RunParameters().descriptor.splitlines()[1:]
    assert [line.partition("=")[0] for line in lines] == names


def test_rules_have_one_number_each_and_references_lead_somewhere() -> None:
    defined: list[str] = []
    used: set[str] = set()
    for path in sorted(CHAPTERS.glob("*.md")):
        text = path.read_text()
        defined += re.findall(r"^- \*\*([A-Z]+-\d+)\*\*", text, re.MULTILINE)
        used |= set(re.findall(r"\b([A-Z]{2,}-\d+)\b", text))
    assert len(defined) == len(set(defined))
    assert used - set(defined) <= {"SHA-256", "UTF-8", "RFC-2119"}
