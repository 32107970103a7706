"""Processes started, ended, and left alone.

The jobs run text given to `exec`, so that a child needs nothing but the standard library.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tallyp2p.errors import LocalError
from tallyp2p.runtime.launcher import Job, Launcher
from tests.waiting import LONG, until

SLEEPS = "import time; time.sleep(600)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"


def job(text: str, tmp_path: Path) -> Job:
    return Job(exec, (text,), tmp_path / "log.txt")


def waits_for(path: Path) -> str:
    """Text of a child that goes no further before there is such a file."""
    return f"import os, time\nwhile not os.path.exists({str(path)!r}): time.sleep(0.01)\n"


def ps(*columns: str) -> list[list[str]]:
    asked = ["ps", "-A", *(word for column in columns for word in ("-o", f"{column}="))]
    listed = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    return [line.split() for line in listed.splitlines()]


def alive(pids: list[int]) -> bool:
    states = {int(pid): state for pid, state, *_ in ps("pid", "stat")}
    return any(not states.get(pid, "Z").startswith("Z") for pid in pids)


@pytest.mark.parametrize("spawn", [False, True])
def test_exit_codes_and_logs(spawn: bool, tmp_path: Path) -> None:
    jobs = [
        job("print('one says this')", tmp_path),
        job("raise SystemExit(7)", tmp_path),
        job("raise ValueError('lost my way')", tmp_path),
        job("import logging; logging.getLogger('x').info('a note')", tmp_path),
        job("import os; os.kill(os.getpid(), 9)", tmp_path),
    ]
    with Launcher(jobs, spawn=spawn) as launcher:
        launcher.start()
        assert len(set(launcher.ids)) == 5 and all(launcher.ids)
        assert launcher.wait(LONG)
        assert launcher.poll() == (0, 7, 1, 0, -9)
        with pytest.raises(LocalError):
            launcher.start()
    log = (tmp_path / "log.txt").read_text()
    for text in ("one says this", "lost my way", "Traceback", "INFO x: a note"):
        assert text in log


def test_terminate_asks_first_and_then_insists(tmp_path: Path) -> None:
    ready = [tmp_path / "listens", tmp_path / "deaf"]
    texts = [
        text.replace("time.sleep", f"open({str(path)!r}, 'w'); time.sleep")
        for text, path in zip((SLEEPS, DEAF), ready, strict=True)
    ]
    with Launcher([job(text, tmp_path) for text in texts]) as launcher:
        launcher.start()
        until(lambda: all(path.exists() for path in ready))
        assert launcher.poll() == (None, None)
        assert not launcher.wait(0.05)
        launcher.terminate(grace=2.0)
        assert launcher.poll() == (0, -9)


@pytest.mark.parametrize("spawn", [False, True])
def test_children_told_to_leave_before_they_can_listen_are_gone(
    spawn: bool, tmp_path: Path
) -> None:
    with Launcher([job(DEAF, tmp_path) for _ in range(4)], spawn=spawn) as launcher:
        launcher.start()
        pids = list(launcher.ids)
        launcher.terminate(grace=0.5)  # some die of SIGTERM, some leave, some are killed
        assert None not in launcher.poll()
    assert not alive(pids)


def test_children_do_not_hear_ctrl_c(tmp_path: Path) -> None:
    ready, go = tmp_path / "ready", tmp_path / "go"
    text = f"open({str(ready)!r}, 'w')\n{waits_for(go)}"
    with Launcher([job(text, tmp_path)]) as launcher:
        launcher.start()
        until(ready.exists)
        os.kill(launcher.ids[0], signal.SIGINT)
        go.touch()
        assert launcher.wait(LONG)
        assert launcher.poll() == (0,)


def test_children_share_no_random_state(tmp_path: Path) -> None:
    draws = [tmp_path / f"draw-{i}" for i in range(3)]
    text = "import os, random; open({!r}, 'w').write(f'{{random.random()}} {{os.urandom(8)}}')"
    with Launcher([job(text.format(str(path)), tmp_path) for path in draws]) as launcher:
        launcher.start()
        assert launcher.wait(LONG)
    assert len({word for path in draws for word in path.read_text().split(" ", 1)}) == 6


def test_what_is_preloaded_is_there_before_the_fork(tmp_path: Path) -> None:
    out = tmp_path / "out"
    text = f"import sys; open({str(out)!r}, 'w').write(str('wave' in sys.modules))"
    with Launcher([job(text, tmp_path)], preload="wave") as launcher:
        launcher.start()
        assert launcher.wait(LONG)
    assert out.read_text() == "True"


def test_one_launcher_that_ends_leaves_another_its_children(tmp_path: Path) -> None:
    go = tmp_path / "go"
    with Launcher([job(f"{waits_for(go)}raise SystemExit(7)", tmp_path)]) as first:
        first.start()
        with Launcher([job("", tmp_path)]) as second:
            second.start()
            assert second.wait(LONG)
        go.touch()
        assert first.wait(LONG)
        assert (first.poll(), second.poll()) == ((7,), (0,))


LAUNCHING = """
import sys
from functools import partial
from pathlib import Path
from tallyp2p.runtime.launcher import Job, Launcher

if __name__ == "__main__":
    jobs = [Job(exec, (sys.argv[2], {}), Path(sys.argv[1]) / "log.txt") for _ in range(2)]
    with Launcher(jobs) as launcher:
        if sys.argv[3] == "grace":  # its processes have ten minutes to leave
            launcher.terminate = partial(launcher.terminate, 600.0)
        launcher.start()
        print(*launcher.ids, flush=True)
        if sys.argv[3] == "fail":
            raise RuntimeError("the launcher fails")
        launcher.wait()
"""


@contextmanager
def launching(
    tmp_path: Path, text: str, how: str
) -> Iterator[tuple[subprocess.Popen[str], list[int]]]:
    """A launcher in a process group of its own, and its two children; all end with the block."""
    script = tmp_path / "launching.py"
    script.write_text(LAUNCHING)
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, str(script), str(tmp_path), text, how],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
        start_new_session=True,
    ) as process:
        try:
            assert process.stdout is not None
            with process.stdout as lines:
                children = [int(word) for word in lines.readline().split()]
            assert len(children) == 2
            yield process, children
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


def descendants(process: subprocess.Popen[str]) -> list[int]:
    parents = {int(pid): int(parent) for pid, parent in ps("pid", "ppid")}
    found = [process.pid]
    for ancestor in found:
        found += [pid for pid, parent in parents.items() if parent == ancestor]
    return found[1:]


def test_children_outlive_a_killed_launcher(tmp_path: Path) -> None:
    go, finished = tmp_path / "go", tmp_path / "finished"
    text = f"{waits_for(go)}print('done', flush=True); open({str(finished)!r}, 'w')"
    with launching(tmp_path, text, "wait") as (process, children):
        process.kill()
        process.wait()
        go.touch()
        until(finished.exists)
        until(lambda: not alive(children))
    assert (tmp_path / "log.txt").read_text().count("done") >= 1


@pytest.mark.parametrize("how", ["interrupt", "fail"])
def test_nothing_is_left_behind(how: str, tmp_path: Path) -> None:
    with launching(tmp_path, SLEEPS, how) as (process, children):
        everybody = children
        if how == "interrupt":
            everybody = children + descendants(process)
            os.killpg(process.pid, signal.SIGINT)  # as a terminal does it
        process.wait(LONG)
        assert process.returncode != 0
        until(lambda: not alive(everybody))


def test_a_second_interrupt_does_not_wait(tmp_path: Path) -> None:
    """The first one gives them ten minutes to leave, and they are deaf."""
    here = f"pathlib.Path({str(tmp_path)!r}, {{!r}} + str(os.getpid())).touch()"
    deaf = f"signal.signal(signal.SIGTERM, lambda *_: {here.format('asked-')})"
    sleeps = "while True: time.sleep(600)"
    text = f"import os, pathlib, signal, time\n{deaf}\n{here.format('deaf-')}\n{sleeps}"
    with launching(tmp_path, text, "grace") as (process, children):
        until(lambda: len(list(tmp_path.glob("deaf-*"))) == len(children))
        os.killpg(process.pid, signal.SIGINT)
        until(lambda: len(list(tmp_path.glob("asked-*"))) == len(children))
        os.killpg(process.pid, signal.SIGINT)
        process.wait(LONG)
        until(lambda: not alive(children))
