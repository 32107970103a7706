"""What options add up to, and which of them wins."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from tallyp2p.cli.options import chosen_profile
from tallyp2p.profiles import load


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
