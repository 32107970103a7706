"""Events and effects as objects: nothing is forgotten, nothing else is accepted."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import pytest

from tallyp2p.consensus.contributor import Election
from tallyp2p.consensus.ledger import ballot_tag
from tallyp2p.errors import Reason
from tallyp2p.gossip import events
from tallyp2p.messages import Ping
from tallyp2p.tracing import plain
from tallyp2p.tracing.plain import EFFECTS, EVENTS, NOTICES, Plain
from tests.world import SMALL_RUN, ballot_of

PLAIN = Plain(SMALL_RUN, b"a" * 32, b"a" * 8)
BALLOT = ballot_of(SMALL_RUN, b"12345678", 2)
SAMPLES: list[events.Event] = [
    events.Started("tcp://10.0.0.1:1", ("tcp://10.0.0.2:1",), fresh=True),
    events.Discovered("tcp://10.0.0.2:1"),
    events.Received(b"link", Ping(1, 2)),
    events.Received(b"", BALLOT),
    events.Lost("tcp://10.0.0.2:1"),
    events.Trespassed(b"link", Reason.MAP, "what \ud800 sent", True, "tcp://10.0.0.2:1"),
    events.Cast(BALLOT),
    events.Learned(4),
    events.Ticked(),
    events.Stopped(),
    events.Resumed(40, 8, -1),
    events.Withheld(4),
]


def test_every_event_effect_and_notice_is_translated_with_all_its_fields() -> None:
    """A field that is added to one of them must be added here, or replays would lose it."""
    for union, table in (
        (events.Event, EVENTS),
        (events.Effect, EFFECTS),
        (events.Notice, NOTICES),
    ):
        assert {shape.kind for shape in table.values()} == set(get_args(union)) - {events.Tell}
        for shape in table.values():
            assert [item.name for item in fields(shape.kind)] == list(shape.values)


@pytest.mark.parametrize("event", SAMPLES, ids=lambda event: type(event).__name__)
def test_an_event_is_read_back_from_json(event: events.Event) -> None:
    assert PLAIN.read_event(json.loads(json.dumps(PLAIN.event(event)))) == event


def test_the_samples_have_all_kinds() -> None:
    assert {type(event) for event in SAMPLES} == set(get_args(events.Event))


def test_effects_are_objects_of_json_that_tell_two_effects_apart() -> None:
    other = ballot_of(SMALL_RUN, b"12345678", 2, "another")
    effects: list[events.Effect] = [
        events.Send("tcp://10.0.0.1:1", Ping(1, 2)),
        events.Send("tcp://10.0.0.1:1", Ping(1, 3)),
        events.Learn(2, (Election(2, (BALLOT,)),)),
        events.Learn(2, (Election(2, (other,)),)),
        events.Learn(2, ()),
        events.VoteOn(2),
        events.Dial("tcp://10.0.0.1:1"),
        events.Hangup("tcp://10.0.0.1:1"),
        events.Finish(True),
        events.Tell(events.RoundOpened(2, (b"12345678",))),
        events.Tell(events.RoundClosed(2, (b"12345678",), (), 0.1)),
        events.Tell(events.RoundClosed(2, (), (b"12345678",), 0.1)),
        events.Tell(events.MemberChanged(b"12345678", "alive", "tcp://10.0.0.1:1", "hello")),
        events.Tell(events.Refused(99, "why", by_them=True)),
    ]
    shown = [PLAIN.effect(effect) for effect in effects]
    assert json.loads(json.dumps(shown)) == shown, "what is compared is what is read back"
    assert len({json.dumps(effect) for effect in shown}) == len(effects)
    assert shown[2]["elections"] == [[2, [[b"12345678".hex(), _tag()]]]]


def _tag() -> str:
    return ballot_tag(SMALL_RUN.run, BALLOT).hex()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"event": "sent"}, "event is 'sent' and not one of started, "),
        ({"event": ["received"]}, "and not one of"),
        ({"message": None}, "message cannot be used: it is not an even number"),
        ({"message": "0G"}, "message cannot be used: it is not an even number"),
        ({"message": "0400"}, "message cannot be used: 2 bytes, not 10"),
        ({"link": "ABCD"}, "link cannot be used"),
        ({"extra": 1}, "a received event has no 'extra'"),
        ({"event": "cast"}, "a cast event needs ballot"),
        ({"event": "lost", "endpoint": 7}, "endpoint cannot be used: it is not a text"),
        ({"event": "learned", "round": True}, "round cannot be used: it is not a whole number"),
        ({"event": "started", "endpoint": "", "seeds": "x", "fresh": 1}, "seeds cannot be used"),
        ({"event": "trespassed", "reason": "WAR"}, "a trespassed event needs link, text, "),
    ],
)
def test_any_other_object_is_refused(changes: dict[str, Any], words: str) -> None:
    given = PLAIN.event(events.Received(b"link", Ping(1, 2)))
    if "event" in changes:
        given = {}
    with pytest.raises(ValueError, match=words):
        PLAIN.read_event(given | changes)


def test_a_ballot_that_is_another_message_and_an_unknown_reason_are_refused() -> None:
    ping = PLAIN.frames.shown(Ping(1, 2))
    with pytest.raises(ValueError, match="not the frame of a VOTE"):
        PLAIN.read_event({"event": "cast", "ballot": ping})
    with pytest.raises(ValueError, match="not the name of a reason"):
        PLAIN.read_event(PLAIN.event(SAMPLES[5]) | {"reason": "WAR"})


def test_the_page_names_every_event_effect_notice_and_field() -> None:
    page = (Path(plain.__file__).parent / "TRACE.md").read_text()
    for table in (EVENTS, EFFECTS, NOTICES):
        for word, shape in table.items():
            [row] = [
                line for line in page.splitlines() if line.startswith("|") and f"`{word}`" in line
            ]
            for name in shape.values:
                assert f"`{name}`" in row, (word, name)
