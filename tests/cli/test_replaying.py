"""`tallyp2p simulate --trace` and `--replay`: for people, for programs, and what they refuse."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tallyp2p.gossip.rounds import Rounds
from tests.cli.test_simulate import WORLD, run


@pytest.fixture
def traces(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lives of a small world in which a peer crashes and comes back."""
    path = tmp_path / "world.toml"
    path.write_text(WORLD.replace("rounds = 160", "rounds = 64"))
    assert run(str(path), "--trace", str(tmp_path / "traces")) == 0
    plain = capsys.readouterr().out
    assert run(str(path)) == 0
    assert plain.splitlines()[-1] == capsys.readouterr().out.splitlines()[-1]  # the trace_hash
    return [str(file) for file in sorted((tmp_path / "traces").iterdir())]


def test_lives_are_replayed_and_summed_up(
    traces: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert len(traces) == 5
    assert run("--replay", *traces) == 0
    said = capsys.readouterr()
    rows = said.out.splitlines()
    assert said.out.count("equal") == 5 and said.out.count("completed") == 4
    assert said.out.count(" cut ") == 1  # the life that the crash ended
    assert rows[-2].startswith("events   ") and "received" in rows[-2]
    assert rows[-1].startswith("effects  ") and "send" in rows[-1]
    assert said.err == ""


def test_long_work_shows_how_far_it_is(
    traces: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tallyp2p.cli.replaying._LOG_EVERY", 0.0)
    assert run("--replay", *traces) == 0
    assert f"replaying 2 of 5: {traces[1]}, 0 events\n" in capsys.readouterr().err


def test_json_says_the_same(traces: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--replay", "--json", traces[0]) == 0
    report = json.loads(capsys.readouterr().out)
    [life] = report["replays"]
    assert report["equal"] is life["equal"] is True
    lines = [json.loads(line) for line in Path(traces[0]).read_text().splitlines()[1:]]
    assert sum(life["events"].values()) == len(lines)
    assert sum(life["effects"].values()) == sum(len(line["effects"]) for line in lines)


def test_a_difference_is_one_sentence_and_exit_code_1(
    traces: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Rounds, "closes", lambda self, now: False)
    assert run("--replay", *traces, "--json") == 1
    said = capsys.readouterr()
    report = json.loads(said.out)
    difference = report["replays"][0]["difference"]
    assert report["equal"] is False and difference["expected"]["notice"] == "round_closed"
    assert said.err.startswith(f"Error: {traces[0]}, line {difference['line']}, at ")
    assert said.err.count("\n") == 1 and "4 more traces differ" in said.err
    assert run("--replay", traces[0]) == 1
    assert f"other at line {difference['line']}" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ((), "name the traces to be replayed"),
        (("a", "--seed", "3"), "--replay takes traces and --json, and nothing else"),
        (("a", "--trace", "b"), "--replay takes traces and --json, and nothing else"),
        (("nowhere.jsonl",), "the trace nowhere.jsonl cannot be read: No such file"),
    ],
)
def test_what_cannot_be_replayed(
    args: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("--replay", *args) == 2
    said = capsys.readouterr()
    assert words in said.err and said.err.count("\n") == 1 and said.out == ""


def test_a_file_that_is_no_trace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("my notes\n")
    assert run("--replay", str(path)) == 2
    assert (
        capsys.readouterr().err
        == f"Error: {path}, line 1: this is not a trace: it is not JSON: Expecting value\n"
    )


def test_traces_go_where_nothing_is(
    traces: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directory = str(tmp_path / "traces")
    assert run(str(tmp_path / "world.toml"), "--trace", directory) == 2
    assert capsys.readouterr().err.endswith("is not empty: choose another with --trace\n")


def test_a_world_that_breaks_an_invariant_leaves_its_traces(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(self: Rounds) -> None:
        assert self.round < 8, "broken"

    path = tmp_path / "world.toml"
    path.write_text(WORLD)
    with monkeypatch.context() as broken:
        broken.setattr(Rounds, "check", check)
        assert run(str(path), "--trace", str(tmp_path / "traces")) == 1
    files = sorted((tmp_path / "traces").iterdir())
    assert len(files) == 4 and all(file.read_text().endswith("}\n") for file in files)
    capsys.readouterr()
    assert run("--replay", *map(str, files)) == 0
