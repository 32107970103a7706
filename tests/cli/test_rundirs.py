"""The run directory: never somebody else's, and refused in one sentence."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from tallyp2p.cli.rundirs import HOME, new_run_dir, run_path, write_config
from tallyp2p.errors import FailureError, SettingsError
from tallyp2p.profiles import load

NOON = datetime(2026, 1, 2, 12, 0, 0)


def test_two_runs_of_one_second_get_two_directories(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert new_run_dir(run_path(None, "paper", NOON)) == HOME / "20260102-120000-paper"
    assert new_run_dir(run_path(None, "paper", NOON)) == HOME / "20260102-120000-paper-2"


def test_empty_directory_may_be_used(tmp_path: Path) -> None:
    assert new_run_dir(tmp_path) == tmp_path


def test_directory_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("all my work")
    with pytest.raises(SettingsError, match="not empty"):
        new_run_dir(tmp_path)


def test_file_in_the_way_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(FailureError, match="--out"):
        new_run_dir(file / "run")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_unwritable_directory_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(FailureError, match="Permission denied"):
        new_run_dir(tmp_path / "run")


def test_config_is_the_whole_profile(tmp_path: Path) -> None:
    profile = replace(load("paper"), peers=3, seed=9)
    assert load(write_config(tmp_path, profile)) == profile
