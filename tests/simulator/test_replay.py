"""Recorded lives once more: equal where nothing changed, and caught where something did."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tallyp2p.errors import LocalError, SettingsError
from tallyp2p.gossip.events import Learned
from tallyp2p.gossip.rounds import Rounds
from tallyp2p.parameters import Ids, Pace, RunParameters, Seal, Spreading, Timing
from tallyp2p.simulator.hunting import mixed
from tallyp2p.simulator.replay import Difference, Replay, replay
from tallyp2p.simulator.world import World
from tallyp2p.tracing.reading import read_trace
from tallyp2p.tracing.recording import Recorded, TraceFile, Traces
from tests.simulator.worlds import BROADCAST, RUN
from tests.tracing.lives import recorded
from tests.tracing.test_recording import BIRTH


def replays(paths: list[Path]) -> list[Replay]:
    return [replay(read_trace(path)) for path in paths]


@pytest.mark.parametrize(
    "run",
    [
        RUN,
        replace(RUN, ids=Ids.EXPLICIT, seal=Seal.ED25519),
        replace(BROADCAST, ids=Ids.EXPLICIT),
        replace(BROADCAST, seal=Seal.ED25519),
        replace(RUN, view=3),
    ],
    ids=["sampled", "sampled explicit sealed", "broadcast explicit", "broadcast sealed", "view"],
)
def test_every_life_of_a_rough_world_is_repeated(run: RunParameters, tmp_path: Path) -> None:
    pace = Pace.FREE if run.spreading is Spreading.SAMPLED else Pace.LOCKSTEP
    timing = Timing(rounds=12, gossip_interval=1.0, pace=pace)
    found = replays(recorded(tmp_path, run=run, timing=timing))
    assert [life.difference for life in found] == [None] * 5
    assert [life.ended for life in found] == ["completed", "cut", "completed"] + ["completed"] * 2
    assert found[0].events["trespassed"] > 0 and found[2].effects["learn"] > 0
    assert found[0].effects["send"] == _count(tmp_path / "peer-00-life-00.jsonl", "send")


@pytest.mark.parametrize("seed", range(4))
def test_every_life_of_a_world_of_the_standard_mix_is_repeated(seed: int, tmp_path: Path) -> None:
    """Whatever goes wrong around a machine, it reaches it as an event or not at all."""
    traces = Traces(tmp_path)
    World(replace(mixed(seed), check=False), machines=traces.machine).run()
    traces.close()
    for path in tmp_path.iterdir():
        difference = replay(read_trace(path)).difference
        assert difference is None, f"seed {seed}, {path.name}: {difference}"


def _count(path: Path, effect: str) -> int:
    lines = [json.loads(line) for line in path.read_text().splitlines()[1:]]
    return sum(e["effect"] == effect for line in lines for e in line["effects"])


def test_ballots_that_a_disk_kept_are_part_of_a_life(tmp_path: Path) -> None:
    path = recorded(tmp_path)[2]
    assert path.name == "peer-01-life-04.jsonl"
    trace = read_trace(path)
    assert trace.held and all(b.author == trace.birth.machine().author for b in trace.held)
    assert replay(trace).difference is None
    assert replay(replace(trace, held=())).difference is not None


def test_a_changed_machine_is_caught_at_the_line_where_it_first_acts_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The change: a round stays open until its deadline where a ballot is annulled or late."""
    path = recorded(tmp_path)[0]
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    closing = next(
        number
        for number, line in enumerate(lines[1:], start=2)
        if any(effect.get("notice") == "round_closed" for effect in line["effects"])
    )
    monkeypatch.setattr(Rounds, "closes", lambda self, now: False)
    difference = replay(read_trace(path)).difference
    assert difference is not None and difference.line == closing
    assert difference.event["event"] == lines[closing - 1]["event"]
    place = difference.place
    assert difference.expected == lines[closing - 1]["effects"][place]
    assert difference.expected is not None and difference.got != difference.expected
    assert str(difference).startswith(f"line {closing}, at {difference.event['event']} (")


def test_an_invariant_that_breaks_is_a_difference(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = recorded(tmp_path)[0]

    def check(self: Rounds) -> None:
        raise AssertionError("broken")

    monkeypatch.setattr(Rounds, "check", check)
    difference = replay(read_trace(path)).difference
    assert difference is not None and difference.line == 2
    assert difference.got == {"effect": "raised", "text": "AssertionError: broken"}


def test_a_fault_of_the_machine_is_repeated(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    with pytest.raises(LocalError):
        Recorded(BIRTH, TraceFile(path)).handle(Learned(2), 1.0)
    assert replay(read_trace(path)).difference is None
    path.write_text(path.read_text().replace("round 2", "round 3"))
    difference = replay(read_trace(path)).difference
    assert difference is not None and difference.line == 2
    assert "expected effect raised, text LocalError: nobody asked to learn round 3" in str(
        difference
    )


def test_effects_that_are_lacking_or_too_many_are_differences(tmp_path: Path) -> None:
    path = recorded(tmp_path)[0]
    lines = path.read_text().splitlines()
    number = next(n for n, line in enumerate(lines) if line.count('"effect":') == 2)
    changed = json.loads(lines[number])
    for effects, words in ((changed["effects"][:1], "expected nothing"), ([], "expected nothing")):
        path.write_text("\n".join([*lines[:number], json.dumps(changed | {"effects": effects})]))
        path.write_text(path.read_text() + "\n")
        difference = replay(read_trace(path)).difference
        assert difference is not None and (difference.line, difference.place) == (
            number + 1,
            len(effects),
        )
        assert words in str(difference)


def test_progress_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallyp2p.simulator.replay._EACH", 50)
    told: list[int] = []
    life = replay(read_trace(recorded(tmp_path)[0]), told.append)
    assert told == list(range(0, sum(life.events.values()), 50)) and told[1] == 50


def test_a_summary_is_plain_json(tmp_path: Path) -> None:
    found = replays(recorded(tmp_path))[0].as_json()
    assert found["equal"] is True and json.loads(json.dumps(found)) == found


def test_a_trace_that_somebody_changed_is_refused_or_replayed_in_one_way(tmp_path: Path) -> None:
    """Bytes turned at places all over the file raise nothing but what the reader says."""
    path = recorded(tmp_path)[0]
    life = path.read_bytes()
    outcomes: set[bool | None] = set()
    for place in range(7, len(life), len(life) // 60):
        path.write_bytes(life[:place] + bytes((life[place] ^ 1,)) + life[place + 1 :])
        try:
            outcomes.add(replay(read_trace(path)).difference is None)
        except SettingsError:
            outcomes.add(None)
    assert None in outcomes and False in outcomes


def test_of_long_values_a_difference_shows_where_they_differ() -> None:
    expected, got = ({"effect": "send", "message": "0" * 100 + end} for end in ("a1", "b1"))
    told = str(Difference(3, 0.0, {"event": "ticked"}, 1, expected, got))
    zeros = "..." + "0" * 20
    assert f"expected effect send, message {zeros}a1, got effect send, message {zeros}b1" in told
