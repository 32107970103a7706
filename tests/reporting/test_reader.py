"""Following files that grow, tear, restart and lie."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallyp2p.reporting.reader import RunReader
from tallyp2p.reporting.rundir import peer_dir
from tests.reporting.synthetic import START, SyntheticRun


def test_state_follows_the_lines(tmp_path: Path) -> None:
    with SyntheticRun(tmp_path, peers=3, rounds=40) as run:
        run.configure()
        reader = RunReader(tmp_path)
        assert sorted(reader.peers) == [0, 1, 2] and reader.rounds == 40
        assert reader.poll() == []
        run.start(1)
        (story,) = reader.poll()
        assert (story.index, story.event) == (1, "started")
        run.now = 4.0
        run.step(1, 0)
        assert reader.poll() == []
        peer = reader.peers[1]
        assert (peer.rounds, peer.heard, peer.missing, peer.alive) == (8, 2, 0, 1)
        assert (peer.seconds, peer.ended) == (4.0, START.timestamp() + 4.0)
        assert peer.sent["votes"]["messages"] == 2
        assert peer.swarm is None and peer.curve == []
        run.step(1, 16)
        reader.poll()
        (point,) = peer.curve
        assert (point.rounds, point.sent) == (24, 6 * 136 + 700)
        assert peer.swarm == point.swarm == pytest.approx(0.92 - 0.6 * 0.97**24 - 0.004, abs=1e-5)
        assert reader.peers[0].starts == 0


def test_last_ballot_does_not_count_rounds_beyond_the_end(tmp_path: Path) -> None:
    with SyntheticRun(tmp_path, peers=1, rounds=20) as run:
        run.whole()
    peer = RunReader(tmp_path).drain().peers[0]
    assert (peer.rounds, peer.finished, peer.completed) == (20, True, True)


@given(cut=st.integers(0, 3_000), second=st.integers(0, 3_000))
def test_it_does_not_matter_where_a_read_ends(
    tmp_path_factory: pytest.TempPathFactory, cut: int, second: int
) -> None:
    path = tmp_path_factory.mktemp("cut")
    with SyntheticRun(path, peers=1, rounds=24) as run:
        run.whole()
    file = peer_dir(path, 0) / "metrics.jsonl"
    data = file.read_bytes()
    whole = RunReader(path).drain()
    file.write_bytes(b"")
    reader = RunReader(path)
    for end in sorted((min(cut, len(data)), min(second, len(data)), len(data))):
        file.write_bytes(data[:end])
        reader.poll()
    assert reader.peers == whole.peers
    assert reader.skipped == 0


@given(rubbish=st.binary(max_size=300))
def test_no_line_can_raise(tmp_path_factory: pytest.TempPathFactory, rubbish: bytes) -> None:
    path = tmp_path_factory.mktemp("rubbish")
    with SyntheticRun(path, peers=1, rounds=16) as run:
        run.start(0)
        with open(peer_dir(path, 0) / "metrics.jsonl", "ab") as file:
            file.write(rubbish + b"\n")
        run.step(0, 0)
    peer = RunReader(path).drain().peers[0]
    assert peer.rounds == 8


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        "7",
        '{"event":"round"}',
        '{"event":"started","author":"00","endpoint":"x","rounds":1}',
        '{"event":"finished","seconds":NaN}',
        '{"event":"from a later version"}',
        "[" * 100_000,
    ],
)
def test_lines_without_sense_are_counted(tmp_path: Path, line: str) -> None:
    directory = peer_dir(tmp_path, 0)
    directory.mkdir()
    (directory / "metrics.jsonl").write_text(line + "\n", "utf-8")
    reader = RunReader(tmp_path).drain()
    assert reader.skipped == 1


def test_counts_of_a_restarted_peer_add_up(tmp_path: Path) -> None:
    with SyntheticRun(tmp_path, peers=1) as run:
        run.start(0)
        run.now = 10.0
        run.step(0, 0)
        once = RunReader(tmp_path).drain().peers[0].sent["total"]["wire"]
        run.writers[0].close()
        run.now = 30.0
        run.start(0)
        run.now = 31.0
        run.step(0, 0)
    peer = RunReader(tmp_path).drain().peers[0]
    assert peer.starts == 2
    assert peer.sent["total"]["wire"] == 2 * once
    assert peer.seconds == 31.0


def test_what_others_say_of_a_peer(tmp_path: Path) -> None:
    with SyntheticRun(tmp_path, peers=3) as run:
        for index in range(3):
            run.start(index)
        run.tell(0, 2, "suspect", "silent")
        reader = RunReader(tmp_path)
        stories = reader.poll()
        assert reader.peers[2].state == "suspect"
        assert [story.event for story in stories] == ["started", "member", "started", "started"]
        run.tell(1, 2, "gone", "expired")
        run.writers[2].close()
        run.now = 1.0
        run.start(2)
        assert [(story.index, story.event) for story in reader.poll()] == [
            (1, "member"),
            (2, "started"),
        ]
        assert reader.peers[2].state == "alive"


def test_directory_without_configuration_or_peers(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("not toml at all [")
    (tmp_path / "peer-old").mkdir()
    (tmp_path / "peer-old" / "metrics.jsonl").write_text('{"event":"started"}\n')
    reader = RunReader(tmp_path).drain()
    assert (reader.peers, reader.rounds, reader.config, reader.skipped) == ({}, 0, {}, 0)
