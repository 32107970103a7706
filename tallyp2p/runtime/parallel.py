"""The same work on many things, in several processes, with results as they come.

For work that is nobody's peer: worlds to simulate, say.  Each process starts afresh, so that
none inherits a lock, and imports what the work needs once.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import TypeVar

from ..errors import FailureError

__all__ = ["spread"]

_Thing = TypeVar("_Thing")
_Made = TypeVar("_Made")
_AHEAD = 2  # things given out for each process: one in work and one that waits


def spread(
    work: Callable[[_Thing], _Made], things: Iterable[_Thing], jobs: int
) -> Generator[_Made, None, None]:
    """`work` of each thing, in the order in which it is done.

    With one job it is done here.  With more, `work` is a top-level function or a partial of
    one, and `things` is asked for no more than a few at a time, so it may be endless.  Closing
    the iterator ends the processes after what they have in hand.  Raises :class:`FailureError`
    when one of them is killed.
    """
    if jobs == 1:
        yield from map(work, things)
        return
    waiting = iter(things)
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(jobs, context, _begin)
    try:
        given: set[Future[_Made]] = set()
        while True:
            for thing in islice(waiting, _AHEAD * jobs - len(given)):
                given.add(pool.submit(work, thing))
            if not given:
                return
            done, given = wait(given, return_when=FIRST_COMPLETED)
            for future in done:
                yield future.result()
    except BrokenProcessPool:
        raise FailureError("a process was killed: use fewer --jobs if memory is short") from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _begin() -> None:
    """Ctrl-C reaches all processes; only the first one knows what to do about it.

    None outlives the first one: killed, it could not end the others.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_follow, daemon=True).start()


def _follow() -> None:
    first = multiprocessing.parent_process()
    assert first is not None
    first.join()
    os._exit(1)
