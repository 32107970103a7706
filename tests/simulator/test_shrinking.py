"""Simpler worlds are simpler, can be had, and ask for nothing that no peer can do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tallyp2p.parameters import Seal
from tallyp2p.simulator.hunting import Broken, Lived
from tallyp2p.simulator.mix import standard
from tallyp2p.simulator.reading import parse, to_toml
from tallyp2p.simulator.shrinking import shrink, simpler
from tallyp2p.simulator.spec import Churn, Crash, Hostile, Join, Leave, Step, WorldSpec


@pytest.mark.parametrize("seed", range(0, 40, 4))
def test_simpler_worlds_can_be_had(seed: int) -> None:
    spec = standard(seed)
    candidates = list(simpler(spec))
    assert candidates and spec not in candidates
    for candidate in candidates:
        assert candidate.peers <= spec.peers
        assert parse(to_toml(candidate, brief=True), "again") == candidate


def test_peers_are_counted_anew() -> None:
    spec = WorldSpec(peers=4, crashes=(Crash((1, 3), 5.0, 1.0),), joins=(Join((3,), 4.0, (0, 2)),))
    without_0 = next(
        s for s in simpler(spec) if s.peers == 3 and s.joins and s.joins[0].seeds == (1,)
    )
    assert without_0.crashes[0].peers == (0, 2) and without_0.joins[0].peers == (2,)


def test_nobody_is_left_alone() -> None:
    spec = WorldSpec(peers=4, leaves=(Leave((0, 1), 5.0),))
    for candidate in simpler(spec):
        left = {peer for part in candidate.leaves for peer in part.peers}
        assert candidate.peers - len(left) >= 2


def test_a_run_is_not_made_too_short_to_come_back_to() -> None:
    spec = WorldSpec(crashes=(Crash((1,), 5.0, 1.0),))
    shorter = [s for s in simpler(spec, "complete") if s.timing.rounds < spec.timing.rounds]
    assert not shorter
    assert any(s.timing.rounds < spec.timing.rounds for s in simpler(spec, "tally"))


def test_churn_becomes_the_crashes_that_it_drew() -> None:
    drawn = tuple(Crash((peer,), 4.0 + peer, 1.0) for peer in range(4))
    spec = WorldSpec(peers=4, churn=Churn(every=2.0), crashes=(Crash((3,), 30.0, 1.0),))
    told = [s for s in simpler(spec, "", drawn) if s.crashes == (*spec.crashes, *drawn)]
    assert told and not told[0].churn.every
    halves = [s.crashes for s in simpler(told[0])]
    assert told[0].crashes[:2] in halves and told[0].crashes[2:] in halves


def test_a_crash_becomes_a_plain_one() -> None:
    crash = Crash((1,), 5.0, 1.0, disk=False, noticed=False, step=Step.VOTE)
    found = {s.crashes for s in simpler(WorldSpec(crashes=(crash,)))}
    assert (Crash((1,), 5.0, 1.0),) in found and (replace(crash, disk=True),) in found


def test_promises_are_left_alone() -> None:
    spec = standard(0)
    assert all(candidate.promises == spec.promises for candidate in simpler(spec))


def fake(spec: WorldSpec, monkeypatch: pytest.MonkeyPatch) -> list[WorldSpec]:
    """A product that fails wherever a hostile peer is among three or more."""
    tried: list[WorldSpec] = []

    def live(candidate: WorldSpec) -> Lived:
        tried.append(candidate)
        broken = None
        if candidate.hostile and candidate.peers >= 3:
            broken = Broken("tally", candidate.seed, 1.0, "what", "line")
        return Lived(candidate.seed, (), 1.0, 1, True, broken)

    monkeypatch.setattr("tallyp2p.simulator.shrinking.live", live)
    return tried


BROKEN = Broken("tally", 7, 1.0, "what", "line")


def test_what_does_not_matter_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    seed = next(s for s in range(999) if standard(s).hostile and standard(s).crashes)
    spec = standard(seed)
    tried = fake(spec, monkeypatch)
    told: list[int] = []
    small, how, tries = shrink(spec, BROKEN, lambda: False, lambda n, _: told.append(n))
    assert (small.peers, len(small.hostile), small.crashes) == (3, 1, ())
    assert small.run.seal is Seal.NONE and small.links == WorldSpec().links
    assert tries == len(tried) and how.seed == small.seed and told == sorted(told)
    assert len(to_toml(small, brief=True).splitlines()) < 20


def test_more_seeds_are_tried_for_what_is_much_simpler(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure that needs luck without its fault is still found without it."""

    def live(candidate: WorldSpec) -> Lived:
        bad = bool(candidate.hostile) or candidate.seed == 40
        broken = Broken("tally", candidate.seed, 1.0, "what", "line") if bad else None
        return Lived(candidate.seed, (), 1.0, 1, True, broken)

    monkeypatch.setattr("tallyp2p.simulator.shrinking.live", live)
    small, how, _ = shrink(WorldSpec(peers=3, hostile=(Hostile((0,)),)), BROKEN, lambda: False)
    assert (small.seed, small.hostile, how.seed) == (40, (), 40)


def test_it_ends_when_it_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = WorldSpec(peers=8, hostile=(Hostile((0,)),))
    tried = fake(spec, monkeypatch)
    small, how, tries = shrink(spec, BROKEN, lambda: len(tried) >= 1)
    assert tries == 1 and small.hostile


def test_a_world_as_small_as_can_be_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "tallyp2p.simulator.shrinking.live", lambda s: Lived(0, (), 1.0, 1, True, None)
    )
    spec = standard(3)
    small, how, _ = shrink(spec, BROKEN, lambda: False)
    assert small is spec and how is BROKEN
