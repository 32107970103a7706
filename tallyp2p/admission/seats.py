"""The seats of a run that an inviter has to give: who has one, and the keys of those left.

They stand in DIR/seats.json, for the inviter alone::

    {"schema": "tallyp2p.seats/1",
     "seats": [{"shard": 1, "public": "...", "state": "spare", "secret": "..."}, ...]}

A seat is the inviter's *own*, *theirs* whose owner made its key, *given*, or *spare*.  Before
a token is shown its seat is marked as given and its secret is gone from the file, in one step
that is on the disk: so no seat is given twice, and who invites keeps nobody's key.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from ..errors import FailureError, SettingsError
from ..wire.keys import IDENTITY_TEXT, identity_from_text, identity_text
from ..wire.seal import identity_of
from .keyfile import rewrite_private

__all__ = ["SEATS", "Chair", "State", "deal", "read_seats", "seats_text", "take_spares"]

SEATS = "seats.json"
_SCHEMA = "tallyp2p.seats/1"


class State(StrEnum):
    """What has become of a seat."""

    OWN = "own"  # the inviter's
    THEIRS = "theirs"  # of somebody who made the key
    GIVEN = "given"  # its token was shown, or was about to be
    SPARE = "spare"


@dataclass(frozen=True, slots=True)
class Chair:
    """One seat, as the inviter knows it."""

    shard: int
    identity: bytes  # 32 bytes
    state: State
    secret: bytes | None = field(
        default=None, repr=False
    )  # 32 bytes; of spare seats, and of those being given


def deal(keys: Sequence[bytes], made: int, entropy: Callable[[int], bytes]) -> list[Chair]:
    """All seats of a run, by shard: the inviter's, those of `keys`, and `made` new ones.

    `keys`: identities of people with keys of their own.  The inviter's chair has its secret.
    """
    own, *others = (entropy(32) for _ in range(1 + made))
    chairs = [Chair(0, identity_of(own), State.OWN, own)]
    chairs += [Chair(shard, key, State.THEIRS) for shard, key in enumerate(keys, start=1)]
    for shard, secret in enumerate(others, start=len(chairs)):
        chairs.append(Chair(shard, identity_of(secret), State.SPARE, secret))
    return chairs


def given(chair: Chair) -> Chair:
    """The same seat once its token is shown."""
    return replace(chair, state=State.GIVEN, secret=None)


def seats_text(chairs: Sequence[Chair]) -> str:
    """What the file of these seats holds: secrets of spare ones only."""
    seats: list[dict[str, Any]] = []
    for chair in chairs:
        seat = {
            "shard": chair.shard,
            "public": identity_text(chair.identity),
            "state": chair.state,
        }
        if chair.state is State.SPARE and chair.secret is not None:
            seat["secret"] = base64.urlsafe_b64encode(chair.secret).decode("ascii").rstrip("=")
        seats.append(seat)
    return json.dumps({"schema": _SCHEMA, "seats": seats}, indent=1) + "\n"


def read_seats(folder: Path) -> list[Chair]:
    """The seats of a run, by shard.  Raises :class:`SettingsError` for a damaged file."""
    path = folder / SEATS
    try:
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise SettingsError(
                f"{path} can be read by others, and whoever has read it can take the spare seats: "
                f"invite to a new run, or `chmod 600 {path}` if you are sure that nobody did"
            )
        found = json.loads(path.read_text("utf-8"))
        chairs = [_chair(seat) for seat in found["seats"]]
        if found["schema"] != _SCHEMA or [c.shard for c in chairs] != list(range(len(chairs))):
            raise ValueError
    except OSError as error:
        raise FailureError(f"cannot read {path}: {error.strerror}") from None
    except (ValueError, TypeError, KeyError, RecursionError):
        raise SettingsError(
            f"{path} is damaged: restore it, or invite to a new run with another directory"
        ) from None
    return chairs


def _chair(seat: dict[str, Any]) -> Chair:
    if not re.fullmatch(IDENTITY_TEXT, seat["public"], re.A):
        raise ValueError
    identity, state, secret = identity_from_text(seat["public"]), State(seat["state"]), None
    if state is State.SPARE:
        if not re.fullmatch(IDENTITY_TEXT, seat["secret"], re.A):
            raise ValueError
        secret = base64.urlsafe_b64decode(seat["secret"] + "=")
        if identity_of(secret) != identity:
            raise ValueError
    return Chair(seat["shard"], identity, state, secret)


def take_spares(folder: Path, count: int) -> list[Chair]:
    """Mark the next `count` spare seats as given; they, with the secrets that are now gone.

    Raises :class:`SettingsError` when fewer are left, and :class:`FailureError`, having
    given none, when the disk refuses.
    """
    with _alone(folder):
        chairs = read_seats(folder)
        taken = [chair for chair in chairs if chair.state is State.SPARE][:count]
        if len(taken) < count:
            left = {0: "no seats are", 1: "1 seat is"}.get(len(taken), f"{len(taken)} seats are")
            raise SettingsError(
                f"{left} left in {folder}: who takes part is fixed before a run begins, so invite "
                "to a new run, with --spare for those who may come later"
            )
        kept = [given(chair) if chair in taken else chair for chair in chairs]
        rewrite_private(folder / SEATS, seats_text(kept))
        return taken


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One inviter at a time: two would give the same seat."""
    try:
        file = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise FailureError(f"cannot read {folder}: {error.strerror}") from None
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
        os.fsync(file)  # the new name is on the disk too
    except OSError as error:
        raise FailureError(f"cannot change {folder}: {error.strerror}") from None
    finally:
        os.close(file)
