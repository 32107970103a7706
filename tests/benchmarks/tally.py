"""How long a tally takes, beside one np.bincount of the same size in the same run.

    python -m tests.benchmarks.tally [--out FILE] [--repeat N]

`count` is tally.count on packed ballots with the ids at hand; `counting` is the same less
`unpack`, the unpacking of all votes measured by itself.  Both are also given as ratios to
`bincount`, which gets its flat index for nothing.  Best of N runs, microseconds.
Goal: at most 1.5 at 2,000 probes x 100 peers x 100 classes.
"""

from __future__ import annotations

import json
import sys
import timeit
from collections.abc import Callable, Sequence

import numpy as np

from tallyp2p.bits import pack, unpack_rows
from tallyp2p.consensus import probes
from tallyp2p.consensus.contributor import Election
from tallyp2p.consensus.ledger import Ledger
from tallyp2p.consensus.tally import count
from tallyp2p.parameters import RunParameters
from tallyp2p.payloads import Ballot
from tests.benchmarks import record

__all__ = ["main", "measure", "measure_ledger"]

SIZES = (  # probes, peers, classes
    (256, 3, 10),
    (32, 10, 10),
    (32, 1_000, 1_000),
    (2_000, 100, 100),
    (2_000, 1_000, 100),
    (2_000, 100, 50_000),  # above a million cells: no dense table
)


def measure(size: int, peers: int, classes: int, repeat: int) -> dict[str, float]:
    """Microseconds of each step and the two ratios, for one shape of tally."""
    run = RunParameters(classes=classes, pool=5 * size, probes=size, rounds_per_ballot=1)
    labels = np.random.default_rng(0).integers(0, classes, (peers, size))
    ballots = tuple(
        Ballot(at.to_bytes(8, "big"), 0, pack(row, run.bits)) for at, row in enumerate(labels)
    )
    election, ids = Election(0, ballots), probes.derive(run, 0)
    rows = np.frombuffer(b"".join(b.votes for b in ballots), np.uint8).reshape(peers, -1)
    flat = (np.arange(size) * classes + labels).ravel()
    tally = count(run, election, None, ids=ids)
    steps: dict[str, Callable[[], object]] = {
        "bincount": lambda: np.bincount(flat, minlength=size * classes),
        "unpack": lambda: unpack_rows(rows, size, run.bits),
        "count": lambda: count(run, election, None, ids=ids),
        "plurality": tally.plurality,
        "digest": tally.digest,
        "derive": lambda: probes.derive(run, 0),
    }
    figures = {name: best(step, repeat) for name, step in steps.items()}
    figures["counting"] = figures["count"] - figures["unpack"]
    figures["counting_ratio"] = figures["counting"] / figures["bincount"]
    figures["count_ratio"] = figures["count"] / figures["bincount"]
    return figures


def measure_ledger(repeat: int) -> float:
    """Microseconds of one Ledger.add of a fresh ballot, over 100 rounds of 100 authors."""
    run = RunParameters()
    ballots = [
        Ballot(author.to_bytes(8, "big"), round * run.rounds_per_ballot, bytes(16))
        for round in range(100)
        for author in range(100)
    ]

    def fill() -> None:
        add = Ledger(run, 1_024).add
        for ballot in ballots:
            add(ballot)

    return best(fill, repeat) / len(ballots)


def best(step: Callable[[], object], repeat: int) -> float:
    return min(timeit.repeat(step, number=1, repeat=repeat)) * 1e6


def main(arguments: Sequence[str]) -> int:
    parser = record.parser("Time tallies beside one np.bincount of the same size.")
    parser.add_argument("--repeat", type=int, default=30, help="runs of each; the best counts")
    options = parser.parse_args(arguments)
    columns = (
        "bincount",
        "unpack",
        "count",
        "counting_ratio",
        "count_ratio",
        "plurality",
        "derive",
    )
    print(f"{'probes x peers x classes':>26}" + "".join(f"{name:>16}" for name in columns))
    results = []
    for size, peers, classes in SIZES:
        figures = measure(size, peers, classes, options.repeat)
        results.append({"probes": size, "peers": peers, "classes": classes, **figures})
        shape = f"{size} x {peers} x {classes}"
        print(f"{shape:>26}" + "".join(f"{figures[name]:>16.2f}" for name in columns))
    add = measure_ledger(options.repeat)
    print(f"Ledger.add of a fresh ballot: {add:.2f} us")
    if options.out is not None:
        machine = {**record.machine(), "numpy": np.__version__}
        measured = {"unit": "us", "tally": results, "ledger_add": add}
        content = {"benchmark": "tally", "machine": machine, **measured}
        options.out.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
