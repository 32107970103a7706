"""How much is shown, and whose failure it was."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tallyp2p.cli.view import Mode
from tallyp2p.cli.watching import Watch, blame, doubt, keep, mode_of
from tallyp2p.errors import FailureError, SettingsError
from tallyp2p.profiles import load
from tallyp2p.reporting.reader import RunReader
from tallyp2p.reporting.summary import summarise
from tests.reporting.synthetic import SyntheticRun


@pytest.mark.parametrize(
    ("terminal", "term", "expected"),
    [(True, "xterm", Mode.LIVE), (True, "dumb", Mode.LINES), (False, "xterm", Mode.LINES)],
)
def test_live_only_where_somebody_can_see_it(
    terminal: bool, term: str, expected: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    monkeypatch.setenv("TERM", term)
    assert mode_of(as_json=False, quiet=False) is expected
    assert mode_of(as_json=True, quiet=False) is Mode.JSON
    assert mode_of(as_json=False, quiet=True) is Mode.QUIET


@pytest.mark.parametrize(
    ("codes", "words"),
    [
        ([0, 1, 0], "peer 1 failed: see run/peer-01/log.txt"),
        ([-9, 0, 1], "peers 0, 2 failed, peer 0 by signal 9: see run/peer-00/log.txt"),
    ],
)
def test_failed_processes_are_named_with_their_log(codes: list[int], words: str) -> None:
    with pytest.raises(FailureError) as caught:
        blame(Path("run"), codes)
    assert str(caught.value) == words


@pytest.mark.parametrize(
    ("log", "words"),
    [
        (
            "2026-01-01 12:00:00,000 INFO a.b: hello: world\n"
            "2026-01-01 12:00:01,000 ERROR a.b: cannot listen on tcp://x: it is in use\n",
            "cannot listen on tcp://x: it is in use",
        ),
        (
            "2026-01-01 12:00:01,000 ERROR a.b: the process failed\n"
            'Traceback (most recent call last):\n  File "x.py", line 1\n'
            "ValueError: a \x1b[2J number\n\n",
            "ValueError: a ?[2J number",
        ),
    ],
)
def test_first_failed_peer_says_why(log: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "peer-01").mkdir()
    path = tmp_path / "peer-01" / "log.txt"
    path.write_text(log)
    with pytest.raises(FailureError) as caught:
        blame(tmp_path, [0, 1])
    assert str(caught.value) == f"peer 1 failed: {words}  (more in {path})"
    with pytest.raises(FailureError) as caught:
        blame(tmp_path, [0, 1, 1])
    assert str(caught.value) == f"peers 1, 2 failed: peer 1 said: {words}  (more in {path})"


def test_disk_that_refuses_the_summary_is_told_after_the_result(tmp_path: Path) -> None:
    with SyntheticRun(tmp_path, peers=2, rounds=48) as run:
        run.whole()
    reader = RunReader(tmp_path)
    summary = summarise(reader)
    hindered = keep(tmp_path / "gone", reader, summary)
    assert hindered is not None and "summary.json" in str(hindered)
    (tmp_path / "curves.png").mkdir()
    assert keep(tmp_path, reader, summary) is None  # pictures fail no run
    assert (tmp_path / "summary.json").exists()


def test_rounds_that_end_before_anybody_learns_from_votes_are_doubted() -> None:
    assert "learning.warmup = 300" in doubt(load("paper", {"rounds": 40}))
    assert doubt(load("paper", {"rounds": 40, "kl_weight": 0})) == doubt(load()) == ""


def test_nobody_failed_nobody_blamed() -> None:
    blame(Path("run"), [0, 0])


@pytest.mark.parametrize(
    ("overrides", "words"),
    [({"peers": 1}, "at least 2 peers"), ({"listen": "tcp://127.0.0.1:7000"}, "one port")],
)
def test_swarm_that_cannot_be_is_refused_before_anything_is_made(
    overrides: dict[str, object], words: str, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    watch = Watch(load("default", overrides), out, Mode.JSON, spawn=False, command=())
    with pytest.raises(SettingsError, match=words):
        watch.run()
    assert not out.exists()
