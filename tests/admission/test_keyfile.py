"""Secret keys on disk: who may read them, what a damaged one does, and one process a key."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tallyp2p.admission.keyfile import held_key, key_text, make_key, read_key, write_private
from tallyp2p.errors import FailureError, SettingsError
from tallyp2p.wire.keys import identity_text
from tallyp2p.wire.seal import identity_of

SECRET = bytes(range(32))


@pytest.fixture
def key(tmp_path: Path) -> Path:
    write_private(tmp_path / "my.key", key_text(SECRET))
    return tmp_path / "my.key"


def test_a_key_is_made_for_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o277)
    try:
        identity = make_key(tmp_path / "my.key", lambda n: SECRET[:n])
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "my.key").stat().st_mode) == 0o600
    assert identity == identity_of(SECRET) and read_key(tmp_path / "my.key") == SECRET
    assert identity_text(identity) in (tmp_path / "my.key").read_text()


def test_two_keys_are_two(tmp_path: Path) -> None:
    assert make_key(tmp_path / "one") != make_key(tmp_path / "two")


def test_nothing_is_overwritten_nor_a_link_followed(key: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for taken in (key, tmp_path / "link"):
        with pytest.raises(SettingsError, match="never overwritten"):
            make_key(taken)
    assert read_key(key) == SECRET and not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o601, 0o777])
def test_a_key_that_others_can_read_is_refused(key: Path, mode: int) -> None:
    key.chmod(mode)
    with pytest.raises(SettingsError, match=f"read by others .mode {mode:04o}.*chmod 600"):
        read_key(key)


def test_every_changed_character_is_noticed(key: Path) -> None:
    text = key.read_text()
    for at in range(len(text)):
        key.write_text(text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :])
        with pytest.raises(SettingsError, match="damaged"):
            read_key(key)


@pytest.mark.parametrize("held", ["", "tally/1 key\n", "x" * 100_000, "\xff\x00"])
def test_another_file_is_no_key(key: Path, held: str) -> None:
    key.write_text(held, encoding="latin-1")
    with pytest.raises(SettingsError, match="not a key"):
        read_key(key)


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=re.escape(f"tallyp2p keygen {tmp_path}/none")):
        read_key(tmp_path / "none")
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(SettingsError, match="is not a file"):
            read_key(path)
    with pytest.raises(FailureError, match="name another file"):
        make_key(tmp_path / "no" / "such" / "folder")


def test_a_full_disk_leaves_no_half_a_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(file: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FailureError, match="free some space"):
        make_key(tmp_path / "my.key")
    assert not (tmp_path / "my.key").exists()


def test_one_process_holds_a_key_until_it_is_gone(key: Path) -> None:
    program = (
        "import sys, pathlib; from tallyp2p.admission.keyfile import held_key\n"
        f"with held_key(pathlib.Path({str(key)!r})): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None and other.stdout.readline() == "held\n"
        with pytest.raises(FailureError, match="in use by another process"), held_key(key):
            pass
        assert read_key(key) == SECRET  # to look at it is no use of it
        other.kill()
        other.wait()
    with held_key(key) as secret:
        assert secret == SECRET
