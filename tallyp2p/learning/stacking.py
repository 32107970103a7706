"""Many models of one shape, trained at once.

A model of this size spends most of a step in getting from one small operation to the next.
So the weights of many peers are laid on one another, and each operation is done for all: a
matrix product becomes a batch of them.  Each model sees its own batches in its own order, and
AdamW is the same operator on the same numbers, so what comes out differs from training one
after the other only in how sums are rounded.

What can be stacked is a chain of Linear, ReLU and Flatten layers on flat or flattened inputs
whose weights are all trained, which is what ships.  Other models, and those that nobody is
like, are trained alone.  Written out by hand and not by torch.func.vmap, which was measured to
be up to 1.6 times slower (tests/benchmarks/learning.py).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.adamw import adamw

from .losses import combine
from .settings import LearningSettings
from .training import Pull, Trainer

__all__ = ["FEWEST", "ROWS", "Drill", "drill"]

ROWS = 32  # models at once on a CPU: more take as long for each, and more memory; measured
FEWEST = 4  # models below which one after the other is as fast; measured
_BETAS, _EPS = (0.9, 0.999), 1e-8  # of torch.optim.AdamW by default, which Trainer takes
_NOBODY = -100  # the label of a padded example, which cross_entropy leaves out


@dataclass(frozen=True, slots=True)
class Drill:
    """What one model is to train through."""

    trainer: Trainer
    pulls: Sequence[Pull | None]  # one for each step; None: an ordinary local step


def drill(
    drills: Iterable[Drill],
    device: torch.device | None = None,
    *,
    rows: int | None = None,
    fewest: int = FEWEST,
) -> int:
    """Train through all drills, each of another trainer; how many models were stacked.

    Equal to training one after the other within the rounding of float32, whatever the others
    are.  `device`: where stacks are computed, the CPU by default; models stay where they are,
    on the CPU.  `rows`: models at once; `fewest`: models below which nothing is stacked.
    """
    where = device or torch.device("cpu")
    if rows is None:
        rows = ROWS if where.type == "cpu" else 1 << 16
    groups: dict[Hashable, list[Drill]] = {}
    stacked = 0
    for one in drills:
        groups.setdefault(_alike(one), []).append(one)
    for key, group in groups.items():
        group.sort(key=lambda one: one.trainer.steps)
        for at in range(0, len(group), rows):
            part = group[at : at + rows]
            if key is None or len(part) < fewest:
                for one in part:
                    _alone(one)
            else:
                _together(part, where)
                stacked += len(part)
    return stacked


def _alone(one: Drill) -> None:
    one.trainer.model.train()
    for pull in one.pulls:
        if pull is None:
            one.trainer.step()
        else:
            one.trainer.step_towards(pull)


def _alike(one: Drill) -> Hashable:
    """Equal for drills that can be done at once; None for what cannot be stacked."""
    layers = _layers(one.trainer.model)
    if layers is None or not one.pulls:
        return None
    shapes = tuple(
        (type(layer), tuple(layer.weight.shape) if isinstance(layer, nn.Linear) else ())
        for layer in layers
    )
    return shapes, one.trainer.settings, tuple(pull is not None for pull in one.pulls)


def _layers(model: nn.Module) -> list[nn.Module] | None:
    """The layers of a chain that can be stacked, else None."""
    layers = list(model) if isinstance(model, nn.Sequential) else [model]
    for layer in layers:
        if type(layer) is nn.Linear:
            weights = (layer.weight, layer.bias)
            if any(w is None or not w.requires_grad or w.dtype != torch.float32 for w in weights):
                return None
        elif type(layer) not in (nn.ReLU, nn.Flatten):
            return None
        elif isinstance(layer, nn.Flatten) and (layer.start_dim, layer.end_dim) != (1, -1):
            return None
    return layers


# --- one stack ------------------------------------------------------------------------------


def _together(group: Sequence[Drill], device: torch.device) -> None:
    trainers = [one.trainer for one in group]
    settings, count = trainers[0].settings, len(group[0].pulls)
    forward = _forward(trainers[0].model)
    lent = _lent(trainers)
    weights, first, second = ([torch.stack(rows).to(device) for rows in places] for places in lent)
    for weight in weights:
        weight.requires_grad_()
    ages = _Ages([trainer.steps for trainer in trainers], settings, device)
    inputs, labels, shares = _batches(trainers, count, device)
    for step in range(count):
        pulls = [one.pulls[step] for one in group]
        examples, size = inputs[:, step], inputs.shape[2]
        lesson = _lesson([pull for pull in pulls if pull is not None], device)
        if lesson is not None:
            examples = torch.cat((examples, lesson.probes), dim=1)
        logits = forward(weights, examples)
        loss = _ce(logits[:, :size], labels[:, step], shares)
        if lesson is not None:
            loss = combine(loss, lesson.kl(logits[:, size:]), lesson.weights, settings.loss)
        for weight in weights:
            weight.grad = None
        loss.sum().backward()  # type: ignore[no-untyped-call]
        ages.descend(weights, first, second)
    for places, stacks in zip(lent, (weights, first, second), strict=True):
        for rows, stack in zip(places, stacks, strict=True):
            for row, new in zip(rows, stack.detach().cpu().unbind(0), strict=True):
                row.copy_(new)
    for trainer in trainers:
        trainer.stepped(count)


def _lent(trainers: Sequence[Trainer]) -> list[list[list[Tensor]]]:
    """The tensors that a step changes: weights and two moments, by place in the model, by row."""
    moments = [trainer.moments() for trainer in trainers]
    places = [list(rows) for rows in zip(*moments, strict=True)]
    return [
        [[row.weight.detach() for row in rows] for rows in places],
        [[row.first for row in rows] for rows in places],
        [[row.second for row in rows] for rows in places],
    ]


def _forward(model: nn.Module) -> Callable[[Sequence[Tensor], Tensor], Tensor]:
    """The chain for stacked weights: inputs (N, B, ...) to logits (N, B, C)."""
    layers = _layers(model)
    assert layers is not None

    def forward(weights: Sequence[Tensor], inputs: Tensor) -> Tensor:
        at = 0
        for layer in layers:
            if isinstance(layer, nn.Linear):
                weight, bias = weights[at], weights[at + 1]
                inputs = torch.baddbmm(bias.unsqueeze(1), inputs, weight.transpose(1, 2))
                at += 2
            else:
                inputs = inputs.relu() if isinstance(layer, nn.ReLU) else inputs.flatten(2)
        return inputs

    return forward


class _Ages:
    """AdamW for a stack.  How many steps a model has made counts in it, so each age has its own
    rows; they come in the order of their ages."""

    def __init__(self, steps: Sequence[int], settings: LearningSettings, device: torch.device):
        self._settings = settings
        starts = [at for at, age in enumerate(steps) if at == 0 or age != steps[at - 1]]
        self._rows = list(map(slice, starts, [*starts[1:], len(steps)]))
        self._steps = [torch.tensor(float(steps[at]), device=device) for at in starts]

    @torch.no_grad()
    def descend(
        self, weights: Sequence[Tensor], first: Sequence[Tensor], second: Sequence[Tensor]
    ) -> None:
        """One step along the weights' gradients."""
        gradients = [weight.grad for weight in weights if weight.grad is not None]

        def rows(stacks: Sequence[Tensor]) -> list[Tensor]:
            return [stack[part] for part in self._rows for stack in stacks]

        adamw(
            rows(weights),
            rows(gradients),
            rows(first),
            rows(second),
            [],
            [step.clone() for step in self._steps for _ in weights],  # each weight counts
            fused=True,
            amsgrad=False,
            beta1=_BETAS[0],
            beta2=_BETAS[1],
            lr=self._settings.lr,
            weight_decay=self._settings.weight_decay,
            eps=_EPS,
            maximize=False,
        )
        for step in self._steps:
            step += 1


def _batches(
    trainers: Sequence[Trainer], count: int, device: torch.device
) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs (N, steps, B, ...), labels (N, steps, B), and (N, 1) one over the batch's size.

    Who has fewer examples than others is padded with such as cross_entropy leaves out.
    """
    batches = [trainer.batches.several(count) for trainer in trainers]
    sizes = [labels.shape[1] for _, labels in batches]
    most = max(sizes)
    inputs = torch.stack([_padded(inputs, 1, most, 0.0) for inputs, _ in batches])
    labels = torch.stack([_padded(labels, 1, most, _NOBODY) for _, labels in batches])
    shares = 1 / torch.tensor(sizes, dtype=torch.float32)[:, None]
    return inputs.to(device), labels.to(device), shares.to(device)


def _ce(logits: Tensor, labels: Tensor, shares: Tensor) -> Tensor:
    """(N,) mean cross-entropies."""
    each = F.cross_entropy(
        logits.flatten(0, 1), labels.flatten(), ignore_index=_NOBODY, reduction="none"
    )
    return (each.view(labels.shape) * shares).sum(dim=1)


@dataclass(frozen=True, slots=True)
class _Lesson:
    """One step's pulls, stacked; fewer probes are padded with such as nobody voted on."""

    probes: Tensor  # (N, P, ...)
    targets: Tensor  # (N, P, C)
    weights: Tensor  # (N,)

    def kl(self, logits: Tensor) -> Tensor:
        """(N,) divergences, as `losses.divergence` has them for each."""
        logs = F.log_softmax(logits, dim=2)
        each = F.kl_div(logs, self.targets, reduction="none").sum(dim=(1, 2))
        return each / self.targets.sum(dim=(1, 2)).clamp(min=1.0)


def _lesson(pulls: Sequence[Pull], device: torch.device) -> _Lesson | None:
    if not pulls:
        return None
    most = max(len(pull.probes) for pull in pulls)
    return _Lesson(
        torch.stack([_padded(pull.probes, 0, most, 0.0) for pull in pulls]).to(device),
        torch.stack([_padded(pull.targets, 0, most, 0.0) for pull in pulls]).to(device),
        torch.tensor([pull.weight for pull in pulls], device=device),
    )


def _padded(tensor: Tensor, dim: int, size: int, value: float) -> Tensor:
    missing = size - tensor.shape[dim]
    if not missing:
        return tensor
    shape = list(tensor.shape)
    shape[dim] = missing
    return torch.cat((tensor, tensor.new_full(shape, value)), dim=dim)
