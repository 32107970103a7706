"""A run that one person founds and invites others to: its list, its seats, its tokens."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import SettingsError
from ..parameters import Seal
from ..profiles import Profile, load
from ..wire.electorate import Electorate
from ..wire.keys import identity_text
from .invitation import Invitation
from .place import read_place, write_place
from .seats import SEATS, Chair, State, deal, given, read_seats, seats_text, take_spares

__all__ = ["found", "invite_again", "invite_more"]


def found(
    folder: Path,
    profile: Profile,
    *,
    keys: Sequence[bytes],
    seats: int,
    seeds: Sequence[str],
    entropy: Callable[[int], bytes] = os.urandom,
) -> list[Invitation]:
    """Found the run of `profile` in the new directory `folder`, which is the inviter's seat.

    All of profile.peers have a seat: the inviter, the owners of `keys` (identities, 32
    bytes), and the others a key that is made here.  The invitations are for `keys`, and for
    the first `seats` of the others; the rest are spare.  `seeds`: endpoints of peers to join
    at; an inviter that listens at a fixed port is one.

    Raises :class:`SettingsError` for what contradicts itself, and :class:`FailureError`.
    """
    chairs = deal(keys, profile.peers - 1 - len(keys), entropy)
    electorate = Electorate.of(chair.identity for chair in chairs)
    run = replace(profile.run, seal=Seal.ED25519, electorate=electorate.digest)
    profile = replace(profile, run=run)
    own, there = chairs[0], _endpoints(profile, chairs[0].identity, seeds)
    first = [chair for chair in chairs if chair.state is State.SPARE][:seats]
    invited = [
        _invitation(profile, electorate, c, there) for c in (*chairs[1 : 1 + len(keys)], *first)
    ]
    for one in invited:
        assert one.token  # not too long: before anything is on the disk
    kept = [given(chair) if chair in first else chair for chair in chairs]
    seat = Invitation(profile, electorate, own.shard, own.identity, own.secret, tuple(seeds))
    write_place(folder, seat, more={SEATS: seats_text(kept)}, instead="name another")
    return invited


def invite_more(folder: Path, count: int, seeds: Sequence[str]) -> list[Invitation]:
    """Give the next `count` spare seats of the run that was founded in `folder`.

    `seeds`: beside those that the run was founded with.
    """
    return _invitations(folder, lambda: take_spares(folder, count), seeds)


def invite_again(folder: Path, keys: Sequence[bytes], seeds: Sequence[str]) -> list[Invitation]:
    """The invitations of those with keys of their own once more: there is no secret in them."""

    def theirs() -> list[Chair]:
        chairs = {c.identity: c for c in read_seats(folder) if c.state is State.THEIRS}
        for key in keys:
            if key not in chairs:
                raise SettingsError(
                    f"{identity_text(key)} has no seat in {folder}: who takes part is fixed before "
                    "a run begins, so invite to a new run"
                )
        return [chairs[key] for key in keys]

    return _invitations(folder, theirs, seeds)


def _invitations(
    folder: Path, chairs: Callable[[], list[Chair]], seeds: Sequence[str]
) -> list[Invitation]:
    place = read_place(folder)
    profile = load(place.config)
    inviter = read_seats(folder)[0].identity
    known = _endpoints(profile, inviter, [*place.seeds, *seeds])
    return [_invitation(profile, place.electorate, chair, known) for chair in chairs()]


def _endpoints(profile: Profile, inviter: bytes, seeds: Sequence[str]) -> list[str]:
    """Where those who are invited join: at the inviter's too, if its port is fixed."""
    listen = profile.network.listen
    if not listen.startswith("tcp://") or listen.endswith(":*"):
        return list(seeds)
    key = f"#{identity_text(inviter)}" if profile.network.encrypt else ""
    return [listen + key, *seeds]


def _invitation(
    profile: Profile, electorate: Electorate, chair: Chair, seeds: Sequence[str]
) -> Invitation:
    usual = replace(profile, network=replace(load().network, encrypt=profile.network.encrypt))
    return Invitation(usual, electorate, chair.shard, chair.identity, chair.secret, tuple(seeds))
