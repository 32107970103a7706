"""Peers that are broken in what cases/seals.py looks at are found out."""

from __future__ import annotations

import pytest

from tallyp2p.conformance.prober.verdict import Verdict
from tests.conformance.prober.broken import Broken
from tests.conformance.prober.finding import broken_in, is_found
from tests.conformance.prober.subjects import LISTED, Peer, judge, verdicts


@pytest.mark.parametrize("broken", broken_in("seals"))
async def test_what_is_broken_is_found(broken: Broken) -> None:
    await is_found(broken)


async def test_of_a_run_with_an_electorate_the_prober_judges_what_strangers_can() -> None:
    found = await judge(Peer(run=LISTED))
    said = verdicts(found)
    assert said.pop("seals/outsider") is Verdict.OK and not found.failed
    assert set(said.values()) == {Verdict.NOT_JUDGED}
