"""Small worlds for tests."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tallyp2p.parameters import RunParameters, Spreading, Timing
from tallyp2p.simulator.spec import Voting, WorldSpec

RUN = RunParameters(pool=40, probes=4, rounds_per_ballot=2)
BROADCAST = replace(RUN, spreading=Spreading.BROADCAST)


def world(**changes: Any) -> WorldSpec:
    """Five peers, 24 rounds in 12 ballots, 2 s each, everything checked."""
    plain: dict[str, Any] = {
        "peers": 5,
        "run": BROADCAST,
        "timing": Timing(rounds=24, gossip_interval=1.0),
        "voting": Voting(training=2.0),
    }
    return WorldSpec(**(plain | changes))
