"""Reads a trace, strictly: what the recorder would not have written is refused, in one sentence."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from ..birth import Birth
from ..errors import SettingsError
from ..gossip.events import Event
from ..payloads import Ballot
from .header import read_header
from .plain import EFFECTS, Object

__all__ = ["Moment", "Trace", "read_trace"]

_EFFECTS = frozenset({*EFFECTS, "tell"})


@dataclass(frozen=True, slots=True)
class Moment:
    """One event of a trace."""

    line: int  # in the file, from 1
    at: float  # seconds, by the clock of the peer
    event: Event
    shown: Object  # the event as the file has it
    effects: tuple[Object, ...]  # what the machine answered
    raised: str = ""  # or the exception that it raised instead, a fault of the machine


@dataclass(frozen=True, slots=True)
class Trace:
    """One life."""

    path: Path
    birth: Birth
    held: tuple[Ballot, ...]  # ballots that it had from an earlier life
    moments: tuple[Moment, ...]
    torn: bool  # whether the file ends amid a line, as when the peer was killed


def read_trace(path: Path) -> Trace:
    """The trace at `path`.  Raises :class:`SettingsError`, which names the line, for any other."""
    try:
        with path.open("rb") as file:
            whole = file.read()
    except OSError as error:
        raise SettingsError(f"the trace {path} cannot be read: {error.strerror}") from None
    *lines, rest = whole.split(b"\n")
    number = 1
    try:
        if not lines:
            raise ValueError("this is not a trace: it has no whole line")
        birth, held, plain = read_header(_first(lines[0]))
        moments = []
        latest = -math.inf
        for number, line in enumerate(lines[1:], start=2):
            moment = _moment(number, _object(line), plain.read_event)
            if moment.at < latest:
                raise ValueError("its moment is before that of the line above")
            latest = moment.at
            moments.append(moment)
    except ValueError as error:
        raise SettingsError(f"{path}, line {number}: {error}") from None
    return Trace(path, birth, tuple(held), tuple(moments), torn=bool(rest))


def _moment(number: int, given: Object, read_event: Callable[[Object], Event]) -> Moment:
    at = given.pop("at", None)
    if type(at) is not float or not math.isfinite(at):
        raise ValueError("at is not a number of seconds, with a fraction")
    raised, effects = given.pop("raised", ""), given.pop("effects", None)
    if not isinstance(raised, str) or (effects is None) is not bool(raised):
        raise ValueError("there must be a list of effects, or the text of what was raised")
    effects = [] if effects is None else effects
    if not isinstance(effects, list):
        raise ValueError("effects is not a list")
    for effect in effects:
        if not isinstance(effect, dict) or effect.get("effect") not in _EFFECTS:
            raise ValueError("effects has something that is no effect")
    return Moment(number, at, read_event(given), given, tuple(effects), raised)


def _first(line: bytes) -> Object:
    try:
        return _object(line)
    except ValueError as error:
        raise ValueError(f"this is not a trace: {error}") from None


def _object(line: bytes) -> Object:
    try:
        found = json.loads(line.decode("ascii"), object_pairs_hook=_once, parse_constant=_refuse)
    except UnicodeDecodeError:
        raise ValueError("it is not ASCII") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"it is not JSON: {error.msg}") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError("it is not an object")
    return found


def _once(pairs: list[tuple[str, Any]]) -> Object:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("it says something twice")
    return found


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")
