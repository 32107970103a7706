"""Exchange: one label for each probe, or none where the peer is unsure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

__all__ = ["ArgmaxVotes"]


@dataclass(frozen=True, slots=True)
class ArgmaxVotes:
    """The most probable class (TallyTrain), withheld where its probability is too low (ours).

    Under strong skew a peer knows few classes and gives each probe one of them; those votes
    would outvote the few peers who know.  Withholding the unsure ones is what prevents that.
    """

    abstain_below: float  # probability, 0 .. 1; 0: never withhold

    def labels(self, logits: Tensor) -> npt.NDArray[np.int64]:
        """(n,) labels 0 .. C - 1, or C where withheld, from logits (n, C)."""
        if self.abstain_below <= 0:
            return logits.argmax(dim=1).numpy()
        top, labels = torch.softmax(logits, dim=1).max(dim=1)
        labels[~(top >= self.abstain_below)] = logits.shape[1]  # also where it is not a number
        return labels.numpy()
