"""`tallyp2p export`: the files of a peer in another language, and the run that they are of."""

from __future__ import annotations

import gzip
import hashlib
import json
import struct
from pathlib import Path
from typing import Any

import pytest

from tallyp2p.assemble import build
from tallyp2p.cli.export import DATA, FORMAT, RUN
from tallyp2p.cli.main import main
from tallyp2p.learning.data import load_shard
from tallyp2p.parameters import RunParameters
from tallyp2p.profiles import load


def exported(folder: Path, *args: str) -> dict[str, Any]:
    with pytest.raises(SystemExit) as end:
        main(["export", "--out", str(folder), *args])
    assert end.value.code == 0
    data: dict[str, Any] = json.loads(gzip.decompress((folder / DATA).read_bytes()))
    return data


def test_the_run_is_that_of_a_peer_with_the_same_settings(tmp_path: Path) -> None:
    exported(tmp_path, "--shard", "1/2", "--set", "seed=7", "--set", "run.probes=16")
    profile = load("default", {"seed": 7, "run.probes": 16, "peers": 2})
    assert (tmp_path / RUN).read_text() == build(profile, 0).run.descriptor


def test_the_data_are_the_shard_the_probes_in_order_and_the_test_set(tmp_path: Path) -> None:
    data = exported(tmp_path, "--shard", "1/3")
    profile = load("default", {"peers": 3})
    shard = load_shard(profile.data, profile.seed, 1, 3)
    assert (data["format"], data["classes"], data["shape"]) == (FORMAT, 10, [64])
    assert data["train"]["inputs"] == shard.private.tensors[0].tolist()
    assert data["train"]["labels"] == shard.private.tensors[1].tolist()
    assert data["probes"] == {"inputs": shard.probes.tolist()}  # and no labels
    assert data["test"]["inputs"] == shard.test.tensors[0].tolist()
    assert data["test"]["labels"] == shard.test.tensors[1].tolist()


def test_the_probes_as_written_have_the_digest_of_the_run(tmp_path: Path) -> None:
    """So a reader in another language can make sure of them by RUN-4."""
    data = exported(tmp_path, "--shard", "0/2")
    run = RunParameters.parse((tmp_path / RUN).read_text())
    rows = data["probes"]["inputs"]
    hashed = hashlib.sha256(f"TALLY1-POOL {len(rows)},64\n".encode())
    for row in rows:
        hashed.update(struct.pack("<64f", *row))
    assert (len(rows), hashed.hexdigest()) == (run.pool, run.pool_digest)


def test_two_exports_are_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        exported(tmp_path / name, "--shard", "0/2")
    assert (tmp_path / "a" / DATA).read_bytes() == (tmp_path / "b" / DATA).read_bytes()


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["--shard", "2/2"], 2, "I/N"),
        ([], 2, "--shard"),
        (["--shard", "0/2", "--set", "nonsense=1"], 2, "nonsense"),
    ],
)
def test_refused_in_one_sentence(
    args: list[str], code: int, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(["export", "--out", str(tmp_path / "out"), *args])
    assert end.value.code == code
    assert words in capsys.readouterr().err.strip().splitlines()[-1]
    assert not (tmp_path / "out").exists()


def test_a_place_that_cannot_be_written_is_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SystemExit) as end:
        main(["export", "--out", str(tmp_path / "file" / "under"), "--shard", "0/2"])
    assert end.value.code == 1
    assert "cannot write" in capsys.readouterr().err
