"""The inviter's seats: dealt, given once, and nobody's key kept."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tallyp2p.admission.keyfile import write_private
from tallyp2p.admission.seats import (
    SEATS,
    Chair,
    deal,
    read_seats,
    seats_text,
    take_spares,
)
from tallyp2p.errors import FailureError, SettingsError
from tallyp2p.wire.seal import identity_of

THEIRS = identity_of(b"t" * 32)


@pytest.fixture
def dealt(tmp_path: Path) -> list[Chair]:
    numbers = iter(range(1, 100))
    chairs = deal([THEIRS], 3, lambda n: bytes([next(numbers)]) * n)
    write_private(tmp_path / SEATS, seats_text(chairs))
    return chairs


def test_every_shard_has_one_seat(dealt: list[Chair]) -> None:
    assert [chair.shard for chair in dealt] == [0, 1, 2, 3, 4]
    assert [chair.state for chair in dealt] == ["own", "theirs", "spare", "spare", "spare"]
    assert dealt[1].identity == THEIRS and dealt[1].secret is None
    assert len({chair.identity for chair in dealt}) == 5


def test_what_is_kept_is_read_back_without_the_inviters_own_key(
    dealt: list[Chair], tmp_path: Path
) -> None:
    found = read_seats(tmp_path)
    assert found[1:] == dealt[1:]
    assert (found[0].identity, found[0].secret) == (dealt[0].identity, None)


def test_a_seat_is_given_once_and_its_secret_is_gone_from_the_disk(
    dealt: list[Chair], tmp_path: Path
) -> None:
    assert take_spares(tmp_path, 2) == dealt[2:4]
    held = (tmp_path / SEATS).read_text()
    assert held.count("secret") == 1
    assert stat.S_IMODE((tmp_path / SEATS).stat().st_mode) == 0o600
    with pytest.raises(SettingsError, match="1 seat is left"):
        take_spares(tmp_path, 2)
    assert take_spares(tmp_path, 1) == dealt[4:]
    with pytest.raises(SettingsError, match="no seats are left.*--spare"):
        take_spares(tmp_path, 1)


def test_what_lies_where_it_is_written_first_makes_no_secret_readable(
    dealt: list[Chair], tmp_path: Path
) -> None:
    part, elsewhere = tmp_path / (SEATS + ".part"), tmp_path / "elsewhere"
    part.touch(0o644)
    take_spares(tmp_path, 1)
    assert stat.S_IMODE((tmp_path / SEATS).stat().st_mode) == 0o600
    elsewhere.touch()
    part.symlink_to(elsewhere)
    take_spares(tmp_path, 1)
    assert not elsewhere.read_bytes() and not (tmp_path / SEATS).is_symlink()


def test_a_disk_that_refuses_gives_nothing(
    dealt: list[Chair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched, pytest.raises(FailureError, match="No space left"):
        patched.setattr(os, "fsync", full)
        take_spares(tmp_path, 1)
    assert sorted(path.name for path in tmp_path.iterdir()) == [SEATS]
    assert take_spares(tmp_path, 1) == dealt[2:3]


def test_two_inviters_at_once_give_different_seats(dealt: list[Chair], tmp_path: Path) -> None:
    program = (
        "import pathlib; from tallyp2p.admission.seats import take_spares\n"
        f"print(take_spares(pathlib.Path({str(tmp_path)!r}), 1)[0].shard)"
    )
    command = [sys.executable, "-c", program]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert sorted(one.communicate(timeout=60)[0] for one in both) == ["2\n", "3\n", "4\n"]


def test_what_others_can_read_gives_nothing(dealt: list[Chair], tmp_path: Path) -> None:
    (tmp_path / SEATS).chmod(0o640)
    with pytest.raises(SettingsError, match="can be read by others"):
        take_spares(tmp_path, 1)


def test_no_secret_is_shown_by_accident(dealt: list[Chair]) -> None:
    for chair in dealt:
        assert chair.secret is None or repr(chair.secret) not in repr(chair)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: "",
        lambda text: "[" * 10_000,
        lambda text: text.replace("seats/1", "seats/2"),
        lambda text: text.replace('"shard": 2', '"shard": 3'),
        lambda text: text.replace("spare", "spared"),
        lambda text: text.replace('"secret": "', '"secret": "A'),
        lambda text: text.replace('"secret": "A', '"secret": "B'),
    ],
)
def test_a_damaged_file_gives_nothing(dealt: list[Chair], tmp_path: Path, spoil: object) -> None:
    assert callable(spoil)
    (tmp_path / SEATS).write_text(spoil(seats_text(dealt)))
    with pytest.raises(SettingsError, match="is damaged"):
        take_spares(tmp_path, 1)
