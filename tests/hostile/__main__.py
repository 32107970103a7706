"""Real peers under attack: what reaches them, and what it costs them.

    python -m tests.hostile                  # small, about two minutes
    python -m tests.hostile --full           # 10,000 garbage connections, floods of 500,000
    python -m tests.hostile --encrypted --full
    python -m tests.hostile --only garbage
    python -m tests.hostile --table tests/hostile/records/encrypted.json

Three honest peers share a process and make rounds of a sealed broadcast run, with `--encrypted`
under CURVE and with an electorate, of which one member has turned; each attack is made
by another process on the same host, so that "times slower" has what the attacker itself takes
of the processor in it.  Exit code 1 where something that is promised on every machine was broken.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tallyp2p.parameters import RunParameters
from tests.benchmarks.record import machine
from tests.hostile.cases import CASES, MEMORY, SLOWER, Case
from tests.hostile.siege import Damage, House, besiege

__all__ = ["main", "markdown", "play"]

_HEAD = ("attack", "how much", "s", "frames", "messages", "MiB", "left", "files", "CPU s", "slower")


def play(house: House, case: Case, count: int, calm: float = 2.0) -> Damage:
    """One case; `calm`: seconds of undisturbed rounds to compare with."""
    run = RunParameters.parse(house.descriptor)
    return besiege(
        house, lambda: case.attack(run, house.endpoints, count), calm, leaving=case.stranger
    )


def _row(case: Case, count: int, damage: Damage) -> tuple[str, ...]:
    return (
        case.name,
        f"{count:,}",
        f"{damage.seconds:.1f}",
        f"{damage.frames:,}",
        f"{sum(damage.delivered.values()):,}",
        f"{damage.growth:.1f}",
        f"{damage.left:.1f}",
        str(damage.files),
        f"{damage.cpu:.1f}",
        f"{damage.slower:.2f}",
    )


def _shown(row: tuple[str, ...]) -> str:
    return f"{row[0]:15}" + "".join(f"{cell:>10}" for cell in row[1:])


def markdown(record: Mapping[str, Any]) -> Iterator[str]:
    """The table of a record, for the README."""
    yield "| attack | how much | decoded | messages | MiB | files | CPU s | slower |"
    yield "| --- | --- | --- | --- | --- | --- | --- | --- |"
    for row in record["figures"]:
        cells = (
            row["attack"],
            f"{row['count']:,}",
            f"{row['frames']:,}",
            f"{sum(row['delivered'].values()):,}",
            f"{row['growth']:.1f}",
            str(row["files"]),
            f"{max(0.0, row['cpu']):.1f}",
            f"{row['slower']:.1f}",
        )
        yield "| " + " | ".join(cells) + " |"
    yield ""
    yield (
        f"Commit {record['machine']['commit']}, {record['machine']['cores']} cores, "
        f"Python {record['machine']['python']}."
    )


def main(arguments: list[str] | None = None) -> int:
    """Play the cases and print a table; with `--out FILE` write it as JSON too."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.hostile", description=(__doc__ or "").split("\n\n")[0]
    )
    parser.add_argument("--full", action="store_true", help="as much as the goals say")
    parser.add_argument("--encrypted", action="store_true", help="as beyond one's own host")
    parser.add_argument("--only", action="append", help="this attack only; may be repeated")
    parser.add_argument("--table", type=Path, help="only print the table of this record")
    parser.add_argument("--out", type=Path, help="also write the figures to this file, as JSON")
    chosen = parser.parse_args(arguments)
    if chosen.table is not None:
        print("\n".join(markdown(json.loads(chosen.table.read_text()))))
        return 0
    cases = [case for case in CASES if not chosen.only or case.name in chosen.only]
    if not cases:
        parser.error(f"attacks are {', '.join(case.name for case in CASES)}")
    print(_shown(_HEAD), flush=True)
    rows: list[dict[str, Any]] = []
    broken = []
    for case in cases:
        count = case.full if chosen.full else case.small
        with House(
            *["--encrypted"] * chosen.encrypted
        ) as house:  # a fresh one each: what an attack leaves would blur the next
            damage = play(house, case, count)
        print(_shown(_row(case, count, damage)), flush=True)
        wrong = case.broken(damage, chosen.encrypted)
        broken += [f"{case.name}: {what}" for what in wrong]
        rows.append({"attack": case.name, "count": count, **asdict(damage), "broken": wrong})
    if chosen.out is not None:
        record = {
            "benchmark": "hostile",
            "encrypted": chosen.encrypted,
            "goals": {"MiB": MEMORY, "slower": SLOWER},
            "machine": machine(),
            "figures": rows,
        }
        chosen.out.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    print("\n".join(broken))
    return int(bool(broken))


if __name__ == "__main__":
    raise SystemExit(main())
