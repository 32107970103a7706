"""The digits that ship, and how they are cut up."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from importlib import resources

import pytest
import torch

from tallyp2p.errors import SettingsError
from tallyp2p.learning.data import Shard, Shards, digits, load_shard
from tallyp2p.learning.settings import TASKS, DataSettings, Shipped


def test_digits_are_the_file_that_its_readme_names() -> None:
    directory = resources.files("tallyp2p.learning").joinpath("digits")
    data = directory.joinpath("digits.csv.gz").read_bytes()
    assert len(data) < 100_000
    readme = directory.joinpath("README.md").read_text()
    assert hashlib.sha256(data).hexdigest() in readme
    assert "CC BY 4.0" in readme


def test_digits_are_sixteenths_and_their_labels() -> None:
    inputs, labels = digits()
    assert (inputs.shape, inputs.dtype, labels.dtype) == ((1797, 64), torch.float32, torch.int64)
    assert (inputs.min().item(), inputs.max().item()) == (0, 1)
    assert torch.equal(inputs * 16, (inputs * 16).round())
    assert labels.bincount().tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert (inputs[0, :6] * 16).tolist() == [0, 0, 5, 13, 9, 1]  # the first line of the file


def test_shards_probes_and_test_share_no_image() -> None:
    shards = [load_shard(DataSettings(), 3, index, 10) for index in range(10)]
    private = torch.cat([shard.private.tensors[0] for shard in shards])
    whole = torch.cat([private, shards[0].probes, shards[0].test.tensors[0]])
    assert (len(private), len(shards[0].probes), len(shards[0].test)) == (1000, 300, 497)
    inputs, _ = digits()
    assert sorted(whole.tolist()) == sorted(inputs.tolist())
    for shard in shards[1:]:
        assert torch.equal(shard.probes, shards[0].probes)
        assert torch.equal(shard.test.tensors[0], shards[0].test.tensors[0])


def test_labels_of_probes_exist_nowhere_behind_the_split() -> None:
    shard = load_shard(DataSettings(), 0, 0, 10)
    assert isinstance(shard.probes, torch.Tensor)  # inputs, and nothing to go with them
    assert [field.name for field in fields(Shard) if "probe" in field.name] == ["probes"]


@pytest.mark.parametrize(
    "settings", [DataSettings(probes=1300), DataSettings(probes=700, test=1088)]
)
def test_more_than_there_is_is_refused(settings: DataSettings) -> None:
    with pytest.raises(SettingsError, match="too few for 10 peers"):
        load_shard(settings, 0, 0, 10)


def test_there_may_be_more_peers_than_examples_where_these_are_shared() -> None:
    shards = Shards(DataSettings(shard=40), 0, 3000)
    one, other = shards.of(0), shards.of(2999)
    assert len(one.private) == len(other.private) == 40
    assert one.probes is other.probes and one.test is other.test
    few = load_shard(DataSettings(shard=40), 0, 0, 10)  # a shard does not depend on how many
    assert torch.equal(few.private.tensors[0], one.private.tensors[0])
    assert not torch.equal(other.private.tensors[0], one.private.tensors[0])
    with pytest.raises(SettingsError, match="data.shard = 1001 cannot be drawn from the 1000"):
        Shards(DataSettings(shard=1001), 0, 10)


def test_what_is_said_of_the_digits_is_so() -> None:
    inputs, labels = digits()
    assert TASKS == {"digits": Shipped(len(inputs), len(set(labels.tolist())))}
