"""Four peers, each of which has seen only two of four classes, teach each other all four.

Your own model and data: any torch.nn.Module, any Dataset.  Run it: python examples/own_model.py
"""

import asyncio

import torch
from torch.utils.data import TensorDataset

from tallyp2p import Round, Swarm

CENTRES = torch.tensor([[2.0, 0.0], [0.0, 2.0], [-2.0, 0.0], [0.0, -2.0]])


def cloud(classes: list[int], count: int = 400) -> TensorDataset:
    """Points around the centres of some classes, and their labels."""
    labels = torch.tensor(classes).repeat(count // len(classes))
    return TensorDataset(CENTRES[labels] + 0.5 * torch.randn(len(labels), 2), labels)


def model() -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Linear(2, 32), torch.nn.ReLU(), torch.nn.Linear(32, 4))


def tell(round: Round) -> None:
    if round.peer == 0 and "accuracy" in round.figures:
        print(f"round {round.rounds}: {100 * round.figures['accuracy']:.0f} %")


async def main() -> list[float]:
    torch.manual_seed(0)
    shards = [cloud([0, 1]), cloud([1, 2]), cloud([2, 3]), cloud([3, 0])]
    probes, test = cloud([0, 1, 2, 3]), cloud([0, 1, 2, 3])
    swarm = Swarm(model, shards, probes, classes=4, test=test, on_round=tell, rounds=150)
    async with swarm:
        results = await swarm.run()
    return [result.accuracy or 0.0 for result in results]


if __name__ == "__main__":
    print("accuracy of each peer:", asyncio.run(main()))
