"""What a case can say and do, with a sound peer."""

from __future__ import annotations

import pytest

from tallyp2p.conformance.prober.stage import Stage
from tallyp2p.conformance.prober.verdict import Broken, NotJudged, Verdict
from tallyp2p.errors import Reason
from tests.conformance.prober.stages import staged
from tests.conformance.prober.subjects import Peer


async def test_findings() -> None:
    async with staged(Peer()) as stage:
        verdicts = []
        for say in (stage.note, stage.tell, stage.lacks):
            say(say.__name__)
            verdicts.append(stage.finding.verdict)
        assert verdicts == [Verdict.OK, Verdict.INFORMATIONAL, Verdict.UNIMPLEMENTED]
        stage.must(True, "fine")
        stage.should(True, "fine")
        stage.should(False, "not so")
        with pytest.raises(Broken, match="broken"):
            stage.must(False, "broken")
        assert (stage.finding.verdict, stage.finding.reasons) == (
            Verdict.NON_STRICT,
            ["note", "tell", "lacks", "not so"],
        )


async def test_players_come_and_go() -> None:
    async with staged(Peer(), anchored=True) as stage:
        player = await stage.player("one", start=8)
        assert stage.session.members[player.author] == 8
        assert stage.subject.author == stage.session.author
        stage.anchor.voters.append(player)
        stage.dismiss()
        assert player.author not in stage.session.members and not stage.anchor.voters


async def test_ballots_that_are_held() -> None:
    async with staged(Peer()) as stage:
        player = await stage.player()
        assert await stage.holds(player, player.author, 4) == []
        player.cast(4)
        (frame,) = await stage.holds(player, player.author, 4)
        assert frame[1] == 0x01
        assert stage.ahead(3) == 3 * stage.session.span


async def test_refusals_and_silence() -> None:
    async with staged(Peer()) as stage:
        player = await stage.player()
        await stage.refused(player, b"\x04\x00", "PING without a body", Reason.LENGTH)
        assert stage.finding.verdict is Verdict.OK
        await stage.in_silence(player, b"\x8a\x00", what="grease")
        await stage.refused(player, b"\x04\x00", "PING without a body", Reason.LABEL)
        assert "answered by ERROR LENGTH, not LABEL" in stage.finding.reasons[0]
        with pytest.raises(Broken, match="is answered by ERROR"):
            await stage.in_silence(player, b"\x04\x00", what="PING without a body")


async def test_without_an_anchor_and_without_a_peer() -> None:
    async with staged(Peer()) as stage:
        with pytest.raises(NotJudged, match="the anchor"):
            _ = stage.anchor
        fresh = Stage(stage.session)
        stage.session.subject = None
        with pytest.raises(NotJudged, match="HELLO to nobody"):
            _ = fresh.subject
