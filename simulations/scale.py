"""Scale: what a peer pays a round, and how fast things spread, against the number of peers.

    python -m simulations.scale                      # goes on where the record stops
    python -m simulations.scale --quick --out DIR    # three small cells, in seconds

Worlds of the real machine with one-second rounds: eight rounds a ballot, eight seconds of
training; every other setting as shipped.  Each cell runs in a process of its own.  What a peer
sends is counted over 40 virtual seconds, after the swarm has met; what meeting cost stands
apart.  Memory is what the process grew by, a peer: its machine, and what the world keeps of it.
Reach is the number of ballots until what peer 0 knew may have reached everybody: who hears a
ballot of one who had been reached before is reached.  Beside it stands what counting alone
predicts, without any protocol: everybody hears so many others, drawn evenly.

Expected: with sampled ballots nothing that a peer pays grows with the number of peers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from simulations.pictures import Line, draw
from simulations.recording import Record, Row, columns, options, work_through
from tallyp2p.consensus.contributor import Election
from tallyp2p.parameters import RunParameters, Spreading, Timing
from tallyp2p.payloads import Ballot
from tallyp2p.simulator.learners import Voter
from tallyp2p.simulator.spec import Link, Promises, Voting, WorldSpec
from tallyp2p.simulator.voters import Electorate
from tallyp2p.simulator.world import World

__all__ = ["CELLS", "Rumour", "main", "measure", "picture", "table"]

BEGIN, END = 20.0, 60.0  # virtual seconds between which everything is counted
TRAINING = 8.0  # seconds of training on a ballot
VIEW = 8
PAGE = 4096  # bytes; on the machines that have /proc

CELLS: list[Row] = [
    *(
        {"hears": "2 of all", "peers": peers, "loss": loss}
        for peers in (8, 32, 128, 512)
        for loss in (0.0, 0.3)
    ),
    *({"hears": "2 of 8", "peers": peers, "loss": 0.0} for peers in (128, 1000, 10_000)),
    *({"hears": "2 of 8", "peers": peers, "loss": 0.3} for peers in (128, 1000)),
    *({"hears": "all", "peers": peers, "loss": 0.0} for peers in (8, 32, 64, 128, 256, 1000)),
    *({"hears": "all", "peers": peers, "loss": 0.3} for peers in (8, 32, 64)),
]
QUICK: list[Row] = [
    {"hears": "2 of all", "peers": 8, "loss": 0.0},
    {"hears": "2 of all", "peers": 32, "loss": 0.0},
    {"hears": "all", "peers": 8, "loss": 0.3},
]


class Rumour(Electorate):
    """Synthetic voters; and who has been reached by what the first peer knew."""

    def __init__(self, spec: WorldSpec) -> None:
        super().__init__(spec.run, spec.voting, 0)
        self.ballots = 0  # that were asked for
        self.reached: dict[bytes, int] = {}  # author -> the round in which it was reached

    def vote(self, voter: Voter, round: int, *, wrong: bool = False, rival: int = 0) -> Ballot:
        """As the electorate says; the first peer is where the rumour begins."""
        self.ballots += 1
        if voter.peer == 0:
            self.reached.setdefault(voter.author, -1)
        return super().vote(voter, round, wrong=wrong, rival=rival)

    def learn(self, voter: Voter, round: int, elections: Sequence[Election]) -> None:
        """Reached is who hears somebody that was reached in an earlier round."""
        if voter.author in self.reached:
            return
        for election in elections:
            for ballot in election.ballots:
                if self.reached.get(ballot.author, round) < election.round:
                    self.reached[voter.author] = election.round
                    return


def counted(peers: int, degree: int, seed: int = 0) -> int:
    """Ballots until one peer has reached all, if each hears `degree` others drawn evenly."""
    chance = np.random.default_rng(seed)
    reached = np.zeros(peers, dtype=bool)
    reached[0] = True
    ballots = 0
    while not reached.all():
        heard = chance.integers(peers - 1, size=(peers, min(degree, peers - 1)))
        heard += heard >= np.arange(peers)[:, None]  # never oneself
        reached = reached | reached[heard].any(axis=1)
        ballots += int(reached.sum() > 1)  # from the first that was reached on
    return ballots


def spec_of(cell: Row) -> WorldSpec:
    """The world of a cell."""
    ways: dict[str, Any] = {"spreading": Spreading.SAMPLED}
    broad = cell["hears"] == "all"
    if broad:
        ways = {"spreading": Spreading.BROADCAST}
    elif cell["hears"] != "2 of all":
        ways["view"] = VIEW
    return WorldSpec(
        name="scale",
        peers=cell["peers"],
        limit=_end(cell) + 0.5 + 5 * TRAINING * (not broad and cell["peers"] > 500),
        check=False,
        run=RunParameters(pool=3000, **ways),
        timing=Timing(),
        links=Link(delay=0.01, jitter=0.02, loss=cell["loss"], begin=5.0),
        voting=Voting(training=TRAINING),
        promises=Promises(complete=False, within=1000),
    )


def _end(cell: Row) -> float:
    """When counting ends: two ballots are enough where everybody sends to everybody."""
    return 36.0 if cell["hears"] == "all" and cell["peers"] > 100 else END


def measure(cell: Row) -> dict[str, Any]:
    """Play one world in this process."""
    before = resident()
    spec = spec_of(cell)
    rumour = Rumour(spec)
    world = World(spec, learners=rumour)
    snapshots: list[dict[str, float]] = []
    lines: list[int] = []

    def look() -> None:
        snapshots.append({"ballots": rumour.ballots, **sent(world)})
        lines[:] = [len(host.lines) for host in world.hosts]

    world.clock.at(BEGIN, look)
    world.clock.at(_end(cell), look)
    result = world.run()
    first, last = snapshots
    span = spec.run.rounds_per_ballot
    rounds = (last.pop("ballots") - first.pop("ballots")) * span
    reached = [at for at in rumour.reached.values() if at >= 0]
    return {
        **{name: round((last[name] - first[name]) / rounds, 2) for name in first},
        "meeting": round(first["control_wire"] / cell["peers"]),
        "connections": round(sum(lines) / len(lines), 1),
        "connections_most": max(lines),
        "kib": round((resident() - before) / 1024 / cell["peers"], 1),
        "reached": len(rumour.reached),
        "ballots": (max(reached) - min(reached)) // span + 1 if reached else 0,
        "seconds_spread": result.spread["median"],
        "seconds_spread_p99": result.spread["p99"],
        "events": result.events,
    }


def sent(world: World) -> dict[str, float]:
    """What all peers have sent so far, by channel and layer."""
    sums = {f"{channel}_{layer}": 0.0 for channel in ("votes", "control") for layer in LAYERS}
    for host in world.hosts:
        told = host.meter.snapshot()["sent"]
        for channel, layer in ((c, layer) for c in ("votes", "control") for layer in LAYERS):
            sums[f"{channel}_{layer}"] += told[channel][layer]
    return {**sums, "messages": float(world.post.messages)}


LAYERS = ("payload", "wire")


def resident() -> int:
    """Bytes of memory that this process holds; 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE
    except OSError:
        return 0


def apart(cell: Row) -> dict[str, Any]:
    """Measure in a fresh process, so that memory is this cell's alone."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure, cell).result()


def table(rows: list[Row]) -> Iterator[str]:
    """In Markdown; bytes and messages are what a peer sends a round."""
    head = (
        "hears",
        "peers",
        "loss",
        "votes, B (payload)",
        "control, B",
        "messages",
        "connections (most)",
        "KiB a peer",
        "meeting, kB",
        "a ballot arrives: median / 99 %, s",
        "reach, ballots (counted)",
    )
    body = []
    for row in sorted(rows, key=lambda row: row["settings"]["hears"]):
        cell = row["settings"]
        whole = row["reached"] == cell["peers"]
        body.append(
            (
                cell["hears"],
                f"{cell['peers']:,}",
                f"{100 * cell['loss']:.0f} %",
                f"{row['votes_wire']:,.0f} ({row['votes_payload']:,.0f})",
                f"{row['control_wire']:,.0f}",
                f"{row['messages']:.1f}",
                f"{row['connections']:.0f} ({row['connections_most']})",
                f"{row['kib']:,.0f}",
                f"{row['meeting'] / 1000:,.1f}",
                f"{row['seconds_spread']:.2f} / {row['seconds_spread_p99']:.2f}",
                (str(row["ballots"]) if whole else f"more than {row['ballots']}")
                + ("" if cell["hears"] == "all" else f" ({_typical(cell['peers'])})"),
            )
        )
    yield from columns(head, body)


def _typical(peers: int) -> int:
    """The median of five counts; from a hundred thousand peers on, one."""
    seeds = range(5 if peers < 100_000 else 1)
    return sorted(counted(peers, 2, seed) for seed in seeds)[len(seeds) // 2]


def picture(rows: list[Row], path: Path) -> None:
    """Bytes a peer and round, votes and control together, against peers."""
    lines = []
    for hears in sorted({row["settings"]["hears"] for row in rows}):
        for loss in (0.0, 0.3):
            mine = [
                (row["settings"]["peers"], row["votes_wire"] + row["control_wire"])
                for row in rows
                if (row["settings"]["hears"], row["settings"]["loss"]) == (hears, loss)
            ]
            if mine:
                x, y = zip(*sorted(mine), strict=True)
                name = f"hears {hears}" + (f",\n{100 * loss:.0f} % loss" if loss else "")
                lines.append(Line(name, x, y, dashed=bool(loss)))
    draw(
        path,
        "With sampled ballots a peer's bytes do not grow with the swarm",
        "All that a peer sends a one-second round, with framing; eight rounds a ballot",
        "peers",
        "bytes a peer and round",
        lines,
        logarithmic="xy",
    )


def main(arguments: list[str] | None = None) -> None:
    """Measure what is missing, then print the table and draw the picture."""
    chosen = options(__doc__, arguments)
    record = Record(chosen.out, "scale", fresh=chosen.fresh)
    work_through(record, QUICK if chosen.quick else CELLS, apart)
    print("\n".join(table(record.rows)))
    picture(record.rows, chosen.out / "scale.png")


if __name__ == "__main__":
    main()
