"""The learner's thread."""

from __future__ import annotations

import asyncio
import threading

import pytest

from tallyp2p.runtime.worker import Worker
from tests.waiting import LONG


async def test_calls_run_in_order_in_one_other_thread() -> None:
    worker = Worker()
    order: list[int] = []

    def work(number: int) -> int:
        order.append(number)
        return threading.get_ident()

    threads = await asyncio.gather(*(worker.call(work, i) for i in range(20)))
    assert order == list(range(20))
    assert len(set(threads)) == 1 and threads[0] != threading.get_ident()
    assert await worker.stop(5)


async def test_whatever_is_raised_comes_back() -> None:
    worker = Worker()

    def leave() -> None:
        raise SystemExit(3)

    def iterate() -> None:
        raise StopIteration

    with pytest.raises(ZeroDivisionError):
        await worker.call(lambda: 1 // 0)
    with pytest.raises(RuntimeError, match="SystemExit"):
        await worker.call(leave)
    with pytest.raises(RuntimeError, match="StopIteration"):  # a future refuses it as it is
        await worker.call(iterate)
    assert await worker.call(lambda: 1) == 1
    assert await worker.stop(5)


async def test_stop_does_not_wait_for_a_long_call() -> None:
    worker = Worker()
    release = threading.Event()
    call = worker.call(release.wait, 60)
    assert not await worker.stop(0.05)
    release.set()
    assert await asyncio.wait_for(call, LONG)
