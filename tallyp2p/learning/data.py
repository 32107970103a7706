"""The data that ship with the package, and how a run cuts them up.

Private, probe and test examples are disjoint.  The labels of probes are dropped here, where
the split is made, so no code behind it can read them.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from importlib import resources

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import TensorDataset

from ..errors import SettingsError
from .partition import deal, split
from .seeds import numpy_generator
from .settings import DataSettings

__all__ = ["Shard", "digits", "load_shard"]


@dataclass(frozen=True, slots=True)
class Shard:
    """What one peer has of a task, and what all have."""

    classes: int  # C
    private: TensorDataset  # this peer's own examples
    probes: Tensor  # (pool, ...) float32, the same at all peers
    test: TensorDataset  # the same at all peers; only measured on


def digits() -> tuple[Tensor, Tensor]:
    """Inputs (1797, 64), float32, 0 .. 1, and labels (1797,), int64, 0 .. 9.

    UCI optical digits, see digits/README.md.
    """
    packed = resources.files(__package__).joinpath("digits", "digits.csv.gz").read_bytes()
    text = gzip.decompress(packed).decode("ascii")
    table = np.fromstring(text.replace("\n", ","), dtype=np.float32, sep=",").reshape(-1, 65)
    rows = torch.from_numpy(table)
    return rows[:, :64] / 16, rows[:, 64].long()


_TASKS = {"digits": (digits, 10)}


def load_shard(settings: DataSettings, seed: int, index: int, peers: int) -> Shard:
    """The part of peer `index` of `peers`, cut by the run's seed.

    What is not probes or test is private: 1,000 of the digits by default.  Raises
    :class:`SettingsError` for an unknown task or more than there is.
    """
    if settings.task not in _TASKS:
        raise SettingsError(f"data.task = {settings.task}: there is {', '.join(sorted(_TASKS))}")
    load, classes = _TASKS[settings.task]
    inputs, labels = load()
    left = len(inputs) - settings.probes - settings.test
    if left < 1:
        raise SettingsError(
            f"{settings.task} has {len(inputs)} examples: data.probes = {settings.probes} and "
            f"data.test = {settings.test} leave none to train on"
        )
    sizes = (left, settings.probes, settings.test)
    private, probes, test = split(len(inputs), sizes, numpy_generator(seed, "split"))
    hands = deal(labels.numpy()[private], peers, settings.alpha, numpy_generator(seed, "deal"))
    own = private[hands[index]]
    return Shard(
        classes=classes,
        private=TensorDataset(inputs[own], labels[own]),
        probes=inputs[probes],
        test=TensorDataset(inputs[test], labels[test]),
    )
