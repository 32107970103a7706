"""Keep the specification's text and its data one.

    python scripts/spec.py                        write every made block of the chapters
    python scripts/spec.py --check                name those that differ, exit 1 if any does
    python scripts/spec.py --coverage             clause by clause: vectors, prober cases, tests
    python scripts/spec.py --uncovered            only clauses without a vector
    python scripts/spec.py --uncovered --strict   exit 1 if a clause has none of the three

In a chapter, `<!-- made: limits -->` begins a block that is written from the data, up to
`<!-- end -->`.  `<!-- hex: codec/hand.json | BYE -->` stands before a block of bytes that is
written by hand, with comments after semicolons, and must be the frame of that vector.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # so that it runs where nothing is installed

from scripts.spec_clauses import chapters, clauses, cover  # noqa: E402
from scripts.spec_made import MADE, Data, SpecError, frame_of  # noqa: E402

__all__ = ["drift", "main", "write"]

_MADE = re.compile(r"<!-- made: (?P<name>[\w-]+)(?P<of>[^\n]*?) -->\n.*?<!-- end -->", re.S)
_HEX = re.compile(r"<!-- hex: (?P<of>[^\n]*?) -->\n\n?```hex\n(?P<body>.*?)```", re.S)


def _made(data: Data, match: re.Match[str]) -> str:
    name = match["name"]
    if name not in MADE:
        raise SpecError(f"nothing makes {name!r}")
    return f"{match[0].splitlines()[0]}\n\n{MADE[name](data, match['of'].strip())}\n\n<!-- end -->"


def _bytes(block: str) -> str:
    """The hexadecimal digits of a block without its comments."""
    return "".join("".join(line.partition(";")[0].split()) for line in block.splitlines())


def drift(folder: Path) -> Iterator[str]:
    """Every block of the chapters in `folder` that is not what the data say."""
    data = Data(folder)
    for path in chapters(folder):
        text = path.read_text()
        for match in _MADE.finditer(text):
            if match[0] != _made(data, match):
                yield f"{path.name}: {match['name']}{match['of']}"
        if text.count("<!-- made:") != len(_MADE.findall(text)):
            yield f"{path.name}: a block without its end"
        for match in _HEX.finditer(text):
            if _bytes(match["body"]) != frame_of(data, match["of"]):
                yield f"{path.name}: the bytes of {match['of']}"
        if text.count("<!-- hex:") != len(_HEX.findall(text)):
            yield f"{path.name}: a hex comment that no hex block follows"


def write(folder: Path) -> list[str]:
    """Write every made block; the names of the files that changed."""
    data = Data(folder)
    changed = []
    for path in chapters(folder):
        old = path.read_text()
        new = _MADE.sub(lambda match: _made(data, match), old)
        if new != old:
            path.write_text(new)
            changed.append(path.name)
    return changed


def _report(root: Path, *, uncovered: bool, strict: bool) -> int:
    coverage = cover(root)
    known = clauses(root / "protocol_spec")
    print(f"{'clause':<14}{'vectors':>8}{'prober':>8}{'tests':>8}")
    bare, without = [], 0
    for id, _ in known:
        vectors, prober, tests = coverage.of(id)
        without += not vectors
        if not vectors + prober + tests:
            bare.append(id)
        if not (uncovered and vectors):
            print(f"{id:<14}{vectors:>8}{prober:>8}{tests:>8}")
    print(f"{len(known)} clauses, {without} without a vector, {len(bare)} without any of the three")
    if bare:
        print("nothing cites " + " ".join(bare))
    return int(strict and bool(bare))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing, name what differs")
    parser.add_argument("--coverage", action="store_true", help="what covers each clause")
    parser.add_argument("--uncovered", action="store_true", help="clauses without a vector")
    parser.add_argument("--strict", action="store_true", help="with --uncovered: exit 1 if bare")
    parser.add_argument("--root", type=Path, default=ROOT, help="another checkout")
    chosen = parser.parse_args(arguments)
    folder = chosen.root / "protocol_spec"
    if chosen.coverage or chosen.uncovered:
        return _report(chosen.root, uncovered=chosen.uncovered, strict=chosen.strict)
    try:
        if not chosen.check:
            for name in write(folder):
                print(f"wrote {name}")
        found = list(drift(folder))
    except SpecError as error:
        print(error, file=sys.stderr)
        return 1
    for name in found:
        print(f"differs: {name}", file=sys.stderr)
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
