"""One object that says what a run reached and what it cost: RUN/summary.json.

`tallyp2p swarm --json` prints it; reports and sweeps read it.  Within one schema number keys
may be added, never renamed or given another meaning.  SCHEMA.md documents each key.  It is
made from the files of the run directory alone, so a run that was killed has a summary too:
what was not reported is null.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any, TypedDict

from ..version import __version__
from .costs import dense_weights, envelope, soft_labels
from .reader import Layers, PeerRecord, RunReader
from .rundir import strict, write_json

__all__ = [
    "SUMMARY_SCHEMA",
    "Accuracies",
    "Accuracy",
    "Bytes",
    "Channels",
    "Cost",
    "Instead",
    "LayerMeans",
    "Machine",
    "PeerAccuracy",
    "PeerBytes",
    "PeerDetail",
    "Summary",
    "Traffic",
    "summarise",
    "write_summary",
]

SUMMARY_SCHEMA = "tallyp2p.summary/1"


class Accuracy(TypedDict):
    """Fractions of the test set, 0 .. 1, at each peer's last evaluation."""

    mean: float | None
    std: float | None  # population standard deviation across peers
    per_peer: list[float | None]  # by index


class Accuracies(TypedDict):
    alone: Accuracy  # same data, same initial weights, same steps, no exchange
    swarm: Accuracy


class LayerMeans(TypedDict):
    """Means over the peers that reported."""

    payload: float | None  # the votes, or ids, alone
    message: float | None  # with the protocol's header
    wire: float | None  # as handed to TCP: with ZMTP framing and handshakes
    messages: float | None  # how many


class Channels(TypedDict):
    votes: LayerMeans
    ids: LayerMeans
    control: LayerMeans
    total: LayerMeans


class PeerBytes(TypedDict):
    """Bytes on the wire, all channels."""

    sent: int | None
    received: int | None


class Cost(TypedDict):
    """Mean bytes sent per peer; wire includes the control messages that the run really sent."""

    payload: float
    wire: float


class Instead(TypedDict):
    """What the same ballots, as often sent, would have cost if each had carried ..."""

    soft_labels: Cost | None  # a float32 for every class of every probe
    dense_weights: Cost | None  # every weight of the model as a float32


class Bytes(Channels):
    received: Channels
    per_peer: list[PeerBytes]
    instead: Instead


class PeerAccuracy(TypedDict):
    alone: float | None
    swarm: float | None


class Traffic(TypedDict):
    sent: Layers
    received: Layers


class PeerDetail(TypedDict):
    index: int
    author: str | None
    starts: int
    rounds: int
    completed: bool
    text: str
    seconds: float
    accuracy: PeerAccuracy
    bytes: Traffic | None


class Machine(TypedDict):
    python: str
    torch: str | None
    cores: int
    platform: str


class Summary(TypedDict):
    schema: str
    version: str
    command: list[str]
    started: str | None  # ISO 8601
    completed: bool
    peers: int
    rounds: int
    seconds: float
    seed: int | None
    accuracy: Accuracies
    bytes: Bytes
    peers_detail: list[PeerDetail]
    config: dict[str, Any]
    machine: Machine


def summarise(
    reader: RunReader, *, command: Sequence[str] = (), seconds: float | None = None
) -> Summary:
    """The summary of what `reader` has read; it is polled until nothing new is there.

    `command`: what was called, to be repeated.  `seconds`: from the command to its end; None:
    from the first peer's start to the last line of any.
    """
    peers = [record for _, record in sorted(reader.drain().peers.items())]
    seed = reader.config.get("seed")
    return {
        "schema": SUMMARY_SCHEMA,
        "version": __version__,
        "command": list(command),
        "started": min((peer.time for peer in peers if peer.time), default=None),
        "completed": bool(peers) and all(peer.completed for peer in peers),
        "peers": len(peers),
        "rounds": reader.rounds,
        "seconds": round(_span(peers) if seconds is None else seconds, 3),
        "seed": seed if isinstance(seed, int) else None,
        "accuracy": {
            "alone": _accuracy([peer.alone for peer in peers]),
            "swarm": _accuracy([peer.swarm for peer in peers]),
        },
        "bytes": _bytes(peers),
        "peers_detail": [_detail(peer) for peer in peers],
        "config": strict(reader.config),
        "machine": _machine(),
    }


def write_summary(run_dir: Path, summary: Summary) -> Path:
    """Put it at RUN/summary.json.  Raises FailureError when the disk refuses."""
    path = run_dir / "summary.json"
    write_json(path, summary)
    return path


def _accuracy(values: list[float | None]) -> Accuracy:
    known = [value for value in values if value is not None]
    return {
        "mean": fmean(known) if known else None,
        "std": pstdev(known) if known else None,
        "per_peer": values,
    }


def _bytes(peers: Sequence[PeerRecord]) -> Bytes:
    counted = [peer for peer in peers if _counted(peer)]
    sent = _channels([peer.sent for peer in counted])
    return {
        "votes": sent["votes"],
        "ids": sent["ids"],
        "control": sent["control"],
        "total": sent["total"],
        "received": _channels([peer.received for peer in counted]),
        "per_peer": [
            {
                "sent": peer.sent["total"]["wire"] if _counted(peer) else None,
                "received": peer.received["total"]["wire"] if _counted(peer) else None,
            }
            for peer in peers
        ],
        "instead": _instead(counted),
    }


def _channels(all_layers: Sequence[Layers]) -> Channels:
    def means(channel: str) -> LayerMeans:
        return {
            "payload": _mean(layers[channel]["payload"] for layers in all_layers),
            "message": _mean(layers[channel]["message"] for layers in all_layers),
            "wire": _mean(layers[channel]["wire"] for layers in all_layers),
            "messages": _mean(layers[channel]["messages"] for layers in all_layers),
        }

    return {
        "votes": means("votes"),
        "ids": means("ids"),
        "control": means("control"),
        "total": means("total"),
    }


def _instead(peers: Sequence[PeerRecord]) -> Instead:
    soft, dense = [], []
    for peer in peers:
        ballots, control = peer.sent["votes"]["messages"], peer.sent["control"]["wire"]
        around = envelope(peer.sent)
        payload, wire = soft_labels(ballots, peer.votes, peer.classes, around)
        soft.append((payload, wire + control))
        if peer.weights is not None:
            payload, wire = dense_weights(ballots, peer.weights, around)
            dense.append((payload, wire + control))
    return {"soft_labels": _cost(soft), "dense_weights": _cost(dense)}


def _cost(costs: Sequence[tuple[int, int]]) -> Cost | None:
    if not costs:
        return None
    return {
        "payload": round(fmean(payload for payload, _ in costs), 1),
        "wire": round(fmean(wire for _, wire in costs), 1),
    }


def _mean(values: Iterable[int]) -> float | None:
    known = list(values)
    return round(fmean(known), 1) if known else None


def _counted(peer: PeerRecord) -> bool:
    return peer.sent["total"]["messages"] > 0 or peer.rounds > 0


def _detail(peer: PeerRecord) -> PeerDetail:
    return {
        "index": peer.index,
        "author": peer.author or None,
        "starts": peer.starts,
        "rounds": peer.rounds,
        "completed": peer.completed,
        "text": peer.text,
        "seconds": round(peer.seconds, 3),
        "accuracy": {"alone": peer.alone, "swarm": peer.swarm},
        "bytes": {"sent": peer.sent, "received": peer.received} if _counted(peer) else None,
    }


def _span(peers: Sequence[PeerRecord]) -> float:
    """Seconds from the first start to the last line of any."""
    started = [peer for peer in peers if peer.starts]
    if not started:
        return 0.0
    return max(p.ended for p in started) - min(p.ended - p.seconds for p in started)


def _machine() -> Machine:
    try:
        torch = metadata.version("torch")  # asks the package's metadata, not the package
    except metadata.PackageNotFoundError:
        torch = None
    return {
        "python": platform.python_version(),
        "torch": torch,
        "cores": os.cpu_count() or 1,
        "platform": platform.platform(),
    }
