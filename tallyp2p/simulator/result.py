"""What came out of a world: figures for people and programs."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..consensus import probes
from ..consensus.tally import count
from ..parameters import Ids, Spreading
from .clock import Clock
from .host import Host
from .invariants import Settled, Watch
from .learners import Learners
from .links import Network
from .post import Post
from .spec import WorldSpec

__all__ = ["Result", "summed_up"]

_CHANNELS = ("votes", "ids", "control", "total")


@dataclass(frozen=True, slots=True)
class Result:
    """One world, summed up.  Times are virtual seconds; None is what cannot be said."""

    world: str
    seed: int
    trace_hash: str  # SHA-256 over (time, from, to, frame) of every message
    peers: int
    lives: int  # processes that were started
    seconds: float  # when the world ended
    events: int  # that machines handled
    messages: Mapping[str, int]  # sent, lost, cut, doubled, overtaking, astray, dropped
    finish: Mapping[str, int]  # peers that completed, left, gave_up, crashed, or go on
    rounds: Mapping[str, float | None]  # closed per peer (least, most), waits, heard, missing
    spread: Mapping[str, float | None]  # seconds from a ballot's cast to its last arrival
    whole: Mapping[str, float | None]  # seconds from a round's last cast to its last arrival
    bytes: Mapping[str, Mapping[str, float]]  # per peer and round: channel -> layer -> bytes
    refused: Mapping[str, int]  # by reason number
    annulled: int  # entries of equivocators in the ledger that has most
    accuracy: Mapping[str, float | None]  # of one voter as stated, and of the newest tallies
    learnt: Mapping[str, Any] | None  # real learners: Accuracies.as_json
    same_tallies: float | None  # broadcast: share of rounds in which all counted the same
    settled: Mapping[str, int]  # survivors, and rounds in which they were held equal

    def as_json(self) -> dict[str, Any]:
        """For `json.dumps`."""
        return asdict(self)


def summed_up(
    spec: WorldSpec,
    seed: int,
    clock: Clock,
    post: Post,
    network: Network,
    hosts: Sequence[Host],
    peers: Mapping[int, Host],
    watch: Watch,
    learners: Learners,
    settled: Settled,
    hostile: Container[int],
) -> Result:
    """The result of a world that has ended."""
    honest = [host for host in peers.values() if host.index not in hostile]
    closed = [watch.closed.get(host.life, 0) for host in honest if not host.dead]
    broadcast = spec.run.spreading is Spreading.BROADCAST
    same = None
    if broadcast and watch.rounds:
        same = 1 - len(watch.unequal) / len(watch.rounds)
    spread = watch.seen.waits()
    whole = sorted(max(0.0, r.newest - r.last) for r in watch.seen.reach.values() if r.arrivals)
    waits = sorted(watch.waits)
    learnt = learners.accuracies({host.index for host in honest})
    refused: dict[str, int] = {}
    for host in hosts:
        for reason, times in host.machine.refused.items():
            refused[str(reason)] = refused.get(str(reason), 0) + times
    return Result(
        world=spec.name,
        seed=seed,
        trace_hash=post.trace_hash(),
        peers=spec.peers,
        lives=len(hosts),
        seconds=round(clock.now, 6),
        events=sum(host.events for host in hosts),
        messages={
            "sent": post.messages,
            "lost": network.lost,
            "cut": network.cut,
            "doubled": network.doubled,
            "overtaking": network.overtaking,
            "astray": post.astray,
            "dropped": sum(host.dropped for host in hosts),
        },
        finish={
            "completed": sum(bool(h.finish and h.finish.completed) for h in peers.values()),
            "left": sum(told_to_leave(h) for h in peers.values()),
            "gave_up": sum(
                bool(h.finish and not h.finish.completed) and not told_to_leave(h)
                for h in peers.values()
            ),
            "crashed": sum(host.dead for host in peers.values()),
            "unfinished": sum(host.running for host in peers.values()),
        },
        rounds={
            "closed_least": min(closed, default=None),
            "closed_most": max(closed, default=None),
            "wait_median": _at(waits, 0.5),
            "wait_p99": _at(waits, 0.99),
            "wait_longest": _at(waits, 1.0),
            "heard": watch.heard,
            "missing": watch.missing,
        },
        spread={"median": _at(spread, 0.5), "p99": _at(spread, 0.99), "longest": _at(spread, 1.0)},
        whole={"median": _at(whole, 0.5), "p99": _at(whole, 0.99), "longest": _at(whole, 1.0)},
        bytes=_bytes(spec, hosts, watch),
        refused=dict(sorted(refused.items(), key=lambda item: int(item[0]))),
        annulled=watch.annulled(honest),
        accuracy={
            "voter": None if learnt else spec.voting.accuracy,
            "tally": _accuracy(spec, watch, learners),
        },
        learnt=learnt.as_json() if learnt else None,
        same_tallies=same,
        settled={"survivors": settled.survivors, "rounds": len(settled.rounds)},
    )


def told_to_leave(host: Host) -> bool:
    """Whether a peer ended because somebody told it to (`Stopped`)."""
    return host.finish is not None and host.finish.text == "stopped"


def _at(ordered: Sequence[float], share: float) -> float | None:
    """The value below which `share` of the values lie."""
    if not ordered:
        return None
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 6)


def _bytes(spec: WorldSpec, hosts: Sequence[Host], watch: Watch) -> dict[str, dict[str, float]]:
    """What a peer sends in a round, by channel and layer, over all closed rounds."""
    rounds = sum(watch.closed.values()) * spec.run.rounds_per_ballot
    sums: dict[str, dict[str, float]] = {channel: {} for channel in _CHANNELS}
    for host in hosts:
        for channel, layers in host.meter.snapshot()["sent"].items():
            for layer, value in layers.items():
                sums[channel][layer] = sums[channel].get(layer, 0) + value
    return {
        channel: {layer: round(value / max(1, rounds), 3) for layer, value in layers.items()}
        for channel, layers in sums.items()
    }


def _accuracy(spec: WorldSpec, watch: Watch, learners: Learners) -> float | None:
    """Mean, over honest peers, of how often their newest tally names the true class."""
    elections = [effect.elections[-1] for effect in watch.elections.values()]
    derived = spec.run.ids is Ids.DERIVED
    ids = {at: probes.derive(spec.run, at) for at in {e.round for e in elections} if derived}
    # Many count the very same ballots, and those need be counted once.
    alike = {(e.round, *map(id, e.ballots)): e for e in elections}
    found = {
        key: learners.accuracy(count(spec.run, election, None, ids=ids.get(election.round)))
        for key, election in alike.items()
    }
    shares = [found[e.round, *map(id, e.ballots)] for e in elections]
    known = [share for share in shares if share is not None]
    return round(sum(known) / len(known), 6) if known else None
