"""A learner frozen into bytes goes on exactly; whatever else is refused, and is never run."""

from __future__ import annotations

import json
import pickle
import random
import struct
from random import Random
from typing import Any

import numpy as np
import pytest
import safetensors
import safetensors.torch
import torch
from torch import nn

from tallyp2p.consensus.contributor import Election
from tallyp2p.errors import SettingsError
from tallyp2p.learning.builder import Built, build
from tallyp2p.learning.settings import DataSettings, LearningSettings
from tallyp2p.learning.state import (
    Memory,
    State,
    from_bytes,
    generators,
    restore_generators,
    to_bytes,
)
from tallyp2p.parameters import Ids
from tallyp2p.profiles import load
from tallyp2p.runtime.casting import cast

TREE: dict[str, Any] = {
    "plain": [1, 2.5, None, True, "text", {"inner": -0.1}],
    "tuple": (0.9, 0.999),
    "tensors": [torch.arange(6).view(2, 3), torch.tensor(1.5), torch.empty(0, dtype=torch.int64)],
    "numbered": {0: {"step": torch.tensor(3.0)}, 8: []},
    "$odd": {"$tensor": "not one"},
    "half": torch.ones(2, dtype=torch.bfloat16).t(),
}


def same(one: Any, other: Any) -> bool:
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and torch.equal(one, other)
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return type(one) is type(other) and all(map(same, one, other)) and len(one) == len(other)
    return type(one) is type(other) and bool(one == other)


def test_a_tree_comes_back_with_its_types() -> None:
    tree, state = from_bytes(to_bytes(TREE, State({"round": 8}, b"ballots")))
    assert same(tree, TREE)
    assert state == State({"round": 8}, b"ballots")
    assert from_bytes(to_bytes({}, State({}, b"")))[1].ballots == b""


def test_equal_states_are_equal_bytes_that_others_can_read(tmp_path: Any) -> None:
    data = to_bytes(TREE, State({"round": 8}, b"x"))
    assert data == to_bytes(TREE, State({"round": 8}, b"x"))
    path = tmp_path / "file.safetensors"
    path.write_bytes(data)
    with safetensors.safe_open(path, "pt") as file:
        assert json.loads(file.metadata()["tallyp2p"])["notes"] == {"round": 8}


def test_whatever_is_no_state_is_refused() -> None:
    good = to_bytes(TREE, State({}, b"x"))
    for data in (
        b"",
        b"short",
        good[:-1],
        struct.pack("<Q", 1 << 62) + good[8:],
        struct.pack("<Q", len(good)) + good[8:],
        pickle.dumps(TREE["plain"]),
        safetensors.torch.save({"a": torch.ones(1)}),
        safetensors.torch.save({"a": torch.ones(1)}, metadata={"tallyp2p": "{}"}),
        safetensors.torch.save(
            {"a": torch.ones(1)}, metadata={"tallyp2p": '{"format": "tallyp2p.state/9"}'}
        ),
    ):
        with pytest.raises(ValueError):
            from_bytes(data)


def test_a_thousand_damages_are_refused_or_harmless() -> None:
    """Their digest is looked at before; but nothing here may depend on that."""
    good = to_bytes(TREE, State({}, b"x"))
    chance, refused = Random(1), 0
    for _ in range(1000):
        data = bytearray(good)
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        try:
            from_bytes(bytes(data[: chance.choice([len(data), chance.randrange(len(data))])]))
        except ValueError:
            refused += 1
    assert refused > 500


def test_the_global_generators_go_on() -> None:
    kept = from_bytes(to_bytes(generators(), State({}, b"")))[0]

    def drawn() -> tuple[float, float, list[float]]:
        return random.random(), np.random.normal(), torch.rand(3).tolist()

    first = drawn()
    drawn()
    restore_generators(kept)
    assert drawn() == first


@pytest.mark.slow
@pytest.mark.parametrize("ids", list(Ids))
def test_a_learner_goes_on_bit_for_bit(ids: Ids) -> None:
    profile = load("default", {"rounds": 48, "run.ids": str(ids), "learning.warmup": 0})

    def made(index: int) -> Built:
        return build(
            learning=LearningSettings(warmup=0, chooser=profile.learning.chooser),
            data=DataSettings(),
            run=profile.run,
            seed=1,
            index=index,
            peers=3,
            rounds=48,
        )

    def live(one: Built, other: Built, rounds: range) -> dict[str, str]:
        for round in rounds:
            ballots = tuple(
                cast(built.run, author, built.contributor, round)
                for built, author in ((one, b"author 1"), (other, b"author 2"))
            )
            for built in (one, other):
                built.contributor.learn(round, [Election(round, ballots)])
        return dict(one.digests())

    one, other = made(0), made(1)
    live(one, other, range(0, 16, 8))
    assert one.memory and other.memory
    frozen = [built.memory.freeze({}, b"") for built in (one, other) if built.memory]
    whole = live(one, other, range(16, 48, 8))
    again = [made(0), made(1)]
    for built, data in zip(again, frozen, strict=True):
        assert built.memory
        built.memory.thaw(data)
    assert live(again[0], again[1], range(16, 48, 8)) == whole


def test_another_learners_state_is_refused_in_one_sentence() -> None:
    held = {"model": torch.ones(3)}

    def restore(state: dict[str, Any]) -> None:
        nn.Linear(2, 2).load_state_dict(state)

    frozen = Memory(lambda: held, restore).freeze({}, b"")
    with pytest.raises(SettingsError, match="does not fit this learner: Error.* in loading"):
        Memory(lambda: held, restore).thaw(frozen)
    with pytest.raises(SettingsError, match="does not fit"):
        Memory(lambda: held, restore).thaw(b"nothing")
