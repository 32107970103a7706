"""The worst observation is the verdict."""

from __future__ import annotations

from tallyp2p.conformance.prober.verdict import Finding, Verdict


def test_the_worst_counts_and_all_reasons_are_kept() -> None:
    finding = Finding()
    assert finding.verdict is Verdict.OK
    finding.add(Verdict.NON_STRICT, "a")
    finding.add(Verdict.INFORMATIONAL, "b")
    assert (finding.verdict, finding.reasons) == (Verdict.NON_STRICT, ["a", "b"])
    finding.add(Verdict.FAILED, "c")
    finding.add(Verdict.OK, "d")
    assert (finding.verdict, finding.reasons) == (Verdict.FAILED, ["a", "b", "c", "d"])


def test_the_words_are_those_of_the_text() -> None:
    named = ["OK", "informational", "unimplemented", "non-strict", "failed", "not judged"]
    assert [str(verdict) for verdict in Verdict] == named
