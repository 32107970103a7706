"""Who wrote a directory is that peer again, and nobody else is."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tallyp2p.assemble import Seat
from tallyp2p.cli.former import Former, read_former, remember
from tallyp2p.errors import SettingsError

SEAT = Seat(3, bytes(range(32)))


def test_a_peer_is_remembered_with_its_secret_or_the_place_of_its_key(tmp_path: Path) -> None:
    remember(tmp_path / "a", SEAT, None)
    assert read_former(tmp_path / "a") == Former(3, None, SEAT.secret)
    remember(tmp_path / "b", SEAT, tmp_path / "key", ("tcp://h:1",))
    assert read_former(tmp_path / "b") == Former(3, tmp_path / "key", None, ("tcp://h:1",))
    file = tmp_path / "a" / "peer-03" / "self.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert SEAT.secret.hex() not in (tmp_path / "b" / "peer-03" / "self.json").read_text()


def test_other_directories_are_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="named with --out"):
        read_former(tmp_path)
    for index in range(3):
        (tmp_path / f"peer-{index:02d}").mkdir()
    with pytest.raises(SettingsError, match="it is a swarm's: tallyp2p swarm --resume"):
        read_former(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"shard": "x", "key": "k"}', '{"shard": 1}'])
def test_a_damaged_file_is_refused(tmp_path: Path, text: str) -> None:
    remember(tmp_path, SEAT, None)
    (tmp_path / "peer-03" / "self.json").write_text(text)
    with pytest.raises(SettingsError, match="is damaged"):
        read_former(tmp_path)
