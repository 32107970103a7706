"""`tallyp2p conform --vectors`: its table, its JSON and its exit codes."""

from __future__ import annotations

import json
import sys

import pytest

from tallyp2p.cli.main import main

SHIM = [sys.executable, "-m", "tallyp2p.cli", "shim"]


def conform(*args: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """(exit code, output, errors)."""
    with pytest.raises(SystemExit) as ended:
        main(["conform", *args])
    out, err = capsys.readouterr()
    code = ended.value.code
    assert isinstance(code, int)
    return code, out, err


def test_this_package_passes(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = conform("--vectors", "--", *SHIM, capsys=capsys)
    assert (code, err) == (0, "")
    rows = {line.split()[0]: line.split()[1:] for line in out.splitlines()[1:]}
    assert list(rows)[0] == "bits" and list(rows)[-1] == "all"
    assert all(ok == cases and failed == "0" for cases, ok, _, _, failed in rows.values())


def test_json_and_some_kinds_only(capsys: pytest.CaptureFixture[str]) -> None:
    args = ("--vectors", "--json", "--only", "probes", "--only", "bits", "--", *SHIM)
    code, out, _ = conform(*args, capsys=capsys)
    report = json.loads(out)
    assert code == 0
    assert list(report["sums"]) == ["bits", "probes"]
    assert {case["outcome"] for case in report["cases"]} == {"OK"}
    assert report["problem"] is None


def test_a_failure_is_shown_with_its_clauses(capsys: pytest.CaptureFixture[str]) -> None:
    code = (
        "import json, sys\n"
        "for line in sys.stdin:\n"
        "    print(json.dumps({'case': json.loads(line)['case'], 'result': {}}), flush=True)\n"
    )
    args = ("--vectors", "--only", "probes", "--", sys.executable, "-c", code)
    exit_code, out, _ = conform(*args, capsys=capsys)
    assert exit_code == 1
    assert "failed      probes/generated: the example of chapter 5  [PROBE-1" in out
    assert "ids is missing" in out


def test_a_program_that_ends_at_once_fills_no_screen(capsys: pytest.CaptureFixture[str]) -> None:
    args = ("--vectors", "--only", "probes", "--", sys.executable, "-c", "")
    exit_code, out, _ = conform(*args, capsys=capsys)
    assert exit_code == 1
    assert out.count("it ended with exit code 0") == 5
    asked, *_, total = out.split("failed      ")[-1].splitlines()
    assert asked.endswith("more cases, not asked: it failed to answer 5 times")
    assert int(asked.split()[0]) + 5 == int(total.split()[1])


def test_who_leaves_everything_out_has_not_passed(capsys: pytest.CaptureFixture[str]) -> None:
    code = (
        "import json, sys\n"
        "for line in sys.stdin:\n"
        "    answer = dict(case=json.loads(line)['case'], unimplemented='some day')\n"
        "    print(json.dumps(answer), flush=True)\n"
    )
    args = ("--vectors", "--only", "probes", "--", sys.executable, "-c", code)
    exit_code, out, _ = conform(*args, capsys=capsys)
    assert exit_code == 1
    assert out.splitlines()[-1].split()[-2:] != ["0", "0"]


STRANGE = "\\u001b[31m[/red]\\ud800"  # in JSON: what steers a terminal, markup, half a character


@pytest.mark.parametrize("options", [["--json"], []], ids=["json", "table"])
def test_a_programs_words_are_a_strangers(
    options: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    code = (
        "import json, sys\n"
        "for line in sys.stdin:\n"
        "    asked = json.loads(line)\n"
        "    steps = [dict(send=[['STRANGE', '0a00']]) for _ in asked['input']['steps']]\n"
        "    answer = dict(case=asked['case'], result=dict(steps=steps, tallies={}, members={}))\n"
        "    print(json.dumps(answer).replace('STRANGE', sys.argv[1]), flush=True)\n"
    )
    args = ("--vectors", *options, "--only", "gossip", "--", sys.executable, "-c", code, STRANGE)
    exit_code, out, err = conform(*args, capsys=capsys)
    assert (exit_code, err) == (1, "")
    assert "[/red]" in out
    assert all(c.isprintable() or c == "\n" for c in out)


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["--vectors"], "name the program that answers"),
        (["--vectors", "--only", "music", "--", "x"], "'music' is not one of"),
        (["--vectors", "--", "/no/such/program"], "cannot be started"),
        (["--vectors", "--limit", "0", "--", "x"], "limit"),
        (["--vectors", "tcp://127.0.0.1:7", "--", "x"], "is no COMMAND, leave it out"),
        ([], "say what to test"),
    ],
)
def test_a_persons_errors(args: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = conform(*args, capsys=capsys)
    assert code == 2
    assert words in err
    assert len(err.splitlines()) == 1
