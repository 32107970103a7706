"""Events and effects as plain data: objects of JSON with the names of gossip/events.py.

The tables below are the whole translation.  Events are read back, for a replay feeds them;
effects are only written, for a replay compares what it wrote with what was written then.
TRACE.md beside this file says the same for people.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..consensus.contributor import Election
from ..consensus.ledger import ballot_tag
from ..errors import Reason
from ..gossip import events
from ..parameters import RunParameters
from ..payloads import Ballot
from .frames import Frames

__all__ = ["EFFECTS", "EVENTS", "NOTICES", "Object", "Plain", "to_bytes"]

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Value:
    """How one kind of value is written, and read: ValueError says what is wrong with it."""

    shown: Callable[[Plain, Any], Any]
    read: Callable[[Plain, Any], Any]


@dataclass(frozen=True, slots=True)
class _Shape:
    """A class, and its fields in their order."""

    kind: type
    values: Mapping[str, _Value]


# --- kinds of values ----------------------------------------------------------------------


def to_bytes(value: Any) -> bytes:
    """The bytes of lower-case hexadecimal digits.  Raises :class:`ValueError` for others."""
    if isinstance(value, str) and not set(value) - _DIGITS and len(value) % 2 == 0:
        return bytes.fromhex(value)
    raise ValueError("it is not an even number of lower-case hexadecimal digits")


def _ballot(plain: Plain, value: Any) -> Ballot:
    message = plain.frames.read(to_bytes(value))
    if not isinstance(message, Ballot):
        raise ValueError("it is not the frame of a VOTE")
    return message


def _texts(plain: Plain, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise ValueError("it is not a list")
    return tuple(_just(str, "a text")(plain, item) for item in value)


def _reason(plain: Plain, value: Any) -> Reason:
    if not isinstance(value, str) or value not in Reason.__members__:
        raise ValueError("it is not the name of a reason (protocol_spec 06)")
    return Reason[value]


def _elections(plain: Plain, elections: tuple[Election, ...]) -> list[Any]:
    """[round, [[author, tag], ...]] of each: the tag (TAG-1) stands for the whole ballot."""
    return [[e.round, [plain.tagged(ballot) for ballot in e.ballots]] for e in elections]


def _just(kind: type, name: str) -> Callable[[Plain, Any], Any]:
    def read(plain: Plain, value: Any) -> Any:
        if type(value) is not kind:
            raise ValueError(f"it is not {name}")
        return value

    return read


def _as_it_is(plain: Plain, value: Any) -> Any:
    return value


def _unread(plain: Plain, value: Any) -> Any:
    raise ValueError("it is never read back")


_DIGITS = frozenset("0123456789abcdef")
_TEXT = _Value(_as_it_is, _just(str, "a text"))
_FLAG = _Value(_as_it_is, _just(bool, "true or false"))
_NUMBER = _Value(_as_it_is, _just(int, "a whole number"))
_SECONDS = _Value(_as_it_is, _just(float, "a number with a fraction"))
_TEXTS = _Value(lambda plain, value: list(value), _texts)
_BYTES = _Value(lambda plain, value: value.hex(), lambda plain, value: to_bytes(value))
_AUTHORS = _Value(lambda plain, value: [author.hex() for author in value], _unread)
_REASON = _Value(lambda plain, value: value.name, _reason)
_BALLOT = _Value(lambda plain, value: plain.frames.shown(value), _ballot)
_MESSAGE = _Value(
    lambda plain, value: plain.frames.shown(value),
    lambda plain, value: plain.frames.read(to_bytes(value)),
)
_ELECTIONS = _Value(_elections, _unread)

# --- the tables -----------------------------------------------------------------------------

EVENTS: Mapping[str, _Shape] = {
    "started": _Shape(events.Started, {"endpoint": _TEXT, "seeds": _TEXTS, "fresh": _FLAG}),
    "resumed": _Shape(events.Resumed, {"round": _NUMBER, "start": _NUMBER, "newest": _NUMBER}),
    "discovered": _Shape(events.Discovered, {"endpoint": _TEXT}),
    "received": _Shape(events.Received, {"link": _BYTES, "message": _MESSAGE}),
    "lost": _Shape(events.Lost, {"endpoint": _TEXT}),
    "trespassed": _Shape(
        events.Trespassed,
        {
            "link": _BYTES,
            "reason": _REASON,
            "text": _TEXT,
            "optional": _FLAG,
            "endpoint": _TEXT,
        },
    ),
    "cast": _Shape(events.Cast, {"ballot": _BALLOT}),
    "withheld": _Shape(events.Withheld, {"round": _NUMBER}),
    "learned": _Shape(events.Learned, {"round": _NUMBER}),
    "ticked": _Shape(events.Ticked, {}),
    "stopped": _Shape(events.Stopped, {}),
}
EFFECTS: Mapping[str, _Shape] = {
    "dial": _Shape(events.Dial, {"endpoint": _TEXT}),
    "send": _Shape(events.Send, {"endpoint": _TEXT, "message": _MESSAGE}),
    "hangup": _Shape(events.Hangup, {"endpoint": _TEXT}),
    "vote_on": _Shape(events.VoteOn, {"round": _NUMBER}),
    "learn": _Shape(events.Learn, {"round": _NUMBER, "elections": _ELECTIONS}),
    "finish": _Shape(events.Finish, {"completed": _FLAG, "text": _TEXT}),
}
NOTICES: Mapping[str, _Shape] = {
    "round_opened": _Shape(events.RoundOpened, {"round": _NUMBER, "expected": _AUTHORS}),
    "round_closed": _Shape(
        events.RoundClosed,
        {"round": _NUMBER, "heard": _AUTHORS, "missing": _AUTHORS, "waited": _SECONDS},
    ),
    "member_changed": _Shape(
        events.MemberChanged,
        {"author": _BYTES, "state": _TEXT, "endpoint": _TEXT, "cause": _TEXT},
    ),
    "refused": _Shape(events.Refused, {"reason": _NUMBER, "text": _TEXT, "by_them": _FLAG}),
}
_WORDS = {shape.kind: word for table in (EVENTS, EFFECTS, NOTICES) for word, shape in table.items()}


class Plain:
    """The translation for one peer of one run."""

    def __init__(self, run: RunParameters, identity: bytes, instance: bytes) -> None:
        self.frames: Frames = Frames(run, identity, instance)
        self._run = run.run

    def event(self, event: events.Event) -> Object:
        """An event as an object: `event` names it, its fields follow."""
        return self._shown("event", EVENTS, event)

    def effect(self, effect: events.Effect) -> Object:
        """An effect as an object: `effect` names it; what is told has its name in `notice`."""
        if isinstance(effect, events.Tell):
            return {"effect": "tell"} | self._shown("notice", NOTICES, effect.notice)
        return self._shown("effect", EFFECTS, effect)

    def read_event(self, given: Object) -> events.Event:
        """The event of such an object.  Raises :class:`ValueError` for any other."""
        word = given.get("event")
        shape = EVENTS.get(word) if isinstance(word, str) else None
        if shape is None:
            raise ValueError(f"event is {word!r:.40} and not one of {', '.join(EVENTS)}")
        if missing := [name for name in shape.values if name not in given]:
            raise ValueError(f"a {word} event needs {', '.join(missing)}")
        if unknown := sorted(given.keys() - {"event", *shape.values}):
            raise ValueError(f"a {word} event has no {unknown[0]!r:.40}")
        found = {}
        for name, value in shape.values.items():
            try:
                found[name] = value.read(self, given[name])
            except ValueError as error:
                raise ValueError(f"{name} cannot be used: {error}") from None
        made: events.Event = shape.kind(**found)
        return made

    def tagged(self, ballot: Ballot) -> list[str]:
        """[author, tag] of a ballot."""
        return [ballot.author.hex(), ballot_tag(self._run, ballot).hex()]

    def _shown(self, key: str, table: Mapping[str, _Shape], thing: Any) -> Object:
        word = _WORDS[type(thing)]
        shown: Object = {key: word}
        for name, value in table[word].values.items():
            shown[name] = value.shown(self, getattr(thing, name))
        return shown
