"""A probe as if it had been played, for what shows it."""

from __future__ import annotations

from tallyp2p.conformance.prober.case import Case, chosen
from tallyp2p.conformance.prober.log import Entry
from tallyp2p.conformance.prober.runner import Outcome, Probe
from tallyp2p.conformance.prober.verdict import Finding, Verdict
from tallyp2p.parameters import RunParameters

__all__ = ["made"]

ENTRIES = (
    Entry(1.0, "player", "sent", b"\x04\x00" + bytes(300), "PING <b>by hand</b>"),
    Entry(1.1, "player", "sent", b"\x04\x00" + bytes(300), "PING <b>by hand</b>"),
    Entry(1.5, "player", "seen", b"\x05\x00", "PONG"),
    Entry(2.0, "prober", "note", b"", "nothing more"),
)


def made() -> Probe:
    """One case of each verdict."""
    cases: list[Case] = chosen(("liveness", "votes"))[: len(Verdict)]
    outcomes = []
    for verdict, case in zip(Verdict, cases, strict=True):
        reasons = [] if verdict is Verdict.OK else [f"it is <{verdict}>"]
        outcomes.append(Outcome(case, Finding(verdict, reasons), 0.25, ENTRIES))
    run = RunParameters()
    return Probe("tcp://127.0.0.1:7", run, outcomes, 12.3, "<x>/1", "ab" * 8, "cd" * 32)
