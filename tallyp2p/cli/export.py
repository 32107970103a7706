"""`tallyp2p export`: a peer's data as files, for a peer in another language."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from ..errors import FailureError
from .options import EXIT_CODES, ShardType, chosen_profile, profile_options, verbose_option

__all__ = ["DATA", "FORMAT", "RUN", "export"]

RUN = "run.txt"  # the run descriptor (RUN-1)
DATA = "shard.json.gz"
FORMAT = "tally-shard/1"


@click.command(epilog=EXIT_CODES)
@click.option(
    "--shard",
    type=ShardType(),
    metavar="I/N",
    required=True,
    help="Part I (counted from 0) of the data cut into N parts, as `tallyp2p peer --shard` has it.",
)
@click.option(
    "--out",
    metavar="DIR",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="Write run.txt and shard.json.gz into this directory.",
)
@profile_options
@verbose_option
def export(
    shard: tuple[int, int],
    out: Path,
    profile: str | None,
    config: Path | None,
    settings: tuple[str, ...],
    verbose: int,
) -> int:
    """Write what a peer in another language needs to take part.

    run.txt is the descriptor of the run, shard.json.gz the shard's examples, the public probes
    in the order of their ids, and the test set.  With the same settings, `tallyp2p peer` is in
    the same run.

    \b
    A swarm of two, the second of them in JavaScript:
      tallyp2p peer --shard 0/2 --listen tcp://127.0.0.1:7000
      tallyp2p export --shard 1/2 --out shard-1
      node peers/javascript/peer.mjs run --data shard-1 --listen 'tcp://127.0.0.1:*' \\
          --seed tcp://127.0.0.1:7000
    """
    from ..assemble import build
    from ..learning.data import load_shard

    index, peers = shard
    chosen = chosen_profile(profile, config, settings, {"peers": peers})
    run = build(chosen, index).run
    part = load_shard(chosen.data, chosen.seed, index, peers)
    train, test = part.private.tensors, part.test.tensors
    data = {
        "format": FORMAT,
        "classes": part.classes,
        "shape": list(part.probes.shape[1:]),
        "train": {"inputs": _rows(train[0]), "labels": train[1].tolist()},
        "probes": {"inputs": _rows(part.probes)},
        "test": {"inputs": _rows(test[0]), "labels": test[1].tolist()},
    }
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / RUN).write_text(run.descriptor, "ascii")
        (out / DATA).write_bytes(_packed(data))
    except OSError as error:
        raise FailureError(f"cannot write into {out}: {error.strerror}") from error
    click.echo(
        f"run {run.run.hex()}: {len(train[1])} examples, {run.pool} probes, {len(test[1])} to test "
        f"on, in {out}"
    )
    return 0


def _rows(inputs: Any) -> list[list[float]]:
    """A tensor (n, ...) as n flat lists, the last dimension fastest."""
    rows: list[list[float]] = inputs.reshape(len(inputs), -1).tolist()
    return rows


def _packed(data: Mapping[str, Any]) -> bytes:
    """Compact JSON, the same bytes for the same data."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return gzip.compress(text.encode("ascii"), mtime=0)
