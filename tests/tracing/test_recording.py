"""The witness: writes all, in time, hinders nobody, and is not there when not wanted."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tallyp2p.birth import Birth
from tallyp2p.errors import FailureError, LocalError, SettingsError
from tallyp2p.gossip import events
from tallyp2p.parameters import Timing
from tallyp2p.simulator.world import World
from tallyp2p.tracing.recording import Recorded, TraceFile, Traces
from tests.simulator.worlds import world
from tests.tracing.lives import ROUGH, recorded
from tests.world import SMALL_RUN

BIRTH = Birth.of(SMALL_RUN, Timing(), b"i" * 32, b"instance", b"s" * 16, "agent/1")


def test_a_recorded_world_is_the_same_world(tmp_path: Path) -> None:
    paths = recorded(tmp_path)
    assert [path.name for path in paths] == [
        "peer-00-life-00.jsonl",
        "peer-01-life-01.jsonl",
        "peer-01-life-04.jsonl",
        "peer-02-life-02.jsonl",
        "peer-03-life-03.jsonl",
    ]
    again = Traces(tmp_path / "again")
    recording = World(world(**ROUGH), machines=again.machine).run()
    assert recording.trace_hash == World(world(**ROUGH)).run().trace_hash


def test_lines_wait_a_second_at_most_and_the_last_ones_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    machine = Recorded(BIRTH, TraceFile(path))
    machine.handle(events.Started("tcp://10.0.0.1:1"), 5.0)
    machine.handle(events.Ticked(), 5.5)
    assert path.read_text().count("\n") == 2, "header and start are there at once"
    machine.handle(events.Ticked(), 6.0)
    assert [json.loads(line).get("at") for line in path.read_text().splitlines()] == [
        None,
        5.0,
        5.5,
        6.0,
    ]
    machine.handle(events.Stopped(), 6.1)
    machine.handle(events.Ticked(), 6.2)  # nothing follows the end
    last = json.loads(path.read_text().splitlines()[-1])
    assert (last["at"], last["effects"][-1]["effect"]) == (6.1, "finish")


def test_what_the_machine_raises_is_recorded_and_raised(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    machine = Recorded(BIRTH, TraceFile(path))
    machine.handle(events.Started("tcp://10.0.0.1:1"), 5.0)
    with pytest.raises(LocalError):
        machine.handle(events.Learned(2), 5.1)
    last = json.loads(path.read_text().splitlines()[-1])
    assert last["raised"] == "LocalError: nobody asked to learn round 2" and "effects" not in last


def test_a_disk_that_refuses_is_told_about_once_and_the_peer_goes_on(tmp_path: Path) -> None:
    told: list[str] = []
    path = tmp_path / "gone" / "trace.jsonl"
    machine = Recorded(BIRTH, TraceFile(path, told.append))
    path.unlink()
    path.mkdir()  # for whoever may write anywhere, too
    effects = machine.handle(events.Started("tcp://10.0.0.1:1"), 0.0)
    plain = BIRTH.machine()
    assert effects == plain.handle(events.Started("tcp://10.0.0.1:1"), 0.0)
    for moment in (2.0, 4.0, 6.0):
        ticked = machine.handle(events.Ticked(), moment)
        assert ticked == plain.handle(events.Ticked(), moment)
    assert told == [f"the trace {path} ends here: Is a directory"]


def test_a_file_that_is_there_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_text("precious")
    with pytest.raises(SettingsError, match="holds something already: name another"):
        TraceFile(path)
    assert path.read_text() == "precious"


def test_a_file_that_cannot_be_made_is_said_before_the_peer_starts(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(FailureError, match="cannot write .*; choose another file"):
        TraceFile(tmp_path / "file" / "trace.jsonl")
