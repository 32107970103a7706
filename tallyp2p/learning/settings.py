"""What a person may set about learning and data.  Imports no torch: profiles read it early."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ..errors import SettingsError

__all__ = [
    "MODELS",
    "OWN",
    "TASKS",
    "Chooser",
    "DataSettings",
    "LearningSettings",
    "Loss",
    "Shipped",
    "Target",
    "private_examples",
]


@dataclass(frozen=True, slots=True)
class Shipped:
    """What is known of data that ship with the package before anybody reads them."""

    examples: int
    classes: int


# The names of what ships, kept here so that a wrong one is refused before torch is imported:
# learning/data.py has the data, learning/models.py the models.
TASKS = {"digits": Shipped(examples=1797, classes=10)}
MODELS = ("mlp",)
OWN = "own"  # run.model: whatever shape the peer's own model has


class Loss(StrEnum):
    """How cross-entropy (CE) on private data and KL to the tally are put together."""

    ADDITIVE = "additive"  # CE + kl_weight * KL; our choice
    MIXED = "mixed"  # (1 - kl_weight) * CE + kl_weight * KL; TallyTrain, with alpha = 1 - kl_weight


class Target(StrEnum):
    """What peers distil towards."""

    HISTOGRAM = "histogram"  # the share of each class among the votes
    PLURALITY = "plurality"  # the class with most votes


class Chooser(StrEnum):
    """How a peer chooses its probes where the run lets it (ids = "explicit")."""

    RANDOM = "random"  # uniformly
    MARGIN = "margin"  # those with the smallest margins so far


@dataclass(frozen=True, slots=True)
class LearningSettings:
    """How a peer trains.  Paper means TallyTrain, arXiv 2607.00173; the rest is our choice."""

    model: str = "mlp"
    local_steps: int = 5  # K, optimiser steps per round (paper)
    batch: int = 32  # private examples per step (the paper does not say)
    lr: float = 3e-3  # AdamW (paper); the rate is not given there
    weight_decay: float = 1e-2
    loss: Loss = Loss.ADDITIVE
    kl_weight: float = 3.0  # 0: exactly local training
    kl_steps: int = 1  # how many of the K steps carry the KL term
    warmup: int = 16  # rounds without the KL term
    decay_floor: float = 0.3  # the weight falls linearly to this share of itself at the last round
    target: Target = Target.HISTOGRAM
    own_vote: bool = True  # whether a peer counts its own ballot
    # Learn only where the plurality leads by more than this many votes, which then cannot be the
    # work of so many hostile voters (`Tally.certified`); 0: learn from every probe with a vote.
    assume_byzantine: int = 0
    abstain_below: float = 0.97  # no vote where the top probability is below this; 0: always vote
    chooser: Chooser = Chooser.MARGIN
    evaluate_every: int = 8  # rounds between evaluations on the test set

    def __post_init__(self) -> None:
        _check(self.model in MODELS, f"model must be one of: {', '.join(MODELS)}")
        _check(self.local_steps >= 1, "local_steps must be at least 1")
        _check(self.batch >= 1, "batch must be at least 1")
        _check(self.lr > 0, "lr must be more than 0")
        _check(self.weight_decay >= 0, "weight_decay must not be negative")
        _check(self.kl_weight >= 0, "kl_weight must not be negative")
        _check(
            self.loss is not Loss.MIXED or self.kl_weight <= 1,
            "kl_weight must be at most 1 when loss is mixed",
        )
        _check(
            0 <= self.kl_steps <= self.local_steps,
            f"kl_steps must be from 0 to local_steps ({self.local_steps})",
        )
        _check(self.warmup >= 0, "warmup must not be negative")
        _check(0 <= self.decay_floor <= 1, "decay_floor must be from 0 to 1")
        _check(self.assume_byzantine >= 0, "assume_byzantine must not be negative")
        _check(0 <= self.abstain_below <= 1, "abstain_below must be from 0 to 1")
        _check(self.evaluate_every >= 1, "evaluate_every must be at least 1")


@dataclass(frozen=True, slots=True)
class DataSettings:
    """Which data, and how it is dealt to the peers."""

    task: str = "digits"
    alpha: float = 0.1  # Dirichlet concentration of classes over peers; small: strong skew
    shard: int = (
        0  # examples that each peer draws, perhaps such as others have too; 0: deal out all
    )
    probes: int = 300  # public examples, labels never read
    test: int = 497  # examples held out to measure accuracy

    def __post_init__(self) -> None:
        _check(self.task in TASKS, f"task must be one of: {', '.join(TASKS)}")
        _check(self.alpha > 0, "alpha must be more than 0")
        _check(self.shard >= 0, "shard must not be negative")
        _check(self.probes >= 1, "probes must be at least 1")
        _check(self.test >= 1, "test must be at least 1")


def private_examples(data: DataSettings, peers: int) -> int:
    """How many examples of a shipped task are left to train on.

    Raises :class:`SettingsError` when they are fewer than `peers`, or than a shard that each
    peer draws for itself.  Not a rule of the settings
    themselves: who brings data of their own may have more probes than we ship examples.
    """
    total = TASKS[data.task].examples
    left = total - data.probes - data.test
    if data.shard:
        _check(
            left >= data.shard,
            f"data.shard = {data.shard} cannot be drawn from the {max(left, 0)} of the {total} "
            f"examples of {data.task} that data.probes = {data.probes} and data.test = "
            f"{data.test} leave to train on: lower one of them",
        )
        return left
    _check(
        left >= peers,
        f"data.probes = {data.probes} and data.test = {data.test} leave {max(left, 0)} of the "
        f"{total} examples of {data.task} to train on, too few for {peers} peers: lower "
        "data.probes, data.test or peers, or let peers share examples (data.shard)",
    )
    return left


def _check(condition: bool, message: str) -> None:
    if not condition:
        raise SettingsError(message)
