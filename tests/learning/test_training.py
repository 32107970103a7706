"""Steps, predictions and measurements."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.data import TensorDataset

from tallyp2p.learning.models import make
from tallyp2p.learning.settings import LearningSettings, Loss
from tallyp2p.learning.sources import Batches, inputs_of, source_of
from tallyp2p.learning.training import Pull, Trainer, evaluate, predict

INPUTS = torch.rand(40, 5, generator=torch.Generator().manual_seed(0))
DATA = TensorDataset(INPUTS, torch.arange(40) % 3)


def trainer(settings: LearningSettings | None = None, model: nn.Module | None = None) -> Trainer:
    model = model or make("mlp", (5,), 3, torch.Generator().manual_seed(1))
    batches = Batches(source_of(DATA, "private"), 8, torch.Generator().manual_seed(2))
    return Trainer(model, batches, settings or LearningSettings())


def weights(of: Trainer) -> list[torch.Tensor]:
    return [weight.detach().clone() for weight in of.model.parameters()]


def equal(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_first_adamw_step_by_hand() -> None:
    # In the first step the moments cancel: w <- w (1 - lr decay) - lr sign(gradient).
    model = nn.Linear(5, 3, bias=False)
    with torch.no_grad():
        model.weight.fill_(0.5)
    probe = trainer(LearningSettings(lr=0.1, weight_decay=0.2), model)
    probe.step()
    gradient = model.weight.grad
    assert gradient is not None
    expected = 0.5 * (1 - 0.1 * 0.2) - 0.1 * gradient.sign()
    assert torch.allclose(model.weight, expected, atol=1e-4)


def test_steps_learn() -> None:
    probe = trainer(LearningSettings(lr=0.01))
    first = probe.step().item()
    for _ in range(300):
        last = probe.step().item()
    assert last < 0.7 * first
    assert evaluate(probe.model, source_of(DATA, "test")) > 0.6


def test_pull_moves_predictions_to_the_targets() -> None:
    probe = trainer()
    targets = torch.tensor([[0.0, 0.0, 1.0]]).repeat(40, 1)
    kl = [probe.step_towards(Pull(INPUTS, targets, 3.0))[2].item() for _ in range(60)]
    assert kl[-1] < 0.5 * kl[0]


@pytest.mark.parametrize(("loss", "factors"), [(Loss.ADDITIVE, (1, 0.5)), (Loss.MIXED, (0.5, 0.5))])
def test_reported_loss_is_made_of_the_reported_parts(
    loss: Loss, factors: tuple[float, float]
) -> None:
    probe = trainer(LearningSettings(loss=loss, kl_weight=0.5))
    targets = torch.full((40, 3), 1 / 3)
    total, ce, kl = probe.step_towards(Pull(INPUTS, targets, 0.5))
    assert total.item() == pytest.approx(factors[0] * ce.item() + factors[1] * kl.item())


def test_frozen_weights_stay() -> None:
    model = make("mlp", (5,), 3, torch.Generator().manual_seed(1))
    first = next(model.parameters()).requires_grad_(False)
    before = first.clone()
    trainer(model=model).step()
    assert torch.equal(first, before)


def test_snapshot_is_a_copy_and_resumes_bit_for_bit() -> None:
    one = trainer()
    for _ in range(7):
        one.step()
    state = one.snapshot()
    expected = [one.step().item() for _ in range(9)]
    final = weights(one)
    other = trainer(model=make("mlp", (5,), 3, torch.Generator().manual_seed(9)))
    other.restore(state)
    assert [other.step().item() for _ in range(9)] == expected
    assert equal(weights(other), final)
    one.restore(state)  # the first resumption did not touch it
    assert [one.step().item() for _ in range(9)] == expected


def test_prediction_and_measurement_use_evaluation_mode_and_leave_the_mode() -> None:
    model = nn.Sequential(nn.Dropout(0.5), nn.Linear(5, 3))
    model.train()
    index = torch.tensor([4, 4])
    logits = predict(model, inputs_of(INPUTS), index)
    assert torch.equal(logits[0], logits[1]) and model.training
    assert evaluate(model, source_of(DATA, "t")) == evaluate(model, source_of(DATA, "t"))
    assert model.training
