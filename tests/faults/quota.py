"""A share of one processor for chosen processes, by a control group of version 1 or 2."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import pytest

__all__ = ["Quota"]

_PERIOD = 100_000  # microseconds
_ROOTS = (Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup"))


class Quota:
    """Processes in it share `share` of a processor; skips the test where there is no such group.

    A context manager: the group is removed at the end, when its processes are gone or freed.
    """

    def __init__(self, share: float) -> None:
        self._quota = int(share * _PERIOD)
        self._group: Path | None = None

    def __enter__(self) -> Quota:
        for root in _ROOTS:
            group = root / f"tallyp2p-test-{os.getpid()}"
            with suppress(OSError):
                if root == _ROOTS[1]:
                    (root / "cgroup.subtree_control").write_text("+cpu")
                group.mkdir()
                try:
                    self._limit(group)
                except OSError:
                    group.rmdir()
                    continue
                self._root, self._group = root, group
                return self
        pytest.skip("this system gives no control group that limits processors")

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._group is not None
        for process in (self._group / "cgroup.procs").read_text().split():
            self.free(int(process))
        self._group.rmdir()

    def take(self, process: int) -> None:
        """Let a process have no more than the share."""
        assert self._group is not None
        (self._group / "cgroup.procs").write_text(str(process))

    def free(self, process: int) -> None:
        """Let a process have what it wants again."""
        with suppress(ProcessLookupError):
            (self._root / "cgroup.procs").write_text(str(process))

    def _limit(self, group: Path) -> None:
        if (group / "cpu.max").exists():
            (group / "cpu.max").write_text(f"{self._quota} {_PERIOD}")
        else:
            (group / "cpu.cfs_period_us").write_text(str(_PERIOD))
            (group / "cpu.cfs_quota_us").write_text(str(self._quota))
