"""What stands between `<!-- made: NAME -->` and `<!-- end -->` in the chapters, from data.

The data are `protocol_spec/constants.json`, `protocol_spec/registries/*.json` and the codec
vectors.  Nothing of the package is imported: the specification stands without it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

__all__ = ["Data", "MADE", "SpecError", "frame_of"]


class SpecError(Exception):
    """A chapter names a table, a kind or a case that the data do not have."""


class Data:
    """The data of one copy of the specification."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.constants: dict[str, Any] = json.loads((folder / "constants.json").read_text())

    def registry(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / f"registries/{name}.json").read_text())
        return found

    def kind(self, name: str) -> dict[str, Any]:
        for entry in self.registry("kinds")["entries"]:
            if entry["name"] == name:
                return dict(entry)
        raise SpecError(f"registries/kinds.json has no {name}")


def frame_of(data: Data, where: str) -> str:
    """The frame of a codec case, hexadecimal; `where` is `FILE | NAME OF THE CASE`."""
    file, _, name = (part.strip() for part in where.partition("|"))
    path = data.folder / "vectors" / file
    if path.exists():
        for case in json.loads(path.read_text())["cases"]:
            if case["name"] == name:
                return str(case["input"]["frame"])
    raise SpecError(f"vectors/{file} has no case {name!r}")


# --- tables -------------------------------------------------------------------------------


def _table(head: str, rows: Iterable[Iterable[object]]) -> str:
    names = [name.strip() for name in head.split("|")]
    lines = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    for row in rows:
        lines.append("| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |")
    return "\n".join(line.replace("|  |", "| |") for line in lines)


def _number(value: int) -> str:
    return f"{value:,}" if value >= 1000 else str(value)


def _default(value: Any) -> str:
    if isinstance(value, bool):
        return str(int(value))
    return "64 zeros" if value == "0" * 64 else str(value)


def _range(entry: dict[str, Any]) -> str:
    if "range" in entry:
        return str(entry["range"])
    if "values" in entry:
        return ", ".join(entry["values"])
    if entry["unit"] == "seconds":
        return "more than 0"
    top = f" to {_number(entry['max'])}" if "max" in entry else ""
    return f"{_number(entry['min'])}{top}" if top else f"from {_number(entry['min'])}"


def _limits(data: Data, _: str) -> str:
    rows = ((f"`{e['name']}`", _number(e["value"]), e["bounds"]) for e in data.constants["limits"])
    return _table("name | value | bounds", rows)


def _run_parameters(data: Data, _: str) -> str:
    rows = (
        (f"`{e['name']}`", _default(e["default"]), _range(e), e["what"])
        for e in data.constants["run_parameters"]
    )
    return _table("name | default | range | what", rows)


def _timing(data: Data, _: str) -> str:
    rows = (
        (f"`{e['name']}`", e["default"], e["unit"], _range(e), e["what"])
        for e in data.constants["timing"]
    )
    return _table("name | default | unit | range | what", rows)


def _sizes(data: Data, _: str) -> str:
    rows = ((e["what"], e["bytes"], e["clause"]) for e in data.constants["sizes"])
    return _table("what | bytes | clause", rows)


def _domains(data: Data, _: str) -> str:
    rows = (
        (f"`{e['text']}`", e["text"].encode("ascii").hex(), e["what"], e["clause"])
        for e in data.constants["domains"]
    )
    return _table("text | bytes | what it begins | clause", rows)


def _kinds(data: Data, _: str) -> str:
    kinds = data.registry("kinds")
    names = {flag["flag"]: flag["name"] for flag in kinds["flags"]}
    rows = (
        (e["kind"], e["name"], e["short"], ", ".join(f"{f} {names[f]}" for f in e["flags"]))
        for e in kinds["entries"]
    )
    return _table("kind | name | body | flags", rows)


def _flags(data: Data, _: str) -> str:
    flags = data.registry("kinds")["flags"]
    return _table(
        "flag | name | on | means",
        ((f["flag"], f["name"], ", ".join(f["kinds"]), f["what"]) for f in flags),
    )


def _kind_ranges(data: Data, _: str) -> str:
    ranges = data.registry("kinds")["ranges"]
    return _table(
        "kinds | what a receiver does with one it does not know",
        ((f"{r['from']} to {r['to']}", r["what"]) for r in ranges),
    )


def _reasons(data: Data, _: str) -> str:
    entries = data.registry("reasons")["entries"]
    return _table(
        "code | byte | name | verdict | when",
        ((e["code"], f"{e['code']:02x}", e["name"], e["verdict"], e["when"]) for e in entries),
    )


def _bye_codes(data: Data, _: str) -> str:
    entries = data.registry("bye-codes")["entries"]
    return _table("code | name | what", ((e["code"], e["name"], e["what"]) for e in entries))


def _hello_keys(data: Data, _: str) -> str:
    entries = data.registry("hello-keys")["entries"]
    return _table("key | type | what", ((f"`{e['key']}`", e["text"], e["what"]) for e in entries))


def _versions(data: Data, _: str) -> str:
    entries = data.registry("versions")["entries"]
    rows = ((e["version"], e["revision"], e["stage"], e["brings"]) for e in entries)
    return _table("version | revision | stage | brings", rows)


def _classes(data: Data, _: str) -> str:
    entries = data.registry("classes")["entries"]
    return _table(
        "class | leaves out | passes", ((e["name"], e["leaves_out"], e["passes"]) for e in entries)
    )


def _implementations(data: Data, _: str) -> str:
    entries = data.registry("implementations")["entries"]
    rows = (
        (e["name"], e["language"], e["class"], e["runs"], e["vectors"], e["prober"], e["checked"])
        for e in entries
    )
    return _table("implementation | language | class | runs | vectors | prober | as of", rows)


def _registries(data: Data, _: str) -> str:
    names = sorted(path.stem for path in (data.folder / "registries").glob("*.json"))
    rows = ((f"[{n}](registries/{n}.json)", data.registry(n)["what"]) for n in names)
    return _table("registry | what", rows)


def _small_order(data: Data, _: str) -> str:
    found = data.registry("small-order")
    rows = ((f"`{y}`", order) for y, order in zip(found["y"], found["orders"], strict=True))
    return _table("y, 32 bytes little-endian | order of its points", rows)


# --- messages -----------------------------------------------------------------------------

_WIDTHS = {1: 6, 2: 7, 4: 13, 8: 21, 16: 29, 64: 29}


def _cells(entry: dict[str, Any]) -> list[tuple[str, int | None, bool]]:
    """(label, size in bytes or None, always there) of each cell of a message's diagram."""
    cells: list[tuple[str, int | None, bool]] = [
        (entry["kind"], 1, True),
        ("flags" if entry["flags"] else "00", 1, True),
    ]
    for field in entry["fields"]:
        if "of" in field:
            cells += [(inner["name"], inner.get("size"), True) for inner in field["of"]]
            cells.append(("...", None, True))
            continue
        flag = field.get("flag")
        label = field.get("label", field["name"])
        cells.append((f"{label}, if {flag}" if flag else label, field.get("size"), flag is None))
    return cells


def _diagram(data: Data, name: str) -> str:
    """A drawing of the frame; offsets as long as they are fixed, dashed where a flag decides."""
    offsets, rule, row = "", "+", "|"
    at: int | None = 0
    for label, size, always in _cells(data.kind(name)):
        if at is not None:
            offsets = offsets.ljust(len(rule) - 1) + str(at)
        width = max(_WIDTHS.get(size or 0, 0), len(label) + 2)
        row += label.center(width) + "|"
        rule += ("-" * width if always else ("- " * width)[:width]) + "+"
        at = None if at is None or size is None or not always else at + size
    return "```\n " + "\n ".join((offsets, rule, row, rule)) + "\n```"


def _fields(data: Data, name: str) -> str:
    entry = data.kind(name)
    limits = {e["name"]: e["value"] for e in data.constants["limits"]}
    rows: list[tuple[object, ...]] = []
    at: int | None = 2
    for field in entry["fields"]:
        offset = "…" if at is None else str(at)
        flag = field.get("flag")
        size = str(field.get("size") or field["runs"])
        if "of" in field:
            inner = [f.get("size") for f in field["of"]]
            each = f"{sum(inner)} each" if None not in inner else "varies"
            runs = f"{field['runs']}, at most {_number(limits[field['most']])}"
            rows.append((offset, each, f"`{field['name']}`", "", runs))
            within: int | None = 0
            for f in field["of"]:
                plus = "…" if within is None else f"+{within}"
                rows.append((plus, f.get("size") or f["runs"], f"`{f['name']}`", *_typed(f)))
                within = None if within is None or "size" not in f else within + f["size"]
            at = None
            continue
        if field["name"] == "signature":
            offset = "end − 64"
        size = f"with flag {flag}: {size}" if flag else size
        rows.append((offset, size, f"`{field['name']}`", *_typed(field)))
        at = None if at is None or flag or "size" not in field else at + field["size"]
    return _table("offset | size | field | type | what", rows)


def _typed(field: dict[str, Any]) -> tuple[str, str]:
    return field["type"], field["what"]


def _hex(data: Data, where: str) -> str:
    frame = frame_of(data, where)
    rows = [frame[at : at + 64] for at in range(0, len(frame), 64)]
    return "```hex\n" + "\n".join(rows) + "\n```"


def _says(data: Data, name: str) -> str:
    return str(data.kind(name)["says"])


MADE: dict[str, Callable[[Data, str], str]] = {
    "bye-codes": _bye_codes,
    "classes": _classes,
    "diagram": _diagram,
    "domains": _domains,
    "fields": _fields,
    "flags": _flags,
    "hello-keys": _hello_keys,
    "hex": _hex,
    "implementations": _implementations,
    "kind-ranges": _kind_ranges,
    "kinds": _kinds,
    "limits": _limits,
    "reasons": _reasons,
    "registries": _registries,
    "run-parameters": _run_parameters,
    "says": _says,
    "sizes": _sizes,
    "small-order": _small_order,
    "timing": _timing,
    "versions": _versions,
}
