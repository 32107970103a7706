"""Where a swarm is, in a few numbers, and what happened to it, in sentences.

Both are drawn from what a RunReader has read; nothing here prints.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any

from ..reporting.reader import PeerRecord, RunReader, Story
from ..reporting.table import percent, printable, size

__all__ = ["Chronicle", "Happening", "Overview", "is_lost", "progress_line"]


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
            why = printable(str(fields["text"])) or "it was told to"
            return Happening(seconds, f"{name} stopped: {why}", bad=True)
        if story.event == "trouble":
            return Happening(seconds, f"{name}: {printable(str(fields['text']))}", bad=True)
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
    return printable(text.splitlines()[0]) if text else ""
