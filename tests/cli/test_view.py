"""What is shown while a swarm runs: each mode, and each event once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tallyp2p.cli.view import Chronicle, Mode, Overview, View, progress_line
from tallyp2p.gossip.events import Refused
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


def all_start(run: SyntheticRun) -> None:
    for index in range(run.peers):
        run.start(index)


def all_step(run: SyntheticRun, first: int) -> None:
    for index in range(run.peers):
        run.step(index, first)


def test_plain_lines(tmp_path: Path) -> None:
    with SyntheticRun(tmp_path, peers=4) as run:
        run.configure()
        said = Watched(run, Mode.LINES).play(
            (2.0, lambda: all_start(run)),
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
            watched.play((9.0, lambda run=run: all_start(run)), (20.0, lambda: None))  # type: ignore[misc]
            assert watched.said == []
            watched.view.finish(summarise(watched.reader))
            assert len(watched.said) == (1 if mode is Mode.QUIET else 0)


def test_last_look_is_taken_after_the_end(tmp_path: Path) -> None:
    with SyntheticRun(tmp_path, peers=1, rounds=8) as run:
        run.whole()
        reader = RunReader(tmp_path)
        View(Mode.QUIET, reader).run_until(lambda: True)
    assert reader.peers[0].finished


def happenings(run: SyntheticRun, reader: RunReader, chronicle: Chronicle) -> list[str]:
    return [news.text for news in chronicle.tell(reader.poll(), run.now)]


def test_each_event_is_told_once(tmp_path: Path) -> None:
    with SyntheticRun(tmp_path, peers=3) as run:
        reader = RunReader(tmp_path)
        chronicle = Chronicle(reader)
        all_start(run)
        for index in range(3):  # everybody greets everybody
            for about in range(3):
                run.tell(index, about, "alive", "hello")
        assert happenings(run, reader, chronicle) == [
            f"peer {index} joined at tcp://127.0.0.1:{7000 + index}" for index in range(3)
        ]
        steps = [
            ("suspect", "silent"),
            ("alive", "heard"),
            ("suspect", "silent"),
            ("gone", "expired"),
        ]
        told = []
        for moment, (state, cause) in enumerate(steps, start=1):
            run.now = moment
            run.tell(0, 2, state, cause)
            run.tell(1, 2, state, cause)
            told += happenings(run, reader, chronicle)
        assert told == [
            "peer 2 is silent",
            "peer 2 is heard again",
            "peer 2 is silent",
            "peer 2 is given up",
        ]
        run.now = 9
        run.writers[2].close()
        run.start(2)
        assert happenings(run, reader, chronicle) == ["peer 2 was started again"]
        run.writers[1].finished(completed=False, text="the learner failed")
        run.tell(0, 1, "gone", "bye")
        assert happenings(run, reader, chronicle) == ["peer 1 stopped: the learner failed"]
        run.writers[0].notice(Refused(11, "too short\nand more"))
        run.writers[0].notice(Refused(11, "too short"))
        assert happenings(run, reader, chronicle) == ["peer 0 refused a message: too short"]


def test_a_stranger_is_named_by_its_author(tmp_path: Path) -> None:
    with SyntheticRun(tmp_path, peers=1) as run:
        reader = RunReader(tmp_path)
        chronicle = Chronicle(reader)
        run.start(0)
        happenings(run, reader, chronicle)
        run.tell(0, 200, "alive", "hello")
        assert happenings(run, reader, chronicle) == []  # it may be about to say who it is
        assert happenings(run, reader, chronicle) == ["peer c9c9c9c9 joined"]


def test_overview_leaves_out_the_lost(tmp_path: Path) -> None:
    with SyntheticRun(tmp_path, peers=4) as run:
        run.configure()
        all_start(run)
        run.through((0, 1, 2, 3), until=24)
        run.tell(0, 3, "gone", "expired")
        run.through((0, 1, 2), until=48)
        overview = Overview.of(RunReader(tmp_path).drain())
    assert (overview.peers, overview.lost, overview.round, overview.rounds) == (4, 1, 48, 300)
    assert (overview.heard, overview.expected) == (6, 6)
    assert "3 of 4 peers well" in progress_line(overview, None)


def test_rich_is_loaded_only_for_a_live_view() -> None:
    code = "import sys, tallyp2p.cli.view; sys.exit('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
