"""How the private examples are dealt to the peers: Dirichlet over classes.

For each class, the peers' shares are drawn from Dirichlet(alpha) (Hsu et al.,
arXiv 1909.06335, and TallyTrain): with a small alpha a peer has hardly seen most classes.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..errors import SettingsError

__all__ = ["LEAST", "deal", "split"]

IndexArray = npt.NDArray[np.int64]

LEAST = 10  # examples that every peer has; our choice


def split(total: int, sizes: tuple[int, ...], generator: np.random.Generator) -> list[IndexArray]:
    """Disjoint random index arrays of the given sizes, out of ``0 .. total - 1``."""
    order = generator.permutation(total)
    ends = np.cumsum(sizes)
    return [np.sort(order[end - size : end]) for size, end in zip(sizes, ends, strict=True)]


def deal(
    labels: npt.NDArray[np.integer], peers: int, alpha: float, generator: np.random.Generator
) -> list[IndexArray]:
    """Indices into `labels` for each peer: disjoint, ascending, together all of them.

    Every peer gets at least LEAST examples, or an equal share where that is less: who is short
    takes random examples of whoever then has most.  Raises :class:`SettingsError` when there
    are more peers than examples.
    """
    if len(labels) < peers:
        raise SettingsError(
            f"{len(labels)} private examples are too few for {peers} peers: lower peers, "
            f"data.probes or data.test"
        )
    hands: list[list[int]] = [[] for _ in range(peers)]
    for label in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == label))
        ends = np.cumsum(generator.dirichlet(np.full(peers, alpha)))[:-1]
        cuts = np.rint(ends * len(members)).astype(np.int64)
        for hand, part in zip(hands, np.split(members, cuts), strict=True):
            hand.extend(part.tolist())
    least = min(LEAST, len(labels) // peers)
    while len(poor := min(hands, key=len)) < least:
        rich = max(hands, key=len)
        poor.append(rich.pop(int(generator.integers(len(rich)))))
    return [np.sort(np.array(hand, dtype=np.int64)) for hand in hands]
