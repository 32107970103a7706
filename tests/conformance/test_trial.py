"""Programs that answer, and programs that do anything else."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from tallyp2p.conformance.trial import Finding, Outcome, put, summed
from tallyp2p.conformance.vectors import Case
from tallyp2p.errors import SettingsError
from tests.waiting import LONG

CASES = [
    Case(
        "bits", "hand", f"case {n}", ("BITS-1",), {"labels": [n], "bits": 8}, {"packed": f"{n:02x}"}
    )
    for n in range(3)
]
# Answers all three cases; `{}` is where a test says what it does with the line at hand.
PROGRAM = """
import json, os, sys, time
for n, line in enumerate(sys.stdin):
    asked = json.loads(line)
    good = dict(case=asked["case"], result=dict(packed="%02x" % asked["input"]["labels"][0]))
    {}
    print(json.dumps(good), flush=True)
"""


def outcomes(does: str, seconds: float = LONG) -> tuple[list[Outcome], list[str], str]:
    """(outcomes, texts, what was wrong at the end)."""
    command = [sys.executable, "-c", PROGRAM.format(does)]
    found = list(put(command, CASES, seconds))
    end = found.pop() if isinstance(found[-1], str) else ""
    findings = [f for f in found if isinstance(f, Finding)]
    return [f.outcome for f in findings], [f.text for f in findings], str(end)


OK, FAILED = Outcome.OK, Outcome.FAILED


def test_a_good_program() -> None:
    assert outcomes("pass") == ([OK] * 3, [""] * 3, "")


def test_what_it_leaves_out_is_no_failure() -> None:
    does = "good = dict(case=asked['case'], unimplemented='no bits here')"
    assert outcomes(does)[:2] == ([Outcome.UNIMPLEMENTED] * 3, ["no bits here"] * 3)


def test_a_wrong_answer() -> None:
    found, texts, _ = outcomes(
        "if asked['input']['labels'] == [1]: good['result'] = dict(packed='')"
    )
    assert found == [OK, FAILED, OK]
    assert texts[1] == "packed is '', not '01'"


def test_what_only_should_be_is_no_failure() -> None:
    case = replace(CASES[0], should=True, expect={"packed": "ff"})
    command = [sys.executable, "-c", PROGRAM.format("pass")]
    [found] = [f for f in put(command, [case]) if isinstance(f, Finding)]
    assert found.outcome is Outcome.NON_STRICT


@pytest.mark.parametrize(
    ("does", "words"),
    [
        ("sys.exit(3)", "it ended with exit code 3"),
        ("import signal; os.kill(os.getpid(), signal.SIGKILL)", "signal 9 ended it"),
        ("print('hello')", "what is no JSON: b'hello'"),
        ("print('[1]')", "what is no answer"),
        ("print('[' * 100000)", "what is no JSON"),
        ("good['case'] = 'another'", "it answered another case, 'another'"),
        ("os.close(1); time.sleep(9)", "it closed its output"),
    ],
)
def test_what_is_no_answer_fails_the_case_and_no_other(does: str, words: str) -> None:
    found, texts, _ = outcomes(f"if asked['input']['labels'] == [1]: {does}")
    assert found[:2] == [OK, FAILED]
    assert words in texts[1]
    assert found[2] is OK  # it was started again


def test_a_program_that_hangs() -> None:
    found, texts, _ = outcomes("if asked['input']['labels'] == [1]: time.sleep(600)", 3.0)
    assert found == [OK, FAILED, OK]
    assert texts[1] == "it did not answer within 3 s"


def test_a_program_that_floods() -> None:
    """More than it was asked for, however much, is the answer to another case."""
    found, texts, end = outcomes("print((json.dumps(good) + chr(10)) * 9, end='')")
    assert found == [OK, FAILED, OK]
    assert "it answered another case" in texts[1]
    assert end == "it printed more than its answers"
    found, texts, _ = outcomes("while True: print('x' * 65536, end='')")
    assert found == [FAILED] * 3
    assert "longer than" in texts[0]


def test_it_is_given_up_in_the_end() -> None:
    command = [sys.executable, "-c", "raise SystemExit(4)"]
    found = [f for f in put(command, CASES * 3) if isinstance(f, Finding)]
    assert [f.outcome for f in found] == [FAILED] * 9
    assert "ended with exit code 4" in found[4].text
    assert found[5].text == "not asked: it failed to answer 5 times"


def test_a_program_that_ends_badly() -> None:
    code = PROGRAM.format("pass") + "sys.exit(7)"
    *_, end = put([sys.executable, "-c", code], CASES)
    assert end == "it ended with exit code 7"


def test_no_such_program() -> None:
    with pytest.raises(SettingsError, match="cannot be started"):
        list(put(["/no/such/program"], CASES))


def test_sums_by_kind() -> None:
    findings = [Finding(CASES[0], OK), Finding(CASES[1], FAILED, "x"), Finding(CASES[2], OK)]
    assert {k: dict(v) for k, v in summed(findings).items()} == {"bits": {OK: 2, FAILED: 1}}
