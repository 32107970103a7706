"""Real data larger than what ships, found through TALLYP2P_DATA; skipped where it is not set."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset

from tallyp2p import Swarm

pytestmark = [pytest.mark.data, pytest.mark.slow]


def mnist() -> tuple[torch.Tensor, torch.Tensor]:
    """60,000 training images, flat, 0 .. 1, and their labels."""
    folder = os.environ.get("TALLYP2P_DATA")
    if not folder:
        pytest.skip("TALLYP2P_DATA is not set: it names a directory with mnist.npz")
    path = Path(folder) / "mnist.npz"
    if not path.exists():
        pytest.skip(f"{path} does not exist")
    with np.load(path, allow_pickle=False) as arrays:
        images = torch.tensor(arrays["x_train"], dtype=torch.float32).reshape(-1, 784) / 255
        return images, torch.tensor(arrays["y_train"], dtype=torch.int64)


def model() -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Linear(784, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))


async def test_five_peers_with_two_digits_each_teach_each_other_all_ten() -> None:
    """Alone, none could name more than its own two: 20 % at best."""
    images, labels = mnist()
    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(0))
    images, labels = images[order], labels[order]
    shards = []
    for pair in range(5):
        own = (labels[:20_000] // 2 == pair).nonzero().flatten()[:1_000]
        shards.append(TensorDataset(images[own], labels[own]))
    probes = images[20_000:22_000]
    test = TensorDataset(images[30_000:31_000], labels[30_000:31_000])
    torch.manual_seed(0)
    settings: dict[str, Any] = {"degree": 4, "rounds": 240, "run.probes": 64, "warmup": 8}
    swarm = Swarm(model, shards, probes, classes=10, test=test, **settings)
    async with swarm:
        results = await swarm.run()
    accuracies = [result.accuracy or 0.0 for result in results]
    assert min(accuracies) > 0.4, accuracies
