"""Models by name, drawn from the caller's generator."""

from __future__ import annotations

import hashlib

import torch
from torch import nn

from tallyp2p.learning.models import MAKERS, make, shape_digest
from tallyp2p.learning.seeds import generator
from tallyp2p.learning.settings import MODELS


def test_mlp_is_64_64_64_10() -> None:
    model = make("mlp", (64,), 10, generator(0, "weights"))
    assert [tuple(weight.shape) for weight in model.parameters()] == [
        (64, 64),
        (64,),
        (64, 64),
        (64,),
        (10, 64),
        (10,),
    ]
    assert sum(weight.numel() for weight in model.parameters()) == 8970
    assert all(0.1 < w.detach().abs().max() <= 0.125 for w in model.parameters())  # 1 / sqrt(64)


def test_images_are_flattened() -> None:
    assert make("mlp", (1, 4, 4), 3, generator(0, "w"))(torch.zeros(2, 1, 4, 4)).shape == (2, 3)


def test_weights_depend_on_the_generator_alone() -> None:
    models = []
    for noise in (1, 2):
        torch.manual_seed(noise)
        before = torch.get_rng_state()
        models.append(make("mlp", (64,), 10, generator(0, "weights")))
        assert torch.equal(torch.get_rng_state(), before)
    one, other = (list(model.parameters()) for model in models)
    assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def test_settings_allow_the_models_that_there_are() -> None:
    assert tuple(MAKERS) == MODELS


def test_the_shape_of_a_model_is_named_and_its_values_are_not() -> None:
    """RUN-8, written out."""
    small = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2, bias=False))
    text = "tally/1 model\n0.bias 3 float32\n0.weight 3x2 float32\n2.weight 2x3 float32\n"
    assert shape_digest(small) == hashlib.sha256(text.encode()).hexdigest()
    other = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 2, bias=False))
    assert shape_digest(other) == shape_digest(small)
    assert shape_digest(small.double()) != shape_digest(other)
