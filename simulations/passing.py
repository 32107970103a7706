"""Broadcast over a view: how soon every peer holds every ballot, and what that costs it.

    python -m simulations.passing                        # goes on where the record stops
    python -m simulations.passing --quick --out DIR      # two small cells, in a second

Worlds of the real machine as in `spread`: timing as shipped, a swarm that meets without loss,
then a ballot of everybody within 0.4 s while messages are lost.  Here a ballot covers 8 rounds,
as shipped, and each world is played once with everybody known to everybody (view 0) and once
with 8 neighbours that each chooses.  Measured are gossip intervals of 2 s from the first cast to
the last arrival anywhere, the share of all ballots that is held half a second after the first
cast, and the bytes that a peer sends in the 29 s after it, before the next ballot.

Expected: a view of 8 takes one to four gossip rounds more, for two to three times the bytes, on 24
connections at most, however many peers there are.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from simulations.pictures import Line, draw
from simulations.recording import Record, Row, at, columns, options, work_through
from simulations.spread import MEET
from tallyp2p.parameters import RunParameters, Spreading, Timing
from tallyp2p.simulator.spec import Link, Promises, Voting, WorldSpec
from tallyp2p.simulator.world import World

__all__ = ["CELLS", "main", "measure", "picture", "table"]

ROUND = 8  # the second ballot's first round
SOON = 0.5  # seconds
TRAINING = 30.0  # seconds between two ballots,
WINDOW = 29.0  # in which nobody casts the next
VIEWS = (0, 8)
CELLS: list[Row] = [
    {"peers": peers, "view": view, "loss": loss, "seeds": seeds}
    for peers, seeds in ((64, 20), (256, 3), (1000, 1))
    for loss in (0.0, 0.3)
    for view in VIEWS
]
QUICK: list[Row] = [{"peers": 10, "view": view, "loss": 0.3, "seeds": 2} for view in (0, 4)]


def _spec(cell: Row, seed: int) -> WorldSpec:
    return WorldSpec(
        name="passing",
        peers=cell["peers"],
        seed=seed,
        check=False,
        run=RunParameters(spreading=Spreading.BROADCAST, pool=3000, view=cell["view"]),
        timing=Timing(rounds=3 * ROUND),
        links=Link(delay=0.01, jitter=0.02, loss=cell["loss"], begin=MEET),
        voting=Voting(training=TRAINING, spread=0.01),
        promises=Promises(complete=False, within=1000),
    )


def _sent(world: World) -> int:
    meters = (host.meter.snapshot()["sent"]["total"] for host in world.peers.values())
    return sum(meter["wire"] for meter in meters)


def _play(cell: Row, seed: int) -> dict[str, float | None]:
    """One world up to where the third ballot would be cast."""
    world = World(_spec(cell, seed))
    clock, reaches = world.clock, world.watch.seen.reach
    while ROUND not in reaches:
        assert clock.step(), world.line
    reach, before, lines = reaches[ROUND], _sent(world), 0
    whole, soon, seconds = cell["peers"] * (cell["peers"] - 1), 0, None
    while clock.now < reach.first + WINDOW and clock.step():
        if clock.now <= reach.first + SOON:
            soon = reach.arrivals
        if seconds is None and reach.arrivals == whole:
            seconds = reach.newest - reach.first
            lines = max(len(host.lines) for host in world.peers.values())
    interval = world.spec.timing.gossip_interval
    return {
        "rounds": None if seconds is None else round(seconds / interval, 2),
        "soon": round(soon / whole, 4),
        "bytes": round((_sent(world) - before) / cell["peers"]),
        "lines": lines,
    }


def measure(cell: Row) -> dict[str, Any]:
    """Figures of each seed of a cell."""
    found = [_play(cell, seed) for seed in range(cell["seeds"])]
    return {name: [one[name] for one in found] for name in found[0]}


def _rounds(row: Row) -> list[float]:
    return sorted(float("inf") if one is None else one for one in row["rounds"])


def table(rows: list[Row]) -> Iterator[str]:
    """In Markdown."""
    head = (
        *("peers", "loss", "view", "seeds", "gossip rounds: median / most"),
        *("held after 0.5 s", "kB a peer and ballot", "connections, most"),
    )
    body = []
    for row in rows:
        cell, rounds = row["settings"], _rounds(row)
        body.append(
            (
                f"{cell['peers']:,}",
                f"{100 * cell['loss']:.0f} %",
                str(cell["view"] or "all"),
                str(cell["seeds"]),
                f"{at(rounds, 0.5):.1f} / {rounds[-1]:.1f}",
                f"{100 * sum(row['soon']) / len(row['soon']):.0f} %",
                f"{sum(row['bytes']) / len(row['bytes']) / 1000:.1f}",
                str(max(row["lines"])),
            )
        )
    yield from columns(head, body)


def picture(rows: list[Row], path: Path) -> None:
    """Gossip rounds against peers, a line for each loss and view."""
    lines = []
    kinds = sorted({(row["settings"]["loss"], row["settings"]["view"]) for row in rows})
    for loss, view in kinds:
        mine = [r for r in rows if (r["settings"]["loss"], r["settings"]["view"]) == (loss, view)]
        medians = [at(_rounds(row), 0.5) for row in mine]
        lines.append(
            Line(
                name=f"{'view ' + str(view) if view else 'all known'}, {100 * loss:.0f} % lost",
                x=[row["settings"]["peers"] for row in mine],
                y=medians,
                low=medians,
                high=[_rounds(row)[-1] for row in mine],
            )
        )
    draw(
        path,
        "Ballots pass from hand to hand within a few rounds of gossip",
        "Line: median over seeds; band: up to the slowest; broadcast, as shipped",
        "peers",
        "gossip rounds of 2 s",
        lines,
        logarithmic="x",
    )


def main(arguments: list[str] | None = None) -> None:
    """Measure what is missing, then print the table and draw the picture."""
    chosen = options(__doc__, arguments)
    record = Record(chosen.out, "passing", fresh=chosen.fresh)
    work_through(record, QUICK if chosen.quick else CELLS, measure)
    print("\n".join(table(record.rows)))
    picture(record.rows, chosen.out / "passing.png")


if __name__ == "__main__":
    main()
