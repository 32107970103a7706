"""Defects to be put into the product, each of which a hunt must find."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tallyp2p.consensus import tally
from tallyp2p.consensus.ledger import Ledger
from tallyp2p.gossip.joining import Joining
from tallyp2p.gossip.repair import Repair
from tallyp2p.gossip.rounds import Rounds
from tallyp2p.simulator.world import World

__all__ = ["DEFECTS"]


def _lost_repair(patch: pytest.MonkeyPatch) -> None:
    """HAVE is answered by nothing."""
    patch.setattr(Repair, "on_have", lambda self, have: [])


def _double_count(patch: pytest.MonkeyPatch) -> None:
    """The first ballot of a round counts twice."""
    honest = Ledger.ballots
    patch.setattr(Ledger, "ballots", lambda self, at: honest(self, at)[:1] + honest(self, at))


def _wrong_tie(patch: pytest.MonkeyPatch) -> None:
    """Of tied classes the smallest wins."""
    honest = tally._decide_dense
    patch.setattr(tally, "_decide_dense", lambda table, at: honest(table, np.zeros_like(at)))


def _forgotten_ballot(patch: pytest.MonkeyPatch) -> None:
    """Disks keep nothing, and what others hold of the own ballots is not listened to."""
    crash, hear = World.crash, Joining.hear

    def forget(self: World, peer: int, *, noticed: bool, disk: bool) -> bool:
        return crash(self, peer, noticed=noticed, disk=False)

    def deaf(self: Joining, hello: Any, now: float, **more: Any) -> None:
        hear(self, replace(hello, held=None), now, **more)

    patch.setattr(World, "crash", forget)
    patch.setattr(Joining, "hear", deaf)


def _stalled_round(patch: pytest.MonkeyPatch) -> None:
    """The fifth round never closes."""
    honest = Rounds.closes
    patch.setattr(Rounds, "closes", lambda self, now: self.round != 4 and honest(self, now))


# name -> (how to put it in, the invariants that may show it)
DEFECTS = {
    "a lost repair": (_lost_repair, {"nothing lost", "equal tallies"}),
    "a double count": (_double_count, {"one ballot"}),
    "a wrong tie": (_wrong_tie, {"tally"}),
    "a ballot forgotten on restart": (_forgotten_ballot, {"one ballot"}),
    "a stalled round": (_stalled_round, {"deadline", "no tick in vain"}),
}
