"""A house of honest peers, an attack, and what it did: messages, memory, files and time."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.waiting import LONG

__all__ = ["Damage", "House", "besiege"]

ROOT = Path(__file__).resolve().parents[2]
Report = dict[str, Any]

_WARM = 80  # rounds until the ledgers are full, so that memory stands still
_FDS_BACK = 10.0  # s after an attack within which files must be back


@dataclass
class Damage:
    """What one attack did."""

    seconds: float = 0.0
    frames: int = 0  # that reached a decoder
    delivered: dict[str, int] = field(default_factory=dict)  # messages that reached a machine
    refused: dict[str, int] = field(default_factory=dict)
    growth: float = 0.0  # MiB, the most at any time
    left: float = 0.0  # MiB that stayed
    files: int = 0  # open ones that stayed
    slower: float = 0.0  # times as long as a round takes undisturbed
    cpu: float = 0.0  # s of the processor that it cost the house
    missed: int = 0  # honest ballots that came too late for a round
    spoiled: int = 0  # honest ballots that were annulled
    figures: dict[str, float] = field(default_factory=dict)  # the attacker's own


class House:
    """The process of `house`, and the newest of what it says."""

    def __init__(self, *arguments: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.hostile.house", *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        first = json.loads(self._process.stdout.readline())
        self.descriptor: str = first["run"]
        self.endpoints: list[str] = first["endpoints"]
        self._news = threading.Condition()
        self._reports: list[Report] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.wait(lambda report: report["rounds"] >= _WARM, LONG)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            with self._news:
                self._reports.append(json.loads(line))
                self._news.notify_all()

    def since(self, moment: int) -> list[Report]:
        """Reports from the `moment`th on."""
        with self._news:
            return self._reports[moment:]

    def now(self) -> int:
        """How many reports there were, after one more has come."""
        with self._news:
            count = len(self._reports)
            if not self._news.wait_for(lambda: len(self._reports) > count, LONG):
                raise AssertionError("the house is silent: did it fall?")
            return len(self._reports)

    def wait(self, done: Callable[[Report], bool], within: float) -> bool:
        """Whether a report comes in time for which `done` is true."""
        with self._news:
            return self._news.wait_for(
                lambda: bool(self._reports and done(self._reports[-1])), within
            )

    def pace(self, seconds: float) -> tuple[float, float]:
        """Rounds, and seconds of the processor, in a second that nobody disturbs."""
        start = self.now()
        time.sleep(seconds)  # what is measured is time itself
        self.now()
        return _pace(self.since(start - 1))

    def __enter__(self) -> House:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(LONG)
        finally:
            self._process.kill()
            self._process.wait()
            self._reader.join()
            assert self._process.stdout is not None
            self._process.stdout.close()


def _pace(reports: list[Report]) -> tuple[float, float]:
    """Rounds and seconds of the processor in a second; none at all counts as one round."""
    first, last = reports[0], reports[-1]
    passed = last["at"] - first["at"]
    rounds = max(1, last["rounds"] - first["rounds"])
    return rounds / passed, (last["cpu"] - first["cpu"]) / passed


def besiege(
    house: House,
    attack: Callable[[], Awaitable[dict[str, float]]],
    calm: float = 2.0,
    leaving: bool = True,
) -> Damage:
    """Let an attack run to its end, and look what became of the house.

    `calm`: seconds of undisturbed rounds to compare with; `leaving`: whether the house is to
    be rid of the attacker, so that its files are waited for.
    """
    before_it, busy_before = house.pace(calm)
    start = house.now()
    before = house.since(start - 1)[0]
    began = time.monotonic()
    figures = asyncio.run(_as_coroutine(attack()))
    took = time.monotonic() - began
    house.now()
    during = house.since(start - 1)
    if leaving:
        house.wait(lambda report: report["fds"] <= before["fds"], _FDS_BACK)
    house.now()
    after = house.since(start - 1)[-1]
    pace, busy = _pace(during)
    return Damage(
        seconds=round(took, 2),
        frames=after["frames"] - before["frames"],
        delivered=_more(before["delivered"], after["delivered"]),
        refused=_more(before["refused"], after["refused"]),
        growth=round((max(r["rss"] for r in during) - before["rss"]) / 2**20, 1),
        left=round((after["rss"] - before["rss"]) / 2**20, 1),
        files=after["fds"] - before["fds"],
        cpu=round((busy - busy_before) * (during[-1]["at"] - during[0]["at"]), 2),
        slower=round(before_it / pace, 2),
        missed=after["missed"] - before["missed"],
        spoiled=after["spoiled"] - before["spoiled"],
        figures=figures,
    )


async def _as_coroutine(figures: Awaitable[dict[str, float]]) -> dict[str, float]:
    return await figures


def _more(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    grown = {name: count - before.get(name, 0) for name, count in after.items()}
    return {name: count for name, count in grown.items() if count}
