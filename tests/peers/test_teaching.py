"""Foreign votes teach: what only a JavaScript peer has seen, Python peers learn from its votes.

Three peers with models of two kinds. Two classes of digits are in the JavaScript peer's shard
alone; the Python peers have no example of them, only public probes without labels.
"""

from __future__ import annotations

import asyncio
import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.utils.data import TensorDataset

from tallyp2p import Peer
from tallyp2p.learning.settings import LearningSettings
from tests.peers.foreign import ROOT, Running, command, start

pytestmark = pytest.mark.slow

FOREIGN = (8, 9)  # the classes that only the JavaScript peer has examples of
DIGITS = ROOT / "tallyp2p/learning/digits/digits.csv.gz"
ROUNDS = 320


class Split:
    """The digits, cut once: probes, test, two Python shards and one of JavaScript."""

    def __init__(self) -> None:
        rows = np.loadtxt(gzip.open(DIGITS, "rt"), delimiter=",", dtype=np.float32)
        rows = rows[np.random.default_rng(0).permutation(len(rows))]
        self.inputs = torch.from_numpy(rows[:, :64] / 16)
        self.labels = torch.from_numpy(rows[:, 64].astype(np.int64))
        self.probes, self.test = range(0, 300), range(300, 700)
        private = np.arange(700, len(rows))
        foreign = np.isin(self.labels[700:].numpy(), FOREIGN)
        known = private[~foreign]
        third = len(known) // 3
        self.python = [known[:third], known[third : 2 * third]]
        self.javascript = np.concatenate([known[2 * third :], private[foreign]])

    def part(self, chosen: object) -> TensorDataset:
        at = torch.as_tensor(np.asarray(chosen))
        return TensorDataset(self.inputs[at], self.labels[at])

    def shard(self) -> dict[str, object]:
        """The JavaScript peer's data, as `tallyp2p export` writes it."""

        def examples(chosen: object, labels: bool = True) -> dict[str, object]:
            inputs, truth = self.part(chosen).tensors
            return {"inputs": inputs.tolist(), **({"labels": truth.tolist()} if labels else {})}

        return {
            "format": "tally-shard/1",
            "classes": 10,
            "shape": [64],
            "train": examples(self.javascript),
            "probes": examples(self.probes, labels=False),
            "test": examples(self.test),
        }


def model(seed: int) -> torch.nn.Module:
    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))


def accuracy(net: torch.nn.Module, split: Split, classes: tuple[int, ...]) -> float:
    inputs, labels = split.part(split.test).tensors
    chosen = torch.isin(labels, torch.tensor(classes))
    with torch.no_grad():
        right = net(inputs[chosen]).argmax(1) == labels[chosen]
    return 100 * float(right.float().mean())


async def swarm(split: Split, data: Path, kl_weight: float) -> tuple[list[float], Running]:
    """Accuracy of each Python peer on the foreign classes, and what the other one said."""
    nets = [model(index) for index in range(2)]
    overrides = {"learning.kl_weight": kl_weight, "timing.quorum": 3, "timing.rounds": ROUNDS}
    settings: dict[str, Any] = {"classes": 10, "test": split.part(split.test), **overrides}
    probes = split.part(split.probes)
    first = Peer(nets[0], split.part(split.python[0]), probes, **settings)
    async with first:
        second = Peer(
            nets[1], split.part(split.python[1]), probes, seeds=first.endpoint, **settings
        )
        async with second:
            arguments = ["--data", str(data), "--listen", "tcp://127.0.0.1:*"]
            arguments += ["--seed", first.endpoint, "--rounds", str(ROUNDS), "--quorum", "3"]
            with start("javascript", *arguments) as other:
                results = await asyncio.gather(first.run(), second.run())
                await asyncio.to_thread(other.finish, 30)
    assert all(result.completed for result in results), results
    return [accuracy(net, split, FOREIGN) for net in nets], other


def test_python_peers_learn_two_classes_that_only_a_javascript_peer_has_seen(
    tmp_path: Path,
) -> None:
    command("javascript")  # skips where its toolchain is missing
    split = Split()
    (tmp_path / "shard.json").write_text(json.dumps(split.shard()))
    for index in range(2):
        assert not np.isin(split.labels[split.python[index]].numpy(), FOREIGN).any()
    taught, other = asyncio.run(swarm(split, tmp_path, LearningSettings().kl_weight))
    alone, _ = asyncio.run(swarm(split, tmp_path, 0.0))  # heard, but not learnt from
    print(f"on classes {FOREIGN}: alone {alone}, taught {taught}, {other.told('finished')}")
    for without, with_votes in zip(alone, taught, strict=True):
        assert with_votes >= without + 20
