"""A program as a child, or somebody's process by its number: told to leave, and watched."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from typing import IO

from ..errors import FailureError, SettingsError

__all__ = ["Process"]

_LAST = 2000  # bytes of stderr that are looked at
_POLL = 0.02  # s between two looks at a process that is not a child


class Process:
    """A process that can be sent SIGTERM."""

    def __init__(
        self,
        number: int,
        child: asyncio.subprocess.Process | None = None,
        errors: IO[bytes] | None = None,
    ) -> None:
        self.number = number
        self._child, self._errors = child, errors

    @classmethod
    async def start(cls, command: Sequence[str]) -> Process:
        """Run `command`; what it prints is dropped, what it says on stderr is in `words`.

        Raises :class:`SettingsError` when there is no such program.
        """
        errors = tempfile.TemporaryFile()  # a pipe that nobody reads would stop it
        try:
            child = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=errors,
            )
        except OSError as error:
            errors.close()
            raise SettingsError(f"cannot run {command[0]}: {error.strerror}") from None
        return cls(child.pid, child, errors)

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

    def words(self) -> str:
        """The last line that a child wrote on its stderr; empty when there is none."""
        if self._errors is None or self._errors.closed:
            return ""
        self._errors.seek(max(0, self._errors.seek(0, os.SEEK_END) - _LAST))
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else ""

    async def kill(self) -> None:
        """End a child that is still there; leave somebody else's process alone."""
        if self._errors is not None:
            self._errors.close()
        if self._child is not None and self._child.returncode is None:
            with suppress(ProcessLookupError):
                self._child.kill()
            await self._child.wait()
