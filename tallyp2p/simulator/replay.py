"""A recorded life once more: its events, at their moments, to a fresh machine in virtual time.

The machine is the one that every shell drives.  What it answers is compared with what was
recorded, effect by effect; meanwhile it is held to its invariants.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from os.path import commonprefix
from typing import Any

from ..tracing.plain import Object, Plain
from ..tracing.reading import Moment, Trace

__all__ = ["Difference", "Replay", "replay"]

_EACH = 256  # events between two calls of `progress`


@dataclass(frozen=True, slots=True)
class Difference:
    """Where a machine first did something else than was recorded."""

    line: int  # of the file
    at: float  # seconds, by the clock of the peer that was recorded
    event: Object
    place: int  # which effect of that event, from 0
    expected: Object | None  # as recorded; None: no effect
    got: Object | None

    def __str__(self) -> str:
        return (
            f"line {self.line}, at {self.event['event']} ({self.at:.6f} s), effect {self.place}: "
            f"expected {_short(self.expected, self.got)}, got {_short(self.got, self.expected)}"
        )


@dataclass(frozen=True, slots=True)
class Replay:
    """What became of it."""

    trace: str  # the file
    author: str  # whose life, hexadecimal
    seconds: float  # from its first event to its last
    ended: str  # "completed", "stopped: WHY", or "cut" where the recording ends before the life
    events: dict[str, int]  # how many of each kind were fed
    effects: dict[str, int]  # how many of each kind were compared
    difference: Difference | None

    def as_json(self) -> dict[str, Any]:
        """For `--json`; `equal` says whether all effects were as recorded."""
        return asdict(self) | {"equal": self.difference is None}


def replay(trace: Trace, progress: Callable[[int], None] | None = None) -> Replay:
    """Feed a trace to a machine of its birth, up to its end or the first difference.

    `progress` is told now and then how many events were fed.
    """
    birth = trace.birth
    plain = Plain(birth.run, birth.identity, birth.instance)
    machine = birth.machine()
    for ballot in trace.held:
        machine.ledger.add(ballot)
    events: Counter[str] = Counter()
    effects: Counter[str] = Counter()
    ended, difference = "cut", None
    for fed, moment in enumerate(trace.moments):
        if progress is not None and not fed % _EACH:
            progress(fed)
        events[moment.shown["event"]] += 1
        try:
            answer = [plain.effect(effect) for effect in machine.handle(moment.event, moment.at)]
            machine.check(fed)
        except Exception as error:  # a fault of the machine, which a replay is there to show
            answer = [_raised(f"{type(error).__name__}: {error}")]
        difference = _compare(moment, answer)
        if difference is not None:
            break
        effects.update(effect["effect"] for effect in moment.effects)
        if moment.effects and moment.effects[-1]["effect"] == "finish":
            finish = moment.effects[-1]
            ended = "completed" if finish["completed"] else f"stopped: {finish['text']}"
    first, last = (trace.moments[0].at, trace.moments[-1].at) if trace.moments else (0.0, 0.0)
    return Replay(
        trace=str(trace.path),
        author=machine.author.hex(),
        seconds=last - first,
        ended=ended,
        events=dict(sorted(events.items())),
        effects=dict(sorted(effects.items())),
        difference=difference,
    )


def _compare(moment: Moment, answer: list[Object]) -> Difference | None:
    recorded = [_raised(moment.raised)] if moment.raised else list(moment.effects)
    for place in range(max(len(recorded), len(answer))):
        expected = recorded[place] if place < len(recorded) else None
        got = answer[place] if place < len(answer) else None
        if expected != got:
            return Difference(moment.line, moment.at, moment.shown, place, expected, got)
    return None


def _raised(text: str) -> Object:
    return {"effect": "raised", "text": text}


def _short(effect: Object | None, other: Object | None) -> str:
    """In words; of long values the part where that of `other` differs."""
    if effect is None:
        return "nothing"
    parts = []
    for name, value in effect.items():
        text, beside = str(value), str((other or {}).get(name, ""))
        same = len(commonprefix((text, beside)))
        begin = max(0, same - 20) if 60 < same < len(text) else 0
        parts.append(f"{name} {'...' if begin else ''}{text[begin : begin + 80]}")
    return ", ".join(parts)
