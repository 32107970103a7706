"""A sound peer passes everything; what cannot be judged is said in one sentence."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tallyp2p.conformance.prober.case import chosen
from tallyp2p.conformance.prober.report import headline
from tallyp2p.conformance.prober.runner import probe
from tallyp2p.conformance.prober.stage import Stage
from tallyp2p.conformance.prober.verdict import NotJudged, Verdict
from tallyp2p.errors import LocalError, SettingsError
from tallyp2p.parameters import RunParameters, Timing
from tallyp2p.runtime.command import Process
from tallyp2p.runtime.raw import free_endpoint
from tests.conformance.prober.broken import BROKEN
from tests.conformance.prober.subjects import (
    BROADCAST,
    SAMPLED,
    SEALED,
    Peer,
    judge,
    listening,
    verdicts,
)

FINE = {Verdict.OK, Verdict.INFORMATIONAL, Verdict.NOT_JUDGED}
RUNS = pytest.mark.parametrize("run", [SAMPLED, BROADCAST, SEALED], ids=["sampled", "all", "seals"])


@RUNS
async def test_a_sound_peer_passes_what_broken_ones_fail(run: RunParameters) -> None:
    quick = {b.case for b in BROKEN if b.peer.run == run and not b.slow}
    if run == SAMPLED:  # the others are played by the tests of their files all the same
        quick = {id for id in quick if id.startswith(("handshake", "repair", "malformed"))}
    found = await judge(Peer(run=run), *sorted(quick))
    assert not [(o.case.id, o.finding) for o in found.outcomes if o.verdict not in FINE]
    judged = len(found.outcomes) - found.count(Verdict.NOT_JUDGED)  # some are for encrypted peers
    assert judged > 1 and found.count(Verdict.OK) > 0.8 * judged


@pytest.mark.slow
@RUNS
async def test_a_sound_peer_passes_everything(run: RunParameters) -> None:
    found = await judge(Peer(run=run))
    print(f"{len(found.outcomes)} cases took {found.seconds:.1f} s")
    assert not [(o.case.id, o.finding) for o in found.outcomes if o.verdict not in FINE]
    assert list(verdicts(found)) == [case.id for case in chosen()]


async def test_a_peer_can_be_probed_twice() -> None:
    async with listening(Peer()) as (endpoint, _):
        for _ in range(2):
            found = await probe(endpoint, chosen(("liveness/ping", "votes/one-each")))
            assert not found.failed
    async with listening(Peer()) as (endpoint, _):
        await probe(endpoint, chosen(("liveness/ping-zero",)))
        again = await probe(endpoint, chosen(("votes/quorum",)))
        assert verdicts(again) == {"votes/quorum": Verdict.NOT_JUDGED}


async def test_nobody_there() -> None:
    with pytest.raises(SettingsError, match="nobody listens at tcp://127.0.0.1:1: start the peer"):
        await probe("tcp://127.0.0.1:1", chosen(("liveness",)))


async def test_a_program_that_ends_at_once() -> None:
    process = await Process.start(["sh", "-c", "echo bad luck >&2; exit 3"])
    with pytest.raises(SettingsError, match="ended .exit code 3. and never listened: bad luck"):
        await probe(free_endpoint(), chosen(("liveness",)), process=process)
    await process.kill()


async def test_what_listens_and_is_no_peer() -> None:
    writers: list[asyncio.StreamWriter] = []

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await reader.read()

    async with await asyncio.start_server(hold, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(SettingsError, match="is it a peer of TALLY/1"):
            await probe(f"tcp://127.0.0.1:{port}", chosen(("liveness",)))
        for writer in writers:
            writer.close()
            await writer.wait_closed()


async def test_what_a_case_may_end_with() -> None:
    cases = chosen(("liveness/ping-zero",))

    async def slips(stage: Stage) -> None:
        raise NotJudged("there is no moon")

    async def tells(stage: Stage) -> None:
        stage.tell("something")
        stage.should(False, "not so")
        stage.note("and more")

    async def strays(stage: Stage) -> None:
        raise LocalError("no round is that high")

    plays = (slips, tells, strays)
    ends = [replace(cases[0], id=f"liveness/{play.__name__}", play=play) for play in plays]
    async with listening(Peer()) as (endpoint, _):
        found = await probe(endpoint, ends)
    expected = [Verdict.NOT_JUDGED, Verdict.NON_STRICT, Verdict.FAILED]
    assert [o.verdict for o in found.outcomes] == expected
    assert found.outcomes[1].finding.reasons == ["something", "not so", "and more"]


async def test_a_probe_that_was_cut_short_has_not_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or a peer could pass by answering slowly."""
    async with listening(Peer()) as (endpoint, _):
        cases = chosen(("liveness/ping-zero",))
        assert not (await probe(endpoint, cases)).failed
        monkeypatch.setattr("tallyp2p.conformance.prober.runner._ENOUGH", 0.0)
        found = await probe(endpoint, cases)
    assert found.failed
    assert headline(found).endswith("1 not judged; the 0 s that a probe may take were over")
    assert [o.verdict for o in found.outcomes] == [Verdict.NOT_JUDGED]


async def test_a_probe_without_rounds_has_not_passed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallyp2p.conformance.prober.anchor._CLOSE", 0.3)
    timing = Timing(rounds=2**32 - 1, quorum=3)
    found = await judge(Peer(timing=timing), "liveness/ping-zero", "votes/waits")
    assert set(verdicts(found).values()) == {Verdict.OK, Verdict.NOT_JUDGED}
    assert found.failed and "the anchor cannot take part" in headline(found)
