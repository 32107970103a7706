"""This package as a program that answers cases."""

from __future__ import annotations

import json

import pytest

from tallyp2p.conformance.shim import answers
from tallyp2p.errors import SettingsError


def test_a_line_for_a_line() -> None:
    asked = [
        {"case": "one", "kind": "bits", "input": {"labels": [1, 2], "bits": 4}},
        {"case": "two", "kind": "music", "input": {}},
    ]
    lines = list(answers([json.dumps(one) + "\n" for one in asked] + ["\n"]))
    assert [json.loads(line) for line in lines] == [
        {"case": "one", "result": {"packed": "12"}},
        {"case": "two", "unimplemented": "there are no cases of the kind music"},
    ]


@pytest.mark.parametrize("line", ["garbage", "[1]", '{"case": "x"}', "[" * 100_000])
def test_what_is_no_case_is_a_persons_error(line: str) -> None:
    with pytest.raises(SettingsError, match="line 2 is no case"):
        list(answers(["\n", line]))


def test_a_case_without_what_its_kind_has_is_a_persons_error_too() -> None:
    with pytest.raises(SettingsError, match="line 1 is no case of its kind"):
        list(answers(['{"case": "x", "kind": "bits", "input": {}}']))
