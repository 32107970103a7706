"""A seat of a run on disk: everything with which its peer starts, again and again as itself.

    DIR/config.toml      all settings, with run.electorate
    DIR/electorate.txt   the list of members: the text that run.electorate is the SHA-256 of
    DIR/key              the secret key, unless its owner keeps it elsewhere
    DIR/seat.json        {"shard": 2, "key": "key", "seeds": ["tcp://..."],
                          "listen": "tcp://..."}: where it listened last, if it was told

Its files are for their owner alone.  The last one is written last: a directory without it is
not a seat's, and holds nothing that cannot be had again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import FailureError, SettingsError
from ..profiles import to_toml
from ..version import __version__
from ..wire.electorate import Electorate
from .invitation import Invitation
from .keyfile import key_text, rewrite_private, write_private

__all__ = [
    "CONFIG",
    "Place",
    "is_place",
    "keep_listen",
    "read_electorate",
    "read_place",
    "write_place",
]

CONFIG = "config.toml"
_LIST, _KEY, _SEAT = "electorate.txt", "key", "seat.json"
_MOST = 1_048_576  # bytes that are read of a file


@dataclass(frozen=True, slots=True)
class Place:
    """What a seat's directory says beside its settings."""

    config: Path  # of the settings
    electorate: Electorate
    key: Path  # where the secret key is
    shard: int
    seeds: tuple[str, ...]  # endpoints of peers to join at
    listen: str | None = None  # where its peer listened last, if that was not as in its settings


def is_place(folder: Path) -> bool:
    """Whether a directory is that of a seat."""
    return (folder / _SEAT).is_file()


def write_place(
    folder: Path,
    invited: Invitation,
    key: Path | None = None,
    more: Mapping[str, str] | None = None,
    instead: str = "choose another with --out",
) -> Place:
    """Make the directory of a seat; `key`: where its owner keeps the secret key, if elsewhere.

    `more`: further files, by name, for the owner alone; `instead`: what to do where the
    directory cannot be had.  Raises :class:`SettingsError` when
    the directory holds something, :class:`FailureError` when it cannot be made.
    """
    seat = {
        "shard": invited.shard,
        "key": _KEY if key is None else str(key.absolute()),
        "seeds": list(invited.seeds),
    }
    head = f"# All settings of this run, written by tallyp2p {__version__}.\n\n"
    files = {
        **(more or {}),
        CONFIG: head + to_toml(invited.profile),
        _LIST: invited.electorate.text,
    }
    if key is None:
        if invited.secret is None:
            raise SettingsError(
                "this token is for somebody with a key of their own: name its file with --key"
            )
        files = {_KEY: key_text(invited.secret), **files}
    files[_SEAT] = json.dumps(seat, indent=2) + "\n"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        occupied = any(folder.iterdir())
    except OSError as error:
        raise FailureError(
            f"the directory {folder} cannot be made: {error.strerror}; {instead}"
        ) from None
    if occupied:
        raise SettingsError(f"the directory {folder} is not empty: {instead}")
    written: list[Path] = []
    try:
        for name, text in files.items():
            write_private(folder / name, text)
            written.append(folder / name)
    except BaseException:
        for path in written:
            path.unlink(missing_ok=True)
        raise
    return read_place(folder)


def read_place(folder: Path) -> Place:
    """What the directory of a seat says.  Raises :class:`SettingsError` for a damaged one."""
    try:
        seat = json.loads(_text(folder / _SEAT))
        shard, key, seeds, listen = seat["shard"], seat["key"], seat["seeds"], seat.get("listen")
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise _damaged(folder / _SEAT) from None
    texts = isinstance(key, str) and isinstance(seeds, list) and all(type(s) is str for s in seeds)
    if type(shard) is not int or not texts or not isinstance(listen, str | None):
        raise _damaged(folder / _SEAT)
    electorate = read_electorate(folder / _LIST)
    return Place(folder / CONFIG, electorate, folder / key, shard, tuple(seeds), listen)


def keep_listen(folder: Path, listen: str) -> None:
    """Have the seat's peer listen there from now on, as its settings do not say.

    Others know it by that address: started again elsewhere, it would not be found.
    Raises :class:`FailureError` when it cannot be written, leaving what was there.
    """
    seat = json.loads(_text(folder / _SEAT))
    if seat.get("listen") != listen:
        rewrite_private(folder / _SEAT, json.dumps(seat | {"listen": listen}, indent=2) + "\n")


def read_electorate(path: Path) -> Electorate:
    """The list of members in a file.  Raises :class:`SettingsError`, :class:`FailureError`."""
    try:
        return Electorate.parse(_text(path))
    except SettingsError as error:
        raise SettingsError(f"{path} is not a list of members: {error}") from None


def _text(path: Path) -> str:
    try:
        with open(path, encoding="utf-8", newline="") as file:
            return file.read(_MOST)
    except UnicodeDecodeError:
        raise SettingsError(f"{path} is damaged: it is not text") from None
    except OSError as error:
        raise FailureError(f"cannot read {path}: {error.strerror}") from None


def _damaged(path: Path) -> SettingsError:
    return SettingsError(f"{path} is damaged: remove its directory, and join anew")
