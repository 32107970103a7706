"""No line twice, and nothing lost that still holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tallyp2p.errors import FailureError
from tallyp2p.reporting.rewind import Former, rewind
from tallyp2p.reporting.rundir import peer_dir


def told(event: str, **fields: Any) -> str:
    return json.dumps({"event": event} | fields)


STARTED = told("started", rounds_per_ballot=8)
ROUNDS = [
    told("round", round=0, figures={"loss": 2.0}),
    told("round", round=8, figures={"accuracy": 0.5, "alone": 0.25}),
    told("member", state="gone"),
    told("round", round=16, figures={"accuracy": 0.75, "loss": None}),
]


def metrics(run: Path, *lines: str) -> Path:
    path = peer_dir(run, 0) / "metrics.jsonl"
    path.parent.mkdir()
    path.write_text("\n".join(lines))
    return path


def test_lines_of_rounds_to_be_made_again_are_cut(tmp_path: Path) -> None:
    path = metrics(tmp_path, STARTED, *ROUNDS, told("finished"), '{"event": "rou')
    former = rewind(tmp_path, 0, 16)
    assert (former.rounds, former.swarm, former.alone) == (16, 0.5, 0.25)
    assert former.cut > 0
    assert path.read_text() == "\n".join([STARTED, *ROUNDS[:3]]) + "\n"
    assert rewind(tmp_path, 0, 16) == Former(16, 0.5, 0.25)
    assert rewind(tmp_path, 0, 0).rounds == 0
    assert path.read_text() == STARTED + "\n"


def test_where_nothing_is_made_again_all_stays(tmp_path: Path) -> None:
    path = metrics(tmp_path, STARTED, *ROUNDS, "not JSON", "[]", told("finished"))
    before = path.read_bytes()
    assert rewind(tmp_path, 0, 24) == Former(24, 0.75, 0.25)
    assert path.read_bytes() == before


def test_a_peer_that_wrote_nothing_has_nothing_to_cut(tmp_path: Path) -> None:
    assert rewind(tmp_path, 3, 8) == Former()
    peer_dir(tmp_path, 4).write_text("")
    with pytest.raises(FailureError, match="cannot write"):
        rewind(tmp_path, 4, 8)
