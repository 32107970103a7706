"""A probe as data."""

from __future__ import annotations

import json

from tallyp2p.conformance.prober.report import as_data, headline, lines, shown
from tallyp2p.conformance.prober.verdict import Verdict
from tallyp2p.parameters import RunParameters
from tests.conformance.prober.made import made


def test_everything_is_in_the_data() -> None:
    data = json.loads(json.dumps(as_data(made())))
    assert data["format"] == "tally-probe/1"
    assert data["run"] == RunParameters().descriptor
    assert data["counts"] == {str(verdict): 1 for verdict in Verdict}
    assert [case["verdict"] for case in data["cases"]] == [str(verdict) for verdict in Verdict]
    first, *others = data["cases"]
    assert "log" not in first and "reasons" not in first
    failed = next(case for case in others if case["verdict"] == "failed")
    assert failed["reasons"] == ["it is <failed>"] and failed["clauses"]
    assert failed["log"][0]["size"] == 302 and failed["log"][0]["way"] == "sent"
    assert failed["log"][-1] == {"at": 2.0, "who": "prober", "way": "note", "words": "nothing more"}


def test_what_is_as_it_should_be_is_not_shown() -> None:
    assert [shown(outcome) for outcome in made().outcomes] == [False, True, True, True, True, False]


def test_sums() -> None:
    probe = made()
    assert headline(probe).startswith("6 cases in 12 s: 1 OK, 1 informational")
    assert list(lines(probe)) == [("liveness", [1] * 6)]
    assert probe.failed
