"""`tallyp2p peer` with real processes: two terminals, a busy port, a farewell."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tallyp2p.cli.rundirs import write_config
from tallyp2p.profiles import load
from tests.waiting import LONG

QUICK = ["--set", "rounds=24", "--set", "learning.warmup=8"]


def start(*args: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-u", "-m", "tallyp2p.cli", "peer", *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def endpoint(peer: subprocess.Popen[str]) -> str:
    """Where it says that it listens."""
    assert peer.stdout is not None
    for line in peer.stdout:
        if " listens at " in line:
            return line.split(" listens at ")[1].split()[0]
    raise AssertionError(peer.communicate())


@pytest.mark.slow
def test_two_terminals_make_a_swarm_of_two() -> None:
    with start("--shard", "0/2", *QUICK) as one:
        with start("--shard", "1/2", "--seed", endpoint(one), *QUICK) as two:
            said_two, err_two = two.communicate(timeout=60)
        said_one, err_one = one.communicate(timeout=60)
    assert (one.returncode, two.returncode) == (0, 0), err_one + err_two
    for said in (said_one, said_two):
        assert "joined" in said
        assert "round 24/24" in said
        assert said.endswith("done\n")


@pytest.mark.slow
def test_an_address_with_a_key_is_all_that_it_takes_to_encrypt() -> None:
    """CURVE-1, ENDPOINT-6."""
    sealed = ("--set", "run.seal=ed25519", *QUICK)
    with start("--shard", "0/2", "--encrypt", *sealed) as one:
        address = endpoint(one)
        where, _, key = address.partition("#")
        wrong = f"{where}#A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg"
        with start("--seed", wrong, "--set", "timing.join_deadline=6", *sealed) as lost:
            _, why = lost.communicate(timeout=60)
        with start("--shard", "1/2", "--seed", address, *sealed) as two:
            said, err = two.communicate(timeout=60)
        one.communicate(timeout=60)
    assert len(key) == 43 and "#" in said.split(" listens at ")[1].split()[0]
    assert (one.returncode, two.returncode, lost.returncode) == (0, 0, 1), err
    assert "round 24/24" in said
    told = [line for line in why.splitlines() if f"cannot get into touch with {wrong}" in line]
    assert len(told) == 1 and "is not the peer with that key" in told[0]


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
def test_signal_lets_it_say_goodbye(number: signal.Signals, code: int) -> None:
    with start("--shard", "0/2") as peer:
        endpoint(peer)
        peer.send_signal(number)
        said, err = peer.communicate(timeout=LONG)
    assert peer.returncode == code, err
    assert said.endswith("left\n")
    assert err == ""


@pytest.mark.slow
def test_peer_that_nobody_joins_gives_up_in_one_sentence() -> None:
    with start("--shard", "0/2", "--set", "timing.join_deadline=0.5") as peer:
        _, err = peer.communicate(timeout=60)
    assert peer.returncode == 1
    assert err.startswith("Error: ") and err.count("\n") == 1
    assert "--seed" in err


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (["--listen", "tcp://0.0.0.0:7000"], 2, "--open"),
        (["--seed", "foo"], 2, "tcp://HOST:PORT or ipc://PATH"),
        (["--listen", "ipc:///tmp/a b"], 2, "without spaces"),
        (["--listen", "tcp://192.0.2.1:*", "--no-encrypt"], 2, "--insecure-listen"),
        (["--listen", "tcp://192.0.2.1:*"], 2, "--open"),
        (["--key", "none.key", "--set", "run.seal=ed25519"], 2, "tallyp2p keygen none.key"),
        (["--key", "setup.cfg"], 2, "can be read by others"),
        (["--electorate", "setup.cfg"], 2, "is not a list of members"),
        (["--set", "seal=ed25519", "--set", f"electorate={'e' * 64}"], 2, "--electorate FILE"),
        (["--lan", "--listen", "ipc:///tmp/tallyp2p-inbox"], 2, "--lan"),
        (["--run", ".", "--config", "setup.cfg"], 2, "--config"),
        (["--run", "."], 2, "not the directory of a run"),
    ],
)
def test_refused_in_one_sentence(args: list[str], code: int, words: str) -> None:
    with start(*args) as peer:
        _, err = peer.communicate(timeout=60)
    assert peer.returncode == code
    assert words in err.splitlines()[-1]


def test_of_a_run_of_several_it_is_said_which_peer_to_be(tmp_path: Path) -> None:
    write_config(tmp_path, load("default"))
    with start("--run", str(tmp_path)) as peer:
        _, err = peer.communicate(timeout=60)
    assert peer.returncode == 2 and "--run needs --shard I/N" in err


@pytest.mark.slow
def test_busy_port_is_a_failure_that_says_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        with start("--listen", f"tcp://127.0.0.1:{port}", "--shard", "0/2") as peer:
            _, err = peer.communicate(timeout=60)
    assert peer.returncode == 1
    assert "in use" in err and err.count("\n") == 1


def test_a_trace_is_not_written_over_anything(tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    diary.write_text("dear diary")
    with start("--trace", str(diary)) as peer:
        said, err = peer.communicate(timeout=LONG)
    assert (peer.returncode, said) == (2, "")
    assert err == f"Error: {diary} holds something already: name another file\n"
    assert diary.read_text() == "dear diary"
