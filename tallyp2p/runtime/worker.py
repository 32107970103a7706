"""One thread for the learner, so that training never holds up the event loop."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any, TypeVar

__all__ = ["Worker"]

Result = TypeVar("Result")


class Worker:
    """Calls functions one at a time, in order, in a thread of its own.

    Not an executor of the standard library: the interpreter joins those threads when it
    exits, so that a peer that was told to leave would first finish its training step.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._ended = asyncio.Event()
        self._thread = threading.Thread(target=self._work, name="learner", daemon=True)
        self._thread.start()

    def call(self, function: Callable[..., Result], *args: Any) -> asyncio.Future[Result]:
        """The future result of `function(*args)`; its exception, whichever it is."""
        future: asyncio.Future[Result] = self._loop.create_future()

        def work() -> None:
            try:
                result = function(*args)
            except BaseException as error:  # even SystemExit: the loop decides, not a learner
                self._report(_fail, future, error)
            else:
                self._report(_succeed, future, result)

        self._calls.put(work)
        return future

    async def stop(self, patience: float) -> bool:
        """End the thread after the call in progress; False if that took over `patience` s.

        In that case the thread is left to itself, and the process should end by
        `os._exit`: the interpreter cannot shut down cleanly beneath a thread in torch.
        """
        self._calls.put(None)
        try:
            await asyncio.wait_for(self._ended.wait(), patience)
        except TimeoutError:
            return False
        return True

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()
        self._report(self._ended.set)

    def _report(self, callback: Callable[..., None], *args: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(callback, *args)
        except RuntimeError:
            pass  # the loop is closed: nobody waits for this any more


def _succeed(future: asyncio.Future[Result], result: Result) -> None:
    if not future.cancelled():
        future.set_result(result)


def _fail(future: asyncio.Future[Any], error: BaseException) -> None:
    if future.cancelled():
        return
    if isinstance(error, StopIteration) or not isinstance(error, Exception):
        carrier = RuntimeError(repr(error))  # a future refuses the one, the loop obeys the other
        carrier.__cause__ = error
        error = carrier
    future.set_exception(error)
