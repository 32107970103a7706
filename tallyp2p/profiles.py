"""Profiles: what a person sets, read from TOML, validated, and written back.

A profile says only what differs from the one that it extends (``default`` unless it says
otherwise), and ``default`` differs in nothing from the defaults of the dataclasses that its
tables become.  So each default stands in one place, in the class whose field it is::

    extends = "paper"        # a preset, or a file beside this one
    seed = 7                 # the run's seed
    peers = 10               # peers that `tallyp2p swarm` starts, shards that the data is cut into
    [run]                    # RunSettings: what all peers must agree on
    [timing]                 # parameters.Timing: what a peer decides alone
    [learning]               # learning.settings.LearningSettings
    [data]                   # learning.settings.DataSettings
    [network]                # NetworkSettings
    [checkpoint]             # CheckpointSettings

Everything wrong with a profile is one :class:`SettingsError` whose single sentence names
the key, the value, where it was set, and what is allowed.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from difflib import get_close_matches
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

from .errors import SettingsError
from .learning.settings import OWN, DataSettings, LearningSettings
from .parameters import (
    CROWD,
    LIMITS,
    Ids,
    RunParameters,
    Seal,
    Spreading,
    Timing,
    usual_view,
)

__all__ = [
    "CheckpointSettings",
    "NetworkSettings",
    "Profile",
    "RunSettings",
    "Transport",
    "differences",
    "load",
    "preset_text",
    "presets",
    "setting",
    "to_toml",
]

_EXTENDS = "extends"
_Made = TypeVar("_Made")


class Transport(StrEnum):
    """What carries the messages between the peers of a swarm on one host."""

    TCP = "tcp"
    IPC = "ipc"  # sockets in the file system; not on Windows


@dataclass(frozen=True, slots=True)
class RunSettings:
    """The part of :class:`RunParameters` that a person chooses; the data decides the rest."""

    probes: int = RunParameters.probes
    rounds_per_ballot: int = RunParameters.rounds_per_ballot
    spreading: Spreading = RunParameters.spreading
    degree: int = RunParameters.degree
    view: int = RunParameters.view
    ids: Ids = RunParameters.ids
    seal: Seal = RunParameters.seal
    electorate: str = RunParameters.electorate
    model: str = RunParameters.model  # or `own`: whatever shape this peer's own model has


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """Where a peer listens, and whether others can read what is said."""

    listen: str = "tcp://127.0.0.1:*"  # `*` takes a free port; a swarm needs it, or ipc
    transport: Transport = Transport.TCP  # of a swarm; a single peer listens where it is told
    encrypt: bool = False  # also where only this host can listen; elsewhere it is always on

    def __post_init__(self) -> None:
        if not self.listen.startswith(("tcp://", "ipc://")):
            raise SettingsError("listen must start with tcp:// or ipc://")
        if self.encrypt and self.transport is Transport.IPC:
            raise SettingsError(
                "encrypt has nothing to do on ipc, which no other host can reach: leave out one"
            )


@dataclass(frozen=True, slots=True)
class CheckpointSettings:
    """When a peer that writes into a directory keeps its whole state there.

    Ballots are kept there whatever is set here, each before it is sent.
    """

    every: int = 10  # ballots from one state to the next; 0: none is kept, not even at the end

    def __post_init__(self) -> None:
        if self.every < 0:
            raise SettingsError("every must be at least 0")


@dataclass(frozen=True, slots=True)
class Profile:
    """All settings of a run, typed and checked."""

    name: str = field(default="default", compare=False)  # where it came from, for people
    seed: int = 0  # feeds the run id, the data split, the initial weights and every generator
    peers: int = 10
    run: RunSettings = field(default_factory=RunSettings)
    timing: Timing = field(default_factory=Timing)
    learning: LearningSettings = field(default_factory=LearningSettings)
    data: DataSettings = field(default_factory=DataSettings)
    network: NetworkSettings = field(default_factory=NetworkSettings)
    checkpoint: CheckpointSettings = field(default_factory=CheckpointSettings)

    def __post_init__(self) -> None:
        if not 1 <= self.peers <= LIMITS.members:
            raise SettingsError(f"peers must be from 1 to {LIMITS.members}")
        RunParameters(  # the rest of a run comes with the data; this much can be refused early
            seed=self.seed,
            pool=self.data.probes,
            probes=self.run.probes,
            rounds_per_ballot=self.run.rounds_per_ballot,
            spreading=self.run.spreading,
            degree=self.run.degree,
            view=self.run.view,
            ids=self.run.ids,
            seal=self.run.seal,
            electorate=self.run.electorate,
            model="" if self.run.model == OWN else self.run.model,
        )


_TABLES: dict[str, type[Any]] = {
    "run": RunSettings,
    "timing": Timing,
    "learning": LearningSettings,
    "data": DataSettings,
    "network": NetworkSettings,
    "checkpoint": CheckpointSettings,
}
_TOP: dict[str, type[Any]] = {"seed": int, "peers": int}
_HINTS = {table: get_type_hints(settings) for table, settings in _TABLES.items()}
_KEYS: dict[str, type[Any]] = _TOP | {
    f"{table}.{key}": kind for table, hints in _HINTS.items() for key, kind in hints.items()
}


@dataclass(frozen=True, slots=True)
class _Value:
    """A checked value, and where it was set."""

    value: Any
    origin: str


def presets() -> tuple[str, ...]:
    """Names of the profiles that come with the package, `default` first."""
    names = (item.name for item in (files(__package__) / "presets").iterdir())
    found = sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml"))
    return tuple(sorted(found, key=lambda name: name != "default"))


def preset_text(name: str) -> str:
    """The TOML text of a preset; its first comment line says what it is for."""
    return (files(__package__) / "presets" / f"{name}.toml").read_text("utf-8")


def setting(text: str) -> tuple[str, Any]:
    """Read `key=value` as a person types it: a TOML value, or else bare text."""
    key, equals, raw = text.partition("=")
    if not equals or not key.strip():
        raise SettingsError(f"{text!r} is not of the form table.key=value")
    try:
        document = tomllib.loads(f"value = {raw}")
    except tomllib.TOMLDecodeError:
        document = {}
    return key.strip(), document["value"] if len(document) == 1 else raw.strip()


def load(
    source: str | Path = "default",
    overrides: Mapping[str, Any] | None = None,
    origin: str = "the command line",
) -> Profile:
    """The profile of a preset's name or a file's path, with `overrides` laid over it.

    Keys of `overrides` are `table.key`, or the key alone where only one table has it;
    `origin` names in errors where they come from.  Raises :class:`SettingsError`.
    """
    values = _read(source, seen=())
    for name, value in (overrides or {}).items():
        key = _full_key(name, origin)
        values[key] = _Value(_checked(key, value, origin), origin)
    where = str(source)
    name = where if where in presets() else Path(source).stem
    parts = {table: _table(table, settings, values) for table, settings in _TABLES.items()}
    top = {key: values[key].value for key in _TOP if key in values}
    made = _blamed(lambda: Profile(name=name, **top, **parts), "", values, f"profile {name}")
    if "run.view" in values:
        return made
    view = usual_view(made.peers, made.run.spreading, made.run.degree)
    return replace(made, run=replace(made.run, view=view))


def to_toml(profile: Profile) -> str:
    """The whole effective profile as TOML.  Loading it again gives an equal profile."""
    lines = [f"{key} = {_toml(getattr(profile, key))}" for key in _TOP]
    for table in _TABLES:
        part = getattr(profile, table)
        lines += ["", f"[{table}]"]
        lines += [f"{item.name} = {_toml(getattr(part, item.name))}" for item in fields(part)]
    return "\n".join(lines) + "\n"


def differences(profile: Profile, base: Profile) -> dict[str, Any]:
    """The settings of `profile` that are others in `base`, by full key: laid over `base`'s, they
    make `profile` again."""
    found = {
        key: getattr(profile, key) for key in _TOP if getattr(profile, key) != getattr(base, key)
    }
    for table in _TABLES:
        part, usual = getattr(profile, table), getattr(base, table)
        for item in fields(part):
            value = getattr(part, item.name)
            if value != getattr(usual, item.name):
                found[f"{table}.{item.name}"] = value
    if profile.peers > CROWD:  # where not to say it means another one
        found["run.view"] = profile.run.view
    return found


def _read(source: str | Path, seen: tuple[str, ...]) -> dict[str, _Value]:
    """Values of a profile and of all that it extends, by full key."""
    name = str(source)
    if name in seen:
        chain = " extends ".join((*seen, name))
        raise SettingsError(f"profiles extend one another in a circle: {chain}")
    seen = (*seen, name)
    if name in presets():
        text, where, parent = preset_text(name), f"the preset {name}", None
    else:
        text, where, parent = _file_text(Path(source)), name, Path(source).parent
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{where} is not valid TOML: {error}") from None
    base = document.pop(_EXTENDS, None if name == "default" else "default")
    values: dict[str, _Value] = {}
    if base is not None:
        if not isinstance(base, str):
            raise SettingsError(f"extends in {where} must be a profile's name or a path")
        beside = parent / base if parent is not None and base not in presets() else base
        values = _read(beside, seen)
    for key, value in _flat(document, where):
        values[key] = _Value(_checked(key, value, where), where)
    return values


def _file_text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        known = presets()
        near = get_close_matches(str(path), known, n=1)
        hint = f"did you mean {near[0]}?" if near else f"presets are {', '.join(known)}"
        raise SettingsError(f"no profile and no file is called {path}: {hint}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"the profile {path} cannot be read: {error}") from None


def _flat(document: Mapping[str, Any], where: str) -> Iterable[tuple[str, Any]]:
    for name, value in document.items():
        if name in _TABLES:
            if not isinstance(value, dict):
                raise SettingsError(f"{name} in {where} is a table: write [{name}]")
            for key, inner in value.items():
                yield _known(f"{name}.{key}", where), inner
        else:
            yield _known(name, where), value


def _known(key: str, where: str) -> str:
    """`key`, if there is such a setting; else the error that names the nearest one."""
    if key in _KEYS:
        return key
    last = key.rpartition(".")[2]
    by_last: dict[str, list[str]] = {}
    for full in _KEYS:
        by_last.setdefault(full.rpartition(".")[2], []).append(full)
    near = [full for word in get_close_matches(last, by_last, n=1) for full in by_last[word]]
    hint = f"did you mean {' or '.join(near)}?" if near else "tallyp2p profile show lists them all"
    raise SettingsError(f"there is no setting {key} (from {where}): {hint}")


def _full_key(name: str, where: str) -> str:
    """The full key that a person meant by `name`, which may leave out the table."""
    if "." in name or name in _TOP:
        return _known(name, where)
    owners = [full for full in _KEYS if full.rpartition(".")[2] == name]
    if len(owners) > 1:
        raise SettingsError(f"{name} can mean {' or '.join(owners)}: say which")
    return owners[0] if owners else _known(name, where)


def _checked(key: str, value: Any, where: str) -> Any:
    """`value` as the key's type.  Ranges are the business of the class that takes it."""
    kind = _KEYS[key]
    if issubclass(kind, StrEnum):
        if isinstance(value, str) and value in set(kind):
            return kind(value)
        wanted = "one of " + ", ".join(kind)
    elif kind is float:
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
        wanted = "a number"
    elif kind is int:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        wanted = "a whole number"
    elif kind is bool:
        if isinstance(value, bool):
            return value
        wanted = "true or false"
    else:
        if isinstance(value, str):
            return value
        wanted = "text"
    raise SettingsError(f"{key} = {_shown(value)} (from {where}) must be {wanted}")


def _table(table: str, settings: type[Any], values: Mapping[str, _Value]) -> Any:
    prefix = f"{table}."
    given = {
        key.removeprefix(prefix): held.value
        for key, held in values.items()
        if key.startswith(prefix)
    }
    return _blamed(lambda: settings(**given), prefix, values, f"table [{table}]")


def _blamed(
    make: Callable[[], _Made], prefix: str, values: Mapping[str, _Value], where: str
) -> _Made:
    """What `make` makes; its refusal is told with the key's full name, value and origin."""
    try:
        return make()
    except SettingsError as error:
        word = str(error).partition(" ")[0]
        key = next((full for full in (prefix + word, f"run.{word}") if full in values), None)
        if key is None:
            raise SettingsError(f"{where}: {error}") from None
        held = values[key]
        raise SettingsError(
            f"{key} = {_shown(held.value)} (from {held.origin}) cannot be used: {error}"
        ) from None


def _shown(value: Any) -> str:
    return _toml(value) if isinstance(value, str | bool | int | float) else str(value)


def _toml(value: str | bool | int | float) -> str:
    """One TOML value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        printable = (c if c >= " " and c != "\x7f" else f"\\u{ord(c):04x}" for c in escaped)
        return f'"{"".join(printable)}"'
    return repr(value)
