"""Founding a run, and inviting to it now and later."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tallyp2p.admission.charter import found, invite_again, invite_more
from tallyp2p.admission.invitation import Invitation
from tallyp2p.admission.keyfile import read_key
from tallyp2p.admission.place import read_place
from tallyp2p.errors import SettingsError
from tallyp2p.profiles import load
from tallyp2p.wire.keys import identity_text
from tallyp2p.wire.seal import identity_of

THEIRS = identity_of(b"t" * 32)
ELSEWHERE = "tcp://192.0.2.9:7000"


def founded(folder: Path, **settings: Any) -> list[Invitation]:
    chosen = load("default", {"peers": 5, "seal": "ed25519", "rounds": 24, **settings})
    return found(folder, chosen, keys=[THEIRS], seats=2, seeds=[ELSEWHERE])


def test_all_who_are_invited_are_of_one_run_with_a_seat_each(tmp_path: Path) -> None:
    invited = founded(tmp_path / "run")
    own = read_place(tmp_path / "run")
    assert [one.shard for one in invited] == [1, 2, 3] and own.shard == 0
    assert {one.electorate for one in invited} == {own.electorate}
    assert {one.profile for one in invited} == {load(own.config)}
    assert [one.secret is None for one in invited] == [True, False, False]
    everybody = {*(one.identity for one in invited), identity_of(read_key(own.key))}
    assert everybody < own.electorate.identities and len(own.electorate.identities) == 5


def test_they_join_where_the_inviter_listens(tmp_path: Path) -> None:
    listen = "tcp://192.0.2.7:7000"
    clear, *_ = founded(tmp_path / "clear", listen=listen)
    assert clear.seeds == (listen, ELSEWHERE)
    encrypted, *_ = founded(tmp_path / "run", listen=listen, encrypt=True)
    key = identity_text(identity_of(read_key(tmp_path / "run" / "key")))
    assert encrypted.seeds == (f"{listen}#{key}", ELSEWHERE)
    assert encrypted.profile.network.listen == load().network.listen
    assert encrypted.profile.network.encrypt
    later, *_ = invite_more(tmp_path / "run", 1, ["tcp://192.0.2.10:7000"])
    assert later.seeds == (*encrypted.seeds, "tcp://192.0.2.10:7000")


def test_spare_seats_are_given_later_and_once(tmp_path: Path) -> None:
    invited = founded(tmp_path / "run")
    (later,) = invite_more(tmp_path / "run", 1, [])
    assert later.shard == 4 and later.profile == invited[0].profile
    assert Invitation.of(later.token) == later
    with pytest.raises(SettingsError, match="no seats are left"):
        invite_more(tmp_path / "run", 1, [])


def test_who_has_a_key_of_his_own_is_invited_again_and_nobody_else(tmp_path: Path) -> None:
    invited = founded(tmp_path / "run")
    assert invite_again(tmp_path / "run", [THEIRS], []) == invited[:1]
    for stranger in (identity_of(b"x" * 32), invited[1].identity):
        with pytest.raises(SettingsError, match="has no seat"):
            invite_again(tmp_path / "run", [stranger], [])


def test_one_person_has_no_two_seats(tmp_path: Path) -> None:
    chosen = load("default", {"peers": 4, "seal": "ed25519"})
    with pytest.raises(SettingsError, match="twice"):
        found(tmp_path / "run", chosen, keys=[THEIRS, THEIRS], seats=0, seeds=[])
    assert not (tmp_path / "run").exists()
