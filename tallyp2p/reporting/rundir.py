"""A run directory: what each peer writes while it runs, and how a watcher reads it.

    RUN/config.toml            the effective profile; `tallyp2p swarm --config` repeats the run
    RUN/rendezvous/            endpoints of the peers of this host
    RUN/peer-NN/metrics.jsonl  one JSON object a line, one line an event
    RUN/peer-NN/summary.json   the peer's own last word
    RUN/peer-NN/log.txt        what the peer's process printed
    RUN/peer-NN/journal        its ballots, each there before it was sent (storage/)
    RUN/peer-NN/checkpoints/   its newest states (keeping)
    RUN/peer-NN/self.json      of a peer started alone: who it is, for --resume
    RUN/peer-NN/trace.jsonl    if asked for: all that its machine lived through (tracing/)
    RUN/summary.json           see tallyp2p.reporting.summary
    RUN/curves.png, RUN/bytes.png

SCHEMA.md beside this file documents every line and key.  Nobody but the peer writes into its
directory, and nobody has to ask a peer anything: the files are the whole interface.
"""

from __future__ import annotations

import json
import logging
import math
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from ..errors import FailureError
from ..gossip.events import MemberChanged, Notice, Refused, RoundClosed
from ..parameters import LIMITS, RunParameters

__all__ = [
    "METRICS_SCHEMA",
    "PEER_SCHEMA",
    "BytesSnapshot",
    "PeerWriter",
    "ProgressLike",
    "peer_dir",
    "strict",
    "write_json",
]

METRICS_SCHEMA = "tallyp2p.metrics/1"
PEER_SCHEMA = "tallyp2p.peer/1"

# {"sent" | "received": {"votes" | "ids" | "control" | "total": {layer: number}}}
BytesSnapshot = Mapping[str, Mapping[str, Mapping[str, int]]]

# Strangers cause `member` and `refused` lines, so each start of a peer writes at most this many.
_CHATTER = 4 * LIMITS.members

_log = logging.getLogger(__name__)


class ProgressLike(Protocol):
    """What a shell reports after each `learn`."""

    @property
    def round(self) -> int:
        """First round of the ballot that was learnt from."""

    @property
    def figures(self) -> Mapping[str, float]:
        """What the learner returned; `accuracy` and `alone` are there when they were due."""

    @property
    def bytes(self) -> BytesSnapshot:
        """All bytes since the peer's start."""

    @property
    def alive(self) -> int:
        """Members alive, this peer included."""

    @property
    def suspect(self) -> int:
        """Members suspect."""


def peer_dir(run_dir: Path, index: int) -> Path:
    """Where peer `index`, counted from 0, writes."""
    return run_dir / f"peer-{index:02d}"


def strict(value: Any) -> Any:
    """`value` fit for strict JSON: a number that is not finite becomes None, bytes become hex."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {str(key): strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [strict(item) for item in value]
    return value


def write_json(path: Path, value: Any) -> None:
    """Put `value` at `path` whole or not at all.

    Raises FailureError when the disk refuses.
    """
    text = json.dumps(strict(value), indent=2, allow_nan=False) + "\n"
    beside = path.with_name(path.name + ".part")
    try:
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise FailureError(
            f"cannot write {path}: {error.strerror}; free some space or choose another directory"
        ) from error


class PeerWriter:
    """Appends one peer's lines.  A disk that refuses is warned about once and never raises.

    A peer that is started again under the same index appends to what its former self wrote;
    its byte counts start at 0 again, which readers add up.
    """

    def __init__(
        self,
        run_dir: Path,
        index: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Raises FailureError when the peer's directory cannot be made at all."""
        self.path = peer_dir(run_dir, index) / "metrics.jsonl"
        self._index = index
        self._clock = clock
        self._wall = wall
        self._began = clock()
        self._warned = False
        self._chatter = 0
        self._refused = 0
        self._author = ""
        self._rounds = 0  # rounds that this peer shall make
        self._per_ballot = 1
        self._done = 0  # rounds that it has made
        self._closed: RoundClosed | None = None
        self._accuracy: dict[str, float | None] = {"swarm": None, "alone": None}
        self._bytes: BytesSnapshot | None = None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(self.path, "ab", buffering=0)
            self._torn = _ends_torn(self.path)
        except OSError as error:
            raise FailureError(
                f"cannot write to {self.path.parent}: {error.strerror}; choose another directory"
            ) from error

    def goes_on(self, rounds: int, swarm: float | None, alone: float | None) -> None:
        """Before `started`: what an earlier life had reported, up to where this one goes on."""
        self._done = rounds
        self._accuracy = {"swarm": swarm, "alone": alone}

    def trouble(self, text: str) -> None:
        """Something did not work, and the peer went on all the same."""
        self._chat("trouble", text=text)

    def started(
        self,
        *,
        author: bytes,
        endpoint: str,
        run: RunParameters,
        rounds: int,
        weights: int | None = None,
    ) -> None:
        """First line.  `weights`: numbers in the model, which a dense exchange would send."""
        self._author = author.hex()
        self._rounds = rounds
        self._per_ballot = run.rounds_per_ballot
        self._line(
            "started",
            schema=METRICS_SCHEMA,
            index=self._index,
            pid=os.getpid(),
            author=author,
            endpoint=endpoint,
            time=self._wall().isoformat(timespec="milliseconds"),
            run=run.run,
            rounds=rounds,
            rounds_per_ballot=run.rounds_per_ballot,
            votes=run.votes,
            bits=run.bits,
            classes=run.classes,
            weights=weights,
        )

    def notice(self, notice: Notice) -> None:
        """Something that the machine told its observers."""
        if isinstance(notice, RoundClosed):
            self._closed = notice
        elif isinstance(notice, MemberChanged):
            self._chat(
                "member",
                author=notice.author,
                state=notice.state,
                endpoint=notice.endpoint,
                cause=notice.cause,
            )
        elif isinstance(notice, Refused):
            self._refused += 1
            self._chat("refused", reason=notice.reason, text=notice.text, by_them=notice.by_them)

    def progress(self, progress: ProgressLike) -> None:
        """The rounds of one ballot are trained through."""
        closed = self._closed
        self._closed = None
        if closed is not None and closed.round != progress.round:
            closed = None
        self._done = min(progress.round + self._per_ballot, self._rounds)
        self._bytes = progress.bytes
        for ours, theirs in (("swarm", "accuracy"), ("alone", "alone")):
            if theirs in progress.figures:
                self._accuracy[ours] = float(progress.figures[theirs])
        self._line(
            "round",
            round=progress.round,
            seconds=self._seconds(),
            heard=len(closed.heard) if closed else 0,
            missing=len(closed.missing) if closed else 0,
            waited=round(closed.waited, 4) if closed else 0.0,
            alive=progress.alive,
            suspect=progress.suspect,
            figures={key: _short(value) for key, value in progress.figures.items()},
            bytes=progress.bytes,
        )

    def finished(
        self,
        *,
        completed: bool,
        text: str = "",
        bytes: BytesSnapshot | None = None,
        digests: Mapping[str, str] | None = None,
    ) -> None:
        """Last line, and the peer's own summary.

        `bytes`: counted after the farewells; `digests`: of ballots, tallies and weights.
        """
        last: dict[str, Any] = {
            "completed": completed,
            "text": text,
            "rounds": self._done,
            "seconds": self._seconds(),
            "refused": self._refused,
            "accuracy": self._accuracy,
            "bytes": bytes if bytes is not None else self._bytes,
            "digests": None if digests is None else dict(digests),
        }
        self._line("finished", **last)
        try:
            write_json(
                self.path.with_name("summary.json"),
                {"schema": PEER_SCHEMA, "index": self._index, "author": self._author} | last,
            )
        except FailureError as error:
            self._warn(str(error))

    def close(self) -> None:
        """Nothing is written after this."""
        self._file.close()

    def _seconds(self) -> float:
        return round(self._clock() - self._began, 3)

    def _chat(self, event: str, **fields: Any) -> None:
        self._chatter += 1
        if self._chatter <= _CHATTER:
            self._line(event, seconds=self._seconds(), **fields)

    def _line(self, event: str, **fields: Any) -> None:
        record = strict({"event": event} | fields)
        data = json.dumps(record, separators=(",", ":"), allow_nan=False).encode() + b"\n"
        if self._torn:
            data = b"\n" + data
        try:
            # Unbuffered: one system call a line, so that a kill tears at most the last one.
            self._torn = self._file.write(data) != len(data)
        except OSError as error:
            # What was written of the line is not known; the next one starts afresh.
            self._torn = True
            self._warn(
                f"cannot write {self.path}: {error.strerror}; "
                "training goes on, metrics may be missing"
            )

    def _warn(self, text: str) -> None:
        if not self._warned:
            self._warned = True
            _log.warning("%s", text)


def _short(value: float) -> float | None:
    """Six significant digits: enough to plot, a third of the bytes."""
    number = float(value)
    return float(f"{number:.6g}") if math.isfinite(number) else None


def _ends_torn(path: Path) -> bool:
    """Whether a former self was killed in the midst of its last line."""
    with open(path, "rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return False
        file.seek(-1, os.SEEK_END)
        return file.read(1) != b"\n"
