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

from .partition import deal, split
from .seeds import numpy_generator
from .settings import TASKS, DataSettings, private_examples

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


_LOADERS = {"digits": digits}


def load_shard(settings: DataSettings, seed: int, index: int, peers: int) -> Shard:
    """The part of peer `index` of `peers`, cut by the run's seed.

    What is not probes or test is private: 1,000 of the digits by default.  Raises
    :class:`SettingsError` when that is too little.
    """
    sizes = (private_examples(settings, peers), settings.probes, settings.test)
    inputs, labels = _LOADERS[settings.task]()
    private, probes, test = split(len(inputs), sizes, numpy_generator(seed, "split"))
    hands = deal(labels.numpy()[private], peers, settings.alpha, numpy_generator(seed, "deal"))
    own = private[hands[index]]
    return Shard(
        classes=TASKS[settings.task].classes,
        private=TensorDataset(inputs[own], labels[own]),
        probes=inputs[probes],
        test=TensorDataset(inputs[test], labels[test]),
    )
