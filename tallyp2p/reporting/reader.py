"""Follows the metrics of all peers of a run directory, while they write or afterwards.

Call `poll` as often as you like: it reads only what was added.  A last line without its end is
left for the next call; a line that makes no sense (a torn one of a killed peer, an event of a
later version) is counted in `skipped` and otherwise ignored.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

__all__ = ["Layers", "PeerRecord", "Point", "RunReader", "Story"]

# channel -> layer -> number, of one direction
Layers = dict[str, dict[str, int]]
_CHANNELS = ("votes", "ids", "control", "total")
_LAYERS = ("payload", "message", "wire", "messages")
_CHUNK = 1 << 22  # bytes of one peer's file read in one poll


@dataclass(frozen=True, slots=True)
class Point:
    """One evaluation on the test set."""

    rounds: int  # rounds trained through
    sent: int  # bytes sent on the wire until then
    swarm: float | None  # accuracy, 0 .. 1
    alone: float | None


@dataclass(frozen=True, slots=True)
class Story:
    """Something that happened to or was seen by a peer; what the view's event lines say."""

    index: int  # who says it
    event: str  # "started", "member", "refused", "trouble", "finished"
    time: float  # Unix time
    fields: Mapping[str, Any]


@dataclass(slots=True)
class PeerRecord:
    """What is known of one peer.  Written by its RunReader only."""

    index: int
    starts: int = 0  # how often it was started; 0: nothing was heard of it yet
    pid: int | None = None
    author: str = ""  # hexadecimal
    endpoint: str = ""
    time: str = ""  # of its first start, ISO 8601
    planned: int = 0  # rounds that it shall make
    rounds_per_ballot: int = 1
    votes: int = 0  # votes in a ballot
    classes: int = 0
    weights: int | None = None  # numbers in its model
    rounds: int = 0  # rounds trained through
    seconds: float = 0.0  # from its first start to its newest line
    ended: float = 0.0  # Unix time of its newest line
    heard: int = 0  # others' ballots in the last round
    missing: int = 0  # expected ballots that were not there
    waited: float = 0.0
    alive: int = 0  # members alive as it sees them, itself included
    suspect: int = 0
    swarm: float | None = None  # newest accuracy
    alone: float | None = None
    figures: dict[str, float] = field(default_factory=dict)
    sent: Layers = field(default_factory=lambda: _nothing())
    received: Layers = field(default_factory=lambda: _nothing())
    finished: bool = False  # it said its last word
    completed: bool = False  # ... and had made all its rounds
    text: str = ""  # why not, when it had not
    state: str = "unknown"  # as others said last: "alive", "suspect" or "gone"
    curve: list[Point] = field(default_factory=list)
    # What earlier starts had counted when they ended.
    _sent_before: Layers = field(default_factory=lambda: _nothing())
    _received_before: Layers = field(default_factory=lambda: _nothing())
    _first: float = 0.0  # Unix times of its first and newest start
    _newest: float = 0.0


class RunReader:
    """The state of a run, from its directory alone."""

    def __init__(self, run_dir: Path, peers: int | None = None) -> None:
        """`peers`: how many there shall be; None: as config.toml says, else as are found."""
        self.run_dir = run_dir
        self.config = _config(run_dir)
        self.expected = peers if peers is not None else _whole(self.config.get("peers"))
        self.peers: dict[int, PeerRecord] = {
            index: PeerRecord(index) for index in range(self.expected)
        }
        self.skipped = 0
        self._offsets: dict[int, int] = {}
        self._rests: dict[int, bytes] = {}
        self._indices: dict[str, int] = {}  # author -> index

    @property
    def rounds(self) -> int:
        """Rounds that each peer shall make; 0 while nobody has said so."""
        timing = self.config.get("timing")
        planned = _whole(timing.get("rounds")) if isinstance(timing, dict) else 0
        return planned or max((peer.planned for peer in self.peers.values()), default=0)

    def poll(self) -> list[Story]:
        """Read what was added since the last call, and tell what happened, by time."""
        stories: list[Story] = []
        for index, path in self._files():
            try:
                with open(path, "rb") as file:
                    file.seek(self._offsets.get(index, 0))
                    data = file.read(_CHUNK)
            except OSError:
                continue
            self._offsets[index] = self._offsets.get(index, 0) + len(data)
            *lines, rest = (self._rests.get(index, b"") + data).split(b"\n")
            self._rests[index] = rest
            for line in lines:
                if line:
                    self._take(index, line, stories)
        stories.sort(key=lambda story: story.time)
        for story in stories:
            if story.event == "member":
                self._member(story)
        return stories

    def drain(self) -> RunReader:
        """Poll until nothing new is there: for a run that is over."""
        before = -1
        while before != (now := sum(self._offsets.values())):
            before = now
            self.poll()
        return self

    def _files(self) -> list[tuple[int, Path]]:
        found = []
        for path in self.run_dir.glob("peer-*/metrics.jsonl"):
            number = path.parent.name.removeprefix("peer-")
            if number.isascii() and number.isdecimal() and len(number) < 7:
                found.append((int(number), path))
        return sorted(found)

    def _take(self, index: int, line: bytes, stories: list[Story]) -> None:
        peer = self.peers.get(index)
        if peer is None:
            peer = self.peers[index] = PeerRecord(index)
        try:
            fields = json.loads(line, parse_constant=_refuse)
            event = fields.pop("event")
            if event == "started":
                _start(peer, fields)
                self._indices[peer.author] = index
            elif event == "round":
                _round(peer, fields)
            elif event == "finished":
                _finish(peer, fields)
            elif event in ("member", "refused", "trouble"):
                peer.ended = peer._newest + float(fields["seconds"])
            else:
                raise ValueError(event)
        except (
            ValueError,
            LookupError,
            TypeError,
            AttributeError,
            ArithmeticError,
            RecursionError,
        ):
            self.skipped += 1
            return
        if event != "round":
            stories.append(Story(index, event, peer.ended, fields))

    def _member(self, story: Story) -> None:
        about = self.peers.get(self._indices.get(str(story.fields.get("author")), -1))
        # Peers' files are read one after the other: what was said of a former self is too late.
        if about is not None and story.time >= about._newest:
            about.state = str(story.fields.get("state"))


def _start(peer: PeerRecord, fields: Mapping[str, Any]) -> None:
    author, endpoint, planned = fields["author"], fields["endpoint"], fields["rounds"]
    started = datetime.fromisoformat(fields["time"]).timestamp()
    peer.starts += 1
    peer.pid = fields.get("pid")
    peer.author, peer.endpoint = str(author), str(endpoint)
    peer.time = peer.time or str(fields["time"])
    peer.planned = _whole(planned)
    peer.rounds_per_ballot = max(1, _whole(fields.get("rounds_per_ballot")))
    peer.votes = _whole(fields.get("votes"))
    peer.classes = _whole(fields.get("classes"))
    peer.weights = fields.get("weights")
    peer.finished = peer.completed = False
    peer.state = "alive"
    peer._sent_before, peer._received_before = peer.sent, peer.received
    peer._newest = peer.ended = started
    peer._first = peer._first or started


def _round(peer: PeerRecord, fields: Mapping[str, Any]) -> None:
    first = _whole(fields["round"])
    _count(peer, fields)
    peer.rounds = min(first + peer.rounds_per_ballot, peer.planned)
    peer.heard, peer.missing = _whole(fields["heard"]), _whole(fields["missing"])
    peer.alive, peer.suspect = _whole(fields["alive"]), _whole(fields["suspect"])
    peer.waited = float(fields["waited"])
    figures = {key: float(v) for key, v in fields["figures"].items() if v is not None}
    peer.figures = figures
    if "accuracy" in figures or "alone" in figures:
        peer.swarm = figures.get("accuracy", peer.swarm)
        peer.alone = figures.get("alone", peer.alone)
        sent = peer.sent["total"]["wire"]
        point = Point(peer.rounds, sent, figures.get("accuracy"), figures.get("alone"))
        peer.curve.append(point)


def _finish(peer: PeerRecord, fields: Mapping[str, Any]) -> None:
    _count(peer, fields)
    peer.finished = True
    peer.completed = bool(fields["completed"])
    peer.text = str(fields["text"])
    accuracy = fields["accuracy"]
    swarm, alone = accuracy["swarm"], accuracy["alone"]
    peer.swarm = peer.swarm if swarm is None else float(swarm)
    peer.alone = peer.alone if alone is None else float(alone)


def _count(peer: PeerRecord, fields: Mapping[str, Any]) -> None:
    peer.ended = peer._newest + float(fields["seconds"])
    peer.seconds = peer.ended - peer._first
    counted = fields["bytes"]
    if counted is not None:
        peer.sent = _sum(peer._sent_before, counted["sent"])
        peer.received = _sum(peer._received_before, counted["received"])


def _nothing() -> Layers:
    return {channel: dict.fromkeys(_LAYERS, 0) for channel in _CHANNELS}


def _sum(before: Layers, now: Mapping[str, Mapping[str, Any]]) -> Layers:
    return {
        channel: {
            layer: before[channel][layer] + _whole(now[channel].get(layer)) for layer in _LAYERS
        }
        for channel in _CHANNELS
    }


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not JSON")


def _config(run_dir: Path) -> dict[str, Any]:
    try:
        return tomllib.loads((run_dir / "config.toml").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
