"""Where a swarm is, and each event told once."""

from __future__ import annotations

from pathlib import Path

from tallyp2p.cli.overview import Chronicle, Overview, progress_line
from tallyp2p.gossip.events import Refused
from tallyp2p.reporting.reader import RunReader
from tests.reporting.synthetic import SyntheticRun


def happenings(run: SyntheticRun, reader: RunReader, chronicle: Chronicle) -> list[str]:
    return [news.text for news in chronicle.tell(reader.poll(), run.now)]


def test_each_event_is_told_once(tmp_path: Path) -> None:
    with SyntheticRun(tmp_path, peers=3) as run:
        reader = RunReader(tmp_path)
        chronicle = Chronicle(reader)
        run.start_all()
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
        run.writers[1].finished(completed=False, text="the\x1b]0;x\x07learner failed")
        run.tell(0, 1, "gone", "bye")
        assert happenings(run, reader, chronicle) == ["peer 1 stopped: the?]0;x?learner failed"]
        run.writers[0].notice(Refused(11, "too\x1b[2J short\nand more"))
        run.writers[0].notice(Refused(11, "too short"))
        assert happenings(run, reader, chronicle) == ["peer 0 refused a message: too?[2J short"]


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
        run.start_all()
        run.through((0, 1, 2, 3), until=24)
        run.tell(0, 3, "gone", "expired")
        run.through((0, 1, 2), until=48)
        overview = Overview.of(RunReader(tmp_path).drain())
    assert (overview.peers, overview.lost, overview.round, overview.rounds) == (4, 1, 48, 300)
    assert (overview.heard, overview.expected) == (6, 6)
    assert "3 of 4 peers well" in progress_line(overview, None)
