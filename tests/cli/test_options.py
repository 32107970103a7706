"""What options add up to, and which of them wins."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from tallyp2p.cli import foreground, watching
from tallyp2p.cli.options import chosen_profile
from tallyp2p.cli.peer import peer
from tallyp2p.cli.swarm import swarm
from tallyp2p.profiles import Profile, load


def test_option_wins_over_set_which_wins_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("seed = 1\npeers = 4\n[timing]\nrounds = 10\n")
    chosen = chosen_profile(
        None, file, ("timing.rounds=20", "seed=2"), {"seed": 3, "timing.rounds": None}
    )
    assert (chosen.seed, chosen.peers, chosen.timing.rounds) == (3, 4, 20)
    assert chosen.name == "mine"


def test_nothing_chosen_is_the_default() -> None:
    assert chosen_profile(None, None, ()) == load()


def test_two_places_to_start_from_are_refused() -> None:
    with pytest.raises(click.UsageError, match="one of them"):
        chosen_profile("paper", Path("mine.toml"), ())


@pytest.mark.parametrize(
    ("command", "where", "shell"),
    [(peer, foreground, "Foreground"), (swarm, watching, "Watch")],
)
def test_assumed_faults_reach_the_learner(
    command: click.Command, where: object, shell: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen: list[Profile] = []

    class Shell:
        def __init__(self, *, profile: Profile, **_: object) -> None:
            chosen.append(profile)

        def run(self) -> int:
            return 0

    monkeypatch.setattr(where, shell, Shell)
    told = CliRunner().invoke(command, ["--assume-byzantine", "3"])
    assert told.exit_code == 0, told.output
    assert chosen[0].learning.assume_byzantine == 3
    assert CliRunner().invoke(command, ["--assume-byzantine", "-1"]).exit_code == 2
