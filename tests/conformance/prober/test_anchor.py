"""The anchor keeps the pace of a sound peer."""

from __future__ import annotations

import pytest

from tallyp2p.conformance.prober.anchor import Anchor
from tallyp2p.conformance.prober.verdict import Broken
from tallyp2p.messages import Ballot
from tallyp2p.parameters import Timing
from tests.conformance.prober.stages import staged
from tests.conformance.prober.subjects import Peer


async def test_rounds_go_on_when_the_anchor_says_so() -> None:
    async with staged(Peer(), anchored=True) as stage:
        anchor, span = stage.anchor, stage.session.span
        async with anchor.still() as round:
            assert round == 0
            assert [await anchor.advance() for _ in range(3)] == [span, 2 * span, 3 * span]
            assert sorted(anchor.ballots) == [0, span, 2 * span]
            await anchor.expect(Ballot, lambda m: m.round == 3 * span)


async def test_others_vote_along() -> None:
    async with staged(Peer(), anchored=True) as stage:
        async with stage.anchor.still() as round:
            voter = await stage.player("voter", start=round + stage.session.span)
            stage.anchor.voters.append(voter)
            await stage.anchor.advance()
            assert not voter.ballots
            await stage.anchor.advance()
            assert list(voter.ballots) == [stage.session.span]


async def test_a_round_that_nobody_holds_goes_on_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tallyp2p.conformance.prober.anchor._MOST_OPEN", 0.0)
    monkeypatch.setattr("tallyp2p.conformance.prober.anchor._LOOK", 0.02)
    async with staged(Peer(), anchored=True) as stage:
        await stage.anchor.opened(2 * stage.session.span)


async def test_a_peer_that_never_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallyp2p.conformance.prober.anchor._CLOSE", 0.3)
    async with staged(Peer(timing=Timing(quorum=3))) as stage:
        anchor = Anchor(stage.session)
        with pytest.raises(Broken, match="its first round does not open"):
            await anchor.begin()
        anchor.leave()


async def test_a_peer_in_a_round_that_cannot_be() -> None:
    async with staged(Peer(), anchored=True) as stage:
        stage.session.round = None
        stage.session.unsound = set(range(100))
        with pytest.raises(Broken, match="no round that there can be"):
            async with stage.anchor.still():
                pass
