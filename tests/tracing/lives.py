"""Recorded lives for tests: those of small rough worlds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tallyp2p.parameters import Timing
from tallyp2p.simulator.spec import Crash, Hostile, Hostility, Link
from tallyp2p.simulator.world import World
from tallyp2p.tracing.recording import Traces
from tests.simulator.worlds import world

ROUGH: dict[str, Any] = {
    "peers": 4,
    "timing": Timing(rounds=12, gossip_interval=1.0),
    "links": Link(loss=0.1, jitter=0.1, reorder=0.1, double=0.1),
    "crashes": (Crash(peers=(1,), at=4.0, restart_after=2.0),),
    "hostile": (Hostile(peers=(3,), does=Hostility.GARBAGE),),
    "exact": True,
}


def recorded(directory: Path, **changes: Any) -> list[Path]:
    """The traces of a world in which a peer crashes and comes back, and one sends garbage."""
    traces = Traces(directory)
    World(world(**ROUGH | changes), machines=traces.machine).run()
    traces.close()
    return sorted(directory.iterdir())
