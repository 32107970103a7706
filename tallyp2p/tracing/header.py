"""The first line of a trace: whose life it is, and what its machine was made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from ..birth import Birth
from ..errors import SettingsError
from ..parameters import Pace, RunParameters, Timing
from ..payloads import Ballot, author_of
from .plain import Object, Plain, to_bytes

__all__ = ["FORMAT", "read_header", "shown_header"]

FORMAT = "tallyp2p.trace/1"
_KEYS = (
    "trace",
    "run",
    "timing",
    "author",
    "identity",
    "instance",
    "seed",
    "agent",
    "grease",
    "held",
)


def shown_header(birth: Birth, held: Sequence[Ballot], plain: Plain) -> Object:
    """The header of a life that begins with the ballots `held`, those that a disk kept."""
    return {
        "trace": FORMAT,
        "run": birth.run.descriptor,
        "timing": asdict(birth.timing),
        "author": author_of(birth.identity).hex(),
        "identity": birth.identity.hex(),
        "instance": birth.instance.hex(),
        "seed": birth.seed.hex(),
        "agent": birth.agent,
        "grease": birth.grease,
        "held": [plain.frames.shown(ballot) for ballot in held],
    }


def read_header(given: Object) -> tuple[Birth, list[Ballot], Plain]:
    """Birth, ballots held at birth, and the translation of what follows.

    Raises :class:`ValueError` for anything that `shown_header` would not write.
    """
    if given.get("trace") != FORMAT:
        raise ValueError(f"this is not a trace: its first line does not say {FORMAT!r}")
    if missing := [key for key in _KEYS if key not in given]:
        raise ValueError(f"the header needs {', '.join(missing)}")
    if unknown := sorted(given.keys() - set(_KEYS)):
        raise ValueError(f"a header has no {unknown[0]!r:.40}")
    birth = Birth(
        run=_run(given["run"]),
        timing=_timing(given["timing"]),
        identity=_sized(given, "identity", 32),
        instance=_sized(given, "instance", 8),
        seed=_sized(given, "seed", 16, 32),
        agent=_of(str, given, "agent", "a text"),
        grease=_of(bool, given, "grease", "true or false"),
    )
    if given["author"] != author_of(birth.identity).hex():
        raise ValueError("author is not that of the identity")
    plain = Plain(birth.run, birth.identity, birth.instance)
    held = []
    for frame in _of(list, given, "held", "a list"):
        ballot = plain.frames.read(to_bytes(frame))
        if not isinstance(ballot, Ballot):
            raise ValueError("held has a frame that is no VOTE")
        held.append(ballot)
    return birth, held, plain


def _of(kind: type, given: Object, key: str, name: str) -> Any:
    if type(given[key]) is not kind:
        raise ValueError(f"{key} is not {name}")
    return given[key]


def _sized(given: Object, key: str, *sizes: int) -> bytes:
    value = to_bytes(given[key])
    if len(value) not in sizes:
        raise ValueError(f"{key} has {len(value)} bytes and not {' or '.join(map(str, sizes))}")
    return value


def _run(descriptor: Any) -> RunParameters:
    if not isinstance(descriptor, str):
        raise ValueError("run is not a run descriptor")
    try:
        return RunParameters.parse(descriptor)
    except SettingsError as error:
        raise ValueError(f"run cannot be used: {error}") from None


def _timing(given: Any) -> Timing:
    """Values that are younger than the trace are at their defaults."""
    if not isinstance(given, dict):
        raise ValueError("timing is not an object")
    values, known = dict(given), {item.name: item.default for item in fields(Timing)}
    for name, value in given.items():
        if name not in known:
            raise ValueError(f"timing has no {name!r:.40}: a newer tallyp2p may have written it")
        if isinstance(known[name], Pace):
            if value not in list(Pace):
                raise ValueError(f"timing.{name} is not one of {', '.join(Pace)}")
            values[name] = Pace(value)
        elif type(value) is not int and (type(value), type(known[name])) != (float, float):
            raise ValueError(f"timing.{name} is no number that it can have")
    try:
        return Timing(**values)
    except SettingsError as error:
        raise ValueError(f"timing cannot be used: {error}") from None
