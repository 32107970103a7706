"""The list of cases is complete, and each can be read by people."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tallyp2p.conformance.prober import cases
from tallyp2p.conformance.prober.case import Case, Lane, Need, case, chosen

SPECIFICATION = Path(__file__).resolve().parents[3] / "protocol_spec"
CLAUSES = {
    clause
    for chapter in SPECIFICATION.glob("[01]*.md")
    for clause in re.findall(r"^- \*\*([A-Z]+-\d+)\*\*", chapter.read_text(), re.M)
}


@pytest.mark.parametrize("one", chosen(), ids=lambda one: one.id)
def test_a_case_says_what_it_is(one: Case) -> None:
    assert re.fullmatch(r"[a-z]+/[a-z-]+", one.id)
    assert one.group in cases.GROUPS
    assert not one.title.endswith(".") and len(one.title) < 90
    assert one.description.endswith((".", "told)."))
    assert one.expectation.endswith(".")
    assert one.clauses and set(one.clauses) <= CLAUSES, set(one.clauses) - CLAUSES


def test_there_are_enough_in_the_reading_order() -> None:
    found = chosen()
    assert len(found) > 120
    groups = [cases.GROUPS.index(one.group) for one in found]
    assert groups == sorted(groups)
    assert {one.group for one in found} == set(cases.GROUPS)
    assert {one.lane for one in found} == set(Lane)
    assert {need for one in found for need in one.needs} == set(Need) - {Need.DERIVED}


def test_some_can_be_chosen() -> None:
    assert [one.id for one in chosen(("liveness/ping",))] == ["liveness/ping"]
    assert {one.group for one in chosen(("liveness", "seals/v"))} == {"liveness", "seals"}
    assert chosen(("music",)) == []


def test_an_id_is_used_once() -> None:
    chosen()
    with pytest.raises(AssertionError):
        case("liveness/ping", "", description="", expectation="", clauses=())(None)  # type: ignore[arg-type]
