"""The standard mix: a function of the seed alone, that has every fault and can be written down."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from tallyp2p.parameters import Pace, Seal, Spreading
from tallyp2p.simulator.mix import FLAG, faults_of, standard
from tallyp2p.simulator.reading import parse, to_toml
from tallyp2p.simulator.spec import WorldSpec
from tallyp2p.simulator.world import World

SEEDS = range(400)


def test_a_world_follows_from_its_seed_alone() -> None:
    assert standard(7) == standard(7) != standard(8)
    assert standard(2**63 - 1).seed == 2**63 - 1 and standard(7).name == FLAG
    assert World(standard(7)).line == "tallyp2p simulate --mix --seed 7"


def test_every_fault_and_every_way_of_running_comes_up() -> None:
    specs = [standard(seed) for seed in SEEDS]
    kinds = Counter(kind for spec in specs for kind in faults_of(spec))
    del kinds["nothing"]
    assert len(kinds) >= 22 and min(kinds.values()) >= 3, kinds
    assert {spec.run.spreading for spec in specs} == set(Spreading)
    assert {spec.timing.pace for spec in specs} == set(Pace)
    assert {2, 8} < {spec.peers for spec in specs} and max(spec.peers for spec in specs) > 8
    small = sum(spec.peers <= 8 for spec in specs)
    assert small > 0.7 * len(specs)


def test_no_world_asks_for_what_the_protocol_does_not_promise() -> None:
    for seed in SEEDS:
        spec = standard(seed)
        ended = {peer for part in spec.leaves for peer in part.peers}
        ended |= {peer for part in spec.crashes if not part.restart_after for peer in part.peers}
        assert spec.peers - len(ended) >= 2, seed
        longest = max((part.end - part.begin for part in spec.partitions), default=0.0)
        assert longest < min(spec.timing.gone_after, spec.timing.join_deadline), seed
        if spec.timing.pace is Pace.FREE:
            assert spec.timing.retain == spec.timing.ahead == 64, seed


@pytest.mark.parametrize("seed", range(25))
def test_every_world_can_be_written_down(seed: int) -> None:
    spec = standard(seed)
    assert parse(to_toml(spec), "again") == spec


def test_nothing_is_called_nothing() -> None:
    assert faults_of(WorldSpec()) == ("nothing",)


def test_faults_are_called_by_name() -> None:
    run = replace(WorldSpec().run, seal=Seal.ED25519)
    assert faults_of(WorldSpec(run=run, exact=True)) == ("sealed",)
