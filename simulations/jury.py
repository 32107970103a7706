"""Juries: how right a tally of few ballots is, against one of all ballots.

    python -m simulations.jury                     # goes on where the record stops
    python -m simulations.jury --quick --out DIR   # two small cells, in seconds

Worlds of the real machine: 100 peers, 10 classes, no loss, 4 ballots of 256 votes.  In a
sampled run a peer counts its own ballot and those of the `degree` others that it hears in the
round; in broadcast all 100.  Voters are synthetic: a mean accuracy, the share of the errors that
fall on one wrong class of the probe, and whether probes are alike or unlike (accuracies then
follow a Beta distribution of weight 6).  Measured is how often plurality names the true class,
over all probes, ballots and peers.

A second table has real learners, as shipped (digits, Dirichlet 0.1), in the same simulator: what
models reach on the test set, alone and in the swarm.  1,000 private images are shared among all
peers, so the more peers, the fewer images each has.

Expected: few suffice where voters are good or err unlike; where half of the errors agree, and
probes are unlike, more ballots add little.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from simulations.byzantine import Jury
from simulations.pictures import Line, draw
from simulations.recording import Record, Row, columns, options, work_through
from tallyp2p.parameters import RunParameters, Spreading, Timing
from tallyp2p.simulator.spec import Kind, Learning, Voting, WorldSpec
from tallyp2p.simulator.world import World
from tallyp2p.staging import stage

__all__ = ["CELLS", "main", "measure", "picture", "table"]

PEERS = 100
BALLOTS = 4
HEARS = ("1", "2", "4", "8", "all")
ACCURACIES = (0.4, 0.5, 0.6, 0.75, 0.9)
KINDS = ((0.0, 0.0), (0.5, 0.0), (0.5, 1 / 7))  # (correlation, uneven)

CELLS: list[Row] = [
    {"accuracy": accuracy, "correlation": correlation, "uneven": round(uneven, 4), "hears": hears}
    for correlation, uneven in KINDS
    for accuracy in ACCURACIES
    for hears in HEARS
]
REAL: list[Row] = [
    {"learners": "digits", "peers": peers, "hears": hears}
    for peers, hears in ((30, "1"), (30, "2"), (30, "8"), (30, "all"))
]
QUICK: list[Row] = [
    *({"accuracy": 0.6, "correlation": 0.0, "uneven": 0.0, "hears": h} for h in ("1", "all")),
    {"learners": "digits", "peers": 3, "hears": "2"},
]


def _ways(hears: str) -> dict[str, Any]:
    """Run parameters by which a peer hears so many."""
    if hears == "all":
        return {"spreading": Spreading.BROADCAST}
    return {"spreading": Spreading.SAMPLED, "degree": int(hears)}


def learnt(cell: Row, rounds: int) -> dict[str, Any]:
    """What real learners reach in one world."""
    spec = WorldSpec(
        name="jury",
        peers=cell["peers"],
        check=False,
        run=RunParameters(**_ways(cell["hears"])),
        timing=Timing(rounds=rounds),
        learners=Learning(kind=Kind.REAL, profile="default"),
    )
    told = stage(spec).run().learnt
    assert told is not None
    means = {who: round(told[who]["mean"], 4) for who in ("alone", "swarm")}
    return {**means, "least": round(min(told["swarm"]["per_peer"]), 4), "rounds": rounds}


def measure(cell: Row, peers: int = PEERS, ballots: int = BALLOTS) -> dict[str, Any]:
    """How right the tallies of one world are."""
    if "learners" in cell:
        return learnt(cell, 320 if peers == PEERS else 16)
    spec = WorldSpec(
        name="jury",
        peers=peers,
        check=False,
        run=RunParameters(pool=3000, rounds_per_ballot=8, **_ways(cell["hears"])),
        timing=Timing(rounds=ballots * 8),
        voting=Voting(
            accuracy=cell["accuracy"], correlation=cell["correlation"], uneven=cell["uneven"]
        ),
    )
    jury = Jury(spec, 0, looks=False, abstain=False)
    world = World(spec, learners=jury)
    jury.honest = sorted(host.machine.author for host in world.hosts)
    world.run()
    of, _, right, *_ = map(int, jury.decided)
    return {"right": round(right / of, 4), "tallies": of // spec.run.votes}


def _named(correlation: float, uneven: float) -> str:
    errors = (
        f"{100 * correlation:.0f} % of the errors on one class"
        if correlation
        else "errors fall on any class"
    )
    return f"{errors}, probes {'unlike' if uneven else 'alike'}"


def table(rows: list[Row]) -> Iterator[str]:
    """A row for each kind of voter, a column for each size of jury, in Markdown."""
    names = [f"{hears} others" if hears.isdigit() else "all" for hears in HEARS]
    names[0] = "1 other"
    found = {tuple(row["settings"].values()): row["right"] for row in rows if "right" in row}
    body = []
    for correlation, uneven in KINDS:
        for accuracy in ACCURACIES:
            keys = [(accuracy, correlation, round(uneven, 4), hears) for hears in HEARS]
            if any(key in found for key in keys):
                shares = [f"{100 * found[key]:.1f}" if key in found else "-" for key in keys]
                body.append((_named(correlation, uneven), f"{accuracy:g}", *shares))
    yield from columns(("voters", "accuracy of one", *names), body)


def trained(rows: list[Row]) -> Iterator[str]:
    """The second table, in Markdown."""
    head = ("peers", "hears", "rounds", "alone", "swarm", "worst peer")
    body = [
        (
            str(row["settings"]["peers"]),
            f"{row['settings']['hears']} others".replace("all others", "all").replace(
                "1 others", "1 other"
            ),
            str(row["rounds"]),
            *(f"{100 * row[figure]:.1f}" for figure in ("alone", "swarm", "least")),
        )
        for row in sorted(rows, key=lambda row: HEARS.index(row["settings"]["hears"]))
        if "learners" in row["settings"]
    ]
    yield from columns(head, body)


def picture(rows: list[Row], path: Path) -> None:
    """How right a tally is against the ballots in it, for voters of accuracy 0.6."""
    lines = []
    for correlation, uneven in KINDS:
        mine = {
            row["settings"]["hears"]: 100 * row["right"]
            for row in rows
            if "right" in row
            and (row["settings"]["correlation"], row["settings"]["uneven"])
            == (correlation, round(uneven, 4))
            and row["settings"]["accuracy"] == 0.6
        }
        sizes = [(1 + int(h) if h.isdigit() else PEERS, mine[h]) for h in HEARS if h in mine]
        if sizes:
            x, y = zip(*sizes, strict=True)
            name = _named(correlation, uneven).replace(" on ", "\non ").replace(", ", ",\n")
            lines.append(Line(name, x, y))
    draw(
        path,
        "What a small jury costs depends on how alike voters err",
        "Share of right labels in a tally; 100 peers, each right on 60 % of the probes",
        "ballots in a tally, the own one included",
        "labels that are right, %",
        lines,
        logarithmic="x",
    )


def main(arguments: list[str] | None = None) -> None:
    """Measure what is missing, then print the table and draw the picture."""
    chosen = options(__doc__, arguments)
    record = Record(chosen.out, "jury", fresh=chosen.fresh)
    if chosen.quick:
        work_through(record, QUICK, lambda cell: measure(cell, peers=8, ballots=2))
    else:
        work_through(record, [*CELLS, *REAL], measure)
    print("\n".join([*table(record.rows), "", *trained(record.rows)]))
    picture(record.rows, chosen.out / "jury.png")


if __name__ == "__main__":
    main()
