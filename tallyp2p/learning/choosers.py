"""Which probes a peer votes on, where the run lets each author choose (ids = "explicit")."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from ..consensus.contributor import IdArray
from ..consensus.tally import Tally
from .settings import Chooser

__all__ = ["Choose", "MarginChooser", "RandomChooser", "make_chooser"]


class Choose(Protocol):
    """Chooses probes and hears what became of them."""

    def choose(self, count: int) -> IdArray:
        """`count` distinct ids, uint32, ascending."""
        ...

    def heard(self, tally: Tally) -> None:
        """A tally that the peer learnt from."""
        ...

    def snapshot(self) -> dict[str, Any]: ...

    def restore(self, state: dict[str, Any]) -> None: ...


class RandomChooser:
    """Uniformly, without regard to what happened."""

    __slots__ = ("_generator", "_pool")

    def __init__(self, pool: int, generator: torch.Generator) -> None:
        self._pool = pool
        self._generator = generator

    def choose(self, count: int) -> IdArray:
        """See :class:`Choose`."""
        drawn = torch.randperm(self._pool, generator=self._generator)[:count]
        return np.sort(drawn.numpy()).astype(np.uint32)

    def heard(self, tally: Tally) -> None:
        """Nothing follows from it."""

    def snapshot(self) -> dict[str, Any]:
        """The generator's state."""
        return {"generator": self._generator.get_state()}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a snapshot."""
        self._generator.set_state(state["generator"])


class MarginChooser:
    """Those with the smallest margins so far; those never tallied come first (our choice).

    A probe's margin is that of the last tally that it was in: the plurality's votes less the
    runner-up's.  Ties, which are most of them, are broken by the generator.
    """

    __slots__ = ("_generator", "_margins")

    def __init__(self, pool: int, generator: torch.Generator) -> None:
        self._margins: npt.NDArray[np.int64] = np.full(pool, -1, dtype=np.int64)
        self._generator = generator

    def choose(self, count: int) -> IdArray:
        """See :class:`Choose`."""
        shuffled = torch.randperm(len(self._margins), generator=self._generator).numpy()
        order = np.argsort(self._margins[shuffled], kind="stable")
        return np.sort(shuffled[order[:count]]).astype(np.uint32)

    def heard(self, tally: Tally) -> None:
        """See :class:`Choose`."""
        self._margins[tally.ids] = tally.margin()

    def snapshot(self) -> dict[str, Any]:
        """Margins and the generator's state."""
        return {
            "generator": self._generator.get_state(),
            "margins": torch.from_numpy(self._margins.copy()),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a snapshot."""
        self._generator.set_state(state["generator"])
        self._margins = state["margins"].numpy().copy()


def make_chooser(chooser: Chooser, pool: int, generator: torch.Generator) -> Choose:
    """The chooser of this name for a pool of `pool` probes."""
    kind = MarginChooser if chooser is Chooser.MARGIN else RandomChooser
    return kind(pool, generator)
