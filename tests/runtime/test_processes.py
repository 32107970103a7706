"""Whole peers in processes of their own: a swarm, and what may happen to one of its peers."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

from tallyp2p.runtime.launcher import Job, Launcher
from tests.waiting import LONG, until

SOURCE = (Path(__file__).parent / "one_peer.py").read_text()
PEERS = 4
LATE = 5.0  # seconds by which a busy host's timers may be late


def job(
    directory: Path,
    index: int,
    rounds: int = 40,
    pause: float = 0.02,
    again: bool = False,
    deadline: float = LONG,
) -> Job:
    arguments = (directory, index, PEERS, rounds, pause, again, deadline)
    # A child need not be able to import the tests: it is given the text.
    names = {"__name__": "one_peer", "ARGUMENTS": arguments}
    return Job(exec, (SOURCE, names), directory / f"{index}.log")


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
        assert launcher.wait(LONG)
        assert launcher.poll() == (0,) * PEERS, logs(tmp_path)
    for index in range(PEERS):
        saw = seen(tmp_path, index)
        assert saw["completed"] and not saw["abandoned"]
        assert saw["heard"] == {str(round): 2 for round in range(0, 40, 2)}


def test_a_killed_peer_does_not_stall_the_others(tmp_path: Path) -> None:
    with Launcher([job(tmp_path, i, deadline=3) for i in range(PEERS)]) as launcher:
        launcher.start()
        until(lambda: at_round(tmp_path, 1) >= 6)
        os.kill(launcher.ids[1], signal.SIGKILL)
        assert launcher.wait(LONG)
        assert launcher.poll() == (0, -9, 0, 0), logs(tmp_path)
    for index in (0, 2, 3):
        assert seen(tmp_path, index)["completed"]
        assert seen(tmp_path, index)["waited"] < 3 + LATE


def test_a_peer_told_to_leave_amid_training_says_bye(tmp_path: Path) -> None:
    jobs = [job(tmp_path, i, pause=600 if i == 2 else 0.02) for i in range(PEERS)]
    with Launcher(jobs) as launcher:
        launcher.start()
        until(lambda: at_round(tmp_path, 0) >= 0)  # 2 has voted for that round, and trains
        os.kill(launcher.ids[2], signal.SIGTERM)
        until(lambda: launcher.poll()[2] is not None)  # and not when its step has ended
        assert launcher.wait(LONG)
        assert launcher.poll() == (0,) * PEERS, logs(tmp_path)
    assert seen(tmp_path, 2)["abandoned"] and not seen(tmp_path, 2)["completed"]
    for index in (0, 1, 3):
        assert seen(tmp_path, index)["completed"]
        assert ["gone", "bye"] in seen(tmp_path, index)["changes"]


def test_a_killed_peer_that_starts_again_catches_up(tmp_path: Path) -> None:
    """The others rest until it is there: how long a process takes to start, nobody knows."""
    rounds, pause, hold = 120, 0.04, tmp_path / "hold"
    with Launcher([job(tmp_path, i, rounds, pause, deadline=3) for i in range(PEERS)]) as launcher:
        launcher.start()
        until(lambda: at_round(tmp_path, 3) >= 10)
        hold.touch()
        os.kill(launcher.ids[3], signal.SIGKILL)
        until(lambda: launcher.poll()[3] == -9)
        at = at_round(tmp_path, 3)
        with Launcher([job(tmp_path, 3, rounds, pause, again=True, deadline=3)]) as second:
            second.start()
            until((tmp_path / "3.back").exists)
            hold.unlink()
            assert second.wait(LONG) and second.poll() == (0,), logs(tmp_path)
        assert launcher.wait(LONG)
        assert launcher.poll() == (0, 0, 0, -9), logs(tmp_path)
    saw = seen(tmp_path, 3)
    assert saw["completed"] and max(map(int, saw["heard"])) == rounds - 2
    assert min(map(int, saw["heard"])) > at  # it votes in no round twice
