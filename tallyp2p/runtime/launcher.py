"""Many peers on one host, each a process of its own.

The launcher starts processes and can end them; it decides nothing else, and they need
nothing from it: when it is killed, they go on and finish by themselves.

Processes are forked from a server that has imported everything heavy once (24 training
peers then take 8 s and 9 MB each, against seconds of import and 300 MB for a spawned one).  They
share no socket and no generator with it, for the server only imports.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

from ..errors import FailureError, LocalError, TallyError

if TYPE_CHECKING:  # a system without fork lacks the one
    from multiprocessing.context import ForkServerContext, SpawnContext

__all__ = ["Job", "Launcher"]

_log = logging.getLogger(__name__)

_served: list[Launcher] = []  # launchers whose children the fork server still has to report


@dataclass(frozen=True, slots=True)
class Job:
    """What one process is to do: call `target(*args)` and exit with what it returns.

    `target` is a top-level function, for it and `args` are pickled; None means exit code 0.
    Whatever the process prints or logs is appended to `log`.
    """

    target: Callable[..., int | None]
    args: tuple[Any, ...]
    log: Path


class Launcher:
    """Runs `jobs`, each in a process; a context manager that leaves no process behind.

    `preload`: a module that the fork server imports before it forks.  `spawn`: start every
    process afresh instead, which is also done where forking is unsafe (macOS, Windows).
    """

    def __init__(self, jobs: Sequence[Job], *, preload: str = "", spawn: bool = False) -> None:
        self._jobs = tuple(jobs)
        self._spawn = spawn or sys.platform in ("darwin", "win32")
        self._context = _context(self._spawn)
        self._preload = preload
        self._processes: list[BaseProcess] = []

    def start(self) -> None:
        """Start all processes.  Raises :class:`FailureError` when the system refuses."""
        if self._processes:
            raise LocalError("a launcher starts once")
        try:
            if not self._spawn:
                _served.append(self)
                self._warm_up()
            for job in self._jobs:
                # Interrupted between the fork and our learning of it, a process would be
                # nobody's; each start takes milliseconds, so Ctrl-C may wait for it.
                with _uninterrupted():
                    process = self._context.Process(target=_work, args=(job,))
                    process.start()
                    self._processes.append(process)
        except OSError as error:
            self.terminate()
            raise FailureError(
                f"cannot start process {len(self._processes) + 1} of {len(self._jobs)}: "
                f"{error.strerror}; start fewer peers, or raise the limit (`ulimit -u`, `-n`)"
            ) from error

    @property
    def ids(self) -> tuple[int, ...]:
        """Process ids, in the order of the jobs."""
        return tuple(process.pid or 0 for process in self._processes)

    def poll(self) -> tuple[int | None, ...]:
        """Exit codes, in the order of the jobs: None while alive, -N when killed by signal N."""
        return tuple(process.exitcode for process in self._processes)

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until all have ended, at most so long; whether they have."""
        return self._wait(self._processes, seconds)

    def terminate(self, grace: float = 5.0) -> None:
        """Ask all to leave (SIGTERM), and after `grace` seconds end those that have not.

        An interruption (a second Ctrl-C) ends them at once.
        """
        try:
            for process in self._processes:
                process.terminate()
            self._wait(self._processes, grace)
        finally:
            for process in self._processes:
                process.kill()
            self._wait(self._processes, 5.0)

    def __enter__(self) -> Launcher:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.terminate()
        finally:
            if self in _served:
                _served.remove(self)
                if not _served:
                    _stop_server()

    def _warm_up(self) -> None:
        """Let the server finish its imports, in a way that Ctrl-C may interrupt.

        What an interruption leaves behind in these seconds is a process that does nothing.
        """
        if self._preload:
            self._context.set_forkserver_preload([self._preload])
        from multiprocessing.forkserver import ensure_running

        with _uninterrupted():
            ensure_running()
        nothing = self._context.Process(target=_nothing)
        nothing.start()
        nothing.join()

    @staticmethod
    def _wait(processes: Sequence[BaseProcess], seconds: float | None) -> bool:
        end = None if seconds is None else time.monotonic() + seconds
        while alive := [process.sentinel for process in processes if process.exitcode is None]:
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                return False
            wait(alive, left)
        return True


def _context(spawn: bool) -> SpawnContext | ForkServerContext:
    if spawn:
        return multiprocessing.get_context("spawn")
    return multiprocessing.get_context("forkserver")


def _nothing() -> None:
    pass


def _work(job: Job) -> NoReturn:
    """The life of a child.  It ends by `os._exit`: a learner's thread may still be busy."""
    # Ctrl-C in a terminal reaches every process of its group; only the launcher may react.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _leave)  # until the node listens for it
    code = 1
    try:
        _redirect(job.log)
        result = job.target(*job.args)
        code = 0 if result is None else int(result)
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except TallyError as error:
        _log.error("%s", error)
    except BaseException:
        _log.exception("the process failed")
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        logging.shutdown()
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(code)


def _leave(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(0)


def _redirect(log: Path) -> None:
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
    form = "%(asctime)s %(levelname)s %(name)s: %(message)s"
    logging.basicConfig(level=logging.INFO, format=form, force=True)


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Put SIGINT off until the end of the block.  No effect outside the main thread.

    Processes that are started in the block are born deaf to it: in a terminal Ctrl-C reaches
    them too, and in the midst of their imports they would die of it with a traceback.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    interrupts: list[int] = []
    former = signal.signal(signal.SIGINT, lambda number, frame: interrupts.append(number))
    masked = hasattr(signal, "pthread_sigmask")  # not on Windows
    if masked:
        from multiprocessing.resource_tracker import ensure_running

        ensure_running()  # its start, in the block, would end with SIGINT unblocked
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        if masked:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        signal.signal(signal.SIGINT, former)
    if interrupts:
        raise KeyboardInterrupt


def _stop_server() -> None:
    """End the fork server now; left alone it ends with this process, once its imports are done.

    The standard library has no public call for it; a later launcher starts a new one.
    """
    server: Any = getattr(sys.modules.get("multiprocessing.forkserver"), "_forkserver", None)
    pid = getattr(server, "_forkserver_pid", None)
    if pid:
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
        server._stop()  # forgets it, so that nobody asks the dead for a fork
