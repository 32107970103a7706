"""Worlds of the standard mix in which peers know only some others, whom they exchange fast.

In broadcast worlds all must end with the same ballots, and may need longer for it.  A cut may
leave two halves that have meanwhile chosen among themselves.  They are together again when one
has looked for another that it misses, within one and a half times `gone_after`, and ballots of
each have come to the other; three times `gone_after` are given for all of that.  Nothing else
parts them: peers that have each chosen more than half of the others hang together, also when
one is gone, and eight of up to 32, drawn at random, are parted less often than any share of
ballots that is looked for.
"""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random

from ..parameters import RunParameters, Timing
from .spec import Promises

__all__ = ["passed_on", "pulled"]

_APART = 5  # peers at least, where they need not all know one another
_MOST = 8  # neighbours that a peer chooses
_INTERVALS = (3.0, 10.0, 30.0)  # seconds between two exchanges
_MISSED = 15.0  # seconds after which, on average, who went by silence is looked for again
_TOGETHER = 3  # times that, until what was cut is one again


def pulled(
    chance: Random, count: int, run: RunParameters, timing: Timing
) -> tuple[RunParameters, Timing]:
    """Half of the larger sampled worlds, changed; the others as they are."""
    least = run.degree + 1
    if count < max(_APART, least + 1) or chance.random() < 0.5:
        return run, timing
    view = chance.randint(least, max(least, min(_MOST, count // 2)))
    return replace(run, view=view), replace(timing, view_interval=chance.choice(_INTERVALS))


def passed_on(
    seed: int,
    count: int,
    run: RunParameters,
    timing: Timing,
    promises: Promises,
    *,
    restarts: bool = False,
) -> tuple[RunParameters, Timing, Promises]:
    """A third of the larger broadcast worlds, changed; the others as they are.

    Their chance is their own: they came later, and no other world shall change for them.
    `restarts`: whether peers start when others run.  One that does knows few endpoints, and where
    none of them answers it gives up, so then it is not asked of all to make all rounds.
    """
    chance = Random(f"tallyp2p mix passed on {seed}")
    if count < _APART or chance.random() > 1 / 3:
        return run, timing, promises
    most = min(_MOST, count - 1)
    view = chance.randint(min(count // 2 + 1, most), most)
    interval = chance.choice(_INTERVALS)
    within = promises.within + math.ceil(_TOGETHER * _MISSED / timing.gossip_interval)
    return (
        replace(run, view=view),
        replace(timing, view_interval=interval, gone_after=_MISSED),
        replace(promises, within=within, complete=promises.complete and not restarts),
    )
