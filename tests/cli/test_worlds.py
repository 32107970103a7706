"""What is said of a world besides its result (the rest is in test_simulate)."""

from __future__ import annotations

from tallyp2p.cli.worlds import troubles
from tallyp2p.simulator.reading import parse

WORLD = "peers = 4\n[[crashes]]\npeers = [1]\nat = 5.0\nrestart_after = 1.0\n"


def test_troubles_are_named_in_order() -> None:
    spec = parse(WORLD + "[churn]\nevery = 3.0\n[[freezes]]\npeers = [0,1,2,3]\nbegin = 1\n", "w")
    assert [(begin, name) for begin, _, name in troubles(spec)] == [
        (1.0, "frozen 0, 1, 2, 3"),
        (5.0, "crash 1"),
        (5.0, "churn"),
    ]
