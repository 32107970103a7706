"""The models that ship with the package, by name.

Weights are drawn from a generator of the caller's, never from torch's global one, so that
all peers of a run start from the same weights whatever else their processes do.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import nn

from ..errors import SettingsError

__all__ = ["MODELS", "make", "mlp"]

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

MODELS: dict[str, Maker] = {"mlp": mlp}


def make(name: str, shape: tuple[int, ...], classes: int, generator: torch.Generator) -> nn.Module:
    """The model `name` for inputs of `shape`.  Raises :class:`SettingsError` for no such model."""
    if name not in MODELS:
        raise SettingsError(f"learning.model = {name}: there is {', '.join(sorted(MODELS))}")
    return MODELS[name](shape, classes, generator)
