"""The summary: its schema, its arithmetic, and what is left of it when peers die."""

from __future__ import annotations

import json
import re
import types
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any, Union, get_args, get_origin, get_type_hints, is_typeddict

import pytest

import tallyp2p.reporting
from tallyp2p.reporting import summary as module
from tallyp2p.reporting.reader import RunReader
from tallyp2p.reporting.summary import SUMMARY_SCHEMA, Summary, summarise, write_summary
from tests.reporting.synthetic import RUN, WEIGHTS, SyntheticRun


def mismatches(value: Any, expected: Any, where: str = "summary") -> list[str]:
    """Where `value`, as read from JSON, is not what the type says; exact keys."""
    if is_typeddict(expected):
        hints = get_type_hints(expected)
        if not isinstance(value, dict) or set(value) != set(hints):
            return [f"{where}: {value!r:.80} has not exactly the keys {sorted(hints)}"]
        return [
            bad for key in hints for bad in mismatches(value[key], hints[key], f"{where}.{key}")
        ]
    origin = get_origin(expected)
    if origin in (Union, types.UnionType):
        tried = [mismatches(value, option, where) for option in get_args(expected)]
        return [] if [] in tried else tried[0]
    if origin is list:
        (item,) = get_args(expected)
        if not isinstance(value, list):
            return [f"{where} is no list"]
        return [
            bad for n, one in enumerate(value) for bad in mismatches(one, item, f"{where}[{n}]")
        ]
    if origin is dict:
        item = get_args(expected)[1]
        if not isinstance(value, dict):
            return [f"{where} is no object"]
        return [
            bad for key, one in value.items() for bad in mismatches(one, item, f"{where}.{key}")
        ]
    if expected is Any:
        return []
    kinds = (float, int) if expected is float else (expected,)
    good = isinstance(value, kinds) and (expected is bool or not isinstance(value, bool))
    return [] if good else [f"{where}: {value!r} is no {expected}"]


def through_json(summary: Summary, path: Path) -> Any:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} in strict JSON")

    return json.loads(write_summary(path, summary).read_text("utf-8"), parse_constant=refuse)


def test_whole_run(tmp_path: Path) -> None:
    with SyntheticRun(tmp_path, peers=4) as run:
        run.whole()
    command = ["tallyp2p", "swarm", "--peers", "4"]
    summary = through_json(summarise(RunReader(tmp_path), command=command), tmp_path)
    assert mismatches(summary, Summary) == []
    assert summary["schema"] == SUMMARY_SCHEMA
    assert summary["command"] == command
    assert (summary["completed"], summary["peers"], summary["rounds"]) == (True, 4, 300)
    assert summary["seed"] == 3
    assert summary["started"] == "2026-01-01T12:00:00.000+00:00"
    assert summary["seconds"] == 3.8  # 38 ballots of 0.1 s
    assert summary["config"]["timing"] == {"rounds": 300}
    alone = [0.30 + 0.02 * index + 0.02 * (1 - 0.98**300) for index in range(4)]
    assert summary["accuracy"]["alone"]["per_peer"] == pytest.approx(alone)
    assert summary["accuracy"]["alone"]["mean"] == pytest.approx(fmean(alone))
    assert summary["accuracy"]["alone"]["std"] == pytest.approx(pstdev(alone))


def test_bytes_by_hand(tmp_path: Path) -> None:
    with SyntheticRun(tmp_path, peers=3) as run:
        run.whole()
    summary = summarise(RunReader(tmp_path))
    sent = summary["bytes"]
    # ceil(300 / 8) = 38 ballots, each to two others: 76 messages of 128, 134 and 136 bytes.
    assert sent["votes"] == {"payload": 9_728, "message": 10_184, "wire": 10_336, "messages": 76}
    assert sent["control"]["wire"] == 700
    assert sent["total"]["wire"] == sent["received"]["total"]["wire"] == 11_036
    assert sent["per_peer"] == [{"sent": 11_036, "received": 11_036}] * 3
    instead = sent["instead"]
    assert instead["soft_labels"] is not None and instead["dense_weights"] is not None
    assert instead["soft_labels"]["payload"] == 76 * RUN.votes * 10 * 4
    assert instead["dense_weights"]["payload"] == 76 * WEIGHTS * 4
    for cost in (instead["soft_labels"], instead["dense_weights"]):
        assert cost["payload"] + 700 < cost["wire"] < cost["payload"] * 1.01 + 700


def test_killed_and_silent_peers(tmp_path: Path) -> None:
    with SyntheticRun(tmp_path, peers=4) as run:
        run.configure()
        for index in range(3):  # the fourth never starts
            run.start(index)
        run.through((0, 1, 2), until=24)
        run.through((0, 1))  # the third is killed
    summary = through_json(summarise(RunReader(tmp_path), seconds=60.0), tmp_path)
    assert mismatches(summary, Summary) == []
    assert summary["completed"] is False
    assert summary["seconds"] == 60.0
    assert summary["accuracy"]["swarm"]["per_peer"][3] is None
    assert summary["accuracy"]["swarm"]["per_peer"][2] is not None  # its evaluation in round 24
    assert summary["bytes"]["per_peer"][3] == {"sent": None, "received": None}
    detail = summary["peers_detail"]
    assert [peer["rounds"] for peer in detail] == [300, 300, 24, 0]
    assert [peer["completed"] for peer in detail] == [True, True, False, False]
    assert [peer["starts"] for peer in detail] == [1, 1, 1, 0]
    assert detail[3]["bytes"] is None and detail[3]["author"] is None
    sent = [peer["bytes"]["sent"]["total"]["wire"] for peer in detail[:3]]
    assert summary["bytes"]["total"]["wire"] == pytest.approx(fmean(sent), abs=0.1)


def test_nothing_happened(tmp_path: Path) -> None:
    summary = through_json(summarise(RunReader(tmp_path, 2)), tmp_path)
    assert mismatches(summary, Summary) == []
    assert summary["completed"] is False
    assert summary["accuracy"]["swarm"] == {"mean": None, "std": None, "per_peer": [None, None]}
    assert summary["bytes"]["total"]["wire"] is None
    assert summary["bytes"]["instead"] == {"soft_labels": None, "dense_weights": None}
    assert (summary["started"], summary["seconds"]) == (None, 0.0)


def test_every_key_is_documented() -> None:
    text = Path(tallyp2p.reporting.__path__[0], "SCHEMA.md").read_text("utf-8")
    forms = [form for name in module.__all__ if is_typeddict(form := getattr(module, name))]
    keys = sorted({key for form in forms for key in get_type_hints(form)})
    assert [key for key in keys if not re.search(rf"[`.]{key}`", text)] == []


def test_the_checker_finds_what_is_wrong() -> None:
    assert mismatches({"sent": 1, "received": None}, module.PeerBytes) == []
    assert mismatches({"sent": 1.5, "received": None}, module.PeerBytes) != []
    assert mismatches({"sent": 1}, module.PeerBytes) != []
    assert mismatches({"sent": 1, "received": 2, "x": 3}, module.PeerBytes) != []
