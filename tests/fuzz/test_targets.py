"""The kept corpus, and what hypothesis finds: nothing but RemoteError, and bounded."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tallyp2p.parameters import RunParameters
from tallyp2p.wire.codec import Codec
from tests.fuzz import targets
from tests.fuzz.__main__ import corpus
from tests.fuzz.targets import RUNS, TARGETS, decoder, frames, machine, seeds

RUN = st.integers(0, len(RUNS) - 1)


@pytest.mark.parametrize("target", TARGETS)
def test_seeds_and_corpus_break_nothing(target: str) -> None:
    inputs = seeds(target) + corpus(target)
    assert len(inputs) >= len(RUNS)
    for data in inputs:
        TARGETS[target](data)


@pytest.mark.parametrize("run", RUNS, ids=range(len(RUNS)))
def test_seeds_are_sound(run: RunParameters) -> None:
    """A fuzzer that starts from refused frames would stay at the door."""
    reader = targets._reader(run, 0)
    sender = targets._author(targets._identities(run)[1])
    for frame in frames(run):
        reader.decode(frame, sender)


@st.composite
def changed(draw: st.DrawFn, at: int) -> bytes:
    """A sound frame of run `at`, with some of its bytes changed, or pieces of two."""
    sound = st.sampled_from(frames(RUNS[at]))
    frame = bytearray(draw(sound))
    for place, value in draw(
        st.lists(st.tuples(st.integers(0, len(frame) - 1), st.integers(0, 255)), max_size=4)
    ):
        frame[place] = value
    if draw(st.booleans()):
        other = draw(sound)
        cut = draw(st.integers(0, len(frame)))
        return bytes(frame[:cut]) + other[draw(st.integers(0, len(other))) :]
    return bytes(frame)


@settings(deadline=None)
@given(st.data())
def test_changed_frames_of_every_kind_of_run(data: st.DataObject) -> None:
    at = data.draw(RUN)
    decoder(bytes((at | data.draw(st.sampled_from((0, 0x80))),)) + data.draw(changed(at)))


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_conversations_of_every_kind_of_run(data: st.DataObject) -> None:
    at = data.draw(RUN)
    steps = data.draw(
        st.lists(
            st.tuples(
                st.sampled_from((0, 0, 0, 1, 2, 3, 0xE0, 0xE8, 0xF0)),
                st.integers(0, 255),
                changed(at),
            ),
            max_size=40,
        )
    )
    said = b"".join(bytes(s[:2]) + len(s[2]).to_bytes(2, "big") + s[2] for s in steps)
    machine(bytes((at,)) + said)


def test_a_decoder_that_raises_anything_else_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: Codec, frame: bytes, sender: bytes | None) -> None:
        raise IndexError

    monkeypatch.setattr(Codec, "decode", broken)
    for target in TARGETS:
        with pytest.raises(IndexError):
            TARGETS[target](seeds(target)[0])
