"""Peers that are broken in what cases/encryption.py looks at are found out."""

from __future__ import annotations

import pytest

from tallyp2p.conformance.prober.verdict import Verdict
from tests.conformance.prober.broken import Broken
from tests.conformance.prober.finding import broken_in, is_found
from tests.conformance.prober.subjects import SEALED, Peer, judge, verdicts


@pytest.mark.parametrize("broken", broken_in("encryption"))
async def test_what_is_broken_is_found(broken: Broken) -> None:
    await is_found(broken)


@pytest.mark.parametrize(("encrypted", "verdict"), [(True, "OK"), (False, "NOT_JUDGED")])
async def test_a_sound_peer_passes(encrypted: bool, verdict: str) -> None:
    peer = Peer(run=SEALED, encrypted=encrypted)
    found = await judge(peer, "hostile/in-clear", "seals/own-key", "hostile/huge-frame")
    said = verdicts(found)
    assert said.pop("hostile/huge-frame") is Verdict.OK
    assert set(said.values()) == {Verdict[verdict]}
