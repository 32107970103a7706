"""`tallyp2p conform ENDPOINT`: what it prints, writes and exits with."""

from __future__ import annotations

import asyncio
import io
import json
import re
import sys
from pathlib import Path

import pytest

from tallyp2p.cli.main import main
from tallyp2p.cli.probing import _print_table, _Progress, _write
from tallyp2p.parameters import RunParameters
from tests.conformance.prober.made import made

RUN = RunParameters(probes=8, rounds_per_ballot=2)


def conform(*args: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """(exit code, output, errors)."""
    with pytest.raises(SystemExit) as ended:
        main(["conform", *args])
    out, err = capsys.readouterr()
    code = ended.value.code
    assert isinstance(code, int)
    return code, out, err


@pytest.fixture
def voter(tmp_path: Path) -> list[str]:
    """The command of a peer without a model."""
    run = tmp_path / "run.txt"
    run.write_text(RUN.descriptor)
    module = [sys.executable, "-m", "tests.peers.python_voter", "run"]
    return [*module, "--listen", "{endpoint}", "--run", str(run), "--rounds", "4000000000"]


def test_a_peer_is_started_probed_and_ended(
    voter: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report.html"
    args = ["--only", "liveness/ping", "--only", "repair/own-name", "--only", "shutdown"]
    code, out, err = conform(
        "--spawn", "--report", str(report), *args, "--", *voter, "--fresh", capsys=capsys
    )
    assert (code, err) == (0, "")
    assert "informational  repair/own-name  [VOTE-1, LEDGER-4]" in out
    assert f"run {RUN.run.hex()}" in out
    assert out.splitlines()[-1].startswith("5 cases in ")
    assert "4 OK, 1 informational" in out
    assert report.read_text().startswith("<!doctype html>")


def test_json_and_a_run_from_a_file(
    voter: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = str(tmp_path / "run.txt")
    args = ["--json", "--run", run, "--only", "liveness/ping", "--spawn", "--"]
    code, out, _ = conform(*args, *voter, "--fresh", capsys=capsys)
    data = json.loads(out)
    assert code == 0 and data["run"] == RUN.descriptor
    assert [case["verdict"] for case in data["cases"]] == ["OK"]


def test_a_failure_is_exit_code_1(voter: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    args = ["--only", "votes/waits", "--spawn", "--", *voter, "--fresh"]
    code, out, _ = conform(*args, "--timing", '{"pace":"free"}', capsys=capsys)
    assert code == 1
    assert "failed         votes/waits  [ROUND-3]" in out
    assert "without the ballot" in out


def test_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = conform("--list", "--only", "liveness/ping", capsys=capsys)
    assert code == 0
    assert out.split() == "liveness/ping PING is answered by PONG [MEMBER-3]".split()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["tcp://127.0.0.1:1"], "nobody listens at tcp://127.0.0.1:1"),
        (["127.0.0.1:7000"], "is not a peer's endpoint"),
        (["tcp://127.0.0.1:7000", "x"], "a command needs --spawn or --vectors"),
        (["tcp://127.0.0.1:7000", "--only", "music"], "no probe's id begins with 'music'"),
        (["tcp://127.0.0.1:7000", "--pid", "2147483646"], "no process 2147483646"),
        (["--spawn", "--pid", "1", "--", "x"], "give one of them"),
        (["--spawn", "tcp://127.0.0.1:7000"], "--spawn needs the command"),
        (["--spawn", "--", "x"], "Put {endpoint} into the command"),
        (["--spawn", "--", "/no/such/program", "{endpoint}"], "cannot run /no/such/program"),
        (["tcp://127.0.0.1:7000", "--report", "/no/such/dir/x.html"], "cannot write /no/such"),
        (["tcp://127.0.0.1:7000", "--run", "setup.cfg"], "no run descriptor|not a run|not known"),
    ],
)
def test_a_persons_errors(args: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = conform(*args, capsys=capsys)
    assert code == (1 if "--report" in args else 2)
    assert any(word in err for word in words.split("|")), err
    assert len(err.splitlines()) == 1


def test_a_peers_words_are_a_strangers(capsys: pytest.CaptureFixture[str]) -> None:
    found = made()
    found.agent = "[/red]\x1b[2J\x9b\u202ex"
    found.outcomes[-2].finding.reasons.append("ERROR LIMIT: [/x]\x1b]0;title\x07")
    progress = _Progress(1, quiet=False)
    for outcome in found.outcomes:
        progress.told(outcome)
    _print_table(found)
    out, _ = capsys.readouterr()
    assert "[/red]?[2J??x" in out and "ERROR LIMIT: [/x]?]0;title?" in out
    assert all(c.isprintable() or c == "\n" for c in out)


def test_an_interrupted_probe_says_how_far_it_came(capsys: pytest.CaptureFixture[str]) -> None:
    found = made()
    with pytest.raises(asyncio.CancelledError), _Progress(9, quiet=True) as progress:
        progress.told(found.outcomes[0])
        raise asyncio.CancelledError
    assert capsys.readouterr().err == "Interrupted after 1 of 9 cases\n"


def test_on_a_terminal_findings_do_not_land_in_the_line_of_the_bar(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(screen, "isatty", lambda: True)
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    with _Progress(9, quiet=False) as progress:
        for outcome in made().outcomes:
            progress.told(outcome)
    seen = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", screen.getvalue()).splitlines()
    words = [line for line in seen if "[" in line and "]" in line]
    assert words and not any("/9" in line for line in words), words


def test_a_probe_that_finds_nobody_leaves_an_older_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "report.html"
    report.write_text("of yesterday")
    assert conform("tcp://127.0.0.1:1", "--report", str(report), capsys=capsys)[0] == 2
    assert report.read_text() == "of yesterday"


def test_a_report_is_utf_8_wherever_it_is_written(tmp_path: Path) -> None:
    _write(tmp_path / "report.html", "\u25b8 \u00e9")
    assert (tmp_path / "report.html").read_bytes() == b"\xe2\x96\xb8 \xc3\xa9"
