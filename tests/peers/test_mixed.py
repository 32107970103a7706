"""One swarm of peers in four languages reaches the tallies of an all-Python one, byte for byte.

Identities and opinions are fixed, so the ballots are the same whoever casts them, and so are
the digraph of each round and with it the tallies.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from tallyp2p.parameters import Ids, RunParameters, Seal, Spreading
from tests.peers.foreign import NAMES, Running, start

pytestmark = pytest.mark.slow

RUN = RunParameters(classes=10, pool=60, probes=8, rounds_per_ballot=2)
ROUNDS = 12
FOUR = ("python", "minimal", "javascript", "c")


def opinion(index: int, run: RunParameters) -> list[int]:
    """Labels that mostly agree, with ties and abstentions."""
    random = Random(f"opinion {index}")
    return [
        run.classes if random.random() < 0.1 else (id % 3 if random.random() < 0.6 else index)
        for id in range(run.pool)
    ]


def swarm(kinds: tuple[str, ...], run: RunParameters, folder: Path) -> list[dict[int, str]]:
    """The tallies of every peer of a swarm of these kinds."""
    (folder / "run.txt").write_text(run.descriptor)
    with ExitStack() as stack:
        peers: list[Running] = []
        for index, kind in enumerate(kinds):
            labels = folder / f"labels-{index}.json"
            labels.write_text(json.dumps(opinion(index, run)))
            seeds = ["--seed", peers[0].endpoint()] if peers else []
            peer = start(
                kind,
                *("--listen", "tcp://127.0.0.1:*", "--run", str(folder / "run.txt")),
                *("--rounds", str(ROUNDS), "--quorum", str(len(kinds))),
                *("--identity", bytes([index + 1]).hex() * 32, "--labels", str(labels)),
                *seeds,
            )
            peers.append(stack.enter_context(peer))
            peer.endpoint()
        for peer in peers:
            assert peer.finish(120) == 0, peer.words()
            assert peer.told("finished")[0]["completed"] is True
            assert not peer.told("refused"), peer.told("refused")
        return [peer.tallies() for peer in peers]


RUNS = {
    "sampled": RUN,
    "broadcast": replace(RUN, spreading=Spreading.BROADCAST),
    "explicit": replace(RUN, spreading=Spreading.BROADCAST, ids=Ids.EXPLICIT),
    "sealed": replace(RUN, spreading=Spreading.BROADCAST, seal=Seal.ED25519),
}


@pytest.fixture(scope="module")
def all_python(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[int, str]]]:
    """What the same opinions give among Python peers alone."""
    return {
        name: swarm(("python",) * 4, run, tmp_path_factory.mktemp(name))
        for name, run in RUNS.items()
    }


@pytest.mark.parametrize("name", list(RUNS))
def test_four_languages_reach_the_tallies_of_one(
    name: str, all_python: dict[str, list[dict[int, str]]], tmp_path: Path
) -> None:
    run = RUNS[name]
    expected = all_python[name]
    assert all(set(tallies) == set(range(0, ROUNDS, 2)) for tallies in expected)
    if run.spreading is Spreading.BROADCAST:
        assert all(tallies == expected[0] for tallies in expected)
    assert swarm(FOUR, run, tmp_path) == expected


@pytest.mark.parametrize("kind", [name for name in NAMES if name != "python"])
def test_each_language_makes_a_swarm_of_its_own(
    kind: str, all_python: dict[str, list[dict[int, str]]], tmp_path: Path
) -> None:
    """And without any of our peers: the text is enough."""
    assert swarm((kind,) * 4, RUNS["sampled"], tmp_path) == all_python["sampled"]
