"""A probe as data, and as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from .log import Entry
from .runner import Outcome, Probe
from .verdict import Verdict

__all__ = ["as_data", "headline", "lines", "shown"]

_HEX = 512  # bytes of a frame that are written out


def as_data(probe: Probe) -> dict[str, object]:
    """Everything, ready for JSON."""
    return {
        "format": "tally-probe/1",
        "endpoint": probe.endpoint,
        "peer": {"author": probe.author, "identity": probe.identity, "agent": probe.agent},
        "run": probe.run.descriptor,
        "seconds": round(probe.seconds, 1),
        "unfinished": probe.unfinished or None,
        "counts": {str(verdict): probe.count(verdict) for verdict in Verdict},
        "cases": [_case(outcome) for outcome in probe.outcomes],
    }


def _case(outcome: Outcome) -> dict[str, object]:
    case = outcome.case
    data: dict[str, object] = {
        "case": case.id,
        "title": case.title,
        "clauses": list(case.clauses),
        "verdict": str(outcome.verdict),
        "seconds": round(outcome.seconds, 2),
    }
    if outcome.finding.reasons:
        data["reasons"] = outcome.finding.reasons
    if shown(outcome):
        data["description"] = case.description
        data["expectation"] = case.expectation
        data["log"] = [_entry(entry) for entry in outcome.entries]
    return data


def shown(outcome: Outcome) -> bool:
    """Whether anybody wants to know what was sent and seen."""
    return outcome.verdict not in (Verdict.OK, Verdict.NOT_JUDGED)


def _entry(entry: Entry) -> dict[str, object]:
    data: dict[str, object] = {"at": round(entry.at, 3), "who": entry.who, "way": entry.way}
    if entry.frame:
        data["frame"] = entry.frame[:_HEX].hex()
        data["size"] = len(entry.frame)
    return data | {"words": entry.words}


def headline(probe: Probe) -> str:
    """One sentence about all of it."""
    counts = [f"{probe.count(verdict)} {verdict}" for verdict in Verdict if probe.count(verdict)]
    cut = f"; {probe.unfinished}" if probe.unfinished else ""
    return f"{len(probe.outcomes)} cases in {probe.seconds:.0f} s: {', '.join(counts)}{cut}"


def lines(probe: Probe) -> Iterator[tuple[str, list[int]]]:
    """(group, cases by verdict, best first), in the reading order."""
    for group, found in groupby(probe.outcomes, lambda outcome: outcome.case.group):
        outcomes = list(found)
        yield group, [sum(o.verdict is verdict for o in outcomes) for verdict in Verdict]
