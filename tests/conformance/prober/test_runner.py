"""A sound peer passes everything, and each broken one fails where it is broken."""

from __future__ import annotations

import pytest

from tallyp2p.conformance.prober.case import chosen
from tallyp2p.conformance.prober.verdict import Verdict
from tallyp2p.parameters import RunParameters
from tests.conformance.prober.broken import BROKEN, Broken
from tests.conformance.prober.subjects import BROADCAST, SAMPLED, SEALED, Peer, judge, verdicts

FINE = {Verdict.OK, Verdict.INFORMATIONAL, Verdict.NOT_JUDGED}


def _marked(broken: Broken) -> object:
    marks = [pytest.mark.slow] if broken.slow else []
    return pytest.param(broken, id=broken.name, marks=marks)


@pytest.mark.parametrize("broken", [_marked(broken) for broken in BROKEN])
async def test_what_is_broken_is_found(broken: Broken) -> None:
    run = broken.peer.run if broken.knows_run else None
    found = await judge(broken.peer, broken.case, run=run)
    worst = max(found.outcomes, key=lambda outcome: list(Verdict).index(outcome.verdict))
    judged = [o for o in found.outcomes if o.verdict is not Verdict.NOT_JUDGED]
    assert any(o.verdict is broken.verdict for o in judged), (worst.verdict, worst.finding.reasons)


@pytest.mark.parametrize("run", [SAMPLED, BROADCAST, SEALED], ids=["sampled", "broadcast", "seals"])
async def test_a_sound_peer_passes_the_same_cases(run: RunParameters) -> None:
    quick = {broken.case for broken in BROKEN if broken.peer.run == run and not broken.slow}
    found = await judge(Peer(run=run), *sorted(quick))
    bad = [(o.case.id, o.finding) for o in found.outcomes if o.verdict not in FINE]
    assert not bad
    assert found.count(Verdict.OK) > 0.8 * len(found.outcomes)


@pytest.mark.slow
@pytest.mark.parametrize("run", [SAMPLED, BROADCAST, SEALED], ids=["sampled", "broadcast", "seals"])
async def test_a_sound_peer_passes_everything(run: RunParameters) -> None:
    found = await judge(Peer(run=run))
    print(f"{len(found.outcomes)} cases took {found.seconds:.1f} s")
    bad = [(o.case.id, o.finding) for o in found.outcomes if o.verdict not in FINE]
    assert not bad
    assert list(verdicts(found)) == [case.id for case in chosen()]
