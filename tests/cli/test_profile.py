"""`tallyp2p profile`: what it prints can be run."""

from __future__ import annotations

from pathlib import Path

from click.testing import CliRunner

from tallyp2p.cli.errors import Session
from tallyp2p.cli.main import cli
from tallyp2p.profiles import load, presets


def shown(*args: str) -> str:
    result = CliRunner().invoke(cli, ["profile", *args], obj=Session(), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_show_prints_a_complete_profile(tmp_path: Path) -> None:
    file = tmp_path / "full.toml"
    file.write_text(shown("show", "paper", "--set", "timing.rounds=12", "--set", "seed=4"))
    assert load(file) == load("paper", {"rounds": 12, "seed": 4})


def test_list_names_each_preset_with_its_purpose() -> None:
    lines = shown("list").splitlines()
    assert [line.split()[0] for line in lines] == list(presets())
    assert all(line.endswith(".") for line in lines)
