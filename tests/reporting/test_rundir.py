"""What a peer writes: strict lines, whatever figures it has and whatever the disk does."""

from __future__ import annotations

import errno
import json
import logging
import os
from pathlib import Path
from typing import Any

import pytest

from tallyp2p.errors import FailureError
from tallyp2p.gossip.events import MemberChanged, Refused, RoundClosed
from tallyp2p.parameters import LIMITS
from tallyp2p.reporting.rundir import METRICS_SCHEMA, PeerWriter, peer_dir, strict, write_json
from tests.reporting.synthetic import RUN, FakeProgress, SyntheticRun, snapshot


def lines(run: Path, index: int = 0) -> list[dict[str, Any]]:
    text = (peer_dir(run, index) / "metrics.jsonl").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_first_line_says_which_schema_and_which_run(tmp_path: Path) -> None:
    with SyntheticRun(tmp_path) as run:
        run.start(3)
    (line,) = lines(tmp_path, 3)
    assert line["event"] == "started"
    assert line["schema"] == METRICS_SCHEMA
    assert line["index"] == 3
    assert line["pid"] == os.getpid()
    assert line["author"] == "04" * 8
    assert line["time"] == "2026-01-01T12:00:00.000+00:00"
    assert (line["run"], line["votes"], line["bits"]) == (RUN.run.hex(), 256, 4)


def test_round_joins_the_close_and_the_training_of_one_ballot(tmp_path: Path) -> None:
    with SyntheticRun(tmp_path, rounds=20) as run:
        writer = run.start(0)
        run.now = 2.5
        writer.notice(RoundClosed(8, heard=(b"a" * 8, b"b" * 8), missing=(b"c" * 8,), waited=0.25))
        writer.progress(FakeProgress(8, {"loss": 0.123456789}, snapshot(2), alive=3, suspect=1))
    line = lines(tmp_path)[-1]
    assert (line["heard"], line["missing"], line["waited"]) == (2, 1, 0.25)
    assert (line["seconds"], line["alive"], line["suspect"]) == (2.5, 3, 1)
    assert line["figures"] == {"loss": 0.123457}
    assert line["bytes"]["sent"]["votes"]["payload"] == 4 * 128


def test_a_close_is_not_told_of_another_round(tmp_path: Path) -> None:
    with SyntheticRun(tmp_path) as run:
        writer = run.start(0)
        writer.notice(RoundClosed(0, heard=(b"a" * 8,), missing=(), waited=1.0))
        writer.progress(FakeProgress(8, {}, snapshot(1), alive=1))
    assert lines(tmp_path)[-1]["heard"] == 0


def test_figures_that_are_not_finite_become_null(tmp_path: Path) -> None:
    with SyntheticRun(tmp_path) as run:
        writer = run.start(0)
        writer.progress(
            FakeProgress(0, {"loss": float("nan"), "kl": float("inf")}, snapshot(1), alive=1)
        )
    assert lines(tmp_path)[-1]["figures"] == {"loss": None, "kl": None}


def test_last_word_stands_in_both_files(tmp_path: Path) -> None:
    with SyntheticRun(tmp_path, rounds=20) as run:
        writer = run.start(0)
        for first in (0, 8, 16):
            run.step(0, first)
        writer.finished(completed=False, text="told to leave", bytes=snapshot(9))
    last = lines(tmp_path)[-1]
    own = json.loads((peer_dir(tmp_path, 0) / "summary.json").read_text("utf-8"))
    assert last.pop("event") == "finished"
    assert last["rounds"] == 20
    assert last["bytes"]["sent"]["votes"]["messages"] == 18
    assert last["accuracy"]["swarm"] == pytest.approx(0.92 - 0.6 * 0.97**20)
    assert own == {"schema": "tallyp2p.peer/1", "index": 0, "author": "01" * 8} | last


def test_strangers_cannot_fill_the_disk(tmp_path: Path) -> None:
    with SyntheticRun(tmp_path) as run:
        writer = run.start(0)
        for number in range(4 * LIMITS.members + 50):
            writer.notice(Refused(11, "rubbish"))
            writer.notice(MemberChanged(number.to_bytes(8), "alive", "tcp://127.0.0.1:1", "hello"))
        writer.finished(completed=True)
    written = lines(tmp_path)
    assert len(written) == 2 + 4 * LIMITS.members
    assert written[-1]["refused"] == 4 * LIMITS.members + 50


class FullDisk:
    """A file on which the first `room` bytes fit."""

    def __init__(self, file: Any, room: int) -> None:
        self.file, self.room = file, room

    def write(self, data: bytes) -> int:
        if self.room == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = min(self.room, len(data))
        self.room -= taken
        return int(self.file.write(data[:taken]))

    def close(self) -> None:
        self.file.close()


def test_full_disk_is_warned_about_once_and_stops_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with SyntheticRun(tmp_path) as run, caplog.at_level(logging.WARNING):
        writer = run.start(0)
        disk = FullDisk(writer._file, room=20)
        writer._file = disk  # type: ignore[assignment]
        run.step(0, 0)  # torn
        run.step(0, 8)  # refused
        run.step(0, 16)
        disk.room = 1 << 20  # somebody made room
        run.step(0, 24)
    assert len(caplog.records) == 1
    assert "No space left" in caplog.text and "training goes on" in caplog.text
    kept = (peer_dir(tmp_path, 0) / "metrics.jsonl").read_bytes().split(b"\n")
    assert json.loads(kept[2])["round"] == 24  # on a line of its own, after the torn one


def test_restarted_peer_begins_a_line_of_its_own(tmp_path: Path) -> None:
    path = peer_dir(tmp_path, 0) / "metrics.jsonl"
    with SyntheticRun(tmp_path) as run:
        run.start(0)
    with open(path, "ab") as file:
        file.write(b'{"event":"rou')  # killed here
    with SyntheticRun(tmp_path) as run:
        run.start(0)
    assert [line[:10] for line in path.read_text("utf-8").split("\n")] == [
        '{"event":"',
        '{"event":"',
        '{"event":"',
        "",
    ]


def test_unusable_directory_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "peer-00").write_text("a file in the way")
    with pytest.raises(FailureError, match="choose another directory"):
        PeerWriter(tmp_path, 0)


def test_json_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    write_json(path, {"a": float("nan"), "b": b"\x01", "c": (1, 2)})
    assert json.loads(path.read_text("utf-8")) == {"a": None, "b": "01", "c": [1, 2]}
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(FailureError, match="cannot write"):
        write_json(tmp_path / "nowhere" / "x.json", {})


def test_strict_keeps_what_json_can_say() -> None:
    value = {"a": [1, 2.5, "x", None, True], "b": {"c": 0}}
    assert strict(value) == value
