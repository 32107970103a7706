"""Worlds that make no sense are refused in one sentence."""

from __future__ import annotations

from typing import Any

import pytest

from tallyp2p.errors import SettingsError
from tallyp2p.parameters import RunParameters, Seal
from tallyp2p.simulator.reading import described
from tallyp2p.simulator.spec import (
    Churn,
    ClockOffset,
    Crash,
    Freeze,
    Group,
    Hostile,
    Join,
    Leave,
    Link,
    Partition,
    Promises,
    Route,
    Slow,
    Voting,
    WorldSpec,
)

TWO = (Group("a", (0,)), Group("b", (1,)))


@pytest.mark.parametrize(
    "make, says",
    [
        (lambda: Link(loss=1.5), "loss must be from 0 to 1"),
        (lambda: Link(delay=-1.0), "delay must be 0 or more"),
        (lambda: Group("", (1,)), "name must not be empty"),
        (lambda: Group("a"), "at least one peer"),
        (lambda: Partition(groups=("a",)), "at least two groups"),
        (lambda: Partition(5.0, 4.0, ("a", "b")), "end must come after begin"),
        (lambda: Crash(at=-1.0), "at must be 0 or more"),
        (lambda: Churn(down=0.0), "down must be more than 0"),
        (lambda: Freeze(begin=3.0, end=3.0), "end must come after begin"),
        (lambda: Slow(training=0.0), "training must be more than 0"),
        (lambda: ClockOffset((0,), -1e10), "at most 1e9 seconds"),
        (lambda: Join(at=0.0), "at must be more than 0"),
        (lambda: Leave(at=-2.0), "at must be 0 or more"),
        (lambda: Hostile(every=0.0), "every must be more than 0"),
        (lambda: Voting(accuracy=0.8, abstain=0.3), "at most 1 together"),
        (lambda: Promises(within=0), "within must be at least 1"),
        (lambda: WorldSpec(peers=0), "peers must be from 1"),
        (lambda: WorldSpec(seed=-1), "seed must be from 0"),
        (lambda: WorldSpec(limit=0.0), "limit must be more than 0"),
        (lambda: WorldSpec(crashes=(Crash((8,)),)), "crashes name peer 8: peers are 0 to 7"),
        (lambda: WorldSpec(groups=TWO + TWO), "groups must have different names"),
        (lambda: WorldSpec(groups=TWO, routes=(Route("a", "c"),)), "groups are a, b"),
        (lambda: WorldSpec(partitions=(Partition(groups=("a", "b")),)), "there are no groups"),
        (lambda: WorldSpec(joins=(Join((1,)), Join((1,)))), "joins must name each peer once"),
        (lambda: WorldSpec(peers=1, joins=(Join((0,)),)), "somebody to join"),
        (lambda: WorldSpec(joins=(Join((1,), seeds=(9,)),)), "joins name peer 9"),
        (lambda: WorldSpec(run=RunParameters(seal=Seal.ED25519)), "exact must be true"),
    ],
)
def test_refusals(make: Any, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        make()


def test_every_setting_of_a_world_has_its_sentence() -> None:
    keys = dict(described())
    assert keys["links.loss"] == "share of messages that are lost"
    own = ("links.", "routes.", "crashes.", "churn.", "voting.", "promises.", "hostile.")
    assert all(any(key.startswith(table) for key in keys) for table in own)
    assert all(sentence for sentence in keys.values())
