"""How long many peers take to train in one process: one after the other, and stacked.

    python -m tests.benchmarks.learning [--out FILE] [--peers N ...] [--quick]

A drill is one ballot of the defaults: 40 steps on 32 private examples, 8 of which are also
pulled towards the tally on 32 probes; the model is the shipped one on digits.  Microseconds
for one peer and step, by the processor's clock, one thread, best of some runs.  `loop` trains
the peers one after the other, `stacked` as a world with real learners does; `vmap` is the
stack's forward pass by torch.func.vmap instead of by hand.  `vote` is one ballot of 256 probes.

Then ten peers of the default profile (seed 0) are played twice in broadcast, one after the other
and stacked, each play hearing its own ballots: the share of votes that are the same in both.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call, vmap
from torch.utils.data import TensorDataset

from tallyp2p.assemble import build
from tallyp2p.bits import unpack
from tallyp2p.consensus.contributor import Election
from tallyp2p.learning import stacking
from tallyp2p.learning.builder import use_one_thread
from tallyp2p.learning.crowd import Crowd
from tallyp2p.learning.models import make
from tallyp2p.learning.settings import LearningSettings
from tallyp2p.learning.sources import Batches, inputs_of, source_of
from tallyp2p.learning.stacking import Drill, drill
from tallyp2p.learning.training import Pull, Trainer, predict
from tallyp2p.profiles import load
from tallyp2p.runtime.casting import cast
from tests.benchmarks import record

__all__ = ["main", "measure"]

PEERS = (1, 10, 32, 100, 300, 1000)
ROUNDS, STEPS, BATCH, PROBES, CLASSES, PIXELS = 8, 5, 32, 32, 10, 64
ALONE = 1 << 30  # no stack has so many models
ENOUGH = 2.0  # seconds of runs of one kind
ROWS = (4, 8, 16, 32, 64, 128, 300)


def peers(count: int) -> list[Drill]:
    """Untrained peers, each with a shard and a ballot's targets of its own."""
    chance = torch.Generator().manual_seed(count)
    made = []
    for _ in range(count):
        inputs = torch.rand(2 * BATCH, PIXELS, generator=chance)
        labels = torch.randint(CLASSES, (2 * BATCH,), generator=chance)
        model = make("mlp", (PIXELS,), CLASSES, torch.Generator().manual_seed(0))
        batches = Batches(
            source_of(TensorDataset(inputs, labels), "private"),
            BATCH,
            torch.Generator().manual_seed(0),
        )
        pulls: list[Pull | None] = []
        for _ in range(ROUNDS):
            targets = torch.rand(PROBES, CLASSES, generator=chance).softmax(dim=1)
            probes = torch.rand(PROBES, PIXELS, generator=chance)
            pulls += [Pull(probes, targets, 3.0), *[None] * (STEPS - 1)]
        made.append(Drill(Trainer(model, batches, LearningSettings()), pulls))
    return made


def _by_vmap(model: nn.Module) -> Callable[[Sequence[Tensor], Tensor], Tensor]:
    names = [name for name, _ in model.named_parameters()]

    def one(weights: dict[str, Tensor], inputs: Tensor) -> Tensor:
        done: Tensor = functional_call(model, weights, (inputs,))
        return done

    many = vmap(one)
    return lambda weights, inputs: many(dict(zip(names, weights, strict=True)), inputs)


def measure(count: int, rows: Sequence[int] = (), enough: float = ENOUGH) -> dict[str, float]:
    """Microseconds for a peer and step of each kind, and for a peer's vote."""
    drills = peers(count)
    pool = inputs_of(torch.rand(300, PIXELS))
    index = torch.arange(ROUNDS * PROBES)

    def votes() -> None:
        for one in drills:
            predict(one.trainer.model, pool, index)

    def stacked(rows: int | None = None) -> None:
        drill(drills, rows=rows, fewest=1)

    def mapped() -> None:
        with patch.object(stacking, "_forward", _by_vmap):
            stacked()

    per_step = 1e6 / count / (ROUNDS * STEPS)
    figures = {
        "loop": per_step * best(lambda: drill(drills, fewest=ALONE), enough),
        "stacked": per_step * best(stacked, enough),
        "vmap": per_step * best(mapped, enough),
        "vote": 1e6 / count * best(votes, enough),
    }
    for size in rows:
        figures[f"rows {size}"] = per_step * best(lambda size=size: stacked(size), enough)  # type: ignore[misc]
    return figures


def agreement(ballots: int, peers: int = 10) -> dict[str, float]:
    """Shares of votes that two plays have in common: in all ballots, and in the last one."""
    profile = load("default", {"peers": peers, "spreading": "broadcast"})
    same: list[float] = []
    plays = []
    for stacked in (False, True):
        crowd = Crowd(lambda index: build(profile, index), stacked=stacked)
        plays.append([crowd.of(index) for index in range(peers)])
    run = plays[0][0].built.run
    for round in range(0, ballots * run.rounds_per_ballot, run.rounds_per_ballot):
        both = [
            [cast(run, bytes([at]) * 8, member, round) for at, member in enumerate(play)]
            for play in plays
        ]
        labels = [[unpack(one.votes, run.votes, run.bits) for one in said] for said in both]
        same.append(float(np.mean(np.array(labels[0]) == np.array(labels[1]))))
        for play, said in zip(plays, both, strict=True):
            for member in play:
                member.learn(round, [Election(round, tuple(said))])
    return {"ballots": ballots, "votes_equal": float(np.mean(same)), "at_the_end": same[-1]}


def best(step: Callable[[], object], enough: float) -> float:
    """The least processor time of some runs, seconds."""
    taken: list[float] = []
    while not taken or sum(taken) < enough:
        began = time.process_time()
        step()
        taken.append(time.process_time() - began)
    return min(taken)


def main(arguments: Sequence[str]) -> int:
    parser = record.parser("Time training one after the other and stacked.")
    parser.add_argument("--peers", type=int, nargs="+", default=PEERS, help="how many peers")
    parser.add_argument("--quick", action="store_true", help="one run of each, without sizes")
    options = parser.parse_args(arguments)
    use_one_thread()
    enough, largest = (0.0, 0) if options.quick else (ENOUGH, 300)
    results = []
    print(f"{'peers':>6}{'loop':>10}{'stacked':>10}{'vmap':>10}{'gain':>8}{'vote':>10}   us")
    for count in options.peers:
        figures = measure(count, ROWS if count == largest else (), enough)
        gain = figures["loop"] / figures["stacked"]
        results.append({"peers": count, **figures, "gain": gain})
        print(
            f"{count:>6}{figures['loop']:>10.1f}{figures['stacked']:>10.1f}"
            f"{figures['vmap']:>10.1f}{gain:>7.1f}x{figures['vote']:>10.1f}"
        )
        for size in ROWS:
            if f"rows {size}" in figures:
                print(f"{'':>6}  {size} models at once: {figures[f'rows {size}']:.1f}")
    agreed = agreement(5 if options.quick else 70)
    print(
        f"the same votes in {agreed['votes_equal']:.2%} of {agreed['ballots']} ballots, "
        f"in {agreed['at_the_end']:.2%} of the last"
    )
    if options.out is not None:
        machine = {**record.machine(), "torch": torch.__version__, "threads": 1}
        content = {"benchmark": "learning", "machine": machine, "unit": "us", "learning": results}
        content["agreement"] = agreed
        options.out.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
