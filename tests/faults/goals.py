"""What sixteen real peers do: where packets are lost, where half of them die, and cut in two.

Each is `tallyp2p peer` in a namespace of its own, signed and encrypted, in broadcast, with the
shipped timing; a learner of digits that takes one step a round and then rests, so that sixteen
fit a small host.  Rounds of gossip are `timing.gossip_interval`.
"""

from __future__ import annotations

import argparse
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from tallyp2p.parameters import Timing
from tests.benchmarks.record import report
from tests.faults.air import Rules, unavailable
from tests.faults.field import Field, Nursery
from tests.faults.history import History

__all__ = ["main"]

Row = tuple[str, float, str, str]

_GOSSIP, _DEADLINE = Timing().gossip_interval, Timing().deadline
_PER_BALLOT = 2
_TWICE = "two ballots of one author for a round"


def _equal_from(history: History, peers: Iterable[int], after: float) -> float:
    """Seconds from `after` until rounds began to close with equal ballots at all of `peers`."""
    counted: dict[int, dict[int, frozenset[tuple[str, str]]]] = {}
    moments: dict[int, float] = {}
    for peer in peers:
        life = history.of(peer)[-1]
        counted[peer] = life.elections()
        for at, closed in life.notices("round_closed"):
            moments[closed["round"]] = max(at, moments.get(closed["round"], 0.0))
    first = None
    for round in sorted(moments, reverse=True):
        held = {counted[peer].get(round) for peer in counted}
        if len(held) > 1 or None in held:
            break
        first = moments[round]
    return float("inf") if first is None else max(0.0, first - after)


def _all_made(history: History, peers: Iterable[int], rounds: int) -> float:
    """Rounds that some peer did not count."""
    wanted = set(range(0, rounds, _PER_BALLOT))
    return sum(len(wanted - set(history.of(peer)[0].elections())) for peer in peers)


def _twice(history: History) -> Row:
    """How often somebody cast two ballots for a round; who, and when, on standard error."""
    found = history.equivocations()
    for author, round in found:
        for life in history.lives:
            for at, ballot in life.ballots():
                if (ballot.author, ballot.round) == (author, round):
                    who = f"{author.hex()} for round {round}"
                    where = f"in life {life.life} of peer {life.peer} at {at:.2f}"
                    print(f"{who}: {ballot.votes.hex()} {where}", file=sys.stderr)
    return _TWICE, len(found), "", "0"


def lossy(nursery: Nursery, folder: Path, peers: int, scale: float) -> Iterable[Row]:
    """A tenth of all packets is lost from before the first is sent."""
    rounds = max(20, int(80 * scale))
    with Field(nursery, folder, peers, rounds, pause=0.3, secure=True) as field:
        field.air(Rules(loss=0.1))
        field.start(range(peers))
        field.finish(600)
        counts = field.air(Rules())
        history = field.history()
    everybody = range(peers)
    closed = [
        closed for peer in everybody for _, closed in history.of(peer)[0].notices("round_closed")
    ]
    yield "packets lost", 100 * counts["lost"] / (counts["lost"] + counts["carried"]), "%", "10"
    yield "rounds not closed, of any peer", _all_made(history, everybody, rounds), "", "0"
    yield "longest wait for a close", max(history.waits(everybody)), "s", f"{_DEADLINE:g}"
    yield "ballots missing at a close", sum(len(one["missing"]) for one in closed), "", ""
    yield "ballots cast", len(closed), "", ""
    late = history.lacking(everybody, within=10 * _GOSSIP)
    yield "ballots not everywhere within 10 rounds of gossip", len(late), "", "0"
    yield "until a ballot was everywhere, most", history.worst(everybody) / _GOSSIP, "rounds", "10"
    yield _twice(history)


def killed(nursery: Nursery, folder: Path, peers: int, scale: float) -> Iterable[Row]:
    """Half are killed at once, and started again half a minute later."""
    rounds = max(60, int(160 * scale))
    settings = {"timing.quorum": str(peers // 2)}
    half = range(peers // 2, peers)
    rest = range(peers // 2)
    with Field(nursery, folder, peers, rounds, settings, pause=1.0, secure=True) as field:
        field.air(Rules(loss=0.01))
        field.start(range(peers))
        field.until_round(range(peers), 10, 120)
        field.signal(half, signal.SIGKILL)
        field.until(lambda: field.dead(half), 10, "half of the peers to die")
        time.sleep(30 * scale)
        field.start(half)
        again = time.monotonic()
        field.finish(600)
        history = field.history()
        anew = sum("going on from round" not in field.newest(peer).log for peer in half)
    yield "killed peers that began anew instead of going on", anew, "", "0"
    yield "rounds that a survivor did not close", _all_made(history, rest, rounds), "", "0"
    yield "longest wait for a close, survivors", max(history.waits(rest)), "s", f"{_DEADLINE:g}"
    yield _twice(history)
    equal = _equal_from(history, range(peers), again) / _GOSSIP
    yield "from the restart until all count equal tallies", equal, "rounds", "10"


def parted(nursery: Nursery, folder: Path, peers: int, scale: float) -> Iterable[Row]:
    """For a minute neither half hears the other."""
    rounds = max(60, int(160 * scale))
    sides = range(peers // 2), range(peers // 2, peers)
    with Field(nursery, folder, peers, rounds, pause=1.2, secure=True) as field:
        field.start(range(peers))
        field.until_round(range(peers), 10, 120)
        both = [(a, b) for a in sides[0] for b in sides[1]]
        field.air(Rules(cut=(*both, *((b, a) for a, b in both))))
        begin = {peer: field.newest(peer).round for peer in range(peers)}
        time.sleep(60 * scale)
        field.air(Rules())
        healed = time.monotonic()
        made = min(field.newest(peer).round - begin[peer] for peer in begin)
        field.finish(600)
        history = field.history()
    yield "rounds made meanwhile, fewest of a peer", made, "", ""
    yield "rounds not closed, of any peer", _all_made(history, range(peers), rounds), "", "0"
    yield "longest wait for a close", max(history.waits(range(peers))), "s", f"{_DEADLINE:g}"
    late = history.lacking(range(peers), within=10 * _GOSSIP, after=healed)
    yield "ballots not everywhere within 10 rounds after", len(late), "", "0"
    worst = history.worst(range(peers), after=healed) / _GOSSIP
    yield "until a ballot was everywhere after, most", worst, "rounds", "10"
    equal = _equal_from(history, range(peers), healed) / _GOSSIP
    yield "from the healing until all count equal tallies", equal, "rounds", "10"
    yield _twice(history)


_GOALS: dict[str, Callable[[Nursery, Path, int, float], Iterable[Row]]] = {
    "loss": lossy,
    "crash": killed,
    "partition": parted,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Play them, one after another."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("goals", nargs="*", metavar="GOAL", help=f"of: {', '.join(_GOALS)}")
    parser.add_argument("--peers", type=int, default=16)
    parser.add_argument("--quick", action="store_true", help="a fourth of the time")
    parser.add_argument("--keep", type=Path, help="keep journals, logs and traces in this folder")
    parser.add_argument("--out", type=Path, help="also write the figures to this file, as JSON")
    chosen = parser.parse_args(arguments)
    if unknown := set(chosen.goals) - set(_GOALS):
        parser.error(f"goals are {', '.join(_GOALS)}, not {', '.join(sorted(unknown))}")
    if reason := unavailable():
        print(f"cannot be tried here: {reason}")
        return 1
    rows: list[Row] = []
    nursery = Nursery()
    folder = chosen.keep or Path(tempfile.mkdtemp(prefix="tallyp2p-faults-"))
    well = False
    try:
        for name in chosen.goals or _GOALS:
            print(f"{name}: {_GOALS[name].__doc__}", file=sys.stderr, flush=True)
            goal = _GOALS[name](nursery, folder / name, chosen.peers, 0.25 if chosen.quick else 1)
            rows += ((f"{name}: {what}", value, unit, least) for what, value, unit, least in goal)
        well = not any(what.endswith(_TWICE) and value for what, value, _, _ in rows)
    finally:
        nursery.end()
        if not well:
            print(f"journals, logs and traces are kept in {folder}", file=sys.stderr)
        elif chosen.keep is None:
            shutil.rmtree(folder)
    report("faults", rows, chosen.out, peers=chosen.peers)
    return 0
