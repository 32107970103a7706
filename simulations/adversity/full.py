"""The fault matrix at full size: every world of this folder with 32 peers, for several seeds.

    python -m simulations.adversity --jobs 2            # goes on where the record stops
    python -m simulations.adversity --quick --out DIR   # each world once as its file says

A world of 8 peers grows to 32 by having every peer four times: where its file names peer 3, it
is 3, 11, 19 and 27 that crash, freeze or lie.  What grows with the number of messages (churn,
bandwidth, the time that a slow peer takes for each) grows or shrinks with it.

Expected: no invariant is broken.  A world that breaks one is told with the line that replays it,
and the command fails.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from simulations.recording import RECORDS, Record, Row, columns
from tallyp2p.runtime.parallel import spread
from tallyp2p.simulator.invariants import Violation
from tallyp2p.simulator.reading import load
from tallyp2p.simulator.spec import WorldSpec
from tallyp2p.simulator.world import World

__all__ = ["FULL", "WORLDS", "grown", "main", "measure", "picture", "table"]

FULL = 32  # peers
WORLDS = tuple(sorted(path.stem for path in Path(__file__).parent.glob("*.toml")))
_PARTS = ("groups", "crashes", "freezes", "slow", "clocks", "joins", "leaves", "hostile")


def grown(spec: WorldSpec, peers: int) -> WorldSpec:
    """The world with more peers; as it is where it has as many."""
    if spec.peers >= peers:
        return spec
    factor = peers / spec.peers
    changes: dict[str, Any] = {}
    for table in _PARTS:
        changes[table] = tuple(
            replace(part, peers=_every(part.peers, spec.peers, peers))
            for part in getattr(spec, table)
        )
    changes["slow"] = tuple(replace(part, work=part.work / factor) for part in changes["slow"])
    return replace(
        spec,
        peers=peers,
        links=replace(spec.links, bandwidth=spec.links.bandwidth * factor),
        churn=replace(spec.churn, every=spec.churn.every / factor),
        **changes,
    )


def _every(named: Sequence[int], few: int, many: int) -> tuple[int, ...]:
    return tuple(peer for peer in range(many) if peer % few in named)


def measure(cell: Row, peers: int) -> tuple[Row, float, dict[str, Any]]:
    """(cell, CPU seconds, figures) of one world and seed; done in any process."""
    path = Path(__file__).parent / f"{cell['world']}.toml"
    spec = grown(load(path), peers)
    began = time.process_time()
    try:
        result = World(spec, cell["seed"]).run()
    except Violation as violation:
        broken = {"invariant": violation.name, "text": str(violation), "peers": spec.peers}
        return cell, time.process_time() - began, {"broken": broken}
    expected = (result.rounds["heard"] or 0) + (result.rounds["missing"] or 0)
    figures = {
        "broken": None,
        "peers": result.peers,
        "virtual_seconds": result.seconds,
        "events": result.events,
        "finish": dict(result.finish),
        "missing": round((result.rounds["missing"] or 0) / max(1, expected), 4),
        "wait_p99": result.rounds["wait_p99"],
        "wait_longest": result.rounds["wait_longest"],
        "spread_p99": result.spread["p99"],
        "bytes": result.bytes["total"]["wire"],
        "compared": result.settled["rounds"],
    }
    return cell, time.process_time() - began, figures


def table(rows: Sequence[Row]) -> Iterator[str]:
    """A line for each world, over all seeds, in Markdown."""
    head = ("world", "peers", "held", "missing at the close", "wait to close, 99 %", "CPU s a seed")
    lines = []
    for world in dict.fromkeys(row["settings"]["world"] for row in rows):
        own = [row for row in rows if row["settings"]["world"] == world]
        good = [row for row in own if not row["broken"]]
        seconds = sum(row["seconds"] for row in own) / len(own)
        missing = f"{_mean(good, 'missing'):.1%}" if good else "-"
        wait = f"{_mean(good, 'wait_p99'):.1f} s" if good else "-"
        peers = own[0]["peers"] if good else own[0]["broken"]["peers"]
        held = f"{len(good)} of {len(own)}"
        lines.append((f"`{world}`", str(peers), held, missing, wait, f"{seconds:.1f}"))
    return columns(head, sorted(lines))


def _mean(rows: Sequence[Row], key: str) -> float:
    return sum(row[key] or 0.0 for row in rows) / len(rows)


def picture(rows: Sequence[Row], path: Path) -> None:
    """A bar for each world: the share of expected ballots that a round closed without."""
    import matplotlib
    from matplotlib.figure import Figure

    worlds = sorted({row["settings"]["world"] for row in rows}, reverse=True)
    shares, labels, colours = [], [], []
    for world in worlds:
        own = [row for row in rows if row["settings"]["world"] == world]
        good = [row for row in own if not row["broken"]]
        shares.append(100 * _mean(good, "missing") if good else 0.0)
        labels.append(f"{shares[-1]:.1f} %" if len(good) == len(own) else "broken")
        colours.append("#0072B2" if len(good) == len(own) else "#D55E00")
    broken = sum(bool(row["broken"]) for row in rows)
    with matplotlib.rc_context({"font.size": 9, "axes.titlesize": 12, "axes.titleweight": "bold"}):
        figure = Figure(figsize=(7.4, 1.4 + 0.19 * len(worlds)))
        axes = figure.add_subplot()
        bars = axes.barh(worlds, shares, color=colours, height=0.7)
        axes.bar_label(bars, labels, padding=4, color="#4D4D4D")
        axes.set_xlim(0, 1.15 * max([1.0, *shares]))
        axes.set_ylim(-0.8, len(worlds) - 0.2)
        axes.set_title(
            f"{len(worlds)} worlds, {len(rows)} runs: {broken or 'no'} invariant broken",
            loc="left",
        )
        axes.set_xlabel("expected ballots that were not there when their round closed, %")
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        figure.tight_layout()
        figure.savefig(path, dpi=150)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is not recorded; print the table, draw the picture; 1 if anything broke."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--jobs", type=int, default=1, help="processes (1)")
    parser.add_argument("--seeds", type=int, default=3, help="seeds of each world (3)")
    parser.add_argument("--quick", action="store_true", help="one seed, peers as files say")
    parser.add_argument("--fresh", action="store_true", help="run again what is recorded")
    parser.add_argument("--out", type=Path, help="directory for the record; see README")
    chosen = parser.parse_args(arguments)
    if chosen.jobs < 1 or chosen.seeds < 1:
        parser.error("--jobs and --seeds must be at least 1")
    if chosen.quick and chosen.out is None:
        parser.error("--quick needs --out DIR: it is no record worth keeping")
    out = chosen.out or RECORDS
    record = Record(out, "adversity", fresh=chosen.fresh)
    seeds = 1 if chosen.quick else chosen.seeds
    cells: list[Row] = [{"world": w, "seed": s} for s in range(seeds) for w in WORLDS]
    todo = [cell for cell in cells if record.row(cell) is None]
    work = partial(measure, peers=0 if chosen.quick else FULL)
    for index, (cell, seconds, figures) in enumerate(spread(work, todo, chosen.jobs), 1):
        record.put(cell, seconds, figures)
        end = "BROKEN" if figures["broken"] else "held"
        shown = f"{cell['world']}, seed {cell['seed']}: {end}, {seconds:.1f} CPU s"
        print(f"{index} of {len(todo)}: {shown}", file=sys.stderr, flush=True)
    print("\n".join(table(record.rows)))
    picture(record.rows, out / "adversity.png")
    broken = [row["broken"] for row in record.rows if row["broken"]]
    for one in broken:
        print(one["text"], file=sys.stderr)
    return 1 if broken else 0
