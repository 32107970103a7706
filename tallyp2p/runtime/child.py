"""A program that answers lines with lines: asked one at a time, watched while it answers.

It may be anybody's, so nothing that it does may harm or stop us: it may die, hang, print
without end, or not read what it is sent.
"""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from collections.abc import Sequence
from typing import IO

from ..errors import SettingsError

__all__ = ["Child", "ChildError"]

_MOST = 32 * 1024 * 1024  # bytes of one answer
_CHUNK = 1 << 16


class ChildError(Exception):
    """The program did not answer; the text says what it did instead."""


class Child:
    """A running program with pipes to its standard input and from its standard output.

    Standard error stays that of this process, so that people see it.  Raises
    :class:`SettingsError` when the program cannot be started.
    """

    def __init__(self, command: Sequence[str]) -> None:
        try:
            self._process = subprocess.Popen(
                list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
            )
        except OSError as error:
            raise SettingsError(f"{command[0]} cannot be started: {error.strerror}") from None
        assert self._process.stdin is not None and self._process.stdout is not None
        self._stdin: IO[bytes] = self._process.stdin
        self._stdout: IO[bytes] = self._process.stdout
        os.set_blocking(self._stdin.fileno(), False)
        self._unread = b""  # what came after the last answer

    def ask(self, line: bytes, seconds: float) -> bytes:
        """Send `line`, return the line that comes back; neither has its line feed here.

        Raises :class:`ChildError` when none comes in time, or the program ends.
        """
        until = time.monotonic() + seconds
        waiting, answer = memoryview(line + b"\n"), [self._unread]
        with selectors.DefaultSelector() as selector:
            selector.register(self._stdin, selectors.EVENT_WRITE)
            selector.register(self._stdout, selectors.EVENT_READ)
            while b"\n" not in answer[-1]:
                left = until - time.monotonic()
                ready = selector.select(max(0.0, left))
                if not ready or left < 0:  # the latter: it prints without end
                    raise ChildError(f"it did not answer within {seconds:g} s")
                for key, _ in ready:
                    if key.fileobj is self._stdin:
                        waiting = waiting[self._write(waiting) :]
                        if not waiting:
                            selector.unregister(self._stdin)
                    else:
                        answer.append(self._read())
                if sum(map(len, answer)) > _MOST:
                    raise ChildError(f"its answer is longer than {_MOST} bytes")
        first, _, self._unread = b"".join(answer).partition(b"\n")
        return first

    def _write(self, data: memoryview) -> int:
        try:
            return os.write(self._stdin.fileno(), data[:_CHUNK])
        except BlockingIOError:
            return 0
        except BrokenPipeError:
            raise ChildError(self._ending()) from None

    def _read(self) -> bytes:
        data = os.read(self._stdout.fileno(), _CHUNK)
        if not data:
            raise ChildError(self._ending())
        return data

    def _ending(self) -> str:
        try:
            code = self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            return "it closed its output"
        return f"it ended with exit code {code}" if code >= 0 else f"signal {-code} ended it"

    def close(self, seconds: float = 5.0) -> str:
        """End its input and wait for it; kill it if it stays.  What was wrong, or nothing.

        A program ends when its input does, prints nothing more, and has exit code 0.
        """
        try:
            self._stdin.close()
            rest = self._unread + self._drain(seconds)
            code = self._process.wait(0.1)
        except subprocess.TimeoutExpired:
            return f"it did not end within {seconds:g} s of its input's end"
        finally:
            self.kill()
        if rest.strip():
            return "it printed more than its answers"
        return "" if code == 0 else f"it ended with exit code {code}"

    def _drain(self, seconds: float) -> bytes:
        """What it still prints until it ends; some of it is enough."""
        until, found = time.monotonic() + seconds, b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._stdout, selectors.EVENT_READ)
            while selector.select(max(0.0, until - time.monotonic())):
                data = os.read(self._stdout.fileno(), _CHUNK)
                if not data:
                    return found
                found = found or data
        raise subprocess.TimeoutExpired("", seconds)

    def kill(self) -> None:
        """End the program at once, if it has not ended."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        self._stdin.close()
        self._stdout.close()
