"""Signals become calls in the loop, and only for as long as they should."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from tallyp2p.runtime.signals import stop_on


async def test_a_signal_calls_stop_in_the_loop_and_is_noted() -> None:
    stopped = asyncio.Event()
    with stop_on(stopped.set, signal.SIGTERM, signal.SIGINT) as seen:
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(stopped.wait(), 5)
        assert seen == [signal.SIGTERM]


async def test_the_former_handlers_come_back() -> None:
    # A peer told twice to leave must not die of the second signal while it says goodbye.
    def former(number: int, frame: object) -> None:
        caught.append(number)

    caught: list[int] = []
    before = signal.signal(signal.SIGTERM, former)
    try:
        with pytest.raises(ValueError), stop_on(lambda: None, signal.SIGTERM):
            raise ValueError
        assert signal.getsignal(signal.SIGTERM) is former
        os.kill(os.getpid(), signal.SIGTERM)
        assert caught == [signal.SIGTERM]
    finally:
        signal.signal(signal.SIGTERM, before)
