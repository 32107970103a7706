"""Label flippers among peers that really train: what `learning.assume_byzantine` gives and costs.

    python -m simulations.flippers                     # goes on where the record stops
    python -m simulations.flippers --quick --out DIR   # two small cells, in seconds

Ten peers of the simulator with real learners, digits, settings as shipped, broadcast, so that
each counts ten votes.  Three of them may be flippers: they train as all do, but never withhold,
and vote for the class after the one that they take for right; where they are unsure, for one
that all three agree on.  Private data are dealt out as shipped (Dirichlet 0.1: a peer knows
few classes) or nearly alike (Dirichlet 100).  Measured is what the honest reach on the test set,
and what the same models reach alone.

Expected: where peers are alike, the certificate takes the flippers' votes out.  Where few know a
class, honest margins are small too, and what is left is little more than training alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from simulations.pictures import Line, draw
from simulations.recording import Record, Row, columns, options, work_through
from tallyp2p.parameters import RunParameters, Spreading, Timing
from tallyp2p.simulator.spec import Hostile, Hostility, Kind, Learning, WorldSpec
from tallyp2p.staging import stage

__all__ = ["CELLS", "main", "measure", "picture", "table"]

PEERS = 10
SEEDS = (0, 1, 2)
ASSUMED = (0, 1, 2, 3)
CELLS: list[Row] = [
    {"alpha": alpha, "flippers": flippers, "assumed": assumed, "seed": seed}
    for seed in SEEDS
    for alpha in (0.1, 100.0)
    for flippers in (0, 3)
    for assumed in ASSUMED
]
QUICK: list[Row] = [
    {"alpha": 100.0, "flippers": 3, "assumed": assumed, "seed": 0} for assumed in (0, 3)
]


def measure(cell: Row, rounds: int = 320) -> dict[str, Any]:
    """What the honest peers of one world reach, alone and together."""
    spec = WorldSpec(
        name="flippers",
        peers=PEERS,
        check=False,
        run=RunParameters(spreading=Spreading.BROADCAST),
        timing=Timing(rounds=rounds),
        hostile=(Hostile(tuple(range(cell["flippers"])), Hostility.WRONG),)
        if cell["flippers"]
        else (),
        learners=Learning(
            kind=Kind.REAL,
            profile="default",
            settings=(
                f"data.alpha={cell['alpha']}",
                f"learning.assume_byzantine={cell['assumed']}",
            ),
        ),
    )
    told = stage(spec, cell["seed"]).run().learnt
    assert told is not None
    return {
        "alone": round(told["alone"]["mean"], 4),
        "swarm": round(told["swarm"]["mean"], 4),
        "least": round(min(v for v in told["swarm"]["per_peer"] if v is not None), 4),
        "rounds": rounds,
    }


def _means(rows: list[Row]) -> dict[tuple[float, int, int], dict[str, float]]:
    """Figures of each setting, means over its seeds; `least` is the lowest of all."""
    found: dict[tuple[float, int, int], list[Row]] = {}
    for row in rows:
        cell = row["settings"]
        found.setdefault((cell["alpha"], cell["flippers"], cell["assumed"]), []).append(row)
    return {
        key: {
            "alone": float(np.mean([row["alone"] for row in some])),
            "swarm": float(np.mean([row["swarm"] for row in some])),
            "least": min(row["least"] for row in some),
            "seeds": len(some),
        }
        for key, some in found.items()
    }


def table(rows: list[Row]) -> Iterator[str]:
    """A row for each way of dealing and number of flippers, in Markdown."""
    means = _means(rows)
    body = []
    for alpha, flippers in sorted({key[:2] for key in means}):
        mine = {key[2]: value for key, value in means.items() if key[:2] == (alpha, flippers)}
        body.append(
            [
                f"{alpha:g}",
                str(flippers),
                f"{100 * next(iter(mine.values()))['alone']:.1f}",
                *(
                    f"{100 * mine[f]['swarm']:.1f} ({100 * mine[f]['least']:.1f})"
                    if f in mine
                    else "-"
                    for f in ASSUMED
                ),
            ]
        )
    head = ["Dirichlet", "flippers", "alone", *(f"F = {f}" for f in ASSUMED)]
    yield from columns(head, body)


def picture(rows: list[Row], path: Path) -> None:
    """What the honest reach against how many they assume to be faulty."""
    means = _means(rows)
    lines = []
    for alpha, flippers in sorted({key[:2] for key in means}):
        mine = sorted(
            (k[2], 100 * v["swarm"]) for k, v in means.items() if k[:2] == (alpha, flippers)
        )
        dealt = "skewed" if alpha < 1 else "alike"
        x, y = zip(*mine, strict=True)
        lines.append(Line(f"{dealt},\n{flippers} flippers", x, y))
    draw(
        path,
        "The certificate pays where peers know the same",
        "10 peers, digits, broadcast; flippers vote for the class after the right one",
        "hostile voters assumed (F)",
        "accuracy of honest peers, %",
        lines,
    )


def main(arguments: list[str] | None = None) -> None:
    """Measure what is missing, then print the table and draw the picture."""
    chosen = options(__doc__, arguments)
    record = Record(chosen.out, "flippers", fresh=chosen.fresh)
    if chosen.quick:
        work_through(record, QUICK, lambda cell: measure(cell, rounds=24))
    else:
        work_through(record, CELLS, measure)
    print("\n".join(table(record.rows)))
    picture(record.rows, chosen.out / "flippers.png")


if __name__ == "__main__":
    main()
