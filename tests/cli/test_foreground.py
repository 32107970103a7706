"""The peer in a terminal: which peer it is, and what it says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tallyp2p.assemble import Member, Seat, key_seat, named_seat, shard_seat
from tallyp2p.cli.foreground import Foreground
from tallyp2p.cli.former import remember
from tallyp2p.errors import SettingsError
from tallyp2p.gossip.events import MemberChanged, Refused
from tallyp2p.profiles import load
from tallyp2p.runtime.node import Progress, Trouble
from tallyp2p.wire.electorate import Electorate
from tallyp2p.wire.seal import identity_of

RUN = SimpleNamespace(descriptor="", run=b"r" * 8)


def foreground(said: list[str], **more: Any) -> Foreground:
    settings: dict[str, Any] = {
        "profile": load("default", {"rounds": 20}),
        "seeds": (),
        "shard": None,
        "name": None,
        "run_dir": None,
        "joining": False,
        "insecure": False,
        "say": said.append,
    }
    return Foreground(**(settings | more))


def test_who_it_is() -> None:
    profile = load("default", {"rounds": 20})
    assert foreground([], shard=3).seat() == shard_seat(profile, 3)
    assert foreground([], name="anna", shard=3).seat() == named_seat(profile, "anna", 3)
    assert foreground([]).seat() != foreground([]).seat()


@pytest.mark.parametrize("keyed", [False, True])
def test_who_goes_on_is_who_it_was_on_the_shard_that_it_had(tmp_path: Path, keyed: bool) -> None:
    """The directory of its journal is that of its shard, which no key knows."""
    profile = load("default", {"rounds": 20, "run.seal": "ed25519"})
    secret = bytes(range(32))
    for shard in (0, 1):  # of one of the two its key would have it
        seat = key_seat(profile, secret, shard)
        remember(tmp_path / str(shard), seat, tmp_path / "key" if keyed else None)
        again = foreground(
            [],
            profile=profile,
            run_dir=tmp_path / str(shard),
            former=True,
            key=tmp_path / "key" if keyed else None,
        )
        assert again.seat(secret if keyed else None) == seat


def test_directory_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="not the directory of a swarm's run"):
        foreground([], shard=0, run_dir=tmp_path, joining=True).endpoints(0)


def test_endpoints_of_the_others_are_its_seeds(tmp_path: Path) -> None:
    (tmp_path / "rendezvous").mkdir()
    for index in range(3):
        (tmp_path / "rendezvous" / f"{index:02d}.endpoint").write_text(f"tcp://127.0.0.1:{index}\n")
    joining = foreground([], shard=1, run_dir=tmp_path, joining=True)
    assert joining.endpoints(1) == ["tcp://127.0.0.1:0", "tcp://127.0.0.1:2"]


def test_what_it_says() -> None:
    said: list[str] = []
    peer = foreground(said)
    author = bytes.fromhex("0011223344556677")
    peer.observe(MemberChanged(author, "alive", "tcp://127.0.0.1:1", "hello"))
    peer.observe(Refused(13, "it runs with other settings\nclasses=10\n"))
    for _ in range(3):
        peer.observe(Refused(34, "no\x1b[2Jids", by_them=True))
    peer.observe(Trouble("the disk is full"))  # in the log already: not twice
    counted = {way: {"total": {"wire": 1234}} for way in ("sent", "received")}
    progress = Progress(16, {"accuracy": 0.5, "alone": 0.25}, counted, alive=2, suspect=0)
    peer.observe(progress)
    peer.observe(replace(progress, round=8))  # too soon for another line
    assert said == [
        "peer 00112233 joined",
        "refused: it runs with other settings",
        "another peer refused us: a message that does not fit this run (no?[2Jids)",
        "round 20/20  2 alive  swarm 50.0%  alone 25.0%  sent 1.23 kB  received 1.23 kB",
    ]


def test_who_cannot_be_reached_by_its_seed_is_told_so() -> None:
    """It would be heard and never answered, and wait without a word."""
    member = SimpleNamespace(
        author=b"a" * 8, endpoint="tcp://127.0.0.1:5", rounds=8, resumed=None, run=RUN
    )

    async def greet() -> None:
        for seed, warned in (("tcp://127.0.0.1:1", False), ("tcp://192.0.2.77:1", True)):
            said: list[str] = []
            foreground(said, seeds=(seed,))._greet(cast("Member", member))
            assert said[-1].endswith("add --listen tcp://0.0.0.0:PORT") is warned

    asyncio.run(greet())


def wondering(peer: Foreground, said: list[str], hear: Callable[[], None]) -> list[float]:
    """After which pauses a line said that nobody has answered; `hear` comes before the third."""
    due: list[tuple[float, Callable[[], None]]] = []

    async def look() -> list[float]:
        loop = asyncio.get_running_loop()
        loop.call_later = lambda delay, call: due.append((delay, call))  # type: ignore
        peer._wonder(peer.seeds, 5.0)
        pauses: list[float] = []
        while due and len(pauses) < 9:
            if len(pauses) == 2:
                hear()
            before = len(said)
            delay, call = due.pop()
            call()
            pauses += [delay] * (len(said) - before)
        return pauses

    return asyncio.run(look())


def test_who_hears_nothing_of_its_seed_is_told_so_at_growing_distances() -> None:
    """Else nothing is said until `join_deadline`, and then that nobody came."""
    met = MemberChanged(b"a" * 8, "alive", "tcp://192.0.2.7:1", "hello")
    for told in (met, Refused(13, "another run", by_them=True)):
        said: list[str] = []
        peer = foreground(said, seeds=("tcp://192.0.2.7:1",))
        assert wondering(peer, said, partial(peer.observe, told)) == [5.0, 10.0]
        assert said[0].startswith("nobody has answered at tcp://192.0.2.7:1 yet: see that")


def test_who_waits_to_be_joined_says_how() -> None:
    """In an open run others have to ask for it as well."""
    member = SimpleNamespace(
        author=b"a" * 8, endpoint="tcp://192.0.2.7:5", rounds=8, resumed=None, run=RUN
    )
    for listen, more, words in (
        ("tcp://127.0.0.1:*", {}, "--seed tcp://192.0.2.7:5"),
        ("tcp://192.0.2.7:5", {"open_run": True}, ":5 --listen tcp://0.0.0.0:* --open"),
        ("tcp://192.0.2.7:5", {"insecure": True}, "0.0.0.0:* --insecure-listen"),
    ):
        said: list[str] = []
        profile = load("default", {"listen": listen})
        foreground(said, profile=profile, **more)._greet(cast("Member", member))
        assert said[-1].startswith("waiting to be joined:  tallyp2p peer ") and said[-1].endswith(
            words
        )


def test_a_run_with_a_list_is_for_peers_with_keys() -> None:
    listed = Electorate.of([identity_of(b"k" * 32), identity_of(b"m" * 32)])
    run = load("default", {"seal": "ed25519", "electorate": listed.digest})
    own = foreground([], profile=run, shard=3, electorate=listed)
    assert own.seat(b"k" * 32) == Seat(3, b"k" * 32)
    with pytest.raises(SettingsError, match="--electorate goes with --key"):
        own.seat()
    with pytest.raises(SettingsError, match="list of members.*--electorate FILE"):
        foreground([], profile=run, shard=3).seat()
    with pytest.raises(SettingsError, match="ask for an invitation"):
        own.seat(b"x" * 32)
