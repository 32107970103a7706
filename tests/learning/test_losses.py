"""The divergence to a tally, worked by hand."""

from __future__ import annotations

import math

import pytest
import torch

from tallyp2p.learning.losses import combine, divergence
from tallyp2p.learning.settings import Loss


def test_divergence_by_hand() -> None:
    # softmax of (ln 3, 0) is (3/4, 1/4).
    logits = torch.tensor([[math.log(3), 0.0]])
    half = 0.5 * math.log(0.5 / 0.75) + 0.5 * math.log(0.5 / 0.25)
    assert divergence(logits, torch.tensor([[0.5, 0.5]])).item() == pytest.approx(half)
    assert divergence(logits, torch.tensor([[0.0, 1.0]])).item() == pytest.approx(math.log(4))
    assert divergence(logits, torch.tensor([[0.75, 0.25]])).item() == pytest.approx(0, abs=1e-6)


def test_rows_without_a_vote_drop_out() -> None:
    logits = torch.randn(4, 3, requires_grad=True)
    targets = torch.zeros(4, 3)
    targets[1] = torch.tensor([1.0, 0.0, 0.0])
    targets[3] = torch.tensor([0.5, 0.0, 0.5])
    whole = divergence(logits, targets)
    assert whole.item() == pytest.approx(divergence(logits[[1, 3]], targets[[1, 3]]).item())
    whole.backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert not logits.grad[[0, 2]].any() and logits.grad[[1, 3]].any(dim=1).all()


def test_nobody_voted_is_zero_with_zero_gradient() -> None:
    logits = torch.randn(2, 3, requires_grad=True)
    loss = divergence(logits, torch.zeros(2, 3))
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == 0 and logits.grad is not None and not logits.grad.any()


def test_extreme_logits_stay_finite() -> None:
    logits = torch.tensor([[1e4, -1e4]], requires_grad=True)
    divergence(logits, torch.tensor([[0.0, 1.0]])).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None and logits.grad.isfinite().all()


def test_additive_and_mixed() -> None:
    ce, kl = torch.tensor(2.0), torch.tensor(10.0)
    assert combine(ce, kl, 0.25, Loss.ADDITIVE).item() == 4.5
    assert combine(ce, kl, 0.25, Loss.MIXED).item() == 4.0
