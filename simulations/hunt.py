"""Ten thousand seeds of the standard adversity mix, held to every invariant after every step.

    python -m simulations.hunt --jobs 2             # goes on where the record stops
    python -m simulations.hunt --quick --out DIR    # twenty worlds, in seconds

What a world of the mix is, and what it promises, is said by one function of its seed:
tallyp2p/simulator/mix.py.  Seeds are taken in their order, from 0 on; no seed is left out.
`tallyp2p simulate --mix --seed N` runs one of them, `tallyp2p simulate --hunt` others.

Expected: nothing is violated.  A failure is told with the line that replays it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from simulations.recording import RECORDS, Record, Row, columns
from tallyp2p.runtime.parallel import spread
from tallyp2p.simulator.hunting import Sum, live
from tallyp2p.simulator.mix import standard

__all__ = ["CELLS", "QUICK", "main", "measure", "table"]

SEEDS, EACH = 10_000, 250

CELLS: list[Row] = [{"first": first, "worlds": EACH} for first in range(0, SEEDS, EACH)]
QUICK: list[Row] = [{"first": 0, "worlds": 10}, {"first": 10, "worlds": 10}]


def measure(cell: Row) -> tuple[Row, float, dict[str, Any]]:
    """(cell, CPU seconds, figures) of some seeds in a row; done in any process."""
    found, began = Sum(), time.process_time()
    for seed in range(cell["first"], cell["first"] + cell["worlds"]):
        found.add(live(standard(seed)))
    figures = {
        "virtual_seconds": round(found.seconds, 3),
        "events": found.events,
        "compared": found.compared,
        "faults": dict(sorted(found.faults.items())),
        "violated": [asdict(broken) for broken in found.broken],
    }
    return cell, time.process_time() - began, figures


def table(rows: Sequence[Row]) -> Iterator[str]:
    """All worlds together, and how many had each kind of fault, in Markdown."""
    worlds = sum(row["settings"]["worlds"] for row in rows)
    violated = sum(len(row["violated"]) for row in rows)
    hours = sum(row["virtual_seconds"] for row in rows) / 3600
    minutes = sum(row["seconds"] for row in rows) / 60
    events = sum(row["events"] for row in rows)
    compared = sum(row["compared"] for row in rows)
    faults: Counter[str] = Counter()
    for row in rows:
        faults.update(row["faults"])
    head = ("worlds", "violated", "virtual time", "events", "ledgers compared in", "CPU time")
    sums = (f"{worlds:,}", f"{violated:,}", f"{hours:,.0f} h", f"{events:,}", f"{compared:,}")
    yield from columns(head, [(*sums, f"{minutes:.0f} min")])
    yield ""
    kinds = ", ".join(f"{kind} {times:,}" for kind, times in faults.most_common())
    yield f"Worlds with {kinds}."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is not recorded, print the table; 1 if anything was violated."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--jobs", type=int, default=1, help="processes (1)")
    parser.add_argument("--quick", action="store_true", help="twenty worlds, in seconds")
    parser.add_argument("--fresh", action="store_true", help="run again what is recorded")
    parser.add_argument("--out", type=Path, help="directory for the record; see README")
    chosen = parser.parse_args(arguments)
    if chosen.jobs < 1:
        parser.error("--jobs must be at least 1")
    if chosen.quick and chosen.out is None:
        parser.error("--quick needs --out DIR: it is no record worth keeping")
    record = Record(chosen.out or RECORDS, "hunt", fresh=chosen.fresh)
    todo = [cell for cell in (QUICK if chosen.quick else CELLS) if record.row(cell) is None]
    for index, (cell, seconds, figures) in enumerate(spread(measure, todo, chosen.jobs), 1):
        record.put(cell, seconds, figures)
        last = cell["first"] + cell["worlds"] - 1
        shown = f"seeds {cell['first']} to {last}, {len(figures['violated'])} violated"
        print(f"{index} of {len(todo)}: {shown}", file=sys.stderr, flush=True)
    print("\n".join(table(record.rows)))
    violated = [broken for row in record.rows for broken in row["violated"]]
    for broken in violated:
        print(f"'{broken['invariant']}': {broken['text']}: {broken['replay']}", file=sys.stderr)
    return 1 if violated else 0


if __name__ == "__main__":  # processes that it starts import it again
    raise SystemExit(main())
