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

from .partition import IndexArray, deal, draw, split
from .seeds import numpy_generator
from .settings import TASKS, DataSettings, private_examples

__all__ = ["Shard", "Shards", "digits", "load_shard"]


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


class Shards:
    """A task, read and cut up once: every peer's part of it."""

    def __init__(self, settings: DataSettings, seed: int, peers: int) -> None:
        """Cut by the run's seed.  What is not probes or test is private: 1,000 of the digits by
        default.  Raises :class:`SettingsError` when that is too little."""
        self._settings, self._seed, self._peers = settings, seed, peers
        sizes = (private_examples(settings, peers), settings.probes, settings.test)
        self._inputs, self._labels = _LOADERS[settings.task]()
        cut = split(len(self._inputs), sizes, numpy_generator(seed, "split"))
        self._private, probes, test = cut
        self._probes = self._inputs[probes]
        self._test = TensorDataset(self._inputs[test], self._labels[test])
        self._own = self._labels.numpy()[self._private]  # labels of what is private
        self._hands: list[IndexArray] | None = None

    def of(self, index: int) -> Shard:
        """The part of one peer.  Probes and test examples are the same tensors for all."""
        own = self._private[self._hand(index)]
        return Shard(
            classes=TASKS[self._settings.task].classes,
            private=TensorDataset(self._inputs[own], self._labels[own]),
            probes=self._probes,
            test=self._test,
        )

    def _hand(self, index: int) -> IndexArray:
        settings, seed = self._settings, self._seed
        if settings.shard:
            chance = numpy_generator(seed, "shard", index)
            return draw(self._own, settings.shard, settings.alpha, chance)
        if self._hands is None:
            chance = numpy_generator(seed, "deal")
            self._hands = deal(self._own, self._peers, settings.alpha, chance)
        return self._hands[index]


def load_shard(settings: DataSettings, seed: int, index: int, peers: int) -> Shard:
    """The part of peer `index` of `peers`; see :class:`Shards`."""
    return Shards(settings, seed, peers).of(index)
