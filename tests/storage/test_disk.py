"""A file is whole or not there, wherever the writing of it ends."""

from __future__ import annotations

import errno
import stat
from pathlib import Path

import pytest

from tallyp2p.storage.disk import Disk, write_whole
from tests.storage.faults import Crash, FaultyDisk, FullDisk

OLD, NEW = b"old" * 100, b"new" * 1000


def test_what_is_synced_in_which_order(tmp_path: Path) -> None:
    disk = FaultyDisk(-1)
    write_whole(disk, tmp_path / "file", NEW)
    assert disk.calls == [
        "open",
        "write",
        "sync",
        "close",
        "rename",
        "sync_directory",
        "sync",  # the directory's
    ]
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("at", range(7))
@pytest.mark.parametrize("error", [None, errno.EIO, errno.ENOSPC, errno.EROFS])
def test_the_old_or_the_new_is_there(
    tmp_path: Path, at: int, error: int | None, after: bool
) -> None:
    path = tmp_path / "file"
    path.write_bytes(OLD)
    with pytest.raises(Crash if error is None else OSError):
        write_whole(FaultyDisk(at, error, after), path, NEW)
    assert path.read_bytes() in (OLD, NEW)
    if at < 4:
        assert path.read_bytes() == OLD
        if error is not None:
            assert list(tmp_path.iterdir()) == [path], "a full disk gets back what was taken"
    write_whole(Disk(), path, NEW)
    assert path.read_bytes() == NEW


def test_a_disk_that_takes_little_at_a_time_is_given_it_all(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_whole(FullDisk(len(NEW)), path, NEW)
    assert path.read_bytes() == NEW
    with pytest.raises(OSError, match="No space left"):
        write_whole(FullDisk(len(OLD) - 1), path, OLD)
    assert path.read_bytes() == NEW
