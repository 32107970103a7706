"""The live picture on a terminal, drawn with rich; 10 peers fit 80 by 24 characters."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table as RichTable
from rich.text import Text

from ..reporting.reader import PeerRecord, RunReader
from ..reporting.table import Column, Table, percent, size
from .overview import Happening, Overview, is_lost

__all__ = ["Screen", "chosen"]

_SWARM, _ALONE, _BAD = "blue", "yellow", "red"
_AROUND = 12  # lines that are not peers: head, bar, mean, events, and the gaps between them
_EVENTS = 4
_LEAST_BAR, _MOST_BAR = 6, 30
_BESIDE = 60  # columns that are not the bar


class Screen:
    """A context manager: the picture stands from entry to exit, then gives way to tables."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        self._plain = not self.console.encoding.lower().startswith("utf")
        # Redrawn by hand, at the rate at which files are read: no thread, and no flicker.
        self._live = Live(console=self.console, auto_refresh=False, transient=True)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._live.stop()

    def update(
        self,
        reader: RunReader,
        overview: Overview,
        happenings: Sequence[Happening],
        seconds: float,
        left: float | None,
    ) -> None:
        """Draw the run as it stands."""
        picture = self.picture(reader, overview, happenings, seconds, left)
        self._live.update(picture, refresh=True)

    def picture(
        self,
        reader: RunReader,
        overview: Overview,
        happenings: Sequence[Happening],
        seconds: float,
        left: float | None,
    ) -> Group:
        """The whole picture."""
        return Group(
            self._progress(overview, seconds, left),
            Text(),
            self._peers(reader, overview),
            Text(),
            *(self._event(happening) for happening in happenings[-_EVENTS:]),
        )

    def show(self, tables: Iterable[Table]) -> None:
        """The result."""
        for table in tables:
            self.console.print()
            self.console.print(Text(table.title, style="bold"))
            self.console.print()
            grid = table.grid()
            rule = Text(("-" if self._plain else "─") * len("  ".join(grid[0])), style="dim")
            for row in grid:
                cells = zip(row, table.columns, strict=bool(row))
                line = Text("  ").join(Text(cell, style=_style(column)) for cell, column in cells)
                self.console.print(line if row else rule, soft_wrap=True)
            self.console.print()
            for note in table.notes:
                self.console.print(Text(note, style="dim"))

    def _progress(self, overview: Overview, seconds: float, left: float | None) -> Text:
        if overview.started < overview.peers and overview.round == 0:
            return Text(
                f"starting: {overview.started} of {overview.peers} peers are ready   "
                f"{_clock(seconds)}"
            )
        times = f"{_clock(seconds)} so far"
        if left is not None:
            times += f", {_clock(left)} left"
        words = f"  round {overview.round:.0f}/{overview.rounds}   {times}"
        width = max(4, min(40, self.console.width - len(words) - 1))
        share = overview.round / overview.rounds if overview.rounds else 0.0
        full = round(width * min(1.0, share))
        full_mark, empty_mark = ("#", ".") if self._plain else ("━", "━")
        return Text.assemble(
            (full_mark * full, _SWARM), (empty_mark * (width - full), "bright_black"), words
        )

    def _peers(self, reader: RunReader, overview: Overview) -> Group:
        bar = max(_LEAST_BAR, min(_MOST_BAR, self.console.width - _BESIDE))
        table = RichTable(box=None, pad_edge=False, padding=(0, 1), header_style="bold")
        table.add_column("peer", no_wrap=True)
        table.add_column("round", justify="right", no_wrap=True)
        table.add_column("alone", justify="right", style=_ALONE, no_wrap=True)
        table.add_column("swarm", justify="right", style=_SWARM, no_wrap=True)
        table.add_column("0%" + "100%".rjust(bar - 2), width=bar, no_wrap=True)
        table.add_column("heard", justify="right", no_wrap=True)
        table.add_column("alive", justify="right", no_wrap=True)
        table.add_column("sent", justify="right", no_wrap=True)
        peers = [peer for _, peer in sorted(reader.peers.items())]
        shown = chosen(peers, max(3, self.console.height - _AROUND))
        for peer in shown:
            table.add_row(*self._row(peer, bar), style=_BAD if is_lost(peer) else "")
        rest = len(peers) - len(shown)
        table.add_row(
            "mean",
            f"{overview.round:.0f}",
            percent(overview.alone),
            percent(overview.swarm),
            self._bar(overview.alone, overview.swarm, bar),
            f"{overview.heard}/{overview.expected}",
            str(overview.started - overview.lost),
            size(overview.sent),
            style="bold",
        )
        if not rest:
            return Group(table)
        return Group(
            table, Text(f"{rest} more peers, none faring worse, are not shown", style="dim")
        )

    def _row(self, peer: PeerRecord, bar: int) -> tuple[str | Text, ...]:
        if not peer.starts:
            return (str(peer.index), *["-"] * 3, "", *["-"] * 3)
        return (
            f"{peer.index}{_mark(peer)}",
            str(peer.rounds),
            percent(peer.alone),
            percent(peer.swarm),
            self._bar(peer.alone, peer.swarm, bar),
            f"{peer.heard}/{peer.heard + peer.missing}",
            str(peer.alive),
            size(peer.sent["total"]["wire"]),
        )

    def _bar(self, alone: float | None, swarm: float | None, width: int) -> Text:
        """Up to what the peer has alone in one colour, what the swarm adds in another."""
        low, high = sorted(round(width * (value or 0.0)) for value in (alone, swarm))
        gained = (swarm or 0.0) >= (alone or 0.0)
        had, more = ("=", "#" if gained else "-") if self._plain else ("█", "█" if gained else "░")
        return Text.assemble((had * low, _ALONE), (more * (high - low), _SWARM))

    def _event(self, happening: Happening) -> Text:
        line = Text(f"{happening.seconds:6.1f} s  {happening.text}", no_wrap=True)
        line.stylize(_BAD if happening.bad else "dim")
        line.overflow = "ellipsis"
        return line


def _style(column: Column) -> str:
    return {"swarm": _SWARM, "alone": _ALONE}.get(column.head, "")


def chosen(peers: Sequence[PeerRecord], room: int) -> list[PeerRecord]:
    """All peers, or those `room` that fare worst: lost, slow, least accurate; by index."""
    if len(peers) <= room:
        return list(peers)

    def fortune(peer: PeerRecord) -> tuple[bool, float, int]:
        return not is_lost(peer), -1.0 if peer.swarm is None else peer.swarm, peer.rounds

    worst = sorted(peers, key=fortune)
    return sorted(worst[:room], key=lambda peer: peer.index)


def _mark(peer: PeerRecord) -> str:
    if peer.finished:
        return " done" if peer.completed else " left"
    return {"suspect": " silent", "gone": " gone"}.get(peer.state, "")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
