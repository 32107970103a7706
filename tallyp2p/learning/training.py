"""One optimiser step, and what a model says of examples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .losses import combine, divergence
from .settings import LearningSettings
from .sources import Batches, Inputs, Source

__all__ = ["Moments", "Pull", "Trainer", "evaluate", "predict"]

_CHUNK = 512  # examples in one forward pass without gradients


@dataclass(frozen=True, slots=True)
class Pull:
    """Towards what one step is pulled."""

    probes: Tensor  # (n, ...)
    targets: Tensor  # (n, C); a row is a distribution, or all zero where nobody voted
    weight: float  # of the KL term, more than 0


@dataclass(frozen=True, slots=True)
class Moments:
    """A weight with AdamW's running means of its gradient and of its gradient's square."""

    weight: Tensor
    first: Tensor
    second: Tensor


class Trainer:
    """A model with its optimiser and its stream of private batches.

    AdamW (Loshchilov and Hutter, arXiv 1711.05101).  Its fused form does all weights in one
    call; where a model has weights that it cannot take, torch's own choice is used.
    """

    __slots__ = ("_optimiser", "_weights", "batches", "model", "settings")

    def __init__(self, model: nn.Module, batches: Batches, settings: LearningSettings) -> None:
        self.model = model
        self.batches = batches
        self.settings = settings
        self._weights = weights = [w for w in model.parameters() if w.requires_grad]
        self._optimiser = torch.optim.AdamW(
            weights,
            lr=settings.lr,
            weight_decay=settings.weight_decay,
            fused=all(weight.is_floating_point() for weight in weights) or None,
        )

    def step(self) -> Tensor:
        """One step on the next private batch; its cross-entropy, a scalar without gradient."""
        inputs, labels = self.batches.next()
        loss = F.cross_entropy(self.model(inputs), labels)
        self._descend(loss)
        return loss.detach()

    def step_towards(self, pull: Pull) -> tuple[Tensor, Tensor, Tensor]:
        """The same, also pulled towards others.

        Returns loss, cross-entropy and divergence, scalars without gradient.
        """
        inputs, labels = self.batches.next()
        ce = F.cross_entropy(self.model(inputs), labels)
        kl = divergence(self.model(pull.probes), pull.targets)
        loss = combine(ce, kl, pull.weight, self.settings.loss)
        self._descend(loss)
        return loss.detach(), ce.detach(), kl.detach()

    def _descend(self, loss: Tensor) -> None:
        for weight in self._weights:  # a tenth of what the optimiser's zero_grad takes
            weight.grad = None
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimiser.step()

    @property
    def steps(self) -> int:
        """Optimiser steps made so far."""
        state = self._optimiser.state.get(self._weights[0])
        return int(state["step"]) if state else 0

    def moments(self) -> list[Moments]:
        """What a step changes, one for each trained weight, to be changed in place by others.

        They say afterwards by :meth:`stepped` how many steps that was.
        """
        for weight in self._weights:
            if not self._optimiser.state[weight]:  # as AdamW itself begins
                self._optimiser.state[weight] = {
                    "step": torch.zeros(()),
                    "exp_avg": torch.zeros_like(weight, memory_format=torch.preserve_format),
                    "exp_avg_sq": torch.zeros_like(weight, memory_format=torch.preserve_format),
                }
        states = ((weight, self._optimiser.state[weight]) for weight in self._weights)
        return [Moments(weight, state["exp_avg"], state["exp_avg_sq"]) for weight, state in states]

    def stepped(self, count: int) -> None:
        """Somebody else has made `count` steps on :meth:`moments`."""
        for weight in self._weights:
            self._optimiser.state[weight]["step"] += count

    def snapshot(self) -> dict[str, Any]:
        """Weights, optimiser and batches, as tensors and numbers of their own."""
        model = {name: value.clone() for name, value in self.model.state_dict().items()}
        return {
            "model": model,
            "optimiser": _copied(self._optimiser.state_dict()),
            "batches": self.batches.snapshot(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a snapshot, bit for bit."""
        self.model.load_state_dict(state["model"])
        self._optimiser.load_state_dict(_copied(state["optimiser"]))
        self.batches.restore(state["batches"])


def _copied(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.clone()
    if isinstance(value, dict):
        return {key: _copied(inner) for key, inner in value.items()}
    return [_copied(inner) for inner in value] if isinstance(value, list) else value


@torch.inference_mode()
def predict(model: nn.Module, probes: Inputs, index: Tensor) -> Tensor:
    """Logits (n, C) at `index` (n,), in evaluation mode."""
    training = model.training
    model.eval()
    logits = [model(probes.inputs(part)) for part in torch.split(index, _CHUNK)]
    model.train(training)
    return logits[0] if len(logits) == 1 else torch.cat(logits)


@torch.inference_mode()
def evaluate(model: nn.Module, test: Source) -> float:
    """The share of `test` that the model labels rightly, 0 .. 1, in evaluation mode."""
    training = model.training
    model.eval()
    right = 0
    for part in torch.split(torch.arange(len(test)), _CHUNK):
        inputs, labels = test.examples(part)
        right += int((model(inputs).argmax(dim=1) == labels).sum())
    model.train(training)
    return right / len(test)
