"""The models that ship with the package, by name.

Weights are drawn from a generator of the caller's, never from torch's global one, so that
all peers of a run start from the same weights whatever else their processes do.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import nn

__all__ = ["MAKERS", "make", "mlp", "shape_digest"]

_HIDDEN = (64, 64)


def mlp(shape: tuple[int, ...], classes: int, generator: torch.Generator) -> nn.Module:
    """Two hidden layers of 64 with ReLU: 64-64-64-10 on digits, 8,970 weights.

    Layers are drawn as torch.nn.Linear draws them: uniformly within 1 / sqrt(inputs).
    """
    layers: list[nn.Module] = [] if len(shape) == 1 else [nn.Flatten()]
    for wide, narrow in pairwise((math.prod(shape), *_HIDDEN, classes)):
        layer = nn.Linear(wide, narrow, device="meta").to_empty(device="cpu")
        bound = 1 / math.sqrt(wide)
        for parameter in (layer.weight, layer.bias):
            nn.init.uniform_(parameter, -bound, bound, generator=generator)
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


Maker = Callable[[tuple[int, ...], int, torch.Generator], nn.Module]

MAKERS: dict[str, Maker] = {"mlp": mlp}  # settings.MODELS has the names


def make(name: str, shape: tuple[int, ...], classes: int, generator: torch.Generator) -> nn.Module:
    """The model `name`, one of settings.MODELS, for inputs of `shape`."""
    return MAKERS[name](shape, classes, generator)


def shape_digest(model: nn.Module) -> str:
    """What names the shape of a model in a run: 64 hexadecimal digits, equal where names, shapes
    and kinds of number of all parameters are.  Their values do not count.  (RUN-8.)"""
    lines = sorted(
        f"{name} {'x'.join(map(str, weight.shape)) or '1'} {str(weight.dtype).rpartition('.')[2]}"
        for name, weight in model.named_parameters()
    )
    text = "\n".join(["tally/1 model", *lines, ""])
    return hashlib.sha256(text.encode()).hexdigest()
