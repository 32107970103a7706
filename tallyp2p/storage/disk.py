"""The few calls by which anything comes to lie on a disk, and the one way to write a file whole.

All of them stand in one class, so that a test can let each of them fail, or end the process
there, and look at what is left.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

__all__ = ["Disk", "write_whole"]

_PRIVATE = 0o600  # what a peer votes and what it has learnt is nobody else's business
_FULL_SYNC = getattr(fcntl, "F_FULLFSYNC", None)  # macOS: fsync alone leaves it in the drive


class Disk:
    """The calls of the system.  All raise :class:`OSError`."""

    def open(self, path: Path, flags: int) -> int:
        """A descriptor; a new file can be read by its owner alone."""
        return os.open(path, flags | os.O_CLOEXEC, _PRIVATE)

    def write(self, descriptor: int, data: memoryview, offset: int) -> int:
        """Write at `offset`; how many bytes were taken, which may be fewer."""
        return os.pwrite(descriptor, data, offset)

    def truncate(self, descriptor: int, size: int) -> None:
        """Cut off what lies beyond `size`."""
        os.ftruncate(descriptor, size)

    def sync(self, descriptor: int) -> None:
        """Return when all of it lies on the disk, not before."""
        if _FULL_SYNC is not None:
            fcntl.fcntl(descriptor, _FULL_SYNC)
        else:
            os.fsync(descriptor)

    def close(self, descriptor: int) -> None:
        """No more of it."""
        os.close(descriptor)

    def rename(self, path: Path, to: Path) -> None:
        """At once, whatever was there before."""
        os.replace(path, to)

    def sync_directory(self, path: Path) -> None:
        """Return when the names in a directory lie on the disk."""
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self.sync(descriptor)
        finally:
            os.close(descriptor)

    def remove(self, path: Path) -> None:
        """A name less."""
        path.unlink(missing_ok=True)

    def write_all(self, descriptor: int, data: bytes, offset: int = 0) -> None:
        """Write all of `data`, however little is taken at a time."""
        view = memoryview(data)
        while view:
            taken = self.write(descriptor, view, offset)
            view, offset = view[taken:], offset + taken


def write_whole(disk: Disk, path: Path, data: bytes) -> None:
    """Put `data` at `path` so that, whenever the power fails, the old or the new file is there.

    Written beside it under a name that ends in ``.part``, and synced before it is renamed; then
    the directory is synced.  When this returns the new file is there for good.  Raises
    :class:`OSError`, and then the old one is there, or the new one if only the last step failed.
    """
    beside = path.with_name(path.name + ".part")
    try:
        descriptor = disk.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        try:
            disk.write_all(descriptor, data)
            disk.sync(descriptor)
        finally:
            disk.close(descriptor)
        disk.rename(beside, path)
    except OSError:
        with suppress(OSError):  # it may be the disk that is full: give back what was taken
            disk.remove(beside)
        raise
    disk.sync_directory(path.parent)
