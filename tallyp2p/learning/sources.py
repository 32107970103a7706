"""Examples by index, whatever they lie in: tensors (fast) or any torch Dataset.

A learner only ever asks a source for the examples at some indices.  Where labels must not be
read, as of probes, the source does not have them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Protocol, cast

import torch
from torch import Tensor
from torch.utils.data import Dataset, TensorDataset, default_collate

from ..errors import SettingsError

__all__ = ["Batches", "Inputs", "Source", "inputs_of", "pool_digest", "source_of"]

_CHUNK = 256  # examples read at a time when all are wanted


class Inputs(Protocol):
    """Inputs without labels."""

    def __len__(self) -> int: ...

    def inputs(self, index: Tensor) -> Tensor:
        """The inputs at `index` (int64, shape (n,)), shape (n, ...)."""
        ...


class Source(Inputs, Protocol):
    """Inputs with labels."""

    @property
    def in_memory(self) -> bool:
        """Whether all examples are at hand at once."""
        ...

    def examples(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """The inputs and int64 labels, shape (n,), at `index`."""
        ...


class _Tensors:
    """Inputs in memory."""

    __slots__ = ("_inputs",)

    def __init__(self, inputs: Tensor) -> None:
        self._inputs = inputs

    def __len__(self) -> int:
        return len(self._inputs)

    def inputs(self, index: Tensor) -> Tensor:
        return self._inputs[index]


class _Labelled(_Tensors):
    """Inputs and labels in memory."""

    __slots__ = ("_labels",)
    in_memory = True

    def __init__(self, inputs: Tensor, labels: Tensor) -> None:
        super().__init__(inputs)
        self._labels = labels

    def examples(self, index: Tensor) -> tuple[Tensor, Tensor]:
        return self._inputs[index], self._labels[index]


class _Collated:
    """Any map-style Dataset, read item by item.  Labels are dropped before anyone sees them."""

    __slots__ = ("_dataset",)

    def __init__(self, dataset: Any) -> None:
        self._dataset = dataset

    def __len__(self) -> int:
        return len(self._dataset)

    def inputs(self, index: Tensor) -> Tensor:
        items = (self._dataset[i] for i in index.tolist())
        first = [item[0] if isinstance(item, tuple | list) else item for item in items]
        return cast(Tensor, default_collate(first))


class _CollatedExamples(_Collated):
    """Any map-style Dataset of (input, label)."""

    __slots__ = ()
    in_memory = False

    def examples(self, index: Tensor) -> tuple[Tensor, Tensor]:
        inputs, labels = default_collate([self._dataset[i] for i in index.tolist()])
        return inputs, labels.long()


def inputs_of(data: Tensor | Dataset[Any] | Sequence[Any]) -> Inputs:
    """The inputs of a tensor, a Dataset of inputs, or one of pairs, whose labels are dropped."""
    if isinstance(data, Tensor):
        return _Tensors(data)
    if isinstance(data, TensorDataset):
        return _Tensors(data.tensors[0])
    return _Collated(data)


def source_of(data: Dataset[Any] | Sequence[Any], what: str) -> Source:
    """Labelled examples of a Dataset of (input, label).

    Raises :class:`SettingsError`, which calls the data `what`, when there are none or no pairs.
    """
    if len(cast(Sequence[Any], data)) == 0:
        raise SettingsError(f"the {what} data has no examples")
    if isinstance(data, TensorDataset):
        if len(data.tensors) != 2:
            raise SettingsError(f"the {what} data must hold inputs and labels")
        return _Labelled(data.tensors[0], data.tensors[1].long())
    first = cast(Any, data)[0]
    if not (isinstance(first, tuple | list) and len(first) == 2):
        raise SettingsError(f"the {what} data must hold pairs of an input and a label")
    return _CollatedExamples(data)


def pool_digest(probes: Inputs) -> str:
    """SHA-256, hexadecimal, of the probes; equal exactly when two peers have the same ones.

    Over ``"TALLY1-POOL " || shape, decimal, separated by commas || "\\n"``, then all values
    as little-endian float32 in C order.
    """
    hashed = hashlib.sha256()
    for at in range(0, max(len(probes), 1), _CHUNK):
        chunk = probes.inputs(torch.arange(at, min(at + _CHUNK, len(probes))))
        if at == 0:
            shape = ",".join(map(str, (len(probes), *chunk.shape[1:])))
            hashed.update(f"TALLY1-POOL {shape}\n".encode("ascii"))
        hashed.update(chunk.float().contiguous().numpy().astype("<f4", copy=False).tobytes())
    return hashed.hexdigest()


class Batches:
    """Endless shuffled batches of a source.  Two with equal generators give equal batches.

    Every batch has min(size, len(source)) examples; what an epoch leaves over is too few for
    a batch and waits for the next shuffle.
    """

    __slots__ = ("_at", "_generator", "_order", "_size", "_source")

    def __init__(self, source: Source, size: int, generator: torch.Generator) -> None:
        self._source = source
        self._size = min(size, len(source))
        self._generator = generator
        self._order = torch.empty(0, dtype=torch.int64)
        self._at = 0

    def next(self) -> tuple[Tensor, Tensor]:
        """Inputs (n, ...) and labels (n,)."""
        return self._source.examples(self._indices())

    def several(self, count: int) -> tuple[Tensor, Tensor]:
        """The next `count` batches at once: inputs (count, n, ...) and labels (count, n)."""
        index = torch.stack([self._indices() for _ in range(count)])
        inputs, labels = self._source.examples(index.flatten())
        return inputs.view(*index.shape, *inputs.shape[1:]), labels.view(index.shape)

    def _indices(self) -> Tensor:
        if self._at + self._size > len(self._order):
            self._order = torch.randperm(len(self._source), generator=self._generator)
            self._at = 0
        index = self._order[self._at : self._at + self._size]
        self._at += self._size
        return index

    def snapshot(self) -> dict[str, Any]:
        """Where we are, as tensors and numbers."""
        return {
            "order": self._order.clone(),
            "at": self._at,
            "generator": self._generator.get_state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a snapshot."""
        self._order, self._at = state["order"].clone(), state["at"]
        self._generator.set_state(state["generator"])
