"""One machine, three homes: what it does on real sockets it does in virtual time.

The third home, the conformance vectors, is held in tests/conformance/test_scripts.py.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tallyp2p.birth import Birth
from tallyp2p.bits import unpack
from tallyp2p.consensus.contributor import Election, IdArray, Vote
from tallyp2p.gossip import events
from tallyp2p.gossip.machine import PeerMachine
from tallyp2p.gossip.spreading import Routes
from tallyp2p.parameters import Ids, RunParameters, Seal, Spreading, Timing
from tallyp2p.runtime.meter import Meter
from tallyp2p.runtime.node import Node
from tallyp2p.runtime.transport import Transport
from tallyp2p.simulator.learners import Voter
from tallyp2p.simulator.replay import replay
from tallyp2p.simulator.spec import Link, Voting, WorldSpec
from tallyp2p.simulator.voters import Electorate
from tallyp2p.simulator.world import World
from tallyp2p.tracing.reading import read_trace
from tallyp2p.tracing.recording import Recorded, TraceFile, Traces
from tests.waiting import eventually

RUN = RunParameters(pool=40, probes=4, rounds_per_ballot=2)
PEERS, SEED = 4, 5


def secret(peer: int) -> bytes:
    return bytes((peer,)) * 32


class Synthetic:
    """A synthetic voter where a learner would be: Contributor."""

    def __init__(self, electorate: Electorate, run: RunParameters, author: bytes) -> None:
        self._electorate, self._run, self._author = electorate, run, author

    def vote(self, round: int, ids: IdArray | None) -> Vote:
        ballot = self._electorate.vote(Voter(0, self._author), round)
        count = self._run.votes if ballot.ids is None else len(ballot.ids)
        labels = unpack(ballot.votes, count, self._run.bits)
        return Vote(labels, None if ballot.ids is None else np.array(ballot.ids, np.uint32))

    def learn(self, round: int, elections: Sequence[Election]) -> Mapping[str, float]:
        return {}


def real_peer(
    run: RunParameters,
    timing: Timing,
    index: int,
    path: Path,
    voter: Callable[[Electorate, RunParameters, bytes], Synthetic] = Synthetic,
) -> tuple[Node, PeerMachine, str]:
    """A recorded peer on a loopback socket."""
    birth = Birth.of(run, timing, secret(index), os.urandom(8), os.urandom(16), "real/1")
    machine = Recorded(birth, TraceFile(path))
    transport = Transport(Meter())
    endpoint = transport.bind("tcp://127.0.0.1:*")
    learner = voter(Electorate(run, Voting(), SEED), run, machine.author)
    codec = birth.codec(machine, secret(index))
    return Node(machine, codec, transport, learner, run), machine, endpoint


async def litter(endpoint: str) -> None:
    """A stranger sends what is no message, what comes too early, and what is cut."""
    stranger = Transport(Meter())
    assert stranger.dial(endpoint)
    for frame in (b"", b"\xff" * 50, b"\x04\x00" + bytes(8), b"\x01\x00TALLY\x81", bytes(300)):
        assert stranger.send(endpoint, frame)
    await stranger.close(1000)


async def real_swarm(run: RunParameters, timing: Timing, directory: Path) -> None:
    """All peers start together and make all rounds."""
    made = [
        real_peer(run, timing, index, directory / f"peer-{index}.jsonl") for index in range(PEERS)
    ]
    endpoints = tuple(endpoint for _, _, endpoint in made)
    finishes = await asyncio.gather(
        *(node.run(events.Started(endpoint, endpoints, fresh=True)) for node, _, endpoint in made)
    )
    assert all(finish.completed for finish in finishes)


def simulated_swarm(run: RunParameters, timing: Timing, directory: Path) -> None:
    """The same peers in virtual time, where messages are late, doubled and overtaken."""
    rough = Link(delay=0.02, jitter=0.2, reorder=0.3, double=0.1, loss=0.05)
    spec = WorldSpec(peers=PEERS, run=run, timing=timing, links=rough, exact=True, seed=SEED)
    traces = Traces(directory)
    World(spec, secrets=secret, machines=traces.machine).run()
    traces.close()


def said_and_heard(directory: Path) -> dict[str, Any]:
    """By author: its ballots as frames, and the elections that it learnt from, by round."""
    found: dict[str, Any] = {}
    for path in directory.iterdir():
        header, *lines = map(json.loads, path.read_text().splitlines())
        said = [line["ballot"] for line in lines if line["event"] == "cast"]
        effects = [effect for line in lines for effect in line["effects"]]
        heard = [effect for effect in effects if effect["effect"] == "learn"]
        found[header["author"]] = said, heard
    return found


RUNS = {
    "sampled": RUN,
    "sampled explicit": replace(RUN, ids=Ids.EXPLICIT),
    "broadcast sealed": replace(RUN, spreading=Spreading.BROADCAST, seal=Seal.ED25519),
}

# Whom a peer hears is its own chance, so two swarms are never the same.
VIEWS = {
    "partial view": replace(RUN, view=3),
    "passed on": replace(RUN, view=3, spreading=Spreading.BROADCAST),
}


# --- recorded on real sockets, replayed in virtual time ---------------------------------------


@pytest.mark.parametrize("run", [*RUNS.values(), *VIEWS.values()], ids=[*RUNS, *VIEWS])
async def test_lives_on_real_sockets_are_replayed_in_virtual_time(
    run: RunParameters, tmp_path: Path
) -> None:
    """One peer leaves and comes back as a new process would, and a stranger sends garbage."""
    timing = Timing(rounds=1_000_000, quorum=PEERS, deadline=2.0, patience=0.2, gossip_interval=0.2)
    made = [
        real_peer(run, timing, index, tmp_path / f"peer-{index}.jsonl") for index in range(PEERS)
    ]
    endpoints = tuple(endpoint for _, _, endpoint in made)
    running = [
        asyncio.create_task(node.run(events.Started(endpoint, endpoints, fresh=True)))
        for node, _, endpoint in made
    ]
    await reached(made[1][1], 8)
    await litter(endpoints[0])
    made[1][0].stop()
    await running[1]
    node, machine, endpoint = real_peer(
        run, replace(timing, quorum=2), 1, tmp_path / "peer-1-again.jsonl"
    )
    again = asyncio.create_task(node.run(events.Started(endpoint, endpoints[:1])))
    await reached(machine, (made[0][1].round or 0) + 8)
    for other in (made[0][0], made[2][0], made[3][0], node):
        other.stop()
    await asyncio.gather(*running, again)

    lives = {path.stem: replay(read_trace(path)) for path in sorted(tmp_path.iterdir())}
    assert len(lives) == PEERS + 1
    for name, life in lives.items():
        assert life.difference is None, f"{name}: {life.difference}"
        assert life.ended == "stopped: stopped" and life.effects["learn"] > 0
    assert lives["peer-0"].events["trespassed"] >= 5


async def reached(machine: PeerMachine, round: int) -> None:
    """Wait until a peer is in a round."""
    await eventually(lambda: (machine.round or 0) >= round)


async def test_a_changed_machine_is_caught_where_a_real_one_did_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The change: the last of those who are to hear a ballot is left out."""
    patient = Timing(rounds=16, quorum=PEERS, patience=20.0)  # nobody asks for a ballot
    await real_swarm(RUN, patient, tmp_path)
    path = tmp_path / "peer-0.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    told = next(n for n, line in enumerate(lines) if "ballot" in line and _sends(line))
    honest = Routes.receivers
    monkeypatch.setattr(Routes, "receivers", lambda *args: sorted(honest(*args))[:-1])
    difference = replay(read_trace(path)).difference
    assert difference is not None and difference.line == told + 1
    assert difference.place == _sends(lines[told]) - 1
    assert difference.expected == lines[told]["effects"][difference.place]
    assert difference.got != difference.expected


def _sends(line: dict[str, Any]) -> int:
    return sum(effect["effect"] == "send" for effect in line["effects"])


# --- the same swarm in both ---------------------------------------------------------------------


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
async def test_a_real_lockstep_swarm_and_a_simulated_one_say_and_hear_the_same(
    run: RunParameters, tmp_path: Path
) -> None:
    """Ballots byte for byte, and for each round the same elections at each peer."""
    timing = Timing(rounds=16, quorum=PEERS, gossip_interval=0.5)
    await real_swarm(run, timing, tmp_path / "real")
    simulated_swarm(run, timing, tmp_path / "simulated")
    real, simulated = said_and_heard(tmp_path / "real"), said_and_heard(tmp_path / "simulated")
    assert len(real) == PEERS and all(len(said) == len(heard) == 8 for said, heard in real.values())
    assert real == simulated
