"""Which defects the cases of one file must find, and whether they do."""

from __future__ import annotations

import pytest
from _pytest.mark import ParameterSet

from tallyp2p.conformance.prober.case import chosen
from tallyp2p.conformance.prober.verdict import Verdict
from tests.conformance.prober.broken import BROKEN, Broken
from tests.conformance.prober.subjects import judge

__all__ = ["broken_in", "is_found"]


def broken_in(name: str) -> list[ParameterSet]:
    """The broken peers that the cases in `cases/NAME.py` find."""
    files = {case.id: case.play.__module__.split(".")[-1] for case in chosen()}
    mine = [b for b in BROKEN if name in {files[case.id] for case in chosen((b.case,))}]
    assert mine, f"no peer is broken in what cases/{name}.py looks at"
    marks = {True: [pytest.mark.slow], False: []}
    return [pytest.param(b, id=b.name, marks=marks[b.slow]) for b in mine]


async def is_found(broken: Broken) -> None:
    """Judge the peer; the case named must say what it should."""
    run = broken.peer.run if broken.knows_run else None
    found = await judge(broken.peer, broken.case, run=run)
    said = {o.case.id: (o.verdict, o.finding.reasons) for o in found.outcomes}
    judged = {verdict for verdict, _ in said.values()} - {Verdict.NOT_JUDGED}
    assert broken.verdict in judged, said
