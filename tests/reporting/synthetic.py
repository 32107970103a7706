"""A synthetic run directory: what peers would have written, without any peer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from tallyp2p.gossip.events import MemberChanged, RoundClosed
from tallyp2p.parameters import RunParameters
from tallyp2p.reporting.rundir import PeerWriter

RUN = RunParameters(pool=300, probes=32, rounds_per_ballot=8)
WEIGHTS = 8_970
START = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


@dataclass(frozen=True)
class FakeProgress:
    round: int
    figures: Mapping[str, float]
    bytes: Mapping[str, Mapping[str, Mapping[str, int]]]
    alive: int
    suspect: int = 0


def snapshot(ballots: int) -> dict[str, dict[str, dict[str, int]]]:
    """As if every ballot of 128 bytes had been sent to two others, after two handshakes."""
    sent = 2 * ballots

    def layers(payload: int, message: int, wire: int, messages: int) -> dict[str, int]:
        return {"payload": payload, "message": message, "wire": wire, "messages": messages}

    votes = layers(sent * 128, sent * 134, sent * 136, sent)
    control = layers(0, 300, 700, 4)
    total = {name: votes[name] + control[name] for name in votes}
    one_way = {"votes": votes, "ids": layers(0, 0, 0, 0), "control": control, "total": total}
    return {"sent": one_way, "received": one_way}


@dataclass
class SyntheticRun:
    """Peers whose clock stands still unless a step moves it.  Closes its files on exit."""

    path: Path
    peers: int = 10
    rounds: int = 300
    evaluate_every: int = 24
    now: float = 0.0
    writers: dict[int, PeerWriter] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for writer in self.writers.values():
            writer.close()

    def author(self, index: int) -> bytes:
        return bytes([index + 1]) * 8

    def configure(self) -> None:
        (self.path / "config.toml").write_text(
            f"seed = 3\npeers = {self.peers}\n[timing]\nrounds = {self.rounds}\n"
            "[run]\nrounds_per_ballot = 8\n",
            encoding="utf-8",
        )

    def start(self, index: int) -> PeerWriter:
        writer = self.writers[index] = PeerWriter(
            self.path,
            index,
            clock=lambda: self.now,
            wall=lambda: START + timedelta(seconds=self.now),
        )
        writer.started(
            author=self.author(index),
            endpoint=f"tcp://127.0.0.1:{7000 + index}",
            run=RUN,
            rounds=self.rounds,
            weights=WEIGHTS,
        )
        return writer

    def start_all(self) -> None:
        for index in range(self.peers):
            self.start(index)

    def step(self, index: int, first: int) -> None:
        """One ballot of one peer, from round `first`."""
        done = min(first + 8, self.rounds)
        figures = {"loss": 1.0 / done, "ce": 0.5, "kl": 0.1, "agreement": 0.9}
        if done % self.evaluate_every == 0 or done == self.rounds:
            figures["accuracy"] = 0.92 - 0.6 * 0.97**done - 0.004 * index
            figures["alone"] = 0.30 + 0.02 * (index % 20) + 0.02 * (1 - 0.98**done)
        others = tuple(self.author(i) for i in range(self.peers) if i != index)
        writer = self.writers[index]
        writer.notice(RoundClosed(first, heard=others[:2], missing=(), waited=0.01))
        writer.progress(
            FakeProgress(first, figures, snapshot(first // 8 + 1), alive=len(self.writers))
        )

    def whole(self) -> None:
        """From start to end, 0.1 seconds a ballot."""
        self.configure()
        self.start_all()
        self.through(range(self.peers))

    def through(self, indices: Iterable[int], until: int | None = None) -> None:
        indices = tuple(indices)
        for first in range(0, self.rounds if until is None else until, 8):
            self.now += 0.1
            for index in indices:
                self.step(index, first)
        if until is None:
            for index in indices:
                self.writers[index].finished(completed=True)

    def tell(self, index: int, about: int, state: str, cause: str) -> None:
        self.writers[index].notice(MemberChanged(self.author(about), state, "", cause))
