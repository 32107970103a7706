"""Spread: gossip rounds until every peer holds every ballot, over peers and loss.

    python -m simulations.spread                        # goes on where the record stops
    python -m simulations.spread --quick --out DIR      # two small cells, in seconds

Worlds of the real machine, broadcast, timing as shipped.  The swarm meets without loss; then
everybody casts a ballot within 0.4 s, and from before the first of them on every message, of
whatever kind, is lost with the stated chance.  Measured is from the first cast of that round to
the last arrival anywhere, in gossip intervals of 2 s: until then some peer's tally is not the
oracle's, which counts all ballots.  A seed that never gets there counts as a failure.

A second table is of swarms that are disturbed from their first message on: seconds until the
last peer has cast its first ballot, and gossip rounds from the last cast of the third ballot.

Expected: within 10 rounds for 64 peers at 30 % loss, in every seed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from simulations.pictures import Line, draw
from simulations.recording import Record, Row, at, columns, options, work_through
from tallyp2p.parameters import RunParameters, Spreading, Timing
from tallyp2p.simulator.spec import Link, Promises, Voting, WorldSpec
from tallyp2p.simulator.world import World

__all__ = ["CELLS", "main", "measure", "picture", "table", "whole_after"]

LOSSES = (0.0, 0.1, 0.3, 0.5)
PROMISED = 10  # gossip rounds, for 64 peers and fewer at 30 % loss and less
MEET = 10.0  # seconds: by then the swarm has met, and each peer has every first ballot
TRAINING = 20.0  # seconds: gossip goes on meanwhile
ROUND = 1  # the ballot that is measured

SEEDS = {8: 200, 32: 20, 64: 10, 512: 1}
MANY = 1000  # seeds, where something is promised
PART = 100  # seeds that are recorded at a time
CELLS: list[Row] = [
    {"peers": peers, "loss": loss, "seeds": [first, min(first + PART, seeds)]}
    for peers, usual in SEEDS.items()
    for loss in LOSSES
    for seeds in (MANY if loss == 0.3 and peers <= 64 else usual,)
    for first in range(0, seeds, PART)
]
COLD: list[Row] = [
    {"peers": peers, "loss": loss, "seeds": 20, "start": "disturbed"}
    for peers in (8, 32)
    for loss in (0.1, 0.3, 0.5)
]
QUICK: list[Row] = [
    *({"peers": 8, "loss": loss, "seeds": [0, 3]} for loss in (0.0, 0.3)),
    {"peers": 8, "loss": 0.3, "seeds": [3, 5]},
    {"peers": 8, "loss": 0.3, "seeds": 2, "start": "disturbed"},
]

# reliability goals were set by a simulation of the idea, not of this code: every ballot to
# everybody, all begin at once, rounds in step.  (median, 99 %, most) of 120 runs.
ABSTRACT: Mapping[tuple[int, float], Mapping[str, str]] = {
    (8, 0.0): {"push": "3/4/4", "pull": "2/3/3"},
    (8, 0.3): {"push": "4/6/6", "pull": "3/4/5"},
    (8, 0.5): {"push": "5/8/9", "pull": "4/6/7"},
    (32, 0.0): {"push": "5/6/7", "pull": "3/4/4"},
    (32, 0.3): {"push": "7/8/9", "pull": "5/6/6"},
    (32, 0.5): {"push": "9/11/12", "pull": "7/9/9"},
    (64, 0.0): {"push": "6/7/7", "pull": "4/4/4"},
    (64, 0.3): {"push": "8/10/11", "pull": "6/7/7"},
    (64, 0.5): {"push": "10/13/15", "pull": "8/9/10"},
}


def _spec(peers: int, loss: float, seed: int, ballots: int, calm: float) -> WorldSpec:
    """Ballots of one round each; trouble begins after `calm` seconds."""
    return WorldSpec(
        name="spread",
        peers=peers,
        seed=seed,
        check=False,
        run=RunParameters(spreading=Spreading.BROADCAST, rounds_per_ballot=1),
        timing=Timing(rounds=ballots),
        links=Link(delay=0.01, jitter=0.02, loss=loss, begin=calm),
        voting=Voting(training=TRAINING, spread=0.01),
        promises=Promises(complete=False, within=1000),
    )


def whole_after(peers: int, loss: float, seed: int) -> float | None:
    """Gossip rounds until all hold all, or None when that never was."""
    spec = _spec(peers, loss, seed, ROUND + 1, MEET)
    world = World(spec)
    clock, reaches, whole = world.clock, world.watch.seen.reach, peers * (peers - 1)
    while world.running and clock.step():
        reach = reaches.get(ROUND)
        if reach is not None and reach.arrivals == whole:  # nothing more is asked of this world
            return (reach.newest - reach.first) / spec.timing.gossip_interval
    return None


def cold(peers: int, loss: float, seed: int) -> tuple[float, float]:
    """Disturbed from the start: seconds until all have voted, rounds of the third ballot."""
    spec = _spec(peers, loss, seed, 4, 0.0)
    world = World(spec)
    world.run()
    first, third = (world.watch.seen.reach[ballot] for ballot in (0, 2))
    return first.last, max(0.0, third.newest - third.last) / spec.timing.gossip_interval


def _measure_cold(cell: Row) -> dict[str, Any]:
    found = [cold(cell["peers"], cell["loss"], seed) for seed in range(cell["seeds"])]
    met, third = (sorted(figures) for figures in zip(*found, strict=True))
    return {
        "met_median": round(at(met, 0.5), 1),
        "met_most": round(at(met, 1.0), 1),
        "third_median": round(at(third, 0.5), 2),
        "third_most": round(at(third, 1.0), 2),
    }


def measure(cell: Row) -> dict[str, Any]:
    """Gossip rounds of each seed of a cell; None where a tally was never whole."""
    if "start" in cell:
        return _measure_cold(cell)
    found = (whole_after(cell["peers"], cell["loss"], seed) for seed in range(*cell["seeds"]))
    return {"rounds": [None if rounds is None else round(rounds, 2) for rounds in found]}


def summed_up(rows: list[Row]) -> dict[tuple[int, float], dict[str, Any]]:
    """Figures over all seeds, by peers and loss."""
    found: dict[tuple[int, float], list[float]] = {}
    for row in rows:
        if "rounds" in row:
            cell = found.setdefault((row["settings"]["peers"], row["settings"]["loss"]), [])
            cell += [float("inf") if rounds is None else rounds for rounds in row["rounds"]]
    return {
        cell: {
            "seeds": len(rounds),
            "median": at(sorted(rounds), 0.5),
            "p99": at(sorted(rounds), 0.99),
            "most": max(rounds),
            "within": sum(value <= PROMISED for value in rounds),
        }
        for cell, rounds in sorted(found.items())
    }


def table(rows: list[Row]) -> Iterator[str]:
    """In Markdown, beside the figures of the abstract simulation."""
    head = ("peers", "loss", "seeds", "median / 99 % / most", "within 10", "push", "push-pull")
    body = []
    for (peers, loss), row in summed_up(rows).items():
        beside = ABSTRACT.get((peers, loss), {"push": "-", "pull": "-"})
        body.append(
            (
                str(peers),
                f"{100 * loss:.0f} %",
                f"{row['seeds']:,}",
                f"{row['median']:.1f} / {row['p99']:.1f} / {row['most']:.1f}",
                f"{100 * row['within'] / row['seeds']:.4g} %",
                beside["push"],
                beside["pull"],
            )
        )
    yield from columns(head, body)


def disturbed(rows: list[Row]) -> Iterator[str]:
    """The second table, in Markdown."""
    head = ("peers", "loss", "seeds", "all have voted after, s", "third ballot, gossip rounds")
    body = []
    for row in rows:
        cell = row["settings"]
        if "start" in cell:
            body.append(
                (
                    str(cell["peers"]),
                    f"{100 * cell['loss']:.0f} %",
                    str(cell["seeds"]),
                    f"{row['met_median']:.1f} (most {row['met_most']:.1f})",
                    f"{row['third_median']:.1f} (most {row['third_most']:.1f})",
                )
            )
    yield from columns(head, body)


def picture(rows: list[Row], path: Path) -> None:
    """Rounds until all hold all, against loss, a line for each number of peers."""
    lines = []
    figures = summed_up(rows)
    for peers in sorted({peers for peers, _ in figures}):
        mine = {loss: row for (who, loss), row in figures.items() if who == peers}
        medians = [row["median"] for row in mine.values()]
        lines.append(
            Line(
                name=f"{peers} peers",
                x=[100 * loss for loss in mine],
                y=medians,
                low=medians,
                high=[row["most"] for row in mine.values()],
            )
        )
    draw(
        path,
        "At 30 % loss all have all within 10 rounds of gossip",
        "Line: median over seeds; band: up to the slowest; broadcast, as shipped",
        "messages lost, %",
        "gossip rounds of 2 s",
        lines,
        level=(PROMISED, "promised for 64 peers and 30 %"),
    )


def main(arguments: list[str] | None = None) -> None:
    """Measure what is missing, then print the table and draw the picture."""
    chosen = options(__doc__, arguments)
    record = Record(chosen.out, "spread", fresh=chosen.fresh)
    work_through(record, QUICK if chosen.quick else [*CELLS, *COLD], measure)
    print("\n".join([*table(record.rows), "", *disturbed(record.rows)]))
    picture(record.rows, chosen.out / "spread.png")


if __name__ == "__main__":
    main()
