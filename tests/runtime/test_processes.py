"""Whole peers in processes of their own: a swarm, and what may happen to one of its peers."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tallyp2p.runtime.launcher import Job, Launcher

SOURCE = (Path(__file__).parent / "one_peer.py").read_text()
PEERS = 4


def job(
    directory: Path, index: int, rounds: int = 40, pause: float = 0.02, again: bool = False
) -> Job:
    arguments = (directory, index, PEERS, rounds, pause, again)
    # A child need not be able to import the tests: it is given the text.
    names = {"__name__": "one_peer", "ARGUMENTS": arguments}
    return Job(exec, (SOURCE, names), directory / f"{index}.log")


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.02)


def at_round(directory: Path, index: int) -> int:
    try:
        return int((directory / f"{index}.round").read_text() or -1)
    except FileNotFoundError:
        return -1


def seen(directory: Path, index: int) -> dict[str, Any]:
    return dict(json.loads((directory / f"{index}.json").read_text()))


def logs(directory: Path) -> str:
    return "\n".join(path.read_text() for path in sorted(directory.glob("*.log")))


def test_a_swarm_of_processes_completes(tmp_path: Path) -> None:
    with Launcher([job(tmp_path, i) for i in range(PEERS)]) as launcher:
        launcher.start()
        assert launcher.wait(30)
        assert launcher.poll() == (0,) * PEERS, logs(tmp_path)
    for index in range(PEERS):
        saw = seen(tmp_path, index)
        assert saw["completed"] and not saw["abandoned"]
        assert saw["heard"] == {str(round): 2 for round in range(0, 40, 2)}


def test_a_killed_peer_does_not_stall_the_others(tmp_path: Path) -> None:
    with Launcher([job(tmp_path, i) for i in range(PEERS)]) as launcher:
        launcher.start()
        until(lambda: at_round(tmp_path, 1) >= 6)
        os.kill(launcher.ids[1], signal.SIGKILL)
        assert launcher.wait(30)
        assert launcher.poll() == (0, -9, 0, 0), logs(tmp_path)
    for index in (0, 2, 3):
        assert seen(tmp_path, index)["completed"]
        assert seen(tmp_path, index)["waited"] < 3.5  # the deadline is 3


def test_a_peer_told_to_leave_amid_training_says_bye(tmp_path: Path) -> None:
    jobs = [job(tmp_path, i, pause=60 if i == 2 else 0.02) for i in range(PEERS)]
    with Launcher(jobs) as launcher:
        launcher.start()
        until(lambda: at_round(tmp_path, 0) >= 0)  # 2 has voted for that round, and trains
        began = time.monotonic()
        os.kill(launcher.ids[2], signal.SIGTERM)
        until(lambda: launcher.poll()[2] is not None)
        assert time.monotonic() - began < 3
        assert launcher.wait(30)
        assert launcher.poll() == (0,) * PEERS, logs(tmp_path)
    assert seen(tmp_path, 2)["abandoned"] and not seen(tmp_path, 2)["completed"]
    for index in (0, 1, 3):
        assert seen(tmp_path, index)["completed"]
        assert ["gone", "bye"] in seen(tmp_path, index)["changes"]


def test_a_killed_peer_that_starts_again_catches_up(tmp_path: Path) -> None:
    rounds, pause = 200, 0.04
    with Launcher([job(tmp_path, i, rounds, pause) for i in range(PEERS)]) as launcher:
        launcher.start()
        until(lambda: at_round(tmp_path, 3) >= 10)
        os.kill(launcher.ids[3], signal.SIGKILL)
        until(lambda: launcher.poll()[3] == -9)
        at = at_round(tmp_path, 3)
        with Launcher([job(tmp_path, 3, rounds, pause, again=True)]) as second:
            second.start()
            assert second.wait(40) and second.poll() == (0,), logs(tmp_path)
        assert launcher.wait(30)
        assert launcher.poll() == (0, 0, 0, -9), logs(tmp_path)
    saw = seen(tmp_path, 3)
    assert saw["completed"] and max(map(int, saw["heard"])) == rounds - 2
    assert min(map(int, saw["heard"])) > at  # it votes in no round twice
