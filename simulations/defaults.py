"""Which defaults: each setting around the shipped ones, measured on digits, alpha = 0.1.

    python -m simulations.defaults                    # all tables, seeds 0 .. 4
    python -m simulations.defaults abstain --seeds 2  # one table, seeds 0 and 1

A swarm is played in one process without sockets: the learners, the derivation of probes and
digraphs, the tally and the encoder are the package's own, and every peer hears exactly its
senders, as in a lockstep run in which nothing is lost.  Bytes are a peer's ballots as ZeroMQ
hands them to TCP, without control messages.  Records go to simulations/records.

Expected: with the shipped defaults 37 % alone and 91 % in the swarm; simulations/README.md has all.
"""

from __future__ import annotations

import argparse
import json
import platform
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from statistics import fmean, pstdev
from typing import Any

from simulations.recording import prepare
from tallyp2p.assemble import build, shard_seat
from tallyp2p.bits import pack
from tallyp2p.consensus import digraph, probes
from tallyp2p.consensus.contributor import Election
from tallyp2p.gossip.membership import author_of
from tallyp2p.learning.baseline import WithBaseline
from tallyp2p.parameters import Ids
from tallyp2p.payloads import Ballot
from tallyp2p.profiles import load
from tallyp2p.wire.codec import Codec

Settings = dict[str, Any]

RECORDS = Path(__file__).parent / "records"

# Table -> rows; a row says only what differs from the defaults.
TABLES: dict[str, list[Settings]] = {
    "defaults": [{}],
    "abstain": [{"abstain_below": t} for t in (0.0, 0.5, 0.7, 0.9, 0.97, 0.99)],
    "degree": [{"degree": n} for n in (1, 2, 4)],
    "rounds": [{"rounds": n} for n in (160, 320, 560)],
    "kl_weight": [{"kl_weight": w} for w in (1.0, 3.0, 10.0)],
    "target": [{"target": "plurality"}, {"own_vote": False}],
    # A pool of 300 holds no ballot of 16 rounds of 32 probes, so with 16 probes a round.
    "bundle": [{"rounds_per_ballot": n, "run.probes": 16} for n in (1, 2, 4, 8, 16)],
    # Small ballots: one that covers most of the pool leaves nothing to choose.
    "chooser": [
        {"rounds_per_ballot": 1, **ids}
        for ids in (
            {"ids": "derived"},
            {"ids": "explicit", "chooser": "random"},
            {"ids": "explicit", "chooser": "margin"},
        )
    ],
    "pool": [{"data.probes": n, "rounds_per_ballot": 2} for n in (64, 150, 300, 600)],
    "lr": [{"lr": lr} for lr in (1e-3, 2e-3, 3e-3, 5e-3)],
}


def play(overrides: Mapping[str, Any], seed: int, alone: bool) -> Settings:
    """One swarm to its end; accuracies are fractions, bytes are means over the peers."""
    profile = load("default", {**overrides, "seed": seed})
    began = time.perf_counter()
    built = [build(profile, index) for index in range(profile.peers)]
    run = built[0].run
    authors = [author_of(shard_seat(profile, index).secret) for index in range(profile.peers)]
    codecs = {author: Codec(run, author) for author in authors}
    learners: dict[bytes, Any] = {}
    for author, made in zip(authors, built, strict=True):
        assert isinstance(made.contributor, WithBaseline)
        learners[author] = made.contributor if alone else made.contributor.learner
    sent, curve = 0, []
    figures: list[dict[str, float]] = []
    for round in range(0, profile.timing.rounds, run.rounds_per_ballot):
        ids = probes.derive(run, round) if run.ids is Ids.DERIVED else None
        ballots = {}
        for author, learner in learners.items():
            vote = learner.vote(round, ids)
            named = None if vote.ids is None else tuple(vote.ids.tolist())
            ballots[author] = Ballot(author, round, pack(vote.labels, run.bits), named)
        figures = []
        for author, learner in learners.items():
            frame = len(codecs[author].encode(ballots[author]))
            heard = digraph.senders(run.run, round, authors, author, run.degree)
            sent += (frame + (2 if frame < 256 else 9)) * len(heard)  # as many hear us
            heard_by = tuple(ballots[other] for other in sorted([author, *heard]))
            figures.append(dict(learner.learn(round, [Election(round, heard_by)])))
        if "accuracy" in figures[0]:
            mean = fmean(figure["accuracy"] for figure in figures)
            curve.append([min(round + run.rounds_per_ballot, profile.timing.rounds), mean])
    swarm = [figure["accuracy"] for figure in figures]
    return {
        "settings": dict(overrides),
        "seed": seed,
        "swarm": fmean(swarm),
        "std": pstdev(swarm),
        "least": min(swarm),
        "alone": fmean(figure["alone"] for figure in figures) if alone else None,
        "bytes": sent / profile.peers,
        "abstained": fmean(figure["abstained"] for figure in figures),
        "seconds": time.perf_counter() - began,
        "curve": [[at, round_(mean)] for at, mean in curve],
    }


def round_(value: float) -> float:
    """To four places, which is finer than one test example."""
    return float(f"{value:.4f}")


def tell(name: str, rows: Sequence[Settings]) -> Iterator[str]:
    """A table in Markdown: one line for each row of settings, over its seeds."""
    yield f"| {name} | swarm, mean (least seed) | spread of peers | withheld | kB sent a peer |"
    yield "| --- | --- | --- | --- | --- |"
    by_settings: dict[str, list[Settings]] = {}
    for row in rows:
        by_settings.setdefault(json.dumps(row["settings"]), []).append(row)
    for text, runs in by_settings.items():
        settings = ", ".join(f"{key} = {value}" for key, value in json.loads(text).items())
        swarm = [run["swarm"] for run in runs]
        alone = [run["alone"] for run in runs if run["alone"] is not None]
        beside = f"; alone {100 * fmean(alone):.1f}" if alone else ""
        yield (
            f"| {settings or 'as shipped'} | {100 * fmean(swarm):.1f} ({100 * min(swarm):.1f})"
            f"{beside} | {100 * fmean(run['std'] for run in runs):.1f} "
            f"| {100 * fmean(run['abstained'] for run in runs):.0f} % "
            f"| {fmean(run['bytes'] for run in runs) / 1000:.1f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("tables", nargs="*", metavar="TABLE", help=f"of {', '.join(TABLES)}")
    parser.add_argument("--seeds", type=int, default=5, help="how many, from 0")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--out", type=Path, default=RECORDS, help="directory for the records")
    options = parser.parse_args()
    if unknown := sorted(set(options.tables) - set(TABLES)):
        parser.error(f"no table {', '.join(unknown)}")
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    prepare(options.out)
    with ProcessPoolExecutor(options.jobs) as pool:
        for name in options.tables or TABLES:
            cells = [(row, seed) for row in TABLES[name] for seed in range(options.seeds)]
            with_alone = [name == "defaults"] * len(cells)
            rows = list(pool.map(play, *zip(*cells, strict=True), with_alone))
            record = {
                "table": name,
                "command": f"python -m simulations.defaults {name} --seeds {options.seeds}",
                "commit": commit,
                "machine": f"{platform.machine()}, Python {platform.python_version()}",
                "rows": rows,
            }
            (options.out / f"{name}.json").write_text(json.dumps(record) + "\n")
            print("\n".join(tell(name, rows)), flush=True)
            print(flush=True)


if __name__ == "__main__":
    main()
