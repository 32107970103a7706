"""The simulation plays what a real swarm plays."""

from __future__ import annotations

import pytest

from simulations.defaults import TABLES, play, tell
from tallyp2p.profiles import load

SHORT = {"peers": 3, "rounds": 16, "run.probes": 32, "rounds_per_ballot": 8, "warmup": 4}


def test_bytes_are_the_frames_on_tcp() -> None:
    # A header of 6 bytes, 256 votes of 4 bits, and 2 bytes of ZMTP, to 2 peers, twice.
    assert play(SHORT, seed=0, alone=False)["bytes"] == (6 + 128 + 2) * 2 * 2


def test_alone_changes_nothing_and_the_table_tells_both() -> None:
    beside, without = (play(SHORT, seed=1, alone=alone) for alone in (True, False))
    assert beside["swarm"] == without["swarm"] and without["alone"] is None
    lines = list(tell("short", [beside]))
    assert f"{100 * beside['swarm']:.1f}" in lines[2] and "; alone " in lines[2]


@pytest.mark.parametrize("name", TABLES)
def test_every_row_is_a_profile(name: str) -> None:
    for settings in TABLES[name]:
        load("default", settings)
