"""A program as a child, or somebody's process by its number: told to leave, and watched."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Sequence
from contextlib import suppress

from ..errors import FailureError, SettingsError

__all__ = ["Process"]

_POLL = 0.02  # s between two looks at a process that is not a child


class Process:
    """A process that can be sent SIGTERM."""

    def __init__(self, number: int, child: asyncio.subprocess.Process | None = None) -> None:
        self.number = number
        self._child = child

    @classmethod
    async def start(cls, command: Sequence[str]) -> Process:
        """Run `command`; what it prints is dropped, what it says on stderr is shown.

        Raises :class:`SettingsError` when there is no such program.
        """
        try:
            child = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
            )
        except OSError as error:
            raise SettingsError(f"cannot run {command[0]}: {error.strerror}") from None
        return cls(child.pid, child)

    @classmethod
    def of(cls, number: int) -> Process:
        """The running process of this number.  Raises :class:`SettingsError` for none."""
        process = cls(number)
        if process.gone():
            raise SettingsError(f"there is no process {number}, or it is not yours")
        return process

    def gone(self) -> bool:
        """Whether it has ended, or was never there."""
        if self._child is not None:
            return self._child.returncode is not None
        try:
            os.kill(self.number, 0)
        except OSError:
            return True
        return False

    def terminate(self) -> None:
        """Send SIGTERM.  Raises :class:`FailureError` when that is not permitted."""
        try:
            os.kill(self.number, signal.SIGTERM)
        except ProcessLookupError:
            return
        except PermissionError:
            raise FailureError(f"process {self.number} is not yours to end") from None

    async def ended(self, within: float) -> bool:
        """Whether it is gone in time."""
        try:
            async with asyncio.timeout(within):
                if self._child is not None:
                    await self._child.wait()
                while not self.gone():
                    await asyncio.sleep(_POLL)
        except TimeoutError:
            return False
        return True

    @property
    def code(self) -> int | None:
        """The exit code of a child that has ended; None otherwise."""
        return None if self._child is None else self._child.returncode

    async def kill(self) -> None:
        """End a child that is still there; leave somebody else's process alone."""
        if self._child is not None and self._child.returncode is None:
            with suppress(ProcessLookupError):
                self._child.kill()
            await self._child.wait()
