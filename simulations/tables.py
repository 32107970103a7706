"""Keeps the tables of the documents here what the records say.

    python -m simulations.tables            # write every made block
    python -m simulations.tables --check    # name those that differ, exit 1 if any does

`<!-- made: spread -->` begins a block that is written from a record, up to `<!-- end -->`.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from simulations import byzantine, flippers, hunt, jury, learning, passing, scale, spread
from simulations.adversity import full
from simulations.recording import RECORDS, Row

__all__ = ["main", "written"]

HERE = Path(__file__).parent
READMES = (HERE / "README.md", HERE / "adversity" / "README.md")
FEW = (0.0, 0.2, 0.4)  # shares of colluders; the record has all
_MADE = re.compile(r"<!-- made: (?P<name>[\w -]+) -->\n.*?<!-- end -->", re.S)

Made = Callable[[list[Row]], Iterator[str]]

TABLES: dict[str, tuple[str, Made]] = {
    "hunt": ("hunt", hunt.table),
    "adversity": ("adversity", full.table),
    "spread": ("spread", spread.table),
    "disturbed": ("spread", spread.disturbed),
    "passing": ("passing", passing.table),
    "scale": ("scale", scale.table),
    "jury": ("jury", jury.table),
    "learning": ("learning", learning.table),
    "trained": ("jury", jury.trained),
    "flippers": ("flippers", flippers.table),
    "byzantine": ("byzantine", byzantine.table),
    "byzantine 2": ("byzantine", partial(byzantine.table, hears="2", shares=FEW)),
    "byzantine 8": ("byzantine", partial(byzantine.table, hears="8", shares=FEW)),
    "byzantine lure": ("byzantine", partial(byzantine.table, colluders="lure", shares=FEW)),
}


def written(text: str, records: Path = RECORDS) -> str:
    """`text` with every made block as the records say."""

    def block(match: re.Match[str]) -> str:
        record, made = TABLES[match["name"]]
        document = json.loads((records / f"{record}.json").read_text())
        rows = document["rows"]
        commits = ", ".join(dict.fromkeys(row["commit"] for row in rows))
        minutes = sum(row["seconds"] for row in rows) / 60
        return "\n".join(
            (
                f"<!-- made: {match['name']} -->",
                *made(rows),
                "",
                f"`{document['command']}`; {document['machine']}, Python {document['python']}; "
                f"commit {commits}; {minutes:.0f} minutes.",
                "<!-- end -->",
            )
        )

    return _MADE.sub(block, text)


def main(arguments: list[str] | None = None) -> int:
    """Write the blocks, or only check them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing")
    chosen = parser.parse_args(arguments)
    wrong = 0
    for readme in READMES:
        text = readme.read_text()
        new = written(text)
        if not chosen.check:
            readme.write_text(new)
            continue
        found = zip(_MADE.finditer(text), _MADE.finditer(new), strict=True)
        for name in [old["name"] for old, made in found if old[0] != made[0]]:
            print(f"{readme.relative_to(HERE)}: {name} is not what the record says")
            wrong += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
