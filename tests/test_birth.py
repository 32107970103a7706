"""Machines of one birth are alike; and nothing secret is in a birth."""

from __future__ import annotations

from dataclasses import astuple, replace

import pytest

from tallyp2p.birth import Birth
from tallyp2p.errors import SettingsError
from tallyp2p.gossip import events
from tallyp2p.parameters import Seal, Timing
from tallyp2p.payloads import author_of
from tallyp2p.wire.electorate import Electorate
from tallyp2p.wire.seal import identity_of
from tests.world import SMALL_RUN, ballot_of

SECRET, INSTANCE, SEED = b"s" * 32, b"instance", b"c" * 16
SEALED = replace(SMALL_RUN, seal=Seal.ED25519)
START = events.Started("tcp://10.0.0.1:1", tuple(f"tcp://10.0.0.{n}:1" for n in range(2, 9)))


def birth(run: object = SMALL_RUN, seed: bytes = SEED) -> Birth:
    return Birth.of(run, Timing(), SECRET, INSTANCE, seed)  # type: ignore[arg-type]


def test_machines_of_one_birth_do_the_same() -> None:
    made = birth()
    first, second = made.machine(), made.machine()
    for moment in range(30):
        event = events.Ticked() if moment else START
        assert first.handle(event, float(moment)) == second.handle(event, float(moment))


def test_another_seed_is_another_chance() -> None:
    one, other = (birth(seed=seed).parts()[4].random() for seed in (SEED, b"d" * 16))
    assert one != other


def test_nonces_of_a_peer_on_sockets_do_not_follow_from_its_generator() -> None:
    """Enough of what a generator drew tells its seed, and these prove who is where (VIEW-3)."""
    one, other = (birth(seed=SEED + more).parts() for more in (b"e" * 16, b"f" * 16))
    assert one[4].random() == other[4].random() == birth().parts()[4].random()
    assert one[7] != other[7] and birth().parts()[7] == birth().parts()[7]


def test_in_an_open_run_the_secret_is_the_identity_and_in_a_sealed_one_it_is_not_kept() -> None:
    assert birth().identity == SECRET
    sealed = birth(SEALED)
    assert SECRET not in astuple(sealed)
    assert sealed.machine().author == author_of(sealed.identity)


def test_the_codec_signs_where_the_run_is_sealed() -> None:
    for run in (SMALL_RUN, SEALED):
        made = birth(run)
        machine = made.machine()
        ballot = made.codec(machine, SECRET).seal(ballot_of(run, machine.author, 0))
        assert (ballot.seal is not None) is (run is SEALED)
        assert made.codec(machine, SECRET).encode(ballot)


def test_in_a_run_with_a_list_nobody_speaks_without_it_or_off_it() -> None:
    """ELECT-5."""
    own, other = identity_of(SECRET), identity_of(b"o" * 32)
    listed = Electorate.of([own, other])
    run = replace(SEALED, electorate=listed.digest)
    made = birth(run)
    assert made.codec(made.machine(), SECRET, listed)
    for wrong, words in ((None, "--electorate"), (Electorate.of([own]), "is not the run's")):
        with pytest.raises(SettingsError, match=words):
            made.codec(made.machine(), SECRET, wrong)
    alone = Electorate.of([other])
    stranger = birth(replace(SEALED, electorate=alone.digest))
    with pytest.raises(SettingsError, match="ask for an invitation"):
        stranger.codec(stranger.machine(), SECRET, alone)
    with pytest.raises(SettingsError, match="is not the run's"):
        birth(SEALED).codec(made.machine(), SECRET, listed)
