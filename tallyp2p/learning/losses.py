"""What a training step minimises."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from .settings import Loss

__all__ = ["combine", "divergence"]


def divergence(logits: Tensor, targets: Tensor) -> Tensor:
    """KL(target || softmax(logits)), the mean over the rows that have a target; a scalar.

    Both (n, C).  A target row is a distribution, or all zero where nobody voted: such a row
    drops out.  0 when all do.
    """
    logs = F.log_softmax(logits, dim=1)
    # Torch's kl_div takes 0 log 0 as 0, so an all-zero row adds nothing.
    return F.kl_div(logs, targets, reduction="sum") / targets.sum().clamp(min=1.0)


def combine(ce: Tensor, kl: Tensor, weight: float | Tensor, loss: Loss) -> Tensor:
    """Cross-entropy and divergence as one loss (see :class:`Loss`)."""
    if loss is Loss.MIXED:
        return (1 - weight) * ce + weight * kl
    return ce + weight * kl
