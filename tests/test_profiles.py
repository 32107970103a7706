"""Profiles: what is read is what is meant, and each mistake is one sentence that helps."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyp2p import profiles
from tallyp2p.errors import SettingsError
from tallyp2p.learning.settings import Loss
from tallyp2p.parameters import Ids, Pace, Spreading, Timing
from tallyp2p.profiles import Profile, load, setting, to_toml


def test_default_is_the_defaults_of_the_classes() -> None:
    assert load() == Profile()
    assert load().timing == Timing()


def test_paper_is_the_published_setting() -> None:
    paper = load("paper")
    assert paper.timing.rounds == 3000
    assert paper.learning.warmup == 300
    assert (paper.learning.loss, paper.learning.kl_weight) == (Loss.MIXED, 0.5)
    assert paper.run.spreading is Spreading.BROADCAST
    assert paper.learning.abstain_below == 0
    assert (paper.run.probes, paper.run.rounds_per_ballot) == (32, 1)


@pytest.mark.parametrize("name", profiles.presets())
def test_preset_says_only_what_differs(name: str) -> None:
    document = tomllib.loads(profiles.preset_text(name))
    base = asdict(load(document.pop("extends", "default")))
    for table, keys in document.items():
        for key, value in keys.items():
            assert base[table][key] != value, f"{name}: {table}.{key} is what it was"


@pytest.mark.parametrize("name", profiles.presets())
def test_effective_profile_loads_to_itself(name: str, tmp_path: Path) -> None:
    file = tmp_path / "effective.toml"
    file.write_text(to_toml(load(name)))
    assert load(file) == load(name)


@given(st.text(st.characters(exclude_categories=["Cs"])), st.floats(0.001, 1e6))
def test_any_text_and_number_survive_writing(text: str, number: float) -> None:
    profile = load("default", {"network.listen": "ipc://" + text, "timing.deadline": number})
    document = tomllib.loads(to_toml(profile))
    assert document["network"]["listen"] == "ipc://" + text
    assert document["timing"]["deadline"] == number


def test_file_extends_a_file_beside_it_which_extends_a_preset(tmp_path: Path) -> None:
    (tmp_path / "base.toml").write_text('extends = "paper"\nseed = 5\n[timing]\nrounds = 40\n')
    child = tmp_path / "child.toml"
    child.write_text('extends = "base.toml"\n[timing]\npace = "free"\n')
    profile = load(child)
    assert profile.name == "child"
    assert (profile.seed, profile.timing.rounds, profile.timing.pace) == (5, 40, Pace.FREE)
    assert profile.learning == load("paper").learning


def test_circle_of_profiles_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text('extends = "b.toml"\n')
    (tmp_path / "b.toml").write_text('extends = "a.toml"\n')
    with pytest.raises(SettingsError, match="circle"):
        load(tmp_path / "a.toml")


def test_overrides_may_leave_out_the_table_where_only_one_has_the_key() -> None:
    profile = load("default", {"ids": "explicit", "rounds": 9, "learning.lr": 1, "seed": 3})
    assert profile.run.ids is Ids.EXPLICIT
    assert (profile.timing.rounds, profile.learning.lr, profile.seed) == (9, 1.0, 3)
    with pytest.raises(SettingsError, match="run.probes or data.probes"):
        load("default", {"probes": 16})


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ({"kl_wieght": 1.0}, ["kl_wieght", "did you mean learning.kl_weight?"]),
        ({"learning.rounds": 5}, ["learning.rounds", "did you mean timing.rounds?"]),
        ({"learning.lr": "fast"}, ['learning.lr = "fast"', "command line", "a number"]),
        ({"learning.lr": float("nan")}, ["learning.lr", "a number"]),
        ({"timing.rounds": True}, ["timing.rounds = true", "a whole number"]),
        ({"timing.rounds": 0}, ["timing.rounds = 0", "at least 1"]),
        ({"learning.own_vote": 1}, ["learning.own_vote = 1", "true or false"]),
        ({"timing.pace": "fast"}, ['timing.pace = "fast"', "lockstep, bounded, free"]),
        ({"loss": "mixed", "kl_weight": 2.0}, ["learning.kl_weight = 2.0", "at most 1"]),
        ({"degree": 0}, ["run.degree = 0", "from 1 to 2^32 - 1"]),
        ({"peers": 0}, ["peers = 0", "from 1 to 1024"]),
        ({"run.probes": 100}, ["800 distinct probes", "lower probes"]),
        ({"listen": "127.0.0.1"}, ["network.listen", "tcp://"]),
        ({"transport": "ipc", "encrypt": True}, ["network.encrypt", "ipc"]),
    ],
)
def test_mistake_is_one_sentence_that_helps(overrides: dict[str, object], words: list[str]) -> None:
    with pytest.raises(SettingsError) as caught:
        load("default", overrides)
    message = str(caught.value)
    assert "\n" not in message
    for word in words:
        assert word in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[run]\nprobs = 1", ["run.probs", "mine.toml", "run.probes"]),
        ("[lerning]\nlr = 1", ["lerning", "mine.toml"]),
        ("timing = 3", ["timing", "mine.toml", "table"]),
        ("seed = ", ["mine.toml", "not valid TOML"]),
        ("extends = 3", ["extends", "mine.toml"]),
        ('extends = "papr"', ["papr"]),
        ("[learning]\nlr = -1", ["learning.lr = -1", "mine.toml", "more than 0"]),
    ],
)
def test_mistake_in_a_file_names_the_file(tmp_path: Path, text: str, words: list[str]) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        load(file)
    for word in words:
        assert word in str(caught.value)


def test_unknown_profile_names_the_nearest() -> None:
    with pytest.raises(SettingsError, match="did you mean paper"):
        load("papr")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("learning.lr=1e-2", ("learning.lr", 0.01)),
        ("pace=free", ("pace", "free")),
        ('pace="free"', ("pace", "free")),
        ("own_vote = false", ("own_vote", False)),
        ("rounds=50", ("rounds", 50)),
        ("listen=tcp://127.0.0.1:*", ("listen", "tcp://127.0.0.1:*")),
        ("data.task=", ("data.task", "")),
        ("x=1\ny=2", ("x", "1\ny=2")),
    ],
)
def test_setting_is_a_toml_value_or_bare_text(text: str, expected: tuple[str, object]) -> None:
    assert setting(text) == expected


def test_setting_without_equals_is_refused() -> None:
    with pytest.raises(SettingsError, match="table.key=value"):
        setting("rounds")


def test_profiles_load_without_torch_and_numpy() -> None:
    program = (
        "import sys; from tallyp2p import profiles; profiles.load('paper');"
        "print([m for m in ('torch', 'numpy', 'zmq', 'msgpack', 'click') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_many_peers_choose_neighbours_unless_somebody_said_that_they_know_all(
    tmp_path: Path,
) -> None:
    many = load("default", {"peers": 100})
    assert (load("default", {"peers": 64}).run.view, many.run.view) == (0, 8)
    assert load("broadcast", {"peers": 100}).run.view == 0
    everybody = load("default", {"peers": 100, "run.view": 0})
    assert everybody.run.view == 0
    assert load("default", {"peers": 10, "run.view": 5}).run.view == 5
    # As whoever reads it back has it: a file that says all, and what differs from the defaults.
    for profile in (many, everybody):
        (tmp_path / "all.toml").write_text(to_toml(profile))
        assert load(tmp_path / "all.toml") == profile
        assert load("default", profiles.differences(profile, load())) == profile
