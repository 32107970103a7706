"""What is shown while a swarm runs, in each mode."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tallyp2p.cli.view import Mode, View
from tallyp2p.reporting.reader import RunReader
from tallyp2p.reporting.summary import summarise
from tests.reporting.synthetic import SyntheticRun


class Watched:
    """A view over a synthetic run; each look moves the clock to the next step of the play."""

    def __init__(self, run: SyntheticRun, mode: Mode) -> None:
        self.run = run
        self.said: list[str] = []
        self.reader = RunReader(run.path)
        self.view = View(
            mode, self.reader, clock=lambda: run.now, sleep=self._sleep, echo=self.said.append
        )
        self._steps: list[tuple[float, Callable[[], object]]] = []

    def play(self, *steps: tuple[float, Callable[[], object]]) -> list[str]:
        self._steps = list(steps)
        self.view.run_until(lambda: not self._steps)
        return self.said

    def _sleep(self, seconds: float) -> None:
        self.run.now, step = self._steps.pop(0)
        step()


def all_step(run: SyntheticRun, first: int) -> None:
    for index in range(run.peers):
        run.step(index, first)


def test_plain_lines(tmp_path: Path) -> None:
    with SyntheticRun(tmp_path, peers=4) as run:
        run.configure()
        said = Watched(run, Mode.LINES).play(
            (2.0, lambda: run.start_all()),
            (3.0, lambda: all_step(run, 0)),
            (4.0, lambda: all_step(run, 8)),
            (8.0, lambda: all_step(run, 16)),
            (9.0, lambda: run.tell(0, 3, "suspect", "silent")),
            (9.5, lambda: run.tell(1, 3, "suspect", "silent")),
        )
    assert said == [
        "   0.0 s  0 of 4 peers have started",
        "   2.0 s  all 4 peers have started",
        # 276 rounds are left; 16 took the 5 seconds since rounds were first seen
        "   8.0 s  round 24/300, swarm 62.5% (alone 33.8%), votes heard 8/8, 4 of 4 peers well, "
        "1.52 kB sent by each, 86 s left",
        "   9.0 s  peer 3 is silent",
    ]


def test_quiet_and_json_say_nothing_meanwhile(tmp_path: Path) -> None:
    for mode in (Mode.QUIET, Mode.JSON):
        with SyntheticRun(tmp_path / mode.value, peers=2, rounds=8) as run:
            run.path.mkdir()
            run.configure()
            watched = Watched(run, mode)
            watched.play((9.0, lambda run=run: run.start_all()), (20.0, lambda: None))  # type: ignore[misc]
            assert watched.said == []
            watched.view.finish(summarise(watched.reader))
            assert len(watched.said) == (1 if mode is Mode.QUIET else 0)


def test_last_look_is_taken_after_the_end(tmp_path: Path) -> None:
    with SyntheticRun(tmp_path, peers=1, rounds=8) as run:
        run.whole()
        reader = RunReader(tmp_path)
        View(Mode.QUIET, reader).run_until(lambda: True)
    assert reader.peers[0].finished


def test_rich_is_loaded_only_for_a_live_view() -> None:
    code = "import sys, tallyp2p.cli.view; sys.exit('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
