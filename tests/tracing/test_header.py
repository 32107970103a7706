"""The header: a birth there and back, and nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tallyp2p import tracing
from tallyp2p.birth import Birth
from tallyp2p.parameters import Ids, Pace, Seal, Spreading, Timing
from tallyp2p.tracing.header import read_header, shown_header
from tallyp2p.tracing.plain import Object, Plain
from tests.world import SMALL_RUN, ballot_of

TIMING = Timing(pace=Pace.BOUNDED, deadline=1.25, rounds=9)
SEALED = replace(
    SMALL_RUN, seal=Seal.ED25519, ids=Ids.EXPLICIT, spreading=Spreading.BROADCAST, abstain=False
)
SECRET = bytes(range(32))


def header(run: Any = SMALL_RUN) -> tuple[Birth, Object]:
    birth = Birth.of(run, TIMING, SECRET, b"instance", b"s" * 16, "agent/1", grease=False)
    machine = birth.machine()
    held = [birth.codec(machine, SECRET).seal(ballot_of(run, machine.author, 2))]
    plain = Plain(run, birth.identity, birth.instance)
    return birth, json.loads(json.dumps(shown_header(birth, held, plain)))


@pytest.mark.parametrize("run", [SMALL_RUN, SEALED])
def test_a_birth_is_read_back(run: Any) -> None:
    birth, shown = header(run)
    again, held, plain = read_header(shown)
    assert again == birth
    assert [ballot.round for ballot in held] == [2]
    assert shown_header(again, held, plain) == shown


def test_a_sealed_peers_header_does_not_hold_its_key() -> None:
    assert SECRET.hex() not in json.dumps(header(SEALED)[1])


def test_a_younger_setting_of_timing_has_its_default() -> None:
    birth, shown = header()
    del shown["timing"]["staleness"]
    assert read_header(shown)[0] == birth


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"trace": "tallyp2p.trace/9"}, "this is not a trace"),
        ({"run": "tally/1\nclasses=1\n"}, "run cannot be used: classes must be"),
        ({"run": 7}, "run is not a run descriptor"),
        ({"timing": []}, "timing is not an object"),
        ({"timing": {"deadline": -1.0}}, "timing cannot be used: deadline must be more"),
        ({"timing": {"deadline": "1"}}, "timing.deadline is no number"),
        ({"timing": {"rounds": 1.5}}, "timing.rounds is no number"),
        ({"timing": {"pace": "fast"}}, "timing.pace is not one of lockstep"),
        ({"timing": {"naps": 1}}, "timing has no 'naps': a newer"),
        ({"identity": "00"}, "identity has 1 bytes and not 32"),
        ({"author": "00" * 8}, "author is not that of the identity"),
        ({"grease": 1}, "grease is not true or false"),
        ({"held": {}}, "held is not a list"),
        ({"held": ["0400" + "00" * 8]}, "held has a frame that is no VOTE"),
        ({"colour": "red"}, "a header has no 'colour'"),
    ],
)
def test_any_other_header_is_refused(changes: Object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_header(header()[1] | changes)


def test_a_header_that_lacks_something_is_refused() -> None:
    shown = header()[1]
    del shown["seed"]
    with pytest.raises(ValueError, match="the header needs seed"):
        read_header(shown)


def test_the_page_names_every_key() -> None:
    page = (Path(tracing.__file__).parent / "TRACE.md").read_text()
    assert all(f"\n| `{key}` |" in page for key in header()[1])
