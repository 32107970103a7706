"""The minimal peer as others meet it: a program with a command line, sockets and signals."""

from __future__ import annotations

import hashlib
import heapq
import importlib.util
import json
import os
import queue
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgpack
import pytest
import zmq

from tests.waiting import LONG

ROOT = Path(__file__).parents[2]
PEER = ROOT / "peers" / "minimal" / "peer.py"
RUN = """tally/1
seed={seed}
classes=10
abstain=1
pool=300
pool_digest=0000000000000000000000000000000000000000000000000000000000000000
probes=32
rounds_per_ballot=8
spreading={spreading}
degree=2
ids={ids}
"""
PLAIN = RUN.format(seed=0, spreading="sampled", ids="derived")
SEALED = RUN.format(seed=7, spreading="broadcast", ids="explicit") + "seal=ed25519\n"


class Running:
    """A peer in a process of its own, and the lines that it writes."""

    def __init__(self, *flags: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(PEER), "run", "--listen", "tcp://127.0.0.1:*", *flags],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.put(json.loads(line))
        self.lines.put(None)

    def until(self, event: str, timeout: float = LONG) -> list[dict[str, Any]]:
        """The lines up to the first one of `event`."""
        lines: list[dict[str, Any]] = []
        deadline = time.monotonic() + timeout
        while not lines or lines[-1]["event"] != event:
            line = self.lines.get(timeout=max(0.01, deadline - time.monotonic()))
            assert line is not None, f"it ended without {event}: {lines}"
            lines.append(line)
        return lines

    def end(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.reader.join()
        assert self.process.stdout is not None and self.process.stderr is not None
        self.process.stdout.close()
        self.process.stderr.close()


@contextmanager
def peer(*flags: str) -> Iterator[tuple[Running, str]]:
    running = Running(*flags)
    try:
        yield running, running.until("listening")[-1]["endpoint"]
    finally:
        running.end()


def digests(lines: list[dict[str, Any]]) -> dict[int, tuple[int, str]]:
    return {e["round"]: (e["ballots"], e["digest"]) for e in lines if e["event"] == "tally"}


def written(path: Path, text: str) -> str:
    path.write_text(text, encoding="ascii")
    return str(path)


@pytest.mark.parametrize("descriptor", [PLAIN, SEALED], ids=["plain", "sealed"])
def test_two_peers_take_the_same_tallies(tmp_path: Path, descriptor: str) -> None:
    file = written(tmp_path / "run", descriptor)
    with peer("--run", file, "--rounds", "80") as (first, endpoint):
        with peer("--seed", endpoint, "--rounds", "80") as (second, _):  # asks for the run
            one, other = first.until("finished"), second.until("finished")
            assert first.process.wait(LONG) == second.process.wait(LONG) == 0
    assert digests(one) == digests(other)
    assert [ballots for ballots, _ in digests(one).values()] == [2] * 10
    assert one[-1]["completed"] and one[-1]["rounds"] == 80
    assert one[-1]["sent"] >= other[-1]["received"] > 0  # the last BYE may find nobody any more


def test_rubbish_from_a_stranger_does_not_stop_it(tmp_path: Path) -> None:
    file = written(tmp_path / "run", PLAIN)
    with peer("--run", file, "--rounds", "16") as (first, endpoint):
        with zmq.Context() as context, context.socket(zmq.DEALER) as stranger:
            stranger.setsockopt(zmq.LINGER, 1000)
            stranger.connect(endpoint)
            for size in range(200):
                stranger.send(os.urandom(size))
            stranger.send(b"\x01\x00TALLY" + b"\x91" * 4000)
            stranger.send(b"\x10\x00" + bytes(300_000))
            stranger.send_multipart([b"a", b"b", b"c"])
            first.until("refused")
            with peer("--seed", endpoint, "--rounds", "16") as (second, _):
                assert digests(first.until("finished")) == digests(second.until("finished"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_makes_it_say_bye_and_end(tmp_path: Path, number: signal.Signals) -> None:
    file = written(tmp_path / "run", PLAIN)
    with (
        peer("--run", file, "--quorum", "3") as (running, endpoint),
        zmq.Context() as context,
        context.socket(zmq.ROUTER) as router,
        context.socket(zmq.DEALER) as dealer,
    ):
        router.bind("tcp://127.0.0.1:*")
        router.setsockopt(zmq.RCVTIMEO, round(1000 * LONG))
        dealer.connect(endpoint)
        dealer.setsockopt(zmq.LINGER, 0)
        hello = {
            "agent": "",
            "endpoint": router.getsockopt_string(zmq.LAST_ENDPOINT),
            "identity": bytes(range(32)),
            "instance": bytes(8),
            "known": 1,
            "met": False,
            "run": hashlib.sha256(PLAIN.encode()).digest(),
            "versions": [1, 1],
        }
        dealer.send(b"\x01\x00TALLY" + msgpack.packb(hello))
        assert router.recv_multipart()[1][:7] == b"\x01\x00TALLY"
        running.process.send_signal(number)
        asked = time.monotonic()
        assert running.process.wait(LONG) == 0
        assert time.monotonic() - asked < 5
        assert not running.until("finished")[-1]["completed"]
        frame = router.recv_multipart()[1]
        while frame[0] != 2:  # whatever it had to say before
            frame = router.recv_multipart()[1]
        assert frame[:7] == b"\x02\x00\x00\xff\xff\xff\xff"


def test_the_last_one_left_still_listens(tmp_path: Path) -> None:
    """With nobody alive to wait for, rounds close at once; a signal comes between two."""
    file = written(tmp_path / "run", PLAIN)
    flags = ("--run", file, "--rounds", "100000000")
    with peer(*flags) as (first, endpoint):
        with peer(*flags, "--seed", endpoint) as (second, _):
            second.until("tally")
        while first.until("tally")[-1]["ballots"] > 1:
            pass
        first.process.terminate()
        assert first.process.wait(LONG) == 0


@pytest.mark.slow
def test_a_killed_peer_comes_back_under_its_identity(tmp_path: Path) -> None:
    file = written(tmp_path / "run", PLAIN)
    flags = ("--run", file, "--rounds", "10000000")
    with peer(*flags) as (first, endpoint), peer(*flags, "--seed", endpoint) as (_, _):
        mine = (*flags, "--seed", endpoint, "--identity", "ab" * 32)
        with peer(*mine) as (third, _):
            third.until("tally")
            third.process.kill()
        before = first.until("tally")[-1]["round"]
        with peer(*mine) as (again, _):
            assert again.until("tally")[-1]["round"] >= before
            heard = time.monotonic() + LONG
            while (tally := again.until("tally")[-1])["ballots"] < 3:
                assert time.monotonic() < heard, tally


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--rounds", "0"], "rounds"),
        (["--identity", "ab"], "64"),
        (["--timing", '{"pace": "brisk"}'], "pace"),
        (["--timing", '{"paces": 1}'], "paces"),
        ([], "--run"),
    ],
)
def test_what_a_person_gets_wrong_is_said(flags: list[str], words: str) -> None:
    command = [sys.executable, str(PEER), "run", "--listen", "tcp://127.0.0.1:*", *flags]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LONG, check=False)
    assert done.returncode == 2
    assert words in done.stderr.splitlines()[-1]


def test_it_asks_an_empty_seat_for_the_run_no_longer_than_it_was_told() -> None:
    flags = ["--listen", "tcp://127.0.0.1:*", "--seed", "tcp://127.0.0.1:1"]
    flags += ["--timing", '{"join_deadline": 0.2}']
    ended = subprocess.run(
        [sys.executable, str(PEER), "run", *flags], capture_output=True, text=True, timeout=LONG
    )
    assert ended.returncode == 1
    assert ended.stderr.startswith("peer.py: nobody at tcp://127.0.0.1:1 told the run")


def test_a_port_in_use_is_said(tmp_path: Path) -> None:
    file = written(tmp_path / "run", PLAIN)
    with peer("--run", file) as (_, endpoint):
        command = [sys.executable, str(PEER), "run", "--listen", endpoint, "--run", file]
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONG, check=False)
    assert done.returncode == 1
    assert endpoint in done.stderr and len(done.stderr.splitlines()) == 1


def agrees(wanted: Any, got: Any) -> bool:
    """Whether `got` has all that `wanted` names (chapter 9.2). Reasons are information."""
    if wanted == "*":
        return True
    if isinstance(wanted, dict):
        named = {name: value for name, value in wanted.items() if name != "reason"}
        return isinstance(got, dict) and all(agrees(v, got.get(k)) for k, v in named.items())
    if isinstance(wanted, list):
        alike = isinstance(got, list) and len(wanted) == len(got)
        return alike and all(map(agrees, wanted, got))
    return bool(wanted == got)


def test_ledgers_agree_over_a_wire_that_loses_one_frame_in_ten() -> None:
    """DIGEST, HAVE and WANT mend a broadcast run; without sockets, in a time of its own."""
    spec = importlib.util.spec_from_file_location("minimal_peer", PEER)
    assert spec is not None and spec.loader is not None
    minimal: Any = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = minimal
    spec.loader.exec_module(minimal)
    run = minimal.Run(spreading="broadcast", probes=4, rounds_per_ballot=2)
    timing = minimal.Timing(rounds=80, quorum=4)
    chance = random.Random(3)
    names = [f"tcp://peer{i}:1" for i in range(4)]
    swarm = {}
    for i, name in enumerate(names):
        me = minimal.Speaker(bytes([i]) * 32, bytes([i]) * 8)
        labels = [(probe + i) % 10 for probe in range(300)]
        swarm[name] = minimal.Peer(run, timing, me, name, labels, random.Random(i))
    tallies: dict[int, set[bytes]] = {}
    events: list[Any] = [
        (0.1 * i, i, name, minimal.Start(tuple(names[:i]))) for i, name in enumerate(names)
    ]
    lost = 0
    while any(swarm[name].phase != "DONE" for name in names):
        ticks = [(one.due(), 0, name) for name, one in swarm.items() if one.due() is not None]
        if events and (not ticks or events[0][0] <= min(ticks)[0]):
            now, _, name, event = heapq.heappop(events)
        else:
            (now, _, name), event = min(ticks), minimal.Tick()
        assert now < 300
        for effect in swarm[name].handle(event, now):
            if isinstance(effect, minimal.Send):
                if effect.frame[0] != minimal.HELLO and chance.random() < 0.1:
                    lost += 1
                    continue
                arrival = minimal.Receive(name.encode(), (effect.frame,))
                order = (now + chance.uniform(0.01, 0.05), chance.random())
                heapq.heappush(events, (*order, effect.endpoint, arrival))
            elif isinstance(effect, minimal.Closed):
                tallies.setdefault(effect.round, set()).add(effect.digest)
    assert lost > 50
    assert len({one.ledger.hash(0, 40) for one in swarm.values()}) == 1
    assert len(tallies) == 40 and all(len(digests) == 1 for digests in tallies.values())


KINDS = ("bits", "probes", "digraph", "codec", "ledger", "tally", "seal")


def test_vectors_through_its_conform_command() -> None:
    asked, wanted = [], []
    for kind in KINDS:
        for path in sorted((ROOT / "protocol_spec" / "vectors" / kind).glob("*.json")):
            for case in json.loads(path.read_text(encoding="utf-8"))["cases"]:
                if {"view", "electorate", "model"} & {*case["input"].get("run", {})}:
                    continue  # left out (CONF-1): tests/peers/test_left_out.py
                name = f"{kind}/{path.stem}: {case['name']}"
                asked.append(json.dumps({"case": name, "kind": kind, "input": case["input"]}))
                wanted.append((name, case["expect"]))
    done = subprocess.run(
        [sys.executable, str(PEER), "conform"],
        input="\n".join(asked),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer["case"] for answer in answers] == [name for name, _ in wanted]
    wrong = [
        (name, expect, answer)
        for (name, expect), answer in zip(wanted, answers, strict=True)
        if not agrees(expect, answer.get("result"))
    ]
    assert not wrong and len(answers) > 250


def test_scripts_through_its_conform_command() -> None:
    ours = [sys.executable, "-m", "tallyp2p.cli", "conform", "--vectors", "--only", "gossip"]
    done = subprocess.run(
        [*ours, "--", sys.executable, str(PEER), "conform"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_kind_of_case_that_it_does_not_know_is_unimplemented() -> None:
    done = subprocess.run(
        [sys.executable, str(PEER), "conform"],
        input='{"case": "x", "kind": "telepathy", "input": {}}\n',
        capture_output=True,
        text=True,
        timeout=LONG,
        check=True,
    )
    assert "unimplemented" in json.loads(done.stdout)
