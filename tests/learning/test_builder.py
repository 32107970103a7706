"""One call from settings to a learner."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.data import Dataset, TensorDataset

from tallyp2p.assemble import build as build_from_profile
from tallyp2p.errors import SettingsError
from tallyp2p.learning.builder import Built, build_own
from tallyp2p.learning.settings import LearningSettings
from tallyp2p.profiles import load
from tests.learning.playing import Choices, built, go, learner, same, weights

POINTS = torch.randn(60, 2, generator=torch.Generator().manual_seed(0))
LABELS = (POINTS[:, 0] > 0).long() + (POINTS[:, 1] > 0).long()


class Pairs(Dataset[Any]):
    """A Dataset like many of torchvision's: no tensors of its own."""

    def __len__(self) -> int:
        return 60

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return POINTS[index], int(LABELS[index])


def own(train: Any, probes: Any, model: nn.Module | None = None, classes: int = 3) -> Built:
    torch.manual_seed(0)
    return build_own(
        model=model or nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 3)),
        train=train,
        probes=probes,
        test=TensorDataset(POINTS, LABELS),
        classes=classes,
        learning=LearningSettings(lr=0.01, warmup=4, abstain_below=0.5),
        run=Choices(),
        seed=0,
        index=0,
        rounds=40,
    )


def test_peers_share_weights_probes_and_run_but_not_data() -> None:
    one, two = built(0), built(1)
    assert one.run == two.run and one.run.run == two.run.run
    assert same(weights(learner(one)), weights(learner(two)))
    go([one.contributor], one.run, 0, 4)
    go([two.contributor], two.run, 0, 4)
    assert not same(weights(learner(one)), weights(learner(two)))


def test_seed_changes_everything() -> None:
    one, two = built(seed=1), built(seed=2)
    assert one.pool_digest != two.pool_digest
    assert not same(weights(learner(one)), weights(learner(two)))


def test_profile_becomes_a_run() -> None:
    made = build_from_profile(load("default", {"seed": 3, "abstain_below": 0.0}), 0)
    assert (made.classes, made.pool, made.weights, made.run.seed) == (10, 300, 8970, 3)
    assert not made.run.abstain  # nobody withholds, so no label stands for it
    assert build_from_profile(load(), 0).run.abstain


def test_own_datasets_of_either_kind_give_the_same_run() -> None:
    fast = own(TensorDataset(POINTS, LABELS), POINTS)
    slow = own(Pairs(), Pairs())
    assert fast.run == slow.run and fast.weights == 2 * 16 + 16 + 16 * 3 + 3
    assert go([fast.contributor], fast.run, 0, 40) == go([slow.contributor], slow.run, 0, 40)


def test_own_model_learns_in_place() -> None:
    model = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 3))
    made = own(Pairs(), POINTS, model)
    told = go([made.contributor], made.run, 0, 40)
    assert told[-1][0]["accuracy"] > 0.8
    assert "alone" not in told[-1][0]
    assert (model(POINTS).argmax(dim=1) == LABELS).float().mean() > 0.8


def test_model_of_another_task_is_refused() -> None:
    with pytest.raises(SettingsError, match=r"shape \(1, 3\) of one probe, but 5 classes"):
        own(Pairs(), POINTS, classes=5)
    with pytest.raises(SettingsError, match="no weights"):
        own(Pairs(), POINTS, nn.Flatten())
    with pytest.raises(SettingsError, match=r"must be a torch.nn.Module, not function"):
        own(Pairs(), POINTS, lambda batch: batch)  # type: ignore[arg-type]


def test_a_run_may_want_all_models_of_one_shape() -> None:
    """Whoever says `own` is of the run of those whose models are alike, and of no other's."""
    one, two = (build_from_profile(load("default", {"run.model": "own"}), at) for at in (0, 1))
    assert one.run == two.run and len(one.run.model) == 64
    assert build_from_profile(load("default", {"run.model": one.run.model}), 0).run == one.run
    assert build_from_profile(load(), 0).run.model == ""
    with pytest.raises(SettingsError) as refused:
        build_from_profile(load("default", {"run.model": "e1" * 32}), 0)
    assert "e1" * 32 in str(refused.value) and one.run.model in str(refused.value)


def test_data_that_do_not_fit_the_model_are_refused_before_anybody_is_met() -> None:
    wide = torch.randn(60, 3)
    with pytest.raises(SettingsError, match=r"cannot take a probe of shape \(3,\)"):
        own(Pairs(), wide)
    with pytest.raises(SettingsError, match=r"cannot take a private example of shape \(3,\)"):
        own(TensorDataset(wide, LABELS), POINTS)
    with pytest.raises(SettingsError, match="cannot take a probe of shape .*float64"):
        own(Pairs(), POINTS.double())
    with pytest.raises(SettingsError, match="labels from 1 to 3, but 3 classes are 0 to 2"):
        own(TensorDataset(POINTS, LABELS + 1), POINTS)
