"""The hunt finds seeded defects, whatever happens comes back as a result, and sums are sums."""

from __future__ import annotations

import pytest

from tallyp2p.simulator.hunting import Broken, Lived, Sum, live, mixed
from tallyp2p.simulator.invariants import Violation
from tallyp2p.simulator.mix import FLAG, faults_of, standard
from tallyp2p.simulator.shrinking import shrink
from tallyp2p.simulator.spec import Churn, WorldSpec
from tallyp2p.simulator.world import World
from tests.simulator.defects import DEFECTS

_WORLDS = 100  # seeds that a defect may take to show: seconds, where a minute is allowed
_TRIES = 1000  # worlds that may be tried to make one small; counted, so that no host is too slow


@pytest.mark.slow
@pytest.mark.parametrize("name", DEFECTS)
def test_a_seeded_defect_is_found_and_made_small(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The small world has few peers and faults, and still breaks."""
    put_in, shows = DEFECTS[name]
    put_in(monkeypatch)
    worlds = (live(standard(seed)).broken for seed in range(_WORLDS))
    found = next(broken for broken in worlds if broken is not None)
    assert found.invariant in shows
    so_far = [(0, standard(found.seed))]

    def enough() -> bool:
        tries, smallest = so_far[-1]
        return tries >= _TRIES or (smallest.peers <= 4 and len(faults_of(smallest)) <= 2)

    spec, how, _ = shrink(so_far[0][1], found, enough, lambda *told: so_far.append(told))
    assert how.invariant == found.invariant
    assert spec.peers <= 4, spec
    assert len(faults_of(spec)) <= 2, faults_of(spec)
    assert live(spec).broken == how


def test_a_world_that_holds() -> None:
    lived = live(standard(5))
    assert lived.broken is None and lived.events > 100 and lived.seconds > 10
    assert lived.faults == faults_of(standard(5))


def test_the_crashes_that_churn_drew_come_back() -> None:
    spec = WorldSpec(seed=3, peers=5, churn=Churn(every=2.0, down=1.0, begin=3.0, end=12.0))
    lived = live(spec)
    assert len(lived.churned) >= 3 and not live(standard(5)).churned
    assert all(3 <= part.at <= 12 and part.restart_after == 1.0 for part in lived.churned)


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
