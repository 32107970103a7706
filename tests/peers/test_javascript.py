"""The JavaScript peer as others meet it: a program that votes, answers, learns and leaves."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import msgpack
import pytest
import zmq

from tallyp2p.consensus.probes import derive
from tallyp2p.parameters import Ids, RunParameters, Seal, Spreading
from tests.peers.foreign import ROOT, Running, command, left_out, start
from tests.waiting import LONG

RUN = RunParameters(classes=10, pool=60, probes=8, rounds_per_ballot=2)
HERE = ["--listen", "tcp://127.0.0.1:*"]
ENDLESS = ["--rounds", "100000000"]


@pytest.fixture(autouse=True)
def _toolchain() -> None:
    command("javascript")  # skips, with the reason, where node 20 or its modules are missing


@pytest.fixture
def run_file(tmp_path: Path) -> str:
    return written(tmp_path / "run.txt", RUN)


@pytest.fixture
def context() -> Iterator[zmq.Context[zmq.Socket[bytes]]]:
    with zmq.Context() as made:
        yield made


def written(path: Path, run: RunParameters) -> str:
    path.write_text(run.descriptor)
    return str(path)


def once(*arguments: str, given: str = "", seconds: float = 60) -> subprocess.CompletedProcess[str]:
    """The peer until it ends by itself."""
    return subprocess.run(
        [*command("javascript"), *arguments],
        input=given,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def finished(peer: Running, seconds: float = 60) -> dict[str, Any]:
    """What it says at its end, which is a good one."""
    peer.wait(lambda: peer.told("finished"), seconds)
    assert peer.finish() == 0, peer.words()
    return peer.told("finished")[0]


# --- what it knows ---------------------------------------------------------------------------


def test_its_own_unit_tests_pass() -> None:
    tests = sorted((ROOT / "peers/javascript/test").glob("*.test.mjs"))
    done = subprocess.run(
        ["node", "--test", *map(str, tests)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout
    assert len(tests) >= 3


def test_every_vector_comes_out_as_it_must() -> None:
    """All kinds, gossip scripts too; only keys, and runs with a view or an electorate, are not."""
    peer = [*command("javascript"), "conform"]
    done = subprocess.run(
        [sys.executable, "-m", "tallyp2p.cli", "conform", "--vectors", "--", *peer],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    cases, good, *others = map(int, done.stdout.split(" all ")[1].split()[:5])
    unimplemented = sum(left_out().values())
    assert good == cases - unimplemented > 1000 and others == [0, unimplemented, 0], done.stdout


def test_a_kind_of_case_that_it_does_not_know_is_unimplemented() -> None:
    done = once("conform", given='{"case": "x", "kind": "telepathy", "input": {}}\n')
    assert "unimplemented" in json.loads(done.stdout)


def test_a_seed_beyond_what_a_double_holds_names_the_right_run() -> None:
    """JSON numbers are doubles in JavaScript; the run's seed has 63 bits."""
    run = RunParameters(seed=2**63 - 1)
    given = {"seed": run.seed} | dict(line.split("=") for line in run.descriptor.splitlines()[2:])
    for name in ("classes", "pool", "probes", "rounds_per_ballot", "degree"):
        given[name] = int(given[name])
    ballot = {"author": "00" * 8, "round": 0, "votes": "00" * 128}
    case = {"run": given | {"abstain": True}, "round": 0, "ballots": [ballot]}
    case = {"case": "seed", "kind": "tally", "input": case}
    answer = json.loads(once("conform", given=json.dumps(case) + "\n").stdout)
    assert answer["result"]["ids"] == derive(run, 0).tolist()


# --- swarms ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "run",
    [
        RUN,
        RunParameters(pool=60, probes=8, rounds_per_ballot=2, spreading=Spreading.BROADCAST),
        RunParameters(pool=60, probes=8, rounds_per_ballot=2, ids=Ids.EXPLICIT),
        RunParameters(pool=60, probes=8, rounds_per_ballot=2, seal=Seal.ED25519),
    ],
    ids=["sampled", "broadcast", "explicit", "sealed"],
)
@pytest.mark.parametrize("other", ["javascript", "python"])
def test_two_peers_take_the_same_tallies(other: str, run: RunParameters, tmp_path: Path) -> None:
    file = written(tmp_path / "run.txt", run)
    flags = [*HERE, "--rounds", "40"]
    # The second one asks the first for the run, if it is one that can.
    asks = [] if other == "javascript" else ["--run", file]
    with start("javascript", *flags, "--run", file) as one:
        with start(other, *flags, *asks, "--seed", one.endpoint()) as two:
            assert [finished(peer)["completed"] for peer in (one, two)] == [True, True]
    assert one.tallies() == two.tallies()
    assert list(one.tallies()) == list(range(0, 40, 2))
    assert {told["ballots"] for told in one.told("tally")} == {2}


@pytest.mark.slow
def test_a_killed_peer_comes_back_as_itself(run_file: str) -> None:
    flags = [
        *HERE,
        *ENDLESS,
        "--run",
        run_file,
        "--timing",
        '{"patience": 0.2, "suspect_after": 0.5}',
    ]
    mine = [*flags, "--identity", "ab" * 32]
    with start("javascript", *flags) as one, start("python", *flags, "--seed", one.endpoint()):
        with start("javascript", *mine, "--seed", one.endpoint()) as three:
            three.wait(lambda: len(three.told("tally")) > 3)
        before = max(three.tallies())
        with start("javascript", *mine, "--seed", one.endpoint()) as again:
            again.wait(lambda: any(told["ballots"] == 3 for told in again.told("tally")))
        assert min(again.tallies()) > before  # never twice in a round
    assert not one.told("refused"), one.told("refused")


def test_it_says_goodbye_when_it_is_told_to_leave(
    run_file: str, context: zmq.Context[zmq.Socket[bytes]]
) -> None:
    """BYE arrives, and the process ends with 0 in less than five seconds."""
    for number in (signal.SIGTERM, signal.SIGINT):
        with (
            start("javascript", *HERE, "--run", run_file, "--quorum", "3") as peer,
            context.socket(zmq.ROUTER) as router,
            context.socket(zmq.DEALER) as dealer,
        ):
            router.bind("tcp://127.0.0.1:*")
            router.setsockopt(zmq.RCVTIMEO, round(1000 * LONG))
            dealer.setsockopt(zmq.LINGER, 0)
            dealer.connect(peer.endpoint())
            dealer.send(hello(router.getsockopt_string(zmq.LAST_ENDPOINT)))
            assert router.recv_multipart()[1][:7] == b"\x01\x00TALLY"
            asked = time.monotonic()
            peer.process.send_signal(number)
            assert peer.finish() == 0
            assert time.monotonic() - asked < 5
            assert peer.told("finished")[0]["completed"] is False
            frame = router.recv_multipart()[1]
            while frame[0] != 2:
                frame = router.recv_multipart()[1]
            assert frame[:7] == b"\x02\x00\x00\xff\xff\xff\xff"  # leaves now, voted in no round


def hello(endpoint: str, **other: Any) -> bytes:
    fields = {
        "agent": "",
        "endpoint": endpoint,
        "identity": bytes(range(32)),
        "instance": bytes(8),
        "known": 1,
        "met": False,
        "run": RUN.digest,
        "versions": [1, 1],
    }
    packed: bytes = msgpack.packb(fields | other)
    return b"\x01\x00TALLY" + packed


def reasons(peer: Running) -> set[int]:
    return {told["reason"] for told in peer.told("refused")}


def test_rubbish_does_not_stop_it(run_file: str, context: zmq.Context[zmq.Socket[bytes]]) -> None:
    random = Random(0)
    flags = ["--run", run_file, "--rounds", "12"]
    with start("javascript", *HERE, *flags) as peer:
        host, port = peer.endpoint().removeprefix("tcp://").split(":")
        for garbage in (b"", b"GET / HTTP/1.0\r\n\r\n", b"\xff" * 4096):  # not even ZMTP
            with socket.create_connection((host, int(port))) as plain:
                plain.sendall(garbage)
        with context.socket(zmq.DEALER) as stranger:
            stranger.setsockopt(zmq.LINGER, 2000)
            stranger.connect(peer.endpoint())
            for said_hello in (False, True):
                if said_hello:  # from now on its connection is bound to a member
                    stranger.send(hello("tcp://127.0.0.1:9"))
                for size in range(300):
                    rubbish = bytearray(random.randbytes(size))
                    if size > 1:  # the kinds that there are, but BYE, and flags that there are
                        kinds = (1, 3, 4, 5, 6, 16, 17, 18, 19, 0x55, 0xEA)
                        rubbish[0], rubbish[1] = random.choice(kinds), random.choice((0, 0, 1, 3))
                    stranger.send(bytes(rubbish))
                stranger.send_multipart([b"a", b"b", b"c"])
                stranger.send(hello("tcp://127.0.0.1:9")[:7] + b"\x91" * 4000)
            stranger.send(b"\x02\x00\x00\xff\xff\xff\xff")  # BYE: nobody waits for it
            stranger.send(b"\x10\x00" + bytes(300_000))  # libzmq itself hangs up on that
            peer.wait(lambda: len(reasons(peer)) > 6)
        assert 50 not in reasons(peer)  # INTERNAL: it failed for a reason of its own
        with start("python", *HERE, *flags, "--seed", peer.endpoint()) as other:
            assert finished(peer)["completed"] and finished(other)["completed"]
    assert peer.tallies() == other.tallies()


def test_a_flood_of_endpoints_leaves_it_answering(
    run_file: str, context: zmq.Context[zmq.Socket[bytes]]
) -> None:
    """A member may name more endpoints than there are files for connections to them."""
    few = ["prlimit", "--nofile=512:512"] if shutil.which("prlimit") else []
    arguments = ["run", *HERE, "--run", run_file, "--quorum", "3"]
    with (
        Running([*few, *command("javascript"), *arguments]) as peer,
        context.socket(zmq.ROUTER) as router,
        context.socket(zmq.DEALER) as dealer,
    ):
        router.bind("tcp://127.0.0.1:*")
        router.setsockopt(zmq.RCVTIMEO, round(1000 * LONG))
        dealer.setsockopt(zmq.LINGER, 0)
        dealer.connect(peer.endpoint())
        dealer.send(hello(router.getsockopt_string(zmq.LAST_ENDPOINT)))
        for first in range(1, 1200, 64):
            names = [f"ipc:///nowhere/{port}".encode() for port in range(first, first + 64)]
            listed = b"".join(bytes([len(name)]) + name for name in names)
            dealer.send(bytes([6, 0, len(names)]) + listed)
        dealer.send(bytes.fromhex("04000000000700000000"))
        while router.recv_multipart()[1][:6] != bytes.fromhex("050000000007"):
            pass
        assert peer.stop() == 0


# --- what a person may get wrong -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["run"], 2, "--listen"),
        (["run", *HERE], 2, "--run"),
        (["run", "--listen", "tcp://0.0.0.0:*", "--seed", "tcp://a:1"], 2, "--listen"),
        (["run", *HERE, "--seed", "foo"], 2, "--seed"),
        (["run", *HERE, "--rounds", "0"], 2, "--rounds"),
        (["run", *HERE, "--identity", "ab"], 2, "64"),
        (["run", *HERE, "--run", "RUN", "--timing", '{"pace": "brisk"}'], 2, "pace"),
        (["run", *HERE, "--run", "RUN", "--timing", '{"paces": 1}'], 2, "paces"),
        (["run", *HERE, "--run", "RUN", "--timing", "brisk"], 2, "--timing"),
        (["run", *HERE, "--run", str(ROOT / "setup.cfg")], 2, "descriptor"),
        (["run", *HERE, "--run", "RUN", "--nonsense"], 2, "nonsense"),
        (["dance"], 2, "dance"),
        (["run", *HERE, "--data", "nowhere"], 1, "nowhere"),
        (
            ["run", *HERE, "--seed", "tcp://127.0.0.1:9", "--timing", '{"join_deadline": 0.5}'],
            1,
            "which run",
        ),
    ],
)
def test_refused_in_one_sentence(
    arguments: Sequence[str], code: int, words: str, run_file: str
) -> None:
    done = once(*(run_file if word == "RUN" else word for word in arguments))
    assert done.returncode == code, done.stderr
    assert words in done.stderr and done.stderr.count("\n") == 1, done.stderr


def test_a_port_in_use_is_said(run_file: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        address = f"tcp://127.0.0.1:{busy.getsockname()[1]}"
        done = once("run", "--listen", address, "--run", run_file)
    assert done.returncode == 1
    assert address in done.stderr and done.stderr.count("\n") == 1, done.stderr


def test_one_that_nobody_joins_gives_up(run_file: str) -> None:
    done = once("run", *HERE, "--run", run_file, "--timing", '{"join_deadline": 0.3}')
    assert done.returncode == 1
    assert json.loads(done.stdout.splitlines()[-1])["completed"] is False


# --- learning ------------------------------------------------------------------------------------


def export(folder: Path, *flags: str) -> str:
    """What `tallyp2p export` writes, in `folder`."""
    subprocess.run(
        [sys.executable, "-m", "tallyp2p.cli", "export", "--out", str(folder), *flags],
        check=True,
        capture_output=True,
        cwd=ROOT,
        timeout=120,
    )
    return str(folder)


@pytest.mark.slow
def test_alone_with_all_digits_it_learns_them(tmp_path: Path) -> None:
    data = export(tmp_path, "--shard", "0/1")
    flags = ["--data", data, "--quorum", "1", "--rounds", "160"]
    with start("javascript", *HERE, *flags) as peer:
        assert finished(peer)["rounds"] == 160
    told = peer.told("learned")[0]
    assert told["accuracy"] == told["alone"] > 0.95, told
    assert [line["round"] for line in peer.told("progress")] == list(range(8, 161, 8))


@pytest.mark.slow
def test_a_python_peer_teaches_it_digits_that_it_has_never_seen(tmp_path: Path) -> None:
    """`tallyp2p peer --shard 0/2` and this one on shard 1/2 are in the same run."""
    data = export(tmp_path, "--shard", "1/2", "--set", "timing.rounds=240")
    peer = [sys.executable, "-u", "-m", "tallyp2p.cli", "peer", "--shard", "0/2"]
    with subprocess.Popen(
        [*peer, "--set", "timing.rounds=240"], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as python:
        try:
            endpoint = listening(python)
            flags = ["--data", data, "--rounds", "240", "--seed", endpoint]
            with start("javascript", *HERE, *flags) as other:
                assert finished(other, 120)["completed"]
            said = python.communicate(timeout=60)[0]
        finally:
            python.kill()
    assert said.endswith("done\n")
    told = other.told("learned")[0]
    never = [label for label, share in enumerate(told["alone_by_class"]) if share == 0]
    assert never, "shard 1/2 of seed 0 has no fives"
    assert all(told["by_class"][label] > 0.5 for label in never), told
    assert told["accuracy"] > told["alone"] + 0.05, told


def listening(peer: subprocess.Popen[str]) -> str:
    assert peer.stdout is not None
    for line in peer.stdout:
        if " listens at " in line:
            return line.split(" listens at ")[1].split()[0]
    raise AssertionError("it never listened")


CENTRES = [(0, 0, 0), (4, 0, 0), (0, 4, 0), (0, 0, 4)]


def plain_shard(path: Path, known: Sequence[int], seed: int) -> str:
    """A shard of points in space around four centres, of which `known` have examples."""
    shared = Random(0)

    def near(label: int, random: Random) -> list[float]:
        return [x + random.gauss(0, 0.4) for x in CENTRES[label]]

    def spread(count: int) -> list[list[float]]:
        return [near(i % 4, shared) for i in range(count)]

    labels = [known[i % len(known)] for i in range(80)]
    own = Random(seed)
    data = {
        "classes": 4,
        "train": {"inputs": [near(label, own) for label in labels], "labels": labels},
        "probes": {"inputs": spread(RUN.pool)},
        "test": {"inputs": spread(200), "labels": [i % 4 for i in range(200)]},
    }
    path.write_text(json.dumps(data))
    return str(path)


def test_two_on_data_of_any_kind_teach_each_other(tmp_path: Path) -> None:
    agreed = RunParameters(classes=4, pool=60, probes=15, rounds_per_ballot=4)
    run = written(tmp_path / "run.txt", agreed)
    flags = [*HERE, "--run", run, "--rounds", "80"]
    shards = [plain_shard(tmp_path / f"{i}.json", [i, i + 2], i) for i in range(2)]
    with start("javascript", *flags, "--data", shards[0]) as one:
        with start("javascript", *flags, "--data", shards[1], "--seed", one.endpoint()) as two:
            assert finished(one)["completed"] and finished(two)["completed"]
    assert one.tallies() == two.tallies()
    for peer in (one, two):
        told = peer.told("learned")[0]
        assert told["accuracy"] > 0.9 and told["alone"] < 0.6, told


def test_data_of_another_run_are_refused(tmp_path: Path, run_file: str) -> None:
    data = plain_shard(tmp_path / "shard.json", [0], 0)
    done = once("run", *HERE, "--run", run_file, "--data", data)
    assert done.returncode == 2 and "classes" in done.stderr
    run = RunParameters(classes=4, pool=60, probes=8, rounds_per_ballot=2, pool_digest="ab" * 32)
    done = once("run", *HERE, "--run", written(tmp_path / "other.txt", run), "--data", data)
    assert done.returncode == 2 and "probes" in done.stderr
    os.truncate(data, 100)
    done = once("run", *HERE, "--run", run_file, "--data", data)
    assert done.returncode == 1 and "not a shard" in done.stderr
