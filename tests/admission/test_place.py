"""A seat's directory: made whole, read back, and refused when it is not what it was."""

from __future__ import annotations

import json
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from tallyp2p.admission import keyfile, place
from tallyp2p.admission.keyfile import make_key, read_key
from tallyp2p.admission.place import (
    is_place,
    keep_listen,
    read_electorate,
    read_place,
    write_place,
)
from tallyp2p.errors import FailureError, SettingsError
from tallyp2p.profiles import load
from tests.admission.test_invitation import LISTED, SECRETS, SEEDS, invited


def test_what_was_written_is_read_and_for_its_owner_alone(tmp_path: Path) -> None:
    made = write_place(tmp_path / "a" / "seat", invited(2))
    assert made == read_place(tmp_path / "a" / "seat")
    assert (made.electorate, made.shard, made.seeds) == (LISTED, 2, SEEDS)
    assert read_key(made.key) == SECRETS[2]
    assert load(made.config) == invited(2).profile
    assert stat.S_IMODE((tmp_path / "a" / "seat").stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in made.key.parent.iterdir()} == {0o600}


def test_where_its_peer_listened_is_kept_and_nothing_else_changes(tmp_path: Path) -> None:
    made = write_place(tmp_path / "seat", invited())
    assert made.listen is None
    for listen in ("tcp://192.0.2.7:7000", "tcp://[fd00::7]:*"):
        keep_listen(tmp_path / "seat", listen)
        assert read_place(tmp_path / "seat") == replace(made, listen=listen)
    assert stat.S_IMODE((tmp_path / "seat" / "seat.json").stat().st_mode) == 0o600
    (tmp_path / "seat" / "seat.json").write_text(
        '{"shard": 1, "key": "k", "seeds": [], "listen": 7}'
    )
    with pytest.raises(SettingsError, match="is damaged"):
        read_place(tmp_path / "seat")


def test_the_list_is_the_text_that_the_run_names(tmp_path: Path) -> None:
    write_place(tmp_path / "seat", invited())
    assert read_electorate(tmp_path / "seat" / "electorate.txt").digest == LISTED.digest
    assert (tmp_path / "seat" / "electorate.txt").read_text() == LISTED.text


def test_a_key_kept_elsewhere_is_not_copied(tmp_path: Path) -> None:
    make_key(tmp_path / "my.key", lambda n: SECRETS[1])
    made = write_place(tmp_path / "seat", invited(1, secret=False), tmp_path / "my.key")
    assert made.key == tmp_path / "my.key" and not (tmp_path / "seat" / "key").exists()
    with pytest.raises(SettingsError, match="name its file with --key"):
        write_place(tmp_path / "other", invited(1, secret=False))


def test_nothing_is_put_where_something_is(tmp_path: Path) -> None:
    (tmp_path / "diary").write_text("dear diary")
    with pytest.raises(SettingsError, match="not empty"):
        write_place(tmp_path, invited())
    with pytest.raises(FailureError, match="choose another with --out"):
        write_place(tmp_path / "diary" / "seat", invited())
    assert not is_place(tmp_path) and [file.name for file in tmp_path.iterdir()] == ["diary"]


def test_a_disk_that_fills_leaves_no_half_a_seat(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = keyfile.write_private

    def fills(path: Path, text: str) -> None:
        if path.name == "seat.json":
            raise FailureError("full")
        written(path, text)

    monkeypatch.setattr(place, "write_private", fills)
    with pytest.raises(FailureError):
        write_place(tmp_path / "seat", invited())
    assert list((tmp_path / "seat").iterdir()) == []


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "[" * 10_000, '{"shard": 1, "key": "key", "seeds": [1]}', "\u00ff"]
    + [json.dumps({"shard": shard, "key": "key", "seeds": []}) for shard in ("1", True, None)],
)
def test_a_damaged_seat_is_told(tmp_path: Path, text: str) -> None:
    write_place(tmp_path / "seat", invited())
    (tmp_path / "seat" / "seat.json").write_text(text)
    with pytest.raises(SettingsError, match="seat.json is damaged"):
        read_place(tmp_path / "seat")


def test_a_changed_list_is_told(tmp_path: Path) -> None:
    write_place(tmp_path / "seat", invited())
    path = tmp_path / "seat" / "electorate.txt"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    with pytest.raises(SettingsError, match="electorate.txt is not a list of members"):
        read_place(tmp_path / "seat")
    path.write_bytes(b"\xff")
    with pytest.raises(SettingsError, match="damaged"):
        read_place(tmp_path / "seat")
    path.unlink()
    with pytest.raises(FailureError, match="cannot read"):
        read_place(tmp_path / "seat")
