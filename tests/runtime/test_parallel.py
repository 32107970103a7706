"""Work spread over processes: all is done, in any order, and no more is asked for than needed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import count

import pytest

from tallyp2p.errors import FailureError, SettingsError
from tallyp2p.runtime.parallel import spread
from tests.waiting import LONG


def _square(number: int) -> tuple[int, int]:
    return number * number, os.getpid()


def _refuse(number: int) -> int:
    raise SettingsError(f"not {number}")


def _die(number: int) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_one_job_is_done_here_and_in_order() -> None:
    assert list(spread(_square, range(3), 1)) == [(n * n, os.getpid()) for n in range(3)]


def test_two_jobs_do_all_of_it_elsewhere() -> None:
    done = list(spread(_square, range(9), 2))
    assert sorted(square for square, _ in done) == [n * n for n in range(9)]
    assert os.getpid() not in {process for _, process in done}


def test_things_may_be_endless() -> None:
    asked: list[int] = []

    def things() -> Iterator[int]:
        for number in count():
            asked.append(number)
            yield number

    results = spread(_square, things(), 2)
    for _ in range(5):
        next(results)
    results.close()
    assert len(asked) <= 5 + 2 * 2 + 1


def test_what_the_work_raises_is_raised_here() -> None:
    with pytest.raises(SettingsError, match="not 0"):
        list(spread(_refuse, range(1), 2))


def test_a_process_that_is_killed_is_told_in_a_sentence() -> None:
    with pytest.raises(FailureError, match="a process was killed"):
        list(spread(_die, range(1), 2))


_LONG = """
import os, time
from tallyp2p.runtime.parallel import spread
if __name__ == "__main__":
    for number in spread(print, range(10**9), 2):
        print("ready", flush=True)
        time.sleep(600)
"""


def test_no_process_outlives_the_first_one() -> None:
    with subprocess.Popen([sys.executable, "-c", _LONG], stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        while first.stdout.readline() != b"ready\n":
            pass
        first.kill()
        # the pipe ends when nobody holds it any more
        began = time.monotonic()
        first.stdout.read()
        assert time.monotonic() - began < LONG
