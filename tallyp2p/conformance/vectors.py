"""The cases of protocol_spec/vectors, which this package carries with it (protocol_spec 09.2)."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import FailureError

__all__ = ["FOLDER", "KINDS", "Case", "find"]

FOLDER = Path(__file__).parent / "vectors"
KINDS = ("bits", "probes", "digraph", "codec", "ledger", "tally", "seal", "keys", "gossip")
"""In the order in which somebody who implements the protocol meets them."""


@dataclass(frozen=True, slots=True)
class Case:
    """One case: what is given and what must come out."""

    kind: str
    file: str  # "hand", or who made it otherwise
    name: str  # unique in its file
    clauses: tuple[str, ...]
    input: dict[str, Any]
    expect: dict[str, Any]
    about: str = ""
    should: bool = False  # what is expected is a SHOULD only

    @property
    def id(self) -> str:
        """A name that no other case has: ``codec/hand: HELLO``."""
        return f"{self.kind}/{self.file}: {self.name}"


def find(kinds: Collection[str] = KINDS) -> list[Case]:
    """All cases of some kinds, kind by kind and file by file.

    Raises :class:`FailureError` when there are none, as in a package that was built wrong.
    """
    cases = []
    for kind in KINDS:
        if kind in kinds:
            for path in sorted((FOLDER / kind).glob("*.json")):
                cases += _read(path)
    if not cases:
        raise FailureError(f"there are no vectors in {FOLDER}: install tallyp2p again")
    return cases


def _read(path: Path) -> list[Case]:
    content = json.loads(path.read_text(encoding="utf-8"))
    return [
        Case(
            content["kind"],
            path.stem,
            case["name"],
            tuple(case["clauses"]),
            case["input"],
            case["expect"],
            case.get("about", ""),
            case.get("should", False),
        )
        for case in content["cases"]
    ]
