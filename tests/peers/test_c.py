"""The peer in C as others meet it: it builds without a warning, votes, endures, and leaves."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import msgpack
import pytest
import zmq

from tallyp2p.parameters import Ids, RunParameters, Seal, Spreading
from tests.peers.foreign import ROOT, Running, left_out
from tests.waiting import LONG

FOLDER = ROOT / "peers" / "c"
PACKAGES = "apt-get install gcc make libc6-dev libzmq3-dev libssl-dev libcjson-dev"
HEADERS = "#include <zmq.h>\n#include <openssl/evp.h>\n#include <cjson/cJSON.h>\n"
RUN = RunParameters(classes=10, pool=60, probes=8, rounds_per_ballot=2)
HERE = ("--listen", "tcp://127.0.0.1:*")


def toolchain() -> None:
    """Skips, with what to install, where a compiler or a header is missing."""
    for tool in ("make", "cc"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is missing: {PACKAGES}")
    seen = subprocess.run(
        ["cc", "-E", "-x", "c", "-"], input=HEADERS, capture_output=True, text=True, check=False
    )
    if seen.returncode:
        pytest.skip(f"headers are missing: {PACKAGES}\n{seen.stderr}")


def make(goal: str, build: Path) -> None:
    made = subprocess.run(
        ["make", "-s", "-C", str(FOLDER), f"BUILD={build}", goal],
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    assert "warning" not in made.stderr


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The peer, built anew in a folder of its own."""
    toolchain()
    build = tmp_path_factory.mktemp("c")
    make("all", build)
    return build / "tally-peer"


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same under AddressSanitizer and UndefinedBehaviorSanitizer."""
    toolchain()
    build = tmp_path_factory.mktemp("sanitized")
    probe = subprocess.run(
        ["cc", "-fsanitize=address,undefined", "-x", "c", "-o", str(build / "probe"), "-"],
        input="int main(void) { return 0; }\n",
        capture_output=True,
        text=True,
        check=False,
    )
    if probe.returncode:
        pytest.skip(f"this compiler has no sanitizers (Debian: gcc, libc6-dev)\n{probe.stderr}")
    make("sanitize", build)
    return build / "sanitized" / "tally-peer"


@pytest.fixture
def run_file(tmp_path: Path) -> str:
    return written(tmp_path, RUN)


@pytest.fixture
def stranger() -> Iterator[zmq.Socket[bytes]]:
    """A DEALER of somebody who keeps no rules."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.setsockopt(zmq.LINGER, 1000)
        yield dealer


def written(folder: Path, run: RunParameters) -> str:
    path = folder / "run.txt"
    path.write_text(run.descriptor)
    return str(path)


def start(peer: Path, *arguments: str) -> Running:
    return Running([str(peer), "run", *arguments])


def ends(peer: Running) -> None:
    peer.wait(lambda: peer.told("finished"))
    assert peer.finish() == 0, peer.words()


def conform(*arguments: str) -> Any:
    """What `tallyp2p conform --json` says; none of it may have failed."""
    ran = subprocess.run(
        [sys.executable, "-m", "tallyp2p.cli", "conform", "--json", *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-5000:] + ran.stderr
    return json.loads(ran.stdout)


def passes_the_vectors(peer: Path) -> None:
    said = conform("--vectors", "--", str(peer), "conform")
    assert said["problem"] is None
    kinds = {"bits", "probes", "digraph", "codec", "ledger", "tally", "seal", "keys", "gossip"}
    assert set(said["sums"]) == kinds
    for kind, sums in said["sums"].items():
        unimplemented = left_out()[kind]
        assert sums.pop("unimplemented", 0) == unimplemented, kind
        assert set(sums) == (set() if kind == "keys" else {"OK"}), f"{kind}: {sums}"


def test_it_passes_all_vectors(built: Path) -> None:
    passes_the_vectors(built)


def test_it_passes_all_vectors_under_sanitizers(sanitized: Path) -> None:
    passes_the_vectors(sanitized)


@pytest.mark.slow
def test_the_prober_finds_nothing(sanitized: Path, tmp_path: Path) -> None:
    run = RunParameters(spreading=Spreading.BROADCAST, ids=Ids.EXPLICIT, seal=Seal.ED25519)
    peer = [str(sanitized), "run", "--listen", "{endpoint}", "--rounds", "100000"]
    said = conform("--spawn", "--", *peer, "--run", written(tmp_path, run))
    assert said["peer"]["agent"].startswith("tally-peer")
    for verdict in ("failed", "unimplemented", "non-strict"):
        assert said["counts"][verdict] == 0, said["counts"]
    assert said["counts"]["OK"] > 100


@pytest.mark.parametrize("seed", ["1", "2"])
def test_frames_of_any_sort_do_it_no_harm(sanitized: Path, seed: str) -> None:
    ran = subprocess.run(
        [str(sanitized), "fuzz", "40000", seed],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert " accepted, " in ran.stdout


@pytest.mark.parametrize("bytes_", [b"", b"\x01", b"\x01\x00TALLY\xde\xff\xff", b"\x10" * 262_145])
def test_one_frame_from_standard_input(sanitized: Path, bytes_: bytes) -> None:
    ran = subprocess.run(
        [str(sanitized), "fuzz", "-"], input=bytes_, capture_output=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr


@pytest.mark.parametrize(
    "run",
    [
        RUN,
        RunParameters(
            classes=100,
            pool=60,
            probes=7,
            rounds_per_ballot=2,
            ids=Ids.EXPLICIT,
            spreading=Spreading.BROADCAST,
            seal=Seal.ED25519,
        ),
    ],
    ids=["plain", "sealed"],
)
def test_peers_reach_equal_tallies(sanitized: Path, tmp_path: Path, run: RunParameters) -> None:
    timing = ("--rounds", "24", "--quorum", "3")
    with ExitStack() as stack:
        first = stack.enter_context(
            start(sanitized, *HERE, *timing, "--run", written(tmp_path, run))
        )
        # The others learn the run from the first.
        peers = [first] + [
            stack.enter_context(start(sanitized, *HERE, *timing, "--seed", first.endpoint()))
            for _ in range(2)
        ]
        for peer in peers:
            ends(peer)
            assert peer.told("finished")[0]["completed"] is True
            assert not peer.told("refused")
            assert all(told["ballots"] == 3 for told in peer.told("tally"))
        assert sorted(first.tallies()) == list(range(0, 24, 2))
        assert all(peer.tallies() == first.tallies() for peer in peers)


def test_rubbish_does_not_stop_it(
    sanitized: Path, run_file: str, stranger: zmq.Socket[bytes]
) -> None:
    with start(sanitized, *HERE, "--run", run_file, "--rounds", "8") as first:
        stranger.connect(first.endpoint())
        for size in range(300):
            stranger.send(os.urandom(size))
        for kind in range(256):
            stranger.send(bytes([kind, 0]) + os.urandom(16))
        stranger.send(b"\x01\x00TALLY" + b"\x91" * 4000)
        stranger.send_multipart([b"a", b"b", b"c"])
        stranger.send(b"\x10\x00" + bytes(300_000))
        with start(sanitized, *HERE, "--seed", first.endpoint(), "--rounds", "8") as second:
            ends(first)
            ends(second)
            assert first.tallies() == second.tallies() != {}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_makes_it_say_bye(
    built: Path, run_file: str, stranger: zmq.Socket[bytes], number: signal.Signals
) -> None:
    with (
        start(built, *HERE, "--run", run_file, "--quorum", "3") as peer,
        stranger.context.socket(zmq.ROUTER) as router,
    ):
        router.bind("tcp://127.0.0.1:*")
        router.setsockopt(zmq.RCVTIMEO, round(1000 * LONG))
        hello = {
            "agent": "",
            "endpoint": router.getsockopt_string(zmq.LAST_ENDPOINT),
            "identity": bytes(range(32)),
            "instance": bytes(8),
            "known": 1,
            "met": False,
            "run": RUN.digest,
            "versions": [1, 1],
        }
        stranger.connect(peer.endpoint())
        stranger.send(b"\x01\x00TALLY" + bytes(msgpack.packb(hello)))
        assert router.recv_multipart()[1][:7] == b"\x01\x00TALLY"
        before = time.monotonic()
        peer.process.send_signal(number)
        frames = iter(lambda: router.recv_multipart()[1], None)
        bye = next(frame for frame in frames if frame[0] == 2)
        assert bye[:7] == b"\x02\x00\x00\xff\xff\xff\xff"  # leaves, and voted in no round
        assert peer.finish() == 0, peer.words()
        assert time.monotonic() - before < 5
        assert peer.told("finished")[0]["completed"] is False


def test_it_leaves_while_it_asks_for_the_run(built: Path, stranger: zmq.Socket[bytes]) -> None:
    with stranger.context.socket(zmq.ROUTER) as router:
        router.bind("tcp://127.0.0.1:*")
        router.setsockopt(zmq.RCVTIMEO, round(1000 * LONG))
        endpoint = router.getsockopt_string(zmq.LAST_ENDPOINT)
        with start(built, *HERE, "--seed", endpoint) as peer:
            asked = router.recv_multipart()[1]
            assert asked[:7] == b"\x01\x00TALLY"
            assert b"run\xc4\x20" + bytes(32) in asked
            assert peer.stop() == 0, peer.words()


def test_a_killed_peer_comes_back_as_the_same_author(built: Path, run_file: str) -> None:
    timing = ("--timing", '{"suspect_after": 0.5, "gone_after": 0.5, "patience": 0.2}')
    alike = (*HERE, "--run", run_file, "--rounds", "100000000", *timing)
    with start(built, *alike, "--quorum", "3") as first:
        with start(built, *alike, "--quorum", "3", "--seed", first.endpoint()) as second:
            again = (*alike, "--seed", first.endpoint(), "--identity", "5a" * 32)
            with start(built, *again, "--quorum", "3") as third:
                third.wait(lambda: len(third.tallies()) > 3)
            newest = max(third.tallies())
            with start(built, *again) as back:
                back.wait(lambda: len(back.tallies()) > 3)
                assert back.told("listening")[0]["author"] == third.told("listening")[0]["author"]
                assert min(back.tallies()) > newest
                first.wait(lambda: set(first.tallies()) >= set(list(back.tallies())[:3]))
                for peer in (first, second, back):
                    peer.process.send_signal(signal.SIGTERM)
                for peer in (first, second, back):
                    assert peer.finish(10) == 0
        assert first.tallies()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ((), 2, "--listen"),
        (HERE, 2, "--run"),
        ((*HERE, "--seed", "nowhere"), 2, "no endpoint"),
        ((*HERE, "--rounds", "0"), 2, "rounds"),
        ((*HERE, "--identity", "00"), 2, "hexadecimal"),
        ((*HERE, "--what"), 2, "no option"),
        ((*HERE, "--timing", '{"patience": -1}'), 2, "duration"),
        ((*HERE, "--run", "/nonexistent"), 1, "read"),
        (("--listen", "tcp://127.0.0.1:1x", "--run", "/nonexistent"), 2, "tcp://127.0.0.1:1x"),
        (("--listen", "tcp://0.0.0.0:*", "--run", "/nonexistent"), 2, "others can dial"),
    ],
)
def test_what_a_person_did_is_said_in_one_sentence(
    built: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    ran = subprocess.run(
        [str(built), "run", *arguments], capture_output=True, text=True, timeout=LONG, check=False
    )
    assert ran.returncode == code
    assert words in ran.stderr
    assert ran.stderr.count("\n") == 1


def test_a_port_in_use(built: Path, run_file: str) -> None:
    with start(built, *HERE, "--run", run_file) as first:
        ran = subprocess.run(
            [str(built), "run", "--listen", first.endpoint(), "--run", run_file],
            capture_output=True,
            text=True,
            timeout=LONG,
            check=False,
        )
        assert ran.returncode == 1
        assert first.endpoint() in ran.stderr
        assert first.stop() == 0
