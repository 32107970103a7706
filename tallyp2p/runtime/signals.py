"""Signals that end a peer, turned into calls in its event loop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["stop_on"]


@contextmanager
def stop_on(stop: Callable[[], None], *signals: signal.Signals) -> Iterator[list[signal.Signals]]:
    """Call `stop` in the running loop on each of `signals`; yields the list of those seen.

    For the main thread only.  The former handlers are back when the context ends.
    """
    loop = asyncio.get_running_loop()
    seen: list[signal.Signals] = []

    def handle(number: signal.Signals) -> None:
        seen.append(number)
        stop()

    former = {number: signal.getsignal(number) for number in signals}
    for number in signals:
        loop.add_signal_handler(number, handle, number)
    try:
        yield seen
    finally:
        for number, handler in former.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)
