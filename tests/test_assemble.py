"""Seats: who a peer is, and that it stays who it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tallyp2p.assemble import (
    Seat,
    assemble,
    check_endpoint,
    check_open,
    check_swarm,
    key_seat,
    most_talked_to,
    named_seat,
    new_seat,
    shard_seat,
    swarm_listen,
    swarm_profile,
    will_encrypt,
)
from tallyp2p.errors import SettingsError
from tallyp2p.gossip.events import Started
from tallyp2p.gossip.neighbours import most_lines
from tallyp2p.parameters import RunParameters, Seal
from tallyp2p.profiles import load
from tallyp2p.wire.electorate import Electorate
from tallyp2p.wire.keys import identity_text
from tallyp2p.wire.seal import identity_of


async def endpoints(seal: Seal, encrypt: bool | None, listen: str = "tcp://127.0.0.1:*") -> str:
    """Where a peer without a learner listens."""
    profile = load("default", {"run.seal": seal})
    built: Any = SimpleNamespace(run=RunParameters(seal=seal), contributor=None)
    member = assemble(profile, Seat(0, b"s" * 32), built, listen=listen, encrypt=encrypt)
    member.node.stop()
    await member.node.run(Started(member.endpoint))
    return member.endpoint.partition("#")[2]


async def test_keys_of_connections_are_the_identities_where_those_are_keys() -> None:
    """CURVE-2."""
    own = identity_text(identity_of(b"s" * 32))
    assert await endpoints(Seal.ED25519, True) == own
    assert await endpoints(Seal.ED25519, None) == ""
    fresh = {await endpoints(Seal.NONE, True) for _ in range(2)}
    assert len(fresh) == 2 and own not in fresh  # nor is one to be had from a HELLO


def test_shard_is_the_same_peer_whenever_it_starts() -> None:
    profile = load("default", {"seed": 5})
    again = load("default", {"seed": 5, "peers": 20, "rounds": 7})
    assert shard_seat(profile, 3) == shard_seat(again, 3)


def test_shards_and_seeds_make_different_peers() -> None:
    one, two = load("default", {"seed": 1}), load("default", {"seed": 2})
    identities = {shard_seat(profile, index).secret for profile in (one, two) for index in (0, 1)}
    assert len(identities) == 4
    assert {len(identity) for identity in identities} == {32}


def test_shard_outside_the_data_is_refused() -> None:
    with pytest.raises(SettingsError, match="cut into 10"):
        shard_seat(load(), 10)


def test_name_is_a_peer_whatever_its_shard() -> None:
    profile = load()
    seat = named_seat(profile, "anna")
    assert 0 <= seat.index < profile.peers
    assert named_seat(profile, "anna") == seat
    assert named_seat(profile, "anna", 4) == replace(seat, index=4)
    assert named_seat(profile, "berta").secret != seat.secret


def test_new_peer_takes_identity_and_shard_from_the_entropy() -> None:
    seat = new_seat(load(), entropy=lambda count: bytes(range(count)))
    assert seat.secret == bytes(range(32))
    assert seat.index == int.from_bytes(bytes(range(8, 16)), "big") % 10


def test_with_a_view_a_peer_talks_to_a_bounded_number() -> None:
    at_most = {
        peers: most_talked_to(load("default", {"peers": peers, "run.view": 4}))
        for peers in (10, 500)
    }
    assert at_most == {10: 10, 500: most_lines(4)}
    assert most_talked_to(load("default", {"peers": 500, "run.view": 0})) == 500


def test_swarm_waits_for_all_its_peers() -> None:
    assert swarm_profile(load("default", {"peers": 7})).timing.quorum == 7
    some = load("default", {"peers": 40, "view": 12})
    assert swarm_profile(some).timing.quorum == 7


def test_swarm_needs_a_port_for_each_peer() -> None:
    fixed = load("default", {"listen": "tcp://127.0.0.1:7000"})
    with pytest.raises(SettingsError, match="names one port"):
        swarm_listen(fixed, Path("run"), 0)
    assert swarm_listen(load(), Path("run"), 0) == "tcp://127.0.0.1:*"


def test_swarm_over_ipc_listens_in_its_directory_where_a_socket_can_be() -> None:
    ipc = load("default", {"transport": "ipc"})
    assert swarm_listen(ipc, Path("/var/run"), 3) == "ipc:///var/run/peer-03/inbox"
    assert swarm_listen(ipc, Path("run"), 3) == f"ipc://{Path.cwd()}/run/peer-03/inbox"
    for impossible in ("/my runs", "/läufe", "/" + "x" * 90):
        with pytest.raises(SettingsError, match="--out"):
            swarm_listen(ipc, Path(impossible), 3)


@pytest.mark.parametrize(
    "text", ["tcp://127.0.0.1:7000", "tcp://[::1]:1", "tcp://a.example:65535", "ipc:///tmp/x"]
)
def test_endpoint_is_as_the_specification_has_it(text: str) -> None:
    check_endpoint(text)


@pytest.mark.parametrize(
    "text",
    ["foo", "tcp://127.0.0.1", "tcp://127.0.0.1:*", "tcp://0.0.0.0:7000", "ipc://a b", "7000"],
)
def test_what_nobody_can_dial_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="tcp://HOST:PORT or ipc://PATH"):
        check_endpoint(text)


@pytest.mark.parametrize("text", ["tcp://[fe80::1%eth0]:7000", "tcp://[fe80::1]:7000"])
def test_an_address_that_means_something_on_one_host_only_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="zone.*use another address of that peer"):
        check_endpoint(text)


def test_a_key_is_a_peer_whose_shard_follows_from_what_all_may_know() -> None:
    sealed = load("default", {"seal": "ed25519"})
    assert key_seat(sealed, b"k" * 32, 3) == Seat(3, b"k" * 32)
    drawn = {key_seat(sealed, bytes([n]) * 32).index for n in range(40)}
    assert len(drawn) > 5 and key_seat(sealed, b"k" * 32) == key_seat(sealed, b"k" * 32)
    with pytest.raises(SettingsError, match="seal=ed25519"):
        key_seat(
            load("default"), b"k" * 32
        )  # there the secret would be the identity, for all to see


def test_a_key_off_the_list_is_refused_before_anything_is_built() -> None:
    listed = Electorate.of([identity_of(b"k" * 32), identity_of(b"m" * 32)])
    run = load("default", {"seal": "ed25519", "electorate": listed.digest})
    assert key_seat(run, b"k" * 32, 1, listed)
    with pytest.raises(SettingsError, match="ask for an invitation"):
        key_seat(run, b"x" * 32, 1, listed)
    with pytest.raises(SettingsError, match="--electorate FILE"):
        key_seat(run, b"k" * 32, 1)


def test_an_open_run_must_be_asked_for_where_others_can_reach_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    profile, listed = load("default"), load("default", {"seal": "ed25519", "electorate": "e" * 64})
    for listen in ("tcp://127.0.0.1:*", "tcp://[::1]:7000", "ipc:///tmp/peer"):
        assert not check_open(profile, listen, asked=False)
    assert not check_open(listed, "tcp://192.0.2.1:7000", asked=False)
    with pytest.raises(SettingsError, match="tallyp2p invite.*--open"):
        check_open(profile, "tcp://192.0.2.1:7000", asked=False)
    assert not caplog.text
    assert check_open(profile, "tcp://192.0.2.1:7000", asked=True)
    assert "anybody who can reach a peer of this run may vote" in caplog.text


def test_a_swarm_whose_keys_anybody_can_reckon_has_no_list() -> None:
    check_swarm(load("default", {"seal": "ed25519"}))
    with pytest.raises(SettingsError, match="keys of their own"):
        check_swarm(load("default", {"seal": "ed25519", "electorate": "e" * 64}))


KEY = "A" * 42 + "E"


@pytest.mark.parametrize(
    ("settings", "more", "encrypted"),
    [
        ({}, {}, False),
        ({}, {"encrypt": True}, True),
        ({"network.encrypt": True}, {}, True),
        ({"network.encrypt": True}, {"encrypt": False}, False),
        ({}, {"seeds": (f"tcp://127.0.0.1:7000#{KEY}",)}, True),
        ({}, {"seeds": ("tcp://127.0.0.1:7000",)}, False),
        ({"network.listen": "ipc:///tmp/peer"}, {"seeds": ("ipc:///tmp/another#one",)}, False),
    ],
)
def test_whether_it_encrypts(
    settings: dict[str, Any], more: dict[str, Any], encrypted: bool
) -> None:
    assert will_encrypt(load("default", settings), **more) is encrypted


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"encrypt": True, "seeds": ("tcp://10.0.0.7:7000",)}, "write it whole, with #"),
        ({"encrypt": False, "seeds": (f"tcp://peer:7000#{KEY}",)}, "leave out --no-encrypt"),
        ({"insecure": True, "seeds": (f"tcp://peer:7000#{KEY}",)}, "and --insecure-listen"),
        ({"encrypt": True, "insecure": True}, "contradict each other"),
    ],
)
def test_seeds_that_it_could_never_talk_to_are_refused(more: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        will_encrypt(load(), **more)
