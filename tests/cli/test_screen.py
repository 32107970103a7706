"""The live picture: it fits its terminal, and shows those who need to be seen."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from tallyp2p.cli.overview import Happening, Overview
from tallyp2p.cli.screen import Screen, chosen
from tallyp2p.cli.view import Mode, View
from tallyp2p.reporting.reader import PeerRecord, RunReader
from tallyp2p.reporting.summary import summarise
from tests.reporting.synthetic import SyntheticRun


def console(width: int = 80, height: int = 24, encoding: str = "utf-8") -> Console:
    file = io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)
    return Console(file=file, width=width, height=height, force_terminal=True, color_system=None)


def drawn(terminal: Console, path: Path, events: int = 9) -> list[str]:
    reader = RunReader(path).drain()
    news = [Happening(1.0, f"peer 7 event {number} " + "x" * 100) for number in range(events)]
    with terminal.capture() as capture:
        terminal.print(Screen(terminal).picture(reader, Overview.of(reader), news, 75.0, 30.0))
    return capture.get().splitlines()


@pytest.mark.parametrize("peers", [2, 10, 12, 13, 40])
@pytest.mark.parametrize("until", [0, 48, None])
def test_it_fits_80_by_24(tmp_path: Path, peers: int, until: int | None) -> None:
    with SyntheticRun(tmp_path, peers=peers) as run:
        run.configure()
        for index in range(peers):
            run.start(index)
        run.through(range(peers), until=until)
        run.tell(0, 1, "suspect", "silent")
    lines = drawn(console(), tmp_path)
    assert len(lines) < 24
    assert max(map(len, lines)) <= 80
    cells = "\n".join(lines[:-4])
    assert "…" not in cells


def test_one_row_by_hand(tmp_path: Path) -> None:
    with SyntheticRun(tmp_path, peers=2) as run:
        run.configure()
        run.start(0)
        run.through((0,), until=48)
    lines = drawn(console(encoding="ascii"), tmp_path, events=1)
    assert "round 24/300   1:15 so far, 0:30 left" in lines[0]
    # A bar of 20 cells: 31% are 6 of them, what the swarm adds up to 78% are 10 more.
    first = next(line for line in lines if line.startswith("0 "))
    assert first.split() == [
        "0",
        "48",
        "31.2%",
        "78.1%",
        "=" * 6 + "#" * 10,
        "1/1",
        "1",
        "2.33",
        "kB",
    ]
    second = next(line for line in lines if line.startswith("1 "))
    assert second.split() == ["1", *["-"] * 6]


def test_ascii_terminal_gets_ascii(tmp_path: Path) -> None:
    terminal = console(encoding="ascii")
    with SyntheticRun(tmp_path, peers=3, rounds=48) as run:
        run.whole()
    "\n".join(drawn(terminal, tmp_path, events=0)).encode("ascii")
    reader = RunReader(tmp_path)
    view = View(Mode.LIVE, reader, screen=Screen(terminal))
    view.run_until(lambda: True)
    view.finish(summarise(reader))  # would raise UnicodeEncodeError


def test_the_worst_are_shown() -> None:
    peers = [PeerRecord(index, starts=1, swarm=0.9 - index / 100, rounds=8) for index in range(9)]
    peers[2].state = "gone"
    peers[5].swarm = None
    assert [peer.index for peer in chosen(peers, 4)] == [2, 5, 7, 8]
    assert [peer.index for peer in chosen(peers, 9)] == list(range(9))


def test_picture_gives_way_to_the_tables(tmp_path: Path) -> None:
    with SyntheticRun(tmp_path, peers=3, rounds=48) as run:
        run.whole()
    terminal = console()
    reader = RunReader(tmp_path)
    with terminal.capture() as capture:
        view = View(Mode.LIVE, reader, screen=Screen(terminal))
        view.run_until(lambda: True)
        view.finish(summarise(reader))
    shown = capture.get()
    assert "dense weights" in shown and "mean" in shown
    assert "\x1b[?25h" in shown  # the cursor is back
