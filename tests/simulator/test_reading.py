"""TOML to worlds and back; everything wrong is told with its key, value and place."""

from __future__ import annotations

from pathlib import Path

import pytest

from tallyp2p.errors import SettingsError
from tallyp2p.parameters import Spreading
from tallyp2p.simulator.reading import load, parse, to_toml
from tallyp2p.simulator.spec import Hostility, WorldSpec

FULL = """
# All tables at once.
peers = 6
seed = 3
[run]
spreading = "broadcast"
[timing]
rounds = 16
[links]
loss = 0.1
[[groups]]
name = "left"
peers = [0, 1, 2]
[[groups]]
name = "right"
peers = [3, 4]
[[routes]]
source = "left"
target = "right"
[routes.link]
delay = 0.5
[[partitions]]
groups = ["left", "right"]
begin = 4
end = 9.5
[[crashes]]
peers = [1]
at = 3.0
[[hostile]]
peers = [5]
does = "equivocate"
"""


def test_a_world_is_read_and_written_back() -> None:
    spec = parse(FULL, "here")
    assert (spec.name, spec.peers, spec.seed) == ("here", 6, 3)
    assert spec.run.spreading is Spreading.BROADCAST and spec.timing.rounds == 16
    assert spec.routes[0].link.delay == 0.5 and spec.partitions[0].begin == 4.0
    assert spec.hostile[0].does is Hostility.EQUIVOCATE
    assert parse(to_toml(spec), "there") == spec
    assert parse("", "nothing") == WorldSpec() == parse(to_toml(WorldSpec()), "again")


def test_overrides_lie_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "w.toml"
    path.write_text(FULL)
    spec = load(path, {"links.loss": 0.5, "crashes.0.at": 7, "peers": 9})
    assert (spec.links.loss, spec.crashes[0].at, spec.peers) == (0.5, 7.0, 9)
    assert spec.name == str(path)


@pytest.mark.parametrize(
    "text, says",
    [
        ("peers = ", "here is not valid TOML"),
        ("pears = 3", r"no setting pears \(from here\): did you mean peers\?"),
        ("[links]\nlos = 3", r"no setting links.los \(from here\): did you mean loss\?"),
        ("[links]\nzzz = 3", "there are delay, jitter"),
        ("name = 'x'", "no setting name"),
        ("[links]\nloss = 3", r"links.loss = 3 \(from here\) cannot be used: loss must be from 0"),
        ("[links]\nloss = 'much'", r'links.loss = "much" \(from here\) must be a number'),
        ("[links]\nloss = nan", "must be a number"),
        ("check = 1", "must be true or false"),
        ("peers = 2.5", "must be a whole number"),
        ("links = 3", "links in here is a table, not 3"),
        ("[crashes]\nat = 1", r"crashes in here is a list of tables: write \[\[crashes\]\]"),
        ("[[crashes]]\npeers = 3", r"crashes.0.peers in here is a list of values"),
        ("[[crashes]]\npeers = ['a']", r"crashes.0.peers.0 = \"a\" \(from here\) must be a whole"),
        (
            "[[hostile]]\ndoes = 'sing'",
            "must be one of garbage, equivocate, wrong, push, lie, claim",
        ),
        ("[[groups]]\nname = 1", "must be text"),
        ("[[groups]]\nname = 'a'", "at least one peer"),
        ("[timing]\npatience = 0", r"timing.patience = 0 \(from here\) cannot be used"),
        ("[run]\nids = 'own'", "must be one of derived, explicit"),
    ],
)
def test_what_is_wrong_is_told(text: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        parse(text, "here")


@pytest.mark.parametrize(
    "key, says",
    [
        ("crashes.4.at", "only 1 such tables"),
        ("freezes.0.end", r"has no \[\[freezes\]\]"),
        ("crashes.at", "only 1 such tables|does not name"),
        ("peers.x", "does not name one setting"),
    ],
)
def test_overrides_that_name_nothing(key: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        parse(FULL, "here", {key: 1})


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no world is at"):
        load(tmp_path / "nothing.toml")
    with pytest.raises(SettingsError, match="cannot be read"):
        load(tmp_path)


@pytest.mark.parametrize("text", ["peers = 65", "peers = 65\n[run]\ndegree = 3"])
def test_many_peers_choose_neighbours_unless_the_world_says_otherwise(text: str) -> None:
    """As in a swarm: a line to everybody costs more than it brings."""
    assert parse(text, "here").run.view == 8
    everybody = parse(text, "here", {"run.view": 0})
    assert everybody.run.view == 0 and parse("peers = 64", "here").run.view == 0
    for brief in (True, False):
        again = parse(to_toml(everybody, brief=brief), "here")
        assert again == everybody, "what is written down says so"
