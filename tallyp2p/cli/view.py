"""What a person sees while a swarm runs, and at its end.

On a terminal one live picture (cli/screen.py), elsewhere a plain line every few seconds and
one for each event.  All of it comes from the run directory: nothing here can hold up a peer.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from enum import Enum
from statistics import fmean
from typing import TYPE_CHECKING, Any

import click

from ..reporting.reader import PeerRecord, RunReader, Story
from ..reporting.summary import Summary
from ..reporting.table import cost_table, peer_table, percent, size

if TYPE_CHECKING:
    from .screen import Screen

__all__ = ["Chronicle", "Happening", "Mode", "Overview", "View", "is_lost", "progress_line"]

_TICK = 0.25  # s between two looks into the run directory
_PAUSE = 5.0  # s between two plain lines about progress
_KEPT = 64  # events kept for the live view


class Mode(Enum):
    """How much to show."""

    LIVE = "live"  # a picture that changes; needs a terminal
    LINES = "lines"  # plain lines
    QUIET = "quiet"  # the final table only
    JSON = "json"  # nothing: the caller prints the summary


@dataclass(frozen=True, slots=True)
class Happening:
    """One line about an event."""

    seconds: float  # since the view began
    text: str
    bad: bool = False
    routine: bool = False  # happens once to every peer of every run


@dataclass(frozen=True, slots=True)
class Overview:
    """The swarm in a few numbers; means are over the peers that reported."""

    peers: int
    started: int
    done: int  # peers that made all their rounds
    lost: int  # peers that ended otherwise or are silent
    round: float  # mean rounds made by the peers that are not lost
    rounds: int
    swarm: float | None
    alone: float | None
    heard: int  # others' ballots in the last round, all peers together
    expected: int
    sent: float  # mean bytes on the wire

    @classmethod
    def of(cls, reader: RunReader) -> Overview:
        """As the reader's state is now."""
        peers = [peer for _, peer in sorted(reader.peers.items())]
        going = [peer for peer in peers if not is_lost(peer)] or peers
        voting = [peer for peer in going if not peer.finished] or going
        return cls(
            peers=len(peers),
            started=sum(peer.starts > 0 for peer in peers),
            done=sum(peer.completed for peer in peers),
            lost=sum(map(is_lost, peers)),
            round=fmean(peer.rounds for peer in going) if going else 0.0,
            rounds=reader.rounds,
            swarm=_mean(peer.swarm for peer in peers),
            alone=_mean(peer.alone for peer in peers),
            heard=sum(peer.heard for peer in voting),
            expected=sum(peer.heard + peer.missing for peer in voting),
            sent=fmean(peer.sent["total"]["wire"] for peer in peers) if peers else 0.0,
        )


def is_lost(peer: PeerRecord) -> bool:
    """Whether it ended before its last round, or others hear nothing of it."""
    if peer.finished:
        return not peer.completed
    return peer.state in ("suspect", "gone")


@dataclass(slots=True)
class Chronicle:
    """Turns what each peer says into what a person wants to read once.

    Ten peers report each event about an eleventh; and all greet all at the start.
    """

    reader: RunReader
    _told: dict[str, str] = field(default_factory=dict)  # author -> last state told
    _refusals: set[tuple[int, int]] = field(default_factory=set)
    _waiting: list[Story] = field(default_factory=list)

    def tell(self, stories: Iterable[Story], seconds: float) -> list[Happening]:
        """What is news in `stories`."""
        # A peer's greeting may be read a moment before the line in which the greeted one says
        # who it is; what is said of unknown authors waits for the next call.
        ready, self._waiting = self._waiting, []
        for story in stories:
            (self._waiting if self._unknown(story) else ready).append(story)
        news = (self._happening(story, seconds) for story in ready)
        return [happening for happening in news if happening is not None]

    def _unknown(self, story: Story) -> bool:
        return story.event == "member" and self._peer(story.fields) is None

    def _peer(self, fields: Mapping[str, Any]) -> PeerRecord | None:
        author = fields.get("author")
        return next((peer for peer in self.reader.peers.values() if peer.author == author), None)

    def _happening(self, story: Story, seconds: float) -> Happening | None:
        name, fields = f"peer {story.index}", story.fields
        if story.event == "started":
            peer = self.reader.peers[story.index]
            self._told[peer.author] = "alive"
            if peer.starts > 1:
                return Happening(seconds, f"{name} was started again")
            return Happening(seconds, f"{name} joined at {peer.endpoint}", routine=True)
        if story.event == "finished":
            if fields["completed"]:
                return Happening(seconds, f"{name} made all its rounds", routine=True)
            why = fields["text"] or "it was told to"
            return Happening(seconds, f"{name} stopped: {why}", bad=True)
        if story.event == "refused":
            key = (story.index, fields.get("reason", 0))
            if key in self._refusals:
                return None
            self._refusals.add(key)
            who = "was refused" if fields.get("by_them") else "refused a message"
            text = f"{name} {who}: {_first_line(fields.get('text', ''))}"
            return Happening(seconds, text, bad=True)
        return self._member(fields, seconds)

    def _member(self, fields: Mapping[str, Any], seconds: float) -> Happening | None:
        author, state, cause = (str(fields.get(key)) for key in ("author", "state", "cause"))
        about = self._peer(fields)
        name = f"peer {author[:8]}" if about is None else f"peer {about.index}"
        before = self._told.get(author)
        # Whoever said its last word leaves with a BYE, which is no news, and whoever starts
        # says so itself.
        if before == state or (about is not None and (about.finished or before is None)):
            return None
        self._told[author] = state
        if state == "suspect":
            return Happening(seconds, f"{name} is silent", bad=True)
        if state == "gone":
            what = "left" if cause == "bye" else "is given up"
            return Happening(seconds, f"{name} {what}", bad=cause != "bye")
        what = "joined" if before is None else "is heard again"
        return Happening(seconds, f"{name} {what}")


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


def progress_line(overview: Overview, left: float | None) -> str:
    """Where the swarm is, in one line."""
    if overview.round == 0:
        return f"{overview.started} of {overview.peers} peers have started"
    words = [f"round {overview.round:.0f}/{overview.rounds}"]
    if overview.swarm is not None:
        alone = "" if overview.alone is None else f" (alone {percent(overview.alone)})"
        words.append(f"swarm {percent(overview.swarm)}{alone}")
    words.append(f"votes heard {overview.heard}/{overview.expected}")
    words.append(f"{overview.started - overview.lost} of {overview.peers} peers well")
    words.append(f"{size(overview.sent)} sent by each")
    if left is not None:
        words.append(f"{left:.0f} s left")
    return ", ".join(words)


def _mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return fmean(known) if known else None


def _first_line(text: str) -> str:
    return text.splitlines()[0] if text else ""
