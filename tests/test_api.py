"""Peer and Swarm in a program: own model, own data, callbacks, and how they end."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.data import Dataset, TensorDataset

import tallyp2p
from tallyp2p import Peer, Result, Round, Swarm
from tallyp2p.admission.charter import found
from tallyp2p.admission.keyfile import held_key, make_key
from tallyp2p.admission.place import write_place
from tallyp2p.errors import FailureError, LocalError, SettingsError
from tallyp2p.profiles import load
from tallyp2p.wire.electorate import Electorate
from tallyp2p.wire.seal import identity_of

QUICK: dict[str, Any] = {
    "rounds": 32,
    "run.probes": 8,
    "rounds_per_ballot": 4,
    "warmup": 8,
    "lr": 0.02,
}


def blobs(count: int, seed: int) -> TensorDataset:
    """Two classes of points in the plane."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.arange(count) % 2
    points = torch.randn(count, 2, generator=generator) + 3.0 * labels[:, None]
    return TensorDataset(points, labels)


class Unlabelled(Dataset[torch.Tensor]):
    """Probes as bare inputs."""

    def __init__(self, pairs: TensorDataset) -> None:
        self._points = pairs.tensors[0]

    def __len__(self) -> int:
        return len(self._points)

    def __getitem__(self, index: int) -> torch.Tensor:
        return self._points[index]


def model() -> torch.nn.Module:
    return torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))


def peer(seed: int, **more: Any) -> Peer:
    settings: dict[str, Any] = {"classes": 2, "test": blobs(64, 9), **QUICK, **more}
    return Peer(model(), blobs(64, seed), Unlabelled(blobs(64, 8)), **settings)


async def test_two_peers_meet_and_learn() -> None:
    rounds: list[Round] = []

    async def later(round: Round) -> None:
        await asyncio.sleep(0)
        rounds.append(round)

    async with peer(1, on_round=rounds.append) as one:
        async with peer(2, seeds=[one.endpoint], on_round=later) as two:
            results = await asyncio.gather(one.run(), two.run())
    assert [result.completed for result in results] == [True, True]
    assert [result.rounds for result in results] == [32, 32]
    assert all(result.accuracy is not None and result.accuracy > 0.8 for result in results)
    assert len(rounds) == 2 * 32 / 4
    assert results[0].bytes["sent"]["votes"]["payload"] == 8 * 8 * 4 * 2 / 8  # 2 bits a vote


async def test_swarm_of_three_in_one_loop() -> None:
    told: set[int] = set()
    swarm = Swarm(
        model,
        [blobs(64, seed) for seed in range(3)],
        blobs(64, 8),
        classes=2,
        test=blobs(64, 9),
        on_round=lambda round: told.add(round.peer),
        **QUICK,
    )
    async with swarm:
        results = await swarm.run()
    assert [result.completed for result in results] == [True] * 3
    assert told == {0, 1, 2}


async def test_what_a_callback_raises_comes_out_of_run() -> None:
    def fail(round: Round) -> None:
        raise ZeroDivisionError

    async with peer(1, on_round=fail) as one, peer(2, seeds=[one.endpoint]) as two:
        running = asyncio.ensure_future(two.run())
        with pytest.raises(ZeroDivisionError):
            await one.run()
        two.stop()
        assert not (await running).completed


async def test_model_that_fails_is_named() -> None:
    class Broken(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = torch.nn.Linear(2, 2)

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            if self.training:
                raise RuntimeError("the model is broken")
            return torch.zeros(len(inputs), 2)

    swarm = Swarm(Broken, [blobs(64, 1), blobs(64, 2)], blobs(64, 8), classes=2, **QUICK)
    async with swarm:
        with pytest.raises(FailureError, match="the model is broken"):
            await swarm.run()


async def test_swarm_that_cannot_be_entered_leaves_nothing_open() -> None:
    bad = TensorDataset(torch.zeros(0, 2), torch.zeros(0, dtype=torch.int64))
    swarm = Swarm(model, [blobs(64, 1), bad], blobs(64, 8), classes=2, **QUICK)
    with pytest.raises(SettingsError, match="private"):
        await swarm.__aenter__()
    with pytest.raises(LocalError, match="runs once"):
        await swarm.peers[0].run()


async def test_peer_that_never_ran_closes_what_it_opened() -> None:
    async with peer(1, listen="tcp://127.0.0.1:*") as one:
        endpoint = one.endpoint
    async with peer(1, listen=endpoint) as again:
        assert again.endpoint == endpoint


@pytest.mark.filterwarnings("error::pytest.PytestUnraisableExceptionWarning")
async def test_peer_that_gets_no_port_leaves_nothing_open() -> None:
    async with peer(1) as one:
        with pytest.raises(FailureError, match="in use"):
            await peer(2, listen=one.endpoint).__aenter__()
    gc.collect()


async def test_peer_leaves_when_it_is_told_to() -> None:
    async with peer(1) as one:
        running = asyncio.ensure_future(one.run())
        await asyncio.sleep(0)
        one.stop()
        result = await running
    assert (result.completed, result.rounds, result.accuracy) == (False, 0, None)


async def test_name_is_the_same_peer_again() -> None:
    async with peer(1, name="anna") as one, peer(2, name="anna") as two, peer(2) as three:
        assert one.author == two.author != three.author


async def test_two_programs_take_part_by_the_directories_of_their_seats(tmp_path: Path) -> None:
    """What `tallyp2p invite` and `join` write, and a program goes on from."""
    settings = {**QUICK, "peers": 2, "seal": "ed25519", "encrypt": True}
    settings["data.probes"] = 64
    [invited] = found(tmp_path / "a", load("default", settings), keys=(), seats=1, seeds=())
    write_place(tmp_path / "b", invited)

    def seated(seed: int, folder: str, **more: Any) -> Peer:
        seat = tmp_path / folder
        return Peer(model(), blobs(64, seed), blobs(64, 8), classes=2, seat=seat, **more)

    async with seated(1, "a") as one:
        assert "#" in one.endpoint
        with pytest.raises(FailureError, match="in use by another process"):
            await seated(1, "a").__aenter__()
        async with seated(2, "b", seeds=[one.endpoint]) as two:
            assert one.author != two.author
            results = await asyncio.gather(one.run(), two.run())
    assert [result.completed for result in results] == [True, True]
    again = seated(1, "a")  # its key is free again
    assert again._seat.index == 0
    with pytest.raises(SettingsError, match="seat says which run and peer"):
        seated(1, "a", name="anna")


def test_a_peer_has_a_key_and_a_list_of_members(tmp_path: Path) -> None:
    """`tallyp2p peer --key FILE --electorate FILE`, in a program."""
    own = make_key(tmp_path / "key")
    other = identity_of(b"o" * 32)
    (tmp_path / "list").write_text(Electorate.of([own, other]).text)
    signed: dict[str, Any] = {"key": tmp_path / "key", "run.seal": "ed25519"}
    listed = peer(1, electorate=tmp_path / "list", **signed)
    assert listed._profile.run.electorate == Electorate.of([own, other]).digest
    assert peer(1, **signed)._seat == listed._seat
    with pytest.raises(SettingsError, match="ballots of this run are not signed"):
        peer(1, key=tmp_path / "key")
    with pytest.raises(SettingsError, match="give one of them"):
        peer(1, name="anna", **signed)
    (tmp_path / "list").write_text(Electorate.of([other]).text)
    with pytest.raises(SettingsError, match="not on the list of members"):
        peer(1, electorate=tmp_path / "list", **signed)
    with pytest.raises(SettingsError, match="electorate goes with key"):
        peer(1, electorate=tmp_path / "list", **{"run.seal": "ed25519"})


async def test_the_key_is_free_again_however_a_peer_ends(tmp_path: Path) -> None:
    make_key(tmp_path / "key")
    one = peer(1, key=tmp_path / "key", **{"run.seal": "ed25519"})
    with pytest.raises(asyncio.CancelledError):
        async with one:
            with pytest.raises(FailureError, match="in use"), held_key(tmp_path / "key"):
                pass
            one.run = _cancelled(one.run)  # type: ignore[method-assign]
    with held_key(tmp_path / "key"):
        pass


def _cancelled(
    run: Callable[[], Coroutine[Any, Any, Result]],
) -> Callable[[], Coroutine[Any, Any, Result]]:
    """`run`, of a task that is cancelled when it is done."""

    async def cancelled() -> Result:
        await run()
        raise asyncio.CancelledError

    return cancelled


async def test_misuse_is_named() -> None:
    one = peer(1)
    with pytest.raises(LocalError, match="async with"):
        await one.run()
    with pytest.raises(SettingsError, match="did you mean timing.rounds"):
        peer(1, runds=3)
    with pytest.raises(SettingsError, match="'foo' is not a peer's endpoint"):
        peer(1, seeds="foo")
    with pytest.raises(SettingsError, match="needs its own"):
        trains = [blobs(64, 1), blobs(64, 2)]
        Swarm(model, trains, blobs(64, 8), classes=2, listen="tcp://127.0.0.1:7000", **QUICK)
    with pytest.raises(SettingsError, match="train set for each"):
        Swarm(model, [blobs(64, 1)], blobs(64, 8), classes=2)


def test_public_names() -> None:
    for name in tallyp2p.__all__:
        assert getattr(tallyp2p, name) is not None
    with pytest.raises(AttributeError, match="Swram"):
        tallyp2p.Swram  # noqa: B018


def test_a_run_open_to_all_must_be_asked_for_and_is_called_what_it_is(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(SettingsError, match="under as many names as they like.*open_run=True"):
        peer(1, listen="tcp://192.0.2.1:*")
    peer(1, listen="tcp://192.0.2.1:*", open_run=True)
    assert "its votes have no security" in caplog.text
    caplog.clear()
    peer(1)
    assert not caplog.text
