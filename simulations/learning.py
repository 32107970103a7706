"""Learning at scale: what peers reach together when hundreds really train in one process.

    python -m simulations.learning                     # goes on where the record stops
    python -m simulations.learning --quick --out DIR   # two small cells, in seconds

The world is learning-300.toml, at several sizes: each peer has 40 of the 1,000 private digits,
drawn with Dirichlet 0.1 over the classes (several peers may have the same image), knows two
dozen others and hears two of them in a round.  `tallyp2p simulate simulations/learning-300.toml`
shows one of them.

Expected: alone a peer knows the few classes that it has seen; together they come to know all
ten, and 300 as well as 30, though each hears as few as before.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from simulations.pictures import Line, draw
from simulations.recording import Record, Row, columns, options, work_through
from tallyp2p.simulator.reading import load
from tallyp2p.staging import stage

__all__ = ["CELLS", "WORLD", "main", "measure", "picture", "table"]

WORLD = Path(__file__).parent / "learning-300.toml"
CELLS: list[Row] = [
    *({"peers": peers, "seed": 0} for peers in (10, 30, 100, 300)),
    *({"peers": 30, "seed": seed} for seed in (1, 2)),
]
QUICK: list[Row] = [{"peers": peers, "seed": 0} for peers in (4, 8)]


def measure(cell: Row, rounds: int | None = None) -> dict[str, Any]:
    """What the peers of one world reach."""
    changes = {"peers": cell["peers"]} | ({"timing.rounds": rounds} if rounds else {})
    began = time.process_time()
    world = stage(load(WORLD, changes), cell["seed"])
    result = world.run()
    learnt = result.learnt
    assert learnt is not None and result.finish["completed"] == cell["peers"]
    alone, swarm = learnt["alone"], learnt["swarm"]
    sent = sum(result.bytes[channel]["wire"] for channel in ("votes", "ids", "control"))
    return {
        "rounds": world.spec.timing.rounds,
        "alone": round(alone["mean"], 4),
        "alone_std": round(alone["std"], 4),
        "swarm": round(swarm["mean"], 4),
        "swarm_std": round(swarm["std"], 4),
        "swarm_least": round(min(swarm["per_peer"]), 4),
        "bytes": round(sent * world.spec.timing.rounds),
        "virtual_seconds": round(result.seconds, 1),
        "cpu_seconds": round(time.process_time() - began, 1),
        "curve": [
            (point["rounds"], *(round(point[who]["mean"], 4) for who in ("alone", "swarm")))
            for point in learnt["curve"]
        ],
        "trace_hash": result.trace_hash,
    }


def table(rows: list[Row]) -> Iterator[str]:
    """A row for each world, in Markdown."""
    body = []
    for row in sorted(rows, key=lambda row: (row["settings"]["peers"], row["settings"]["seed"])):
        cell = row["settings"]
        body.append(
            (
                f"{cell['peers']}",
                f"{cell['seed']}",
                f"{100 * row['alone']:.1f} ({100 * row['alone_std']:.1f})",
                f"{100 * row['swarm']:.1f} ({100 * row['swarm_std']:.1f})",
                f"{100 * row['swarm_least']:.1f}",
                f"{row['bytes'] / 1000:.1f}",
                f"{row['cpu_seconds']:.0f}",
            )
        )
    yield from columns(
        ("peers", "seed", "alone", "swarm", "worst peer", "kB sent a peer", "CPU seconds"), body
    )


def picture(rows: list[Row], path: Path) -> None:
    """Accuracy over rounds for each size, seed 0, and alone for the largest."""
    first = [row for row in rows if row["settings"]["seed"] == 0]
    first.sort(key=lambda row: row["settings"]["peers"])
    lines = []
    for row in first:
        rounds, _, swarm = zip(*row["curve"], strict=True)
        lines.append(
            Line(f"{row['settings']['peers']} peers", rounds, [100 * share for share in swarm])
        )
    rounds, alone, _ = zip(*first[-1]["curve"], strict=True)
    lines.append(Line("alone", rounds, [100 * share for share in alone], dashed=True))
    draw(
        path,
        "Peers that know few digits come to know all ten together",
        "Mean accuracy on the test set; each peer has 40 images and hears two others",
        "rounds",
        "right on the test set, %",
        lines,
    )


def main(arguments: list[str] | None = None) -> None:
    """Measure what is missing, then print the table and draw the picture."""
    chosen = options(__doc__, arguments)
    record = Record(chosen.out, "learning", fresh=chosen.fresh)
    if chosen.quick:
        work_through(record, QUICK, lambda cell: measure(cell, rounds=80))
    else:
        work_through(record, CELLS, measure)
    print("\n".join(table(record.rows)))
    picture(record.rows, chosen.out / "learning.png")


if __name__ == "__main__":
    main()
