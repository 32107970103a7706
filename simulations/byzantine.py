"""Byzantine voters: what is decided, and how right it is, against the share that colludes.

    python -m simulations.byzantine                     # goes on where the record stops
    python -m simulations.byzantine --quick --out DIR   # two small cells, in seconds

Worlds of the real machine: 20 peers, 10 classes, no loss, 10 ballots of 256 votes.  Honest
voters have a mean accuracy of 0.6, 0.75 or 0.9; probes are unlike (accuracies follow a Beta
distribution of weight 6), and half of the honest errors fall on one wrong class of the probe:
the conditions of the figures quoted beside.  Colluders know the truth.  `lure` all vote for
that wrong class, and have seen no ballot; `runner-up` have seen every honest ballot of the
round before they cast theirs, and all vote for the strongest wrong class.

Measured at honest peers, over all their closed rounds: the share of probes on which a rule
decides (kept), and the share of those that name the true class (right).
    plurality    the class with most votes
    certificate  the same where it leads by more than f votes; f is 20 % of those counted
    exact        the same with f as many as collude among those counted, were that known
    abstention   plurality, but honest voters withhold a tenth of their right votes and half of
                 the wrong ones: what withholding below a confidence is for
    both         abstention, and then the certificate

Expected: nothing certified differs from what the honest alone decide while f holds.  That is not
the truth: where many collude, a lead above their number is left mostly where they agree with an
error of the honest.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from simulations.pictures import Line, draw
from simulations.recording import Record, Row, columns, options, work_through
from tallyp2p.bits import pack, unpack
from tallyp2p.consensus.contributor import Election
from tallyp2p.consensus.tally import count
from tallyp2p.parameters import RunParameters, Spreading, Timing
from tallyp2p.payloads import Ballot
from tallyp2p.simulator.learners import Voter
from tallyp2p.simulator.spec import Hostile, Hostility, Voting, WorldSpec
from tallyp2p.simulator.voters import Electorate
from tallyp2p.simulator.world import World

__all__ = ["CELLS", "Jury", "main", "measure", "picture", "table"]

PEERS = 20
ASSUMED = 0.2  # share of those counted that the certificate takes to be faulty
WITHHELD = (0.1, 0.5)  # of right and of wrong votes, where honest voters abstain
SHARES = tuple(share / 100 for share in range(0, 50, 5))
RUN = RunParameters(pool=3000, rounds_per_ballot=8)
BALLOTS = 10

CELLS: list[Row] = [
    {"hears": hears, "accuracy": accuracy, "colluders": colluders, "share": share}
    for colluders in ("runner-up", "lure")
    for hears in ("all", "2", "8")
    for accuracy in (0.6, 0.75, 0.9)
    for share in SHARES
]
QUICK: list[Row] = [
    {"hears": hears, "accuracy": 0.75, "colluders": "runner-up", "share": 0.2}
    for hears in ("all", "2")
]
# Plurality accuracy under colluders that see all, from an earlier simulation of ours of the
# counting alone, with no protocol in it.
QUOTED_AT = (0.0, 0.1, 0.2, 0.3, 0.4, 0.45)
QUOTED = {
    0.6: (0.855, 0.768, 0.652, 0.464, 0.215, 0.095),
    0.75: (0.959, 0.926, 0.860, 0.736, 0.475, 0.254),
    0.9: (0.995, 0.989, 0.976, 0.939, 0.810, 0.614),
}


class Jury(Electorate):
    """Synthetic voters whose colluders may look first, and who keep count of what is decided."""

    def __init__(self, spec: WorldSpec, seed: int, *, looks: bool, abstain: bool) -> None:
        super().__init__(spec.run, spec.voting, seed)
        self.honest: list[bytes] = []  # authors; the world tells
        self.decided = np.zeros(8, dtype=np.int64)
        self._hostile = {peer for part in spec.hostile for peer in part.peers}
        self._looks, self._abstain = looks, abstain
        self._targets: dict[int, np.ndarray[Any, Any]] = {}

    def ballot(
        self, author: bytes, round: int, *, life: int = 0, wrong: bool = False, rival: int = 0
    ) -> Ballot:
        """As the electorate says, with some votes withheld where honest voters abstain."""
        full = super().ballot(author, round, life=life, wrong=wrong, rival=rival)
        if wrong or not self._abstain:
            return full
        run = self._run
        labels = unpack(full.votes, run.votes, run.bits).astype(np.int64)
        chance = np.random.default_rng([self._seed, 3, int.from_bytes(author, "big"), round])
        right = labels == self.truth[self.derived(round)]
        labels[chance.random(run.votes) < np.where(right, *WITHHELD)] = run.classes
        return Ballot(author, round, pack(labels, run.bits))

    def vote(self, voter: Voter, round: int, *, wrong: bool = False, rival: int = 0) -> Ballot:
        """As the electorate says, but colluders who look vote for the runner-up."""
        if not (wrong and self._looks):
            return super().vote(voter, round, wrong=wrong, rival=rival)
        run = self._run
        if round not in self._targets:
            ballots = [self.ballot(author, round) for author in self.honest]
            labels = np.stack([unpack(b.votes, run.votes, run.bits) for b in ballots])
            counts = np.stack([(labels == c).sum(axis=0) for c in range(run.classes)], axis=1)
            counts[np.arange(run.votes), self.truth[self.derived(round)]] = -1
            self._targets[round] = counts.argmax(axis=1)
        return Ballot(voter.author, round, pack(self._targets[round], run.bits))

    def learn(self, voter: Voter, round: int, elections: Sequence[Election]) -> None:
        """Keep count of what an honest peer would have learnt."""
        if voter.peer in self._hostile:
            return
        honest = set(self.honest)
        for election in elections:
            ids = self.derived(election.round)
            tally = count(self._run, election, None, ids=ids)
            faulty = round_up(ASSUMED * len(election.ballots))
            winners, certified = tally.plurality(), tally.certified(faulty)
            without = tuple(b for b in election.ballots if b.author in honest)
            alone = count(self._run, Election(election.round, without), None, ids=ids).plurality()
            exact = tally.certified(len(election.ballots) - len(without))
            truth, kept = self.truth[ids], certified >= 0
            self.decided += (
                len(ids),
                int((winners >= 0).sum()),
                int((winners == truth).sum()),
                int(kept.sum()),
                int((certified == truth).sum()),
                int((certified[kept] != alone[kept]).sum()),
                int((exact >= 0).sum()),
                int((exact == truth).sum()),
            )


def round_up(value: float) -> int:
    """The least whole number that is not below `value`, but for the dust of floats."""
    return int(np.ceil(value - 1e-9))


def decided(cell: Row, *, abstain: bool, ballots: int, seed: int = 0) -> dict[str, float]:
    """Play one world: shares kept and right, of plurality and certificate."""
    faulty = tuple(range(round(cell["share"] * PEERS)))
    ways: dict[str, Any] = {"spreading": Spreading.BROADCAST}
    if cell["hears"] != "all":
        ways = {"spreading": Spreading.SAMPLED, "degree": int(cell["hears"])}
    spec = WorldSpec(
        name="byzantine",
        peers=PEERS,
        seed=seed,
        check=False,
        run=RunParameters(pool=RUN.pool, rounds_per_ballot=RUN.rounds_per_ballot, **ways),
        timing=Timing(rounds=ballots * RUN.rounds_per_ballot),
        voting=Voting(accuracy=cell["accuracy"], correlation=0.5, uneven=1 / 7),
        hostile=(Hostile(faulty, Hostility.WRONG),) if faulty else (),
    )
    jury = Jury(spec, seed, looks=cell["colluders"] == "runner-up", abstain=abstain)
    world = World(spec, learners=jury)
    jury.honest = sorted(h.machine.author for h in world.hosts if h.index not in set(faulty))
    world.run()
    of, voted, right, kept, true, differing, exact, exactly = map(int, jury.decided)
    return {
        "plurality": round(right / of, 4),
        "voted": round(voted / of, 4),
        "kept": round(kept / of, 4),
        "right": round(true / kept, 4) if kept else 0.0,
        "differing": differing,
        "exact_kept": round(exact / of, 4),
        "exact_right": round(exactly / exact, 4) if exact else 0.0,
    }


def measure(cell: Row, ballots: int = BALLOTS) -> dict[str, Any]:
    """The figures of one cell, with and without withheld votes."""
    return {
        "all_vote": decided(cell, abstain=False, ballots=ballots),
        "abstaining": decided(cell, abstain=True, ballots=ballots),
    }


def table(
    rows: list[Row],
    colluders: str = "runner-up",
    hears: str = "all",
    shares: Sequence[float] = SHARES,
) -> Iterator[str]:
    """One way of hearing and of colluding, in Markdown; beside what was quoted, if anything."""
    quoted = (colluders, hears) == ("runner-up", "all")
    head = [
        "honest accuracy",
        "colluders",
        "plurality",
        *(["quoted"] if quoted else []),
        "certificate: right (kept)",
        "exact: right (kept)",
        "abstention",
        "both: right (kept)",
    ]
    body = []
    for row in rows:
        cell, plain, shy = row["settings"], row["all_vote"], row["abstaining"]
        accuracy, share = cell["accuracy"], cell["share"]
        if (cell["colluders"], cell["hears"]) != (colluders, hears) or share not in shares:
            continue
        told = dict(zip(QUOTED_AT, QUOTED[accuracy], strict=True)).get(share)
        body.append(
            [
                f"{accuracy:g}",
                f"{100 * share:.0f} %",
                f"{100 * plain['plurality']:.1f}",
                *(["-" if told is None else f"{100 * told:.1f}"] if quoted else []),
                f"{100 * plain['right']:.1f} ({100 * plain['kept']:.0f} %)",
                f"{100 * plain['exact_right']:.1f} ({100 * plain['exact_kept']:.0f} %)",
                f"{100 * shy['plurality']:.1f}",
                f"{100 * shy['right']:.1f} ({100 * shy['kept']:.0f} %)",
            ]
        )
    yield from columns(head, body)


def picture(rows: list[Row], path: Path, accuracy: float = 0.75) -> None:
    """How right each rule is against the share that colludes, for one honest accuracy."""
    wanted = {"hears": "all", "accuracy": accuracy, "colluders": "runner-up"}
    mine = [r for r in rows if {k: r["settings"][k] for k in wanted} == wanted]
    share = [100 * row["settings"]["share"] for row in mine]
    draw(
        path,
        "A certificate helps while fewer than a third collude",
        f"20 peers of accuracy {accuracy:g}; colluders see all ballots and vote for the runner-up",
        "peers that collude, %",
        "labels that are right, %",
        [
            Line("both", share, [100 * row["abstaining"]["right"] for row in mine]),
            Line("certificate", share, [100 * row["all_vote"]["right"] for row in mine]),
            Line("abstention", share, [100 * row["abstaining"]["plurality"] for row in mine]),
            Line("plurality", share, [100 * row["all_vote"]["plurality"] for row in mine]),
            Line(
                "kept by the\ncertificate",
                share,
                [100 * row["all_vote"]["kept"] for row in mine],
                dashed=True,
            ),
        ],
    )


def main(arguments: list[str] | None = None) -> None:
    """Measure what is missing, then print the tables and draw the picture."""
    chosen = options(__doc__, arguments)
    record = Record(chosen.out, "byzantine", fresh=chosen.fresh)
    if chosen.quick:
        work_through(record, QUICK, lambda cell: measure(cell, ballots=2))
    else:
        work_through(record, CELLS, measure)
    for colluders in ("runner-up", "lure"):
        for hears in ("all", "2", "8"):
            print(f"\ncolluders {colluders}, hearing {hears}\n")
            print("\n".join(table(record.rows, colluders, hears)))
    picture(record.rows, chosen.out / "byzantine.png")


if __name__ == "__main__":
    main()
