"""From settings to a learner: the one call that the edge needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ..consensus.contributor import Contributor
from ..errors import SettingsError
from ..parameters import Ids, RunParameters, Seal, Spreading
from .baseline import WithBaseline
from .choosers import make_chooser
from .data import Shards
from .learner import Learner
from .models import make, shape_digest
from .seeds import generator
from .settings import OWN, DataSettings, LearningSettings
from .sources import Batches, Inputs, Source, inputs_of, pool_digest, source_of
from .state import Memory
from .strategies.argmax import ArgmaxVotes
from .strategies.base import Strategy
from .strategies.tally import TallyTargets
from .training import Trainer

__all__ = ["Built", "RunChoices", "build", "build_own", "use_one_thread"]

_FEW = 64  # labels looked at first where each has to be read from somewhere


class RunChoices(Protocol):
    """What a person sets of what all peers agree on; the rest follows from the data."""

    @property
    def probes(self) -> int: ...
    @property
    def rounds_per_ballot(self) -> int: ...
    @property
    def spreading(self) -> Spreading: ...
    @property
    def degree(self) -> int: ...
    @property
    def view(self) -> int: ...
    @property
    def ids(self) -> Ids: ...
    @property
    def seal(self) -> Seal: ...
    @property
    def electorate(self) -> str: ...
    @property
    def model(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Built:
    """A learner, and what the run must know of its data."""

    contributor: Contributor
    run: RunParameters  # as the learner counts by it; the peer's must be equal
    weights: int  # numbers in the model
    digests: Callable[[], Mapping[str, str]]  # what was said, heard and learnt: Learner.digests
    memory: Memory | None = None  # None: a learner whose state nobody can keep

    @property
    def classes(self) -> int:
        """C, number of classes."""
        return self.run.classes

    @property
    def pool(self) -> int:
        """Number of public probes."""
        return self.run.pool

    @property
    def pool_digest(self) -> str:
        """SHA-256 of the probes, hexadecimal."""
        return self.run.pool_digest


def build(
    *,
    learning: LearningSettings,
    data: DataSettings,
    run: RunChoices,
    seed: int,
    index: int,
    peers: int,
    rounds: int,
    shards: Shards | None = None,
) -> Built:
    """The learner of peer `index` of `peers`, with its baseline, on data that we ship.

    All peers of a seed have the same initial weights.  `shards`: the data already cut up, by
    whoever builds many.  Raises :class:`SettingsError`.
    """
    shard = (shards or Shards(data, seed, peers)).of(index)
    probes, test = inputs_of(shard.probes), source_of(shard.test, "test")
    private = source_of(shard.private, "private")

    def trainer() -> Trainer:
        shape = tuple(shard.probes.shape[1:])
        model = make(learning.model, shape, shard.classes, generator(seed, "weights"))
        return _trainer(model, private, learning, seed, index)

    first = trainer()
    agreed = _agreed(learning, run, seed, shard.classes, probes, first.model)
    learner = _learner(first, agreed, learning, rounds, seed, index, probes, test)
    contributor = WithBaseline(learner, trainer(), learning, rounds, test)
    memory = Memory(contributor.snapshot, contributor.restore)
    return Built(contributor, agreed, _size(learner.trainer.model), learner.digests, memory)


def build_own(
    *,
    model: nn.Module,
    train: Any,
    probes: Any,
    test: Any | None,
    classes: int,
    learning: LearningSettings,
    run: RunChoices,
    seed: int,
    index: int,
    rounds: int,
) -> Built:
    """A learner of somebody's own model and data; `model` is trained in place.

    `train`, `test`: torch Datasets of (input, label); `probes`: a tensor, or a Dataset of
    inputs, or of pairs whose second part is not read.  Raises :class:`SettingsError`.
    """
    if not isinstance(model, nn.Module):
        raise SettingsError(f"the model must be a torch.nn.Module, not {type(model).__name__}")
    if not any(weight.requires_grad for weight in model.parameters()):
        raise SettingsError("the model has no weights that can be trained")
    public = inputs_of(probes)
    agreed = _agreed(learning, run, seed, classes, public, model)
    private = source_of(train, "private")
    measured = None if test is None else source_of(test, "test")
    _check_fit(model, public.inputs, "probe", classes)
    for source, what in ((private, "private"), (measured, "test")):
        if source is not None:
            _check_fit(model, source.inputs, f"{what} example", classes)
            _check_labels(source, what, classes)
    trainer = _trainer(model, private, learning, seed, index)
    learner = _learner(trainer, agreed, learning, rounds, seed, index, public, measured)
    memory = Memory(learner.snapshot, learner.restore)
    return Built(learner, agreed, _size(model), learner.digests, memory)


def use_one_thread() -> None:
    """Let torch compute in the calling thread alone; for processes that share the cores.

    Small tensors gain nothing from more threads, and peers of one host would fight for cores.
    """
    torch.set_num_threads(1)


def _agreed(
    learning: LearningSettings,
    run: RunChoices,
    seed: int,
    classes: int,
    probes: Inputs,
    model: nn.Module,
) -> RunParameters:
    return RunParameters(
        seed=seed,
        classes=classes,
        abstain=learning.abstain_below > 0,
        pool=len(probes),
        pool_digest=pool_digest(probes),
        probes=run.probes,
        rounds_per_ballot=run.rounds_per_ballot,
        spreading=run.spreading,
        degree=run.degree,
        view=run.view,
        ids=run.ids,
        seal=run.seal,
        electorate=run.electorate,
        model=_shape(run.model, model),
    )


def _shape(wanted: str, model: nn.Module) -> str:
    """What the run says of the shape of models, given what a person said of it."""
    if not wanted:
        return ""
    mine = shape_digest(model)
    if wanted not in (OWN, mine):
        raise SettingsError(
            f"models of this run have another shape (run.model = {wanted}) than this peer's "
            f"({mine}): take the same model, or leave run.model out for a run of its own"
        )
    return mine


def _trainer(
    model: nn.Module, private: Source, learning: LearningSettings, seed: int, index: int
) -> Trainer:
    batches = Batches(private, learning.batch, generator(seed, "batches", index))
    return Trainer(model, batches, learning)


def _learner(
    trainer: Trainer,
    run: RunParameters,
    learning: LearningSettings,
    rounds: int,
    seed: int,
    index: int,
    probes: Inputs,
    test: Source | None,
) -> Learner:
    strategy = Strategy(
        ArgmaxVotes(learning.abstain_below),
        TallyTargets(run, learning.target, learning.own_vote, learning.assume_byzantine),
    )
    chooser = make_chooser(learning.chooser, run.pool, generator(seed, "chooser", index))
    return Learner(trainer, strategy, chooser, run, learning, rounds, probes, test)


def _size(model: nn.Module) -> int:
    return sum(weight.numel() for weight in model.parameters())


def _check_fit(
    model: nn.Module, inputs: Callable[[Tensor], Tensor], what: str, classes: int
) -> None:
    """Try one example, so that a model of another task is refused before anybody is met."""
    training = model.training
    model.eval()
    one = inputs(torch.zeros(1, dtype=torch.int64))
    try:
        with torch.inference_mode():
            shape = tuple(model(one).shape)
    except Exception as error:  # somebody's model: whatever it raises, it does not fit
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SettingsError(
            f"the model cannot take a {what} of shape {tuple(one.shape[1:])}, {one.dtype}: {reason}"
        ) from error
    finally:
        model.train(training)
    if shape != (1, classes):
        raise SettingsError(
            f"the model makes shape {shape} of one {what}, but {classes} classes need "
            f"(1, {classes})"
        )


def _check_labels(source: Source, what: str, classes: int) -> None:
    """Look at every label in memory, or at the first few of a Dataset read item by item."""
    looked_at = len(source) if source.in_memory else min(len(source), _FEW)
    labels = source.examples(torch.arange(looked_at))[1]
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        raise SettingsError(
            f"the {what} data has labels from {low} to {high}, but {classes} classes are "
            f"0 to {classes - 1}"
        )
