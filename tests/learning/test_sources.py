"""Examples from tensors and from any Dataset are the same examples."""

from __future__ import annotations

import hashlib
import struct
from typing import Any

import pytest
import torch
from torch.utils.data import Dataset, TensorDataset

from tallyp2p.errors import SettingsError
from tallyp2p.learning.sources import Batches, inputs_of, pool_digest, source_of

INPUTS = torch.arange(20, dtype=torch.float32).reshape(10, 2)
LABELS = torch.arange(10) % 3
PAIRS = TensorDataset(INPUTS, LABELS)


class Items(Dataset[Any]):
    """A Dataset without tensors of its own: labels are Python integers."""

    def __len__(self) -> int:
        return 10

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return INPUTS[index], int(LABELS[index])


class Poisoned(Items):
    """Raises when anybody compares or converts a label."""

    def __getitem__(self, index: int) -> Any:
        return INPUTS[index], object()


def test_dataset_gives_what_tensors_give() -> None:
    index = torch.tensor([7, 0, 3])
    fast, slow = source_of(PAIRS, "private"), source_of(Items(), "private")
    for one, other in zip(fast.examples(index), slow.examples(index), strict=True):
        assert torch.equal(one, other)
    assert slow.examples(index)[1].dtype == torch.int64


@pytest.mark.parametrize("probes", [INPUTS, PAIRS, TensorDataset(INPUTS), Items(), Poisoned()])
def test_inputs_of_anything_have_no_labels(probes: Any) -> None:
    source = inputs_of(probes)
    assert torch.equal(source.inputs(torch.tensor([2, 1])), INPUTS[[2, 1]])
    assert not hasattr(source, "examples")
    assert pool_digest(source) == pool_digest(inputs_of(INPUTS))


def test_pool_digest_by_hand() -> None:
    probes = torch.tensor([[0.5, -1.0]], dtype=torch.float64)
    expected = hashlib.sha256(b"TALLY1-POOL 1,2\n" + struct.pack("<2f", 0.5, -1.0)).hexdigest()
    assert pool_digest(inputs_of(probes)) == expected


def test_pool_digest_tells_order_values_and_shape() -> None:
    many = torch.arange(600, dtype=torch.float32).reshape(300, 2)  # more than one chunk
    changed = many.clone()
    changed[299, 1] += 1
    pools = (many, many.flip(0), changed, many.reshape(150, 4), many.reshape(300, 2, 1))
    assert len({pool_digest(inputs_of(pool)) for pool in pools}) == 5


def test_batches_of_equal_generators_are_equal_and_an_epoch_repeats_nothing() -> None:
    def batches() -> Batches:
        return Batches(source_of(PAIRS, "private"), 5, torch.Generator().manual_seed(1))

    one, other = batches(), batches()
    epochs = []
    for _ in range(3):
        parts = [one.next()[0] for _ in range(2)]
        assert all(torch.equal(part, other.next()[0]) for part in parts)
        epochs.append(torch.cat(parts))
    assert all(torch.equal(epoch.sort(dim=0)[0], INPUTS) for epoch in epochs)
    assert not torch.equal(epochs[0], epochs[1])


def test_batch_is_never_larger_than_the_data() -> None:
    batches = Batches(source_of(PAIRS, "private"), 32, torch.Generator())
    assert [len(batches.next()[1]) for _ in range(3)] == [10, 10, 10]


def test_several_batches_at_once_are_the_next_ones() -> None:
    one, other = (
        Batches(source_of(PAIRS, "private"), 4, torch.Generator().manual_seed(1)) for _ in range(2)
    )
    inputs, labels = one.several(7)
    assert inputs.shape == (7, 4, *INPUTS.shape[1:])
    for row in range(7):
        expected = other.next()
        assert torch.equal(inputs[row], expected[0]) and torch.equal(labels[row], expected[1])
    assert torch.equal(one.next()[1], other.next()[1])


def test_batches_continue_from_a_snapshot() -> None:
    batches = Batches(source_of(PAIRS, "private"), 4, torch.Generator().manual_seed(1))
    batches.next()
    state = batches.snapshot()
    expected = [batches.next()[1] for _ in range(7)]
    fresh = Batches(source_of(PAIRS, "private"), 4, torch.Generator())
    fresh.restore(state)
    assert all(torch.equal(fresh.next()[1], labels) for labels in expected)


def test_data_that_cannot_be_learnt_from_is_refused() -> None:
    with pytest.raises(SettingsError, match="private data has no examples"):
        source_of(TensorDataset(INPUTS[:0], LABELS[:0]), "private")
    with pytest.raises(SettingsError, match="test data must hold inputs and labels"):
        source_of(TensorDataset(INPUTS), "test")
    with pytest.raises(SettingsError, match="private data must hold pairs"):
        source_of([1, 2, 3], "private")
