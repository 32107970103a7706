"""Who wrote into a directory: kept beside its journal, so that `--resume DIR` is that peer.

    DIR/peer-NN/self.json    {"shard": 3, "seeds": ["tcp://..."], "key": "/where/the/key/is"}

or with "secret", 64 hexadecimal digits, where there is no file of a key.

For its owner's eyes only, since in sealed runs the secret signs.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from ..admission.keyfile import write_private
from ..assemble import Seat
from ..errors import FailureError, SettingsError
from ..reporting.rundir import peer_dir

__all__ = ["Former", "read_former", "remember"]

_FILE = "self.json"


@dataclass(frozen=True, slots=True)
class Former:
    """Which peer to be again."""

    shard: int
    key: Path | None  # the file of its secret key
    secret: bytes | None  # 32 bytes, where there is no such file
    seeds: tuple[str, ...] = ()  # where it joined


def remember(run_dir: Path, seat: Seat, key: Path | None, seeds: tuple[str, ...] = ()) -> None:
    """Write down who writes into this new directory.  Raises :class:`FailureError`."""
    told: dict[str, object] = {"shard": seat.index, "seeds": list(seeds)}
    told |= {"secret": seat.secret.hex()} if key is None else {"key": str(key.absolute())}
    folder = peer_dir(run_dir, seat.index)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FailureError(f"cannot make {folder}: {error.strerror}") from None
    write_private(folder / _FILE, json.dumps(told) + "\n")


def read_former(run_dir: Path) -> Former:
    """Who wrote into this directory.  Raises :class:`SettingsError` when that is not known."""
    found = sorted(run_dir.glob(f"peer-*/{_FILE}"))
    if len(found) != 1:
        many = len(list(run_dir.glob("peer-*")))
        hint = (
            "it is a swarm's: tallyp2p swarm --resume, or one of them by peer --run DIR --shard I/N"
            if many > 1
            else "give the directory that was named with --out"
        )
        raise SettingsError(f"{run_dir} does not say which peer wrote it: {hint}")
    try:
        told = json.loads(found[0].read_text("utf-8"))
        shard, key, secret = told["shard"], told.get("key"), told.get("secret")
        if type(shard) is not int or (key is None) == (secret is None):
            raise ValueError
        return Former(
            shard,
            None if key is None else Path(key),
            None if secret is None else bytes.fromhex(secret),
            tuple(map(str, told.get("seeds", ()))),
        )
    except OSError as error:
        raise FailureError(f"cannot read {found[0]}: {error.strerror}") from None
    except (ValueError, TypeError, KeyError, AttributeError):
        raise SettingsError(f"{found[0]} is damaged: start a new peer") from None
