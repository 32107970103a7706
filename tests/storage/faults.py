"""Disks that fail, and disks that lose at a power cut what was not synced."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from random import Random

from tallyp2p.storage.disk import Disk

CHANGING = ("open", "write", "truncate", "sync", "close", "rename", "sync_directory", "remove")


class Crash(BaseException):
    """The process ends here."""


class FaultyDisk(Disk):
    """Fails at its call number `at`, counted from 0: with `error`, or by a crash without one.

    `after`: the call is made first, as where the process is killed on the way back from it.
    """

    def __init__(self, at: int, error: int | None = None, after: bool = False) -> None:
        self.at, self.error, self.after = at, error, after
        self.calls: list[str] = []

    def __getattribute__(self, name: str) -> object:
        found = super().__getattribute__(name)
        if name not in CHANGING:
            return found

        def call(*args: object) -> object:
            number = len(self.calls)
            self.calls.append(name)
            if number != self.at:
                return found(*args)
            if self.after:
                found(*args)
            if self.error is None:
                raise Crash(name)
            raise OSError(self.error, os.strerror(self.error))

        return call


class FullDisk(Disk):
    """Takes `room` bytes, a few at a time, and then no more until it is told that there is room."""

    def __init__(self, room: int) -> None:
        self.room = room

    def write(self, descriptor: int, data: memoryview, offset: int) -> int:
        if self.room <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = super().write(descriptor, data[: min(7, self.room)], offset)
        self.room -= taken
        return taken


class LazyDisk(Disk):
    """Remembers what was synced; `cut_power` loses some of the rest, as chance has it.

    Of an unsynced file a prefix is left, and a renamed file may be back under its old name
    until the directory is synced.
    """

    def __init__(self, at: int, chance: Random) -> None:
        self.at, self.chance = at, chance
        self.calls = 0
        self._paths: dict[int, Path] = {}
        self._synced: dict[Path, bytes] = {}
        self._undo: list[Callable[[], None]] = []

    def _count(self) -> None:
        if self.calls == self.at:
            raise Crash
        self.calls += 1

    def open(self, path: Path, flags: int) -> int:
        self._count()
        descriptor = super().open(path, flags)
        self._paths[descriptor] = path
        self._synced.setdefault(path, path.read_bytes())
        return descriptor

    def write(self, descriptor: int, data: memoryview, offset: int) -> int:
        self._count()
        return super().write(descriptor, data[: self.chance.randrange(1, 64)], offset)

    def sync(self, descriptor: int) -> None:
        self._count()
        super().sync(descriptor)
        if descriptor in self._paths:
            self._synced[self._paths[descriptor]] = self._paths[descriptor].read_bytes()

    def close(self, descriptor: int) -> None:
        super().close(descriptor)
        self._paths.pop(descriptor, None)

    def rename(self, path: Path, to: Path) -> None:
        self._count()
        old, moved = to.read_bytes() if to.exists() else None, self._synced.get(path, b"")
        super().rename(path, to)

        def undo() -> None:
            path.write_bytes(moved)
            if old is None:
                to.unlink()
            else:
                to.write_bytes(old)

        self._undo.append(undo)
        self._synced[to] = moved

    def sync_directory(self, path: Path) -> None:
        self._count()
        super().sync_directory(path)
        self._undo.clear()

    def remove(self, path: Path) -> None:
        self._count()
        super().remove(path)
        self._synced.pop(path, None)

    def cut_power(self) -> None:
        """What was not synced is lost, or not."""
        for path, synced in self._synced.items():
            if path.exists() and (now := path.read_bytes()) != synced:
                left = now[: self.chance.randrange(len(now) + 1)]
                path.write_bytes(left if len(left) >= len(synced) else synced)
        if self._undo and self.chance.random() < 0.5:
            for undo in reversed(self._undo):
                undo()
