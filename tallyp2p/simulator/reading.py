"""Worlds as TOML: read, checked, and written back.

Everything wrong with a world is one :class:`SettingsError` whose single sentence names the
key, the value, where it was set, and what is allowed.
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

from ..errors import SettingsError
from ..parameters import usual_view
from .spec import WorldSpec

__all__ = ["described", "load", "parse", "to_toml"]

_HIDDEN = {"name"}  # of the spec itself: not a person's to set


def load(path: str | Path, overrides: Mapping[str, Any] | None = None) -> WorldSpec:
    """The world of a file, with `overrides` (`table.key` -> value) laid over it."""
    try:
        text = Path(path).read_text("utf-8")
    except FileNotFoundError:
        raise SettingsError(f"no world is at {path}: give the path of a TOML file") from None
    except OSError as error:
        raise SettingsError(f"the world {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"the world {path} cannot be read: it is not UTF-8 text") from None
    return parse(text, str(path), overrides)


def parse(text: str, where: str, overrides: Mapping[str, Any] | None = None) -> WorldSpec:
    """The world that `text` describes; `where` names it in errors and in what is reported.

    Where it says nothing of `run.view` there is one if there are many peers, as in a swarm.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{where} is not valid TOML: {error}") from None
    for key, value in (overrides or {}).items():
        _override(document, key, value)
    blamed = f"{where} with --set {', '.join(overrides)}" if overrides else where
    spec: WorldSpec = _made(WorldSpec, document, "", blamed)
    if "view" not in document.get("run", {}):
        spec = replace(spec, run=replace(spec.run, view=_usual_view(spec)))
    return replace(spec, name=where)


def to_toml(spec: WorldSpec, *, brief: bool = False) -> str:
    """A world as TOML, whole, or `brief`: only what differs from the defaults.

    Parsing either again gives an equal world.
    """
    lines = _table(spec, "", brief)
    if brief and spec.run.view == 0 != _usual_view(spec):
        at = lines.index("[run]") + 1 if "[run]" in lines else len(lines)
        lines[at:at] = ["view = 0"] if at < len(lines) else ["", "[run]", "view = 0"]
    return "\n".join(lines).lstrip("\n") + "\n"


def _usual_view(spec: WorldSpec) -> int:
    return usual_view(spec.peers, spec.run.spreading, spec.run.degree)


def described(spec: type[Any] = WorldSpec, prefix: str = "") -> list[tuple[str, str]]:
    """(key, sentence) of every setting that has one."""
    found: list[tuple[str, str]] = []
    hints = _hints(spec)
    for item in fields(spec):
        inner = _inner(hints[item.name])
        if is_dataclass(inner):
            assert isinstance(inner, type)
            found += described(inner, f"{prefix}{item.name}.")
        elif "says" in item.metadata and f"{prefix}{item.name}" not in _HIDDEN:
            found.append((f"{prefix}{item.name}", item.metadata["says"]))
    return found


def _hints(spec: type[Any]) -> dict[str, Any]:
    return get_type_hints(spec)


def _inner(kind: Any) -> Any:
    """What a tuple is of; else the type itself."""
    return get_args(kind)[0] if get_origin(kind) is tuple else kind


# --- TOML to classes ------------------------------------------------------------------------


def _override(document: dict[str, Any], key: str, value: Any) -> None:
    """Set `table.key`, or `table.0.key` in a list of tables, in a document."""
    *path, last = key.split(".")
    at: Any = document
    for step in path:
        if isinstance(at, list):
            if not step.isdigit() or int(step) >= len(at):
                raise SettingsError(f"{key}: there are only {len(at)} such tables, counted from 0")
            at = at[int(step)]
        elif isinstance(at, dict):
            if step.isdigit():
                raise SettingsError(f"{key}: this world has no [[{path[0]}]]")
            at = at.setdefault(step, {})
    if not isinstance(at, dict):
        raise SettingsError(f"{key} does not name one setting of one table")
    at[last] = value


def _made(spec: type[Any], given: Any, prefix: str, where: str) -> Any:
    """An instance of a settings class from a TOML table."""
    if not isinstance(given, dict):
        raise SettingsError(f"{prefix.rstrip('.')} in {where} is a table, not {_shown(given)}")
    hints = _hints(spec)
    known = [f.name for f in fields(spec) if prefix or f.name not in _HIDDEN]
    values = {}
    for key, value in given.items():
        if key not in known:
            near = get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}"
            raise SettingsError(f"there is no setting {prefix}{key} (from {where}): {hint}")
        values[key] = _value(hints[key], value, f"{prefix}{key}", where)
    try:
        return spec(**values)
    except SettingsError as error:
        word = str(error).partition(" ")[0]
        if word in given and not isinstance(given[word], dict | list):
            shown = f"{prefix}{word} = {_shown(given[word])} (from {where})"
            raise SettingsError(f"{shown} cannot be used: {error}") from None
        table = f"[{prefix.rstrip('.')}] in " if prefix else ""
        raise SettingsError(f"{table}{where}: {error}") from None


def _value(kind: Any, value: Any, key: str, where: str) -> Any:
    """`value` as the field's type."""
    if get_origin(kind) is tuple:
        inner = _inner(kind)
        if not isinstance(value, list):
            form = f"tables: write [[{key}]]" if is_dataclass(inner) else "values: write [...]"
            raise SettingsError(f"{key} in {where} is a list of {form}")
        return tuple(
            _made(inner, one, f"{key}.{at}.", where)
            if is_dataclass(inner) and isinstance(inner, type)
            else _value(inner, one, f"{key}.{at}", where)
            for at, one in enumerate(value)
        )
    if is_dataclass(kind):
        assert isinstance(kind, type)
        return _made(kind, value, f"{key}.", where)
    return _scalar(kind, value, key, where)


def _scalar(kind: type[Any], value: Any, key: str, where: str) -> Any:
    if issubclass(kind, StrEnum):
        if isinstance(value, str) and value in set(kind):
            return kind(value)
        wanted = "one of " + ", ".join(kind)
    elif kind is bool:
        if isinstance(value, bool):
            return value
        wanted = "true or false"
    elif kind is int:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        wanted = "a whole number"
    elif kind is float:
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return float(value)
        wanted = "a number"
    else:
        if isinstance(value, str):
            return value
        wanted = "text"
    raise SettingsError(f"{key} = {_shown(value)} (from {where}) must be {wanted}")


# --- classes to TOML ------------------------------------------------------------------------


def _table(spec: Any, path: str, brief: bool) -> list[str]:
    """Lines of a table: its values first, then the tables in it."""
    lines: list[str] = []
    tables: list[str] = []
    for item in fields(spec):
        if not path and item.name in _HIDDEN:
            continue
        value = getattr(spec, item.name)
        inner = f"{path}.{item.name}" if path else item.name
        if brief and value == _default(item):
            continue
        if is_dataclass(value):
            tables += ["", f"[{inner}]", *_table(value, inner, brief)]
        elif isinstance(value, tuple) and value and is_dataclass(value[0]):
            for one in value:
                tables += ["", f"[[{inner}]]", *_table(one, inner, brief)]
        elif not (value == () and is_dataclass(_inner(_hints(type(spec))[item.name]))):
            lines.append(f"{item.name} = {_shown(value)}")
    return lines + tables


def _default(item: Field[Any]) -> Any:
    return item.default if item.default_factory is MISSING else item.default_factory()


def _shown(value: Any) -> str:
    """One TOML value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        printable = (c if c >= " " and c != "\x7f" else f"\\u{ord(c):04x}" for c in escaped)
        return f'"{"".join(printable)}"'
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_shown, value))}]"
    return repr(value)
