"""How the private examples are dealt to the peers: Dirichlet over classes.

For each class, the peers' shares are drawn from Dirichlet(alpha) (Hsu et al.,
arXiv 1909.06335, and TallyTrain): with a small alpha a peer has hardly seen most classes.

Where there are more peers than examples to deal out sensibly, each draws its own instead, and
an example may be drawn by several.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..errors import SettingsError

__all__ = ["LEAST", "IndexArray", "deal", "draw", "split"]

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


def draw(
    labels: npt.NDArray[np.integer], size: int, alpha: float, generator: np.random.Generator
) -> IndexArray:
    """`size` indices into `labels` for one peer: different ones, ascending.

    The peer's share of each class is drawn from Dirichlet(alpha), as by Hsu et al.; what a class
    cannot give is made up for from all others alike (our choice).  Raises
    :class:`SettingsError` when there are fewer than `size` examples.
    """
    if len(labels) < size:
        raise SettingsError(
            f"{len(labels)} private examples are too few for a shard of {size}: lower data.shard, "
            f"data.probes or data.test"
        )
    classes = np.unique(labels)
    wanted = generator.multinomial(size, generator.dirichlet(np.full(len(classes), alpha)))
    hand = [
        generator.permutation(np.flatnonzero(labels == label))[:count]
        for label, count in zip(classes, wanted, strict=True)
    ]
    drawn = np.concatenate(hand)
    others = np.setdiff1d(np.arange(len(labels)), drawn)
    rest = generator.permutation(others)[: size - len(drawn)]
    return np.sort(np.concatenate((drawn, rest))).astype(np.int64)
