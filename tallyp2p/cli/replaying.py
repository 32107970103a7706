"""`tallyp2p simulate --replay`: recorded lives once more, and whether they came out the same."""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import FailureError
from .errors import DONE
from .worlds import told_progress

if TYPE_CHECKING:
    from ..simulator.replay import Replay

__all__ = ["replay_all"]

_TTY_EVERY, _LOG_EVERY = 0.2, 10.0  # seconds between two lines of progress
_WIDE = 200  # columns where nobody looks: a file or a pipe need not fold paths


def replay_all(paths: Sequence[Path], as_json: bool) -> int:
    """Replay the traces at `paths`; the exit code.

    Raises :class:`SettingsError` for a file that is no trace, and in the end
    :class:`FailureError` when a machine did something else than was recorded.
    """
    from ..simulator.replay import replay
    from ..tracing.reading import read_trace

    found = []
    with _Progress(quiet=as_json) as progress:
        for number, path in enumerate(paths, start=1):
            progress.name = f"{number} of {len(paths)}: {path}"
            found.append(replay(read_trace(path), progress))
    differing = [life for life in found if life.difference is not None]
    if as_json:
        report = {"equal": not differing, "replays": [life.as_json() for life in found]}
        click.echo(json.dumps(report, allow_nan=False))
    else:
        _print(found)
    if differing:
        first = differing[0]
        others = f"; {len(differing) - 1} more traces differ" if differing[1:] else ""
        raise FailureError(f"{first.trace}, {first.difference}{others}")
    return DONE


class _Progress:
    """What is being replayed, as one line on a terminal or one every ten seconds elsewhere."""

    def __init__(self, *, quiet: bool) -> None:
        self.name = ""
        self._quiet = quiet
        self._terminal = sys.stderr.isatty()
        self._shown = time.monotonic()

    def __call__(self, fed: int) -> None:
        now = time.monotonic()
        if self._quiet or now < self._shown + (_TTY_EVERY if self._terminal else _LOG_EVERY):
            return
        self._shown = now
        text = f"replaying {self.name}, {fed:,} events"
        told_progress(text, self._terminal)

    def __enter__(self) -> _Progress:
        return self

    def __exit__(self, *about: object) -> None:
        if self._terminal and not self._quiet:
            click.echo("\r\x1b[K", err=True, nl=False)


def _print(found: Sequence[Replay]) -> None:
    from rich.console import Console
    from rich.table import Table

    from ..reporting.table import printable

    names = ("trace", "author", "seconds", "events", "effects", "ended", "effects are")
    table = Table(*names, box=None, header_style="bold")
    table.columns[0].overflow = "fold"
    for column in table.columns[2:5]:
        column.justify = "right"
    for life in found:
        difference = life.difference
        table.add_row(
            printable(life.trace),
            life.author[:8],
            f"{life.seconds:,.1f}",
            f"{sum(life.events.values()):,}",
            f"{sum(life.effects.values()):,}",
            printable(life.ended),
            "equal" if difference is None else f"other at line {difference.line}",
        )
    width = None if sys.stdout.isatty() else _WIDE
    Console(file=sys.stdout, highlight=False, markup=False, width=width).print(table)
    click.echo(f"events   {_summed(life.events for life in found)}")
    click.echo(f"effects  {_summed(life.effects for life in found)}")


def _summed(counts: Iterable[dict[str, int]]) -> str:
    """All counts together: `1,234: 1,000 received, 234 ticked`, the most frequent first."""
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    parts = ", ".join(f"{number:,} {word}" for word, number in total.most_common())
    return f"{total.total():,}: {parts}" if parts else "0"
