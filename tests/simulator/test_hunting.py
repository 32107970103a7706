"""The hunt finds seeded defects, whatever happens comes back as a result, and sums are sums."""

from __future__ import annotations

import time
from itertools import count

import pytest

from tallyp2p.simulator.hunting import Broken, Lived, Sum, live, mixed
from tallyp2p.simulator.invariants import Violation
from tallyp2p.simulator.mix import FLAG, faults_of, standard
from tallyp2p.simulator.shrinking import shrink
from tallyp2p.simulator.spec import WorldSpec
from tallyp2p.simulator.world import World
from tests.simulator.defects import DEFECTS


@pytest.mark.slow
@pytest.mark.parametrize("name", DEFECTS)
def test_a_seeded_defect_is_found_and_made_small(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within a minute of CPU time; the small world has few peers and faults, and still breaks."""
    put_in, shows = DEFECTS[name]
    put_in(monkeypatch)
    began = time.process_time()
    found = next(broken for seed in count() if (broken := live(standard(seed)).broken))
    assert time.process_time() - began < 60 and found.invariant in shows
    until = time.process_time() + 12
    spec, how, tries = shrink(standard(found.seed), found, lambda: time.process_time() > until)
    assert how.invariant == found.invariant and tries > 0
    assert spec.peers <= 4, spec
    assert len(faults_of(spec)) <= 4, faults_of(spec)
    assert live(spec).broken == how


def test_a_world_that_holds() -> None:
    lived = live(standard(5))
    assert lived.broken is None and lived.events > 100 and lived.seconds > 10
    assert lived.faults == faults_of(standard(5))


def test_settings_are_laid_over_every_world() -> None:
    spec = mixed(5, {"links.loss": 0.25, "check": False})
    assert (spec.links.loss, spec.check, spec.name) == (0.25, False, FLAG)
    assert spec.peers == standard(5).peers and mixed(5) == standard(5)


def test_a_violation_comes_back_with_the_line_that_replays_it() -> None:
    broken = live(mixed(5, {"limit": 9.0}), " --set limit=9.0").broken
    assert broken is not None and broken.invariant == "complete"
    assert broken.replay == "tallyp2p simulate --mix --seed 5 --set limit=9.0"
    assert "peer 0 is in round" in broken.text


def test_a_fault_of_the_simulator_comes_back_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(self: World, progress: object) -> None:
        raise KeyError("oh")

    monkeypatch.setattr(World, "run", run)
    broken = live(standard(5)).broken
    assert broken is not None and broken.invariant == "simulator" and "KeyError" in broken.text
    assert broken.replay == "tallyp2p simulate --mix --seed 5"


def test_a_storm_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallyp2p.simulator.hunting._MOST", 10)
    monkeypatch.setattr("tallyp2p.simulator.world._EACH", 1)
    broken = live(standard(5)).broken
    assert broken is not None and broken.invariant == "no storm"


def test_worlds_are_summed_up() -> None:
    found = Sum()
    for seed, name in ((4, "tally"), (3, "check"), (9, "tally"), (1, "")):
        broken = Broken(name, seed, 1.0, "what", "line") if name else None
        found.add(Lived(seed, ("loss", "churn"), 30.0, 100, True, broken))
    assert (found.worlds, found.seconds, found.events, found.compared) == (4, 120.0, 400, 4)
    assert found.faults == {"loss": 4, "churn": 4}
    assert found.by_invariant() == {"check": [3], "tally": [4, 9]}


def test_a_violation_is_not_mistaken_for_a_fault_of_the_simulator() -> None:
    assert issubclass(Violation, Exception) and live(WorldSpec(limit=1.0)).broken is not None
