"""The strict reader: a trace, or one clear sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from tallyp2p.errors import SettingsError
from tallyp2p.tracing.reading import read_trace
from tests.tracing.lives import recorded


@pytest.fixture(scope="module")
def life(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """One life, as bytes."""
    return recorded(tmp_path_factory.mktemp("traces"))[0].read_bytes()


def test_a_trace_is_read_whole(life: bytes, tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_bytes(life)
    trace = read_trace(path)
    assert [moment.line for moment in trace.moments] == list(range(2, life.count(b"\n") + 1))
    assert not trace.torn and not trace.held
    assert trace.moments[-1].effects[-1] == {"effect": "finish", "completed": True, "text": ""}


def test_a_trace_that_ends_amid_a_line_is_read_up_to_it(life: bytes, tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_bytes(life[:-20])
    trace = read_trace(path)
    assert trace.torn and len(trace.moments) == life.count(b"\n") - 2


@pytest.mark.parametrize(
    ("line", "new", "words"),
    [
        (1, b"", "line 1: this is not a trace: it is not JSON"),
        (1, b"[]", "line 1: this is not a trace: it is not an object"),
        (1, b"{}", "line 1: this is not a trace"),
        (4, b"", "line 4: it is not JSON"),
        (4, b"\xff", "line 4: it is not ASCII"),
        (4, b"[" * 100_000, "line 4: it is nested too deeply"),
        (4, b'{"at":NaN,"event":"ticked","effects":[]}', "line 4: NaN is no number"),
        (4, b'{"at":1e999,"event":"ticked","effects":[]}', "line 4: at is not a number"),
        (4, b'{"at":true,"event":"ticked","effects":[]}', "line 4: at is not a number"),
        (4, b'{"at":-5.0,"event":"ticked","effects":[]}', "line 4: its moment is before"),
        (4, b'{"at":0.5,"at":0.5,"event":"ticked","effects":[]}', "says something twice"),
        (4, b'{"at":900.0,"event":"ticked"}', "line 4: there must be a list of effects"),
        (4, b'{"at":900.0,"event":"ticked","effects":{}}', "line 4: effects is not a list"),
        (4, b'{"at":900.0,"event":"ticked","effects":[{}]}', "something that is no effect"),
        (4, b'{"at":900.0,"event":"slept","effects":[]}', "line 4: event is 'slept'"),
        (4, b'{"at":' + b"9" * 5000 + b"}", "line 4: "),
    ],
)
def test_anything_else_is_one_sentence_with_its_line(
    line: int, new: bytes, words: str, life: bytes, tmp_path: Path
) -> None:
    lines = life.split(b"\n")
    lines[line - 1] = new
    path = tmp_path / "trace.jsonl"
    path.write_bytes(b"\n".join(lines))
    with pytest.raises(SettingsError) as told:
        read_trace(path)
    assert str(told.value).startswith(f"{path}, line {line}: ") and words in str(told.value)
    assert "\n" not in str(told.value) and len(str(told.value)) < len(str(path)) + 200


@pytest.mark.parametrize(
    "content", [b"", b"no line feed", b"\x00" * 1000, b"\x89PNG\r\n\x1a\n\x00"]
)
def test_strangers_files_are_no_traces(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_bytes(content)
    with pytest.raises(SettingsError, match="line 1: "):
        read_trace(path)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read: No such file"):
        read_trace(tmp_path / "trace.jsonl")


def test_whatever_is_changed_is_read_or_refused_in_one_way(life: bytes, tmp_path: Path) -> None:
    """Bytes turned at places all over the file never raise anything else."""
    path = tmp_path / "trace.jsonl"
    for place in range(0, len(life), len(life) // 150):
        path.write_bytes(life[:place] + bytes((life[place] ^ 0x15,)) + life[place + 1 :])
        try:
            read_trace(path)
        except SettingsError as error:
            assert str(path) in str(error)
