"""This package as a program that answers cases."""

from __future__ import annotations

import json

from tallyp2p.conformance.shim import answers


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
