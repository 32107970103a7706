"""Puts the vectors to a program, line by line, and judges its answers (protocol_spec 09.4)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ..runtime.child import Child, ChildError
from .matching import differences
from .vectors import Case

__all__ = ["Finding", "Outcome", "put", "summed"]

_LIVES = 5  # how often a program that died or hung is started again


class Outcome(StrEnum):
    """What became of a case."""

    OK = "OK"
    NON_STRICT = "non-strict"
    UNIMPLEMENTED = "unimplemented"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One case and what became of it; `text` says why it is not OK."""

    case: Case
    outcome: Outcome
    text: str = ""
    asked: bool = True  # not, if the program had failed to answer too often by then


def put(
    command: Sequence[str], cases: Iterable[Case], seconds: float = 10.0
) -> Iterator[Finding | str]:
    """Ask the program for each case; a word at the end if it does not end well.

    A program that dies, hangs or prints what is no answer fails that case, and is started
    again for the next; after `_LIVES` such cases all that follow fail.  Raises
    :class:`SettingsError` when it cannot be started at all.
    """
    child: Child | None = None
    lives = _LIVES
    try:
        for case in cases:
            if not lives:
                text = f"not asked: it failed to answer {_LIVES} times"
                yield Finding(case, Outcome.FAILED, text, asked=False)
                continue
            if child is None:
                child = Child(command)
            try:
                yield _judged(case, _ask(child, case, seconds))
            except ChildError as error:
                yield Finding(case, Outcome.FAILED, str(error))
                child.kill()
                child, lives = None, lives - 1
        if child is not None and (problem := child.close()):
            yield problem
    finally:
        if child is not None:
            child.kill()


def _ask(child: Child, case: Case, seconds: float) -> dict[str, Any]:
    asked = {"case": case.id, "kind": case.kind, "input": case.input}
    line = child.ask(json.dumps(asked).encode(), seconds)
    try:
        answer = json.loads(line)
    except (ValueError, RecursionError):
        raise ChildError(f"it printed what is no JSON: {line[:60]!r}") from None
    if not isinstance(answer, dict) or not {"result", "unimplemented"} & answer.keys():
        raise ChildError(f"it printed what is no answer: {line[:60]!r}")
    if answer.get("case") != case.id:
        raise ChildError(f"it answered another case, {answer.get('case')!r:.60}")
    return answer


def _judged(case: Case, answer: dict[str, Any]) -> Finding:
    if "unimplemented" in answer:
        return Finding(case, Outcome.UNIMPLEMENTED, str(answer["unimplemented"]))
    found = differences(case, answer["result"])
    missed = Outcome.NON_STRICT if case.should else Outcome.FAILED
    return Finding(case, missed if found else Outcome.OK, "; ".join(found))


def summed(
    findings: Iterable[Finding], by: Callable[[Case], str] = lambda case: case.kind
) -> dict[str, Counter[Outcome]]:
    """How many cases of each kind had which outcome, in the order in which they came."""
    sums: dict[str, Counter[Outcome]] = {}
    for finding in findings:
        sums.setdefault(by(finding.case), Counter())[finding.outcome] += 1
    return sums
