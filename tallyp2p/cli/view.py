"""What a person sees while a swarm runs, and at its end.

On a terminal one live picture (cli/screen.py), elsewhere a plain line every few seconds and
one for each event.  All of it comes from the run directory: nothing here can hold up a peer.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from enum import Enum
from typing import TYPE_CHECKING

import click

from ..reporting.reader import RunReader
from ..reporting.summary import Summary
from ..reporting.table import cost_table, peer_table
from .overview import Chronicle, Happening, Overview, progress_line

if TYPE_CHECKING:
    from .screen import Screen

__all__ = ["Mode", "View"]

_TICK = 0.25  # s between two looks into the run directory
_PAUSE = 5.0  # s between two plain lines about progress
_KEPT = 64  # events kept for the live view


class Mode(Enum):
    """How much to show."""

    LIVE = "live"  # a picture that changes; needs a terminal
    LINES = "lines"  # plain lines
    QUIET = "quiet"  # the final table only
    JSON = "json"  # nothing: the caller prints the summary


class View:
    """Shows a run until it is over, then its result."""

    def __init__(
        self,
        mode: Mode,
        reader: RunReader,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        echo: Callable[[str], None] = click.echo,
        screen: Screen | None = None,
    ) -> None:
        self.mode = mode
        self._reader = reader
        self._clock = clock
        self._sleep = sleep
        self._echo = echo
        self._screen = screen
        self._chronicle = Chronicle(reader)
        self._happenings: deque[Happening] = deque(maxlen=_KEPT)
        self._began = clock()
        self._first: tuple[float, float] | None = None  # when rounds were first seen, and how many
        self._spoken = -_PAUSE
        self._ready = False

    def run_until(self, done: Callable[[], bool]) -> None:
        """Look into the run directory every quarter second until `done()`."""
        with self._picture():
            while True:
                over = done()
                self._look()
                if over:
                    return
                self._sleep(_TICK)

    def finish(self, summary: Summary) -> None:
        """Show the result: the table, and what other exchanges would have cost."""
        tables = [peer_table(summary), cost_table(summary)]
        if self.mode is Mode.LIVE:
            self._live().show(tables)
        elif self.mode is not Mode.JSON:
            self._echo("\n" * (self.mode is Mode.LINES) + "\n\n".join(t.text() for t in tables))

    def _picture(self) -> AbstractContextManager[object]:
        return self._live() if self.mode is Mode.LIVE else nullcontext()

    def _live(self) -> Screen:
        if self._screen is None:
            from .screen import Screen

            self._screen = Screen()
        return self._screen

    def _look(self) -> None:
        seconds = self._clock() - self._began
        news = self._chronicle.tell(self._reader.poll(), seconds)
        if self.mode in (Mode.QUIET, Mode.JSON):
            return
        self._happenings.extend(news)
        overview = Overview.of(self._reader)
        left = self._left(overview, seconds)
        if self.mode is Mode.LIVE:
            self._live().update(self._reader, overview, tuple(self._happenings), seconds, left)
        else:
            self._speak(overview, news, seconds, left)

    def _left(self, overview: Overview, seconds: float) -> float | None:
        """Seconds that the remaining rounds will take, as fast as those so far."""
        if not 0 < overview.round < overview.rounds:
            return None
        if self._first is None:
            self._first = (seconds, overview.round)
        since, made = self._first
        if overview.round <= made:
            return None
        return (overview.rounds - overview.round) * (seconds - since) / (overview.round - made)

    def _speak(
        self, overview: Overview, news: Iterable[Happening], seconds: float, left: float | None
    ) -> None:
        for happening in news:
            # Ten greetings and ten farewells tell less than the two lines about all of them.
            if not happening.routine:
                self._echo(f"{seconds:6.1f} s  {happening.text}")
        ready = overview.started == overview.peers > 0
        if ready and not self._ready:
            self._ready = True
            self._spoken = seconds
            self._echo(f"{seconds:6.1f} s  all {overview.peers} peers have started")
        elif seconds - self._spoken >= _PAUSE:
            self._spoken = seconds
            self._echo(f"{seconds:6.1f} s  {progress_line(overview, left)}")
