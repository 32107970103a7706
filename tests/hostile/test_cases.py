"""Real peers under small attacks: every promise that does not depend on the machine.

`python -m tests.hostile --full` plays the same cases at the size of the goals.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile import members, strangers
from tests.hostile.__main__ import main, play
from tests.hostile.cases import CASES, Case
from tests.hostile.siege import Damage, House

# What encryption and the list change; a member's floods are the same behind both.
OF_NOBODY = [
    c for c in CASES if (c.stranger and c.name != "idle") or c.name in ("replay", "hellos")
]


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    with House() as one:
        yield one


@pytest.fixture(scope="module")
def fortress() -> Iterator[House]:
    with House("--encrypted") as one:
        yield one


def test_every_attack_is_a_case() -> None:
    assert {case.name for case in CASES} == set(strangers.ATTACKS) | set(members.ATTACKS)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_promises_are_kept(house: House, case: Case) -> None:
    damage = play(house, case, case.small, calm=0.5)
    assert not case.broken(damage), damage
    assert damage.slower < 20, damage  # rounds went on all the while; how fast is the machine's
    if case.name in ("early", "pings", "forged ballots", "noise"):
        assert damage.refused.get("RATE", 0) > 0, damage
        assert damage.frames < case.small
    if case.name == "stolen names":
        assert damage.figures["answers to thieves"] == 0
    if case.name in ("huge command", "huge frame", "idle"):
        assert damage.figures["cut by the target"], damage
    if case.name == "digests":
        assert damage.figures["times"] < 4, damage


@pytest.mark.slow
@pytest.mark.parametrize("case", OF_NOBODY, ids=lambda case: case.name)
def test_promises_are_kept_under_encryption(fortress: House, case: Case) -> None:
    damage = play(fortress, case, case.small, calm=0.3)
    assert not case.broken(damage, encrypted=True), damage
    if case.stranger:
        assert damage.frames == 0 and not damage.refused, damage


@pytest.mark.parametrize("name", ["plain", "encrypted"])
def test_the_readme_says_what_the_records_say(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(__file__).parent / "records" / f"{name}.json"
    assert main(["--table", str(path)]) == 0
    assert capsys.readouterr().out in (path.parent.parent / "README.md").read_text()


def test_what_is_broken_is_named() -> None:
    case = next(case for case in CASES if case.name == "garbage")
    bad = Damage(delivered={"Ping": 1}, files=3, growth=99.0, spoiled=1)
    assert len(case.broken(bad)) == 4 and not case.broken(Damage())


@pytest.mark.slow
def test_the_command_writes_a_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "hostile.json"
    assert main(["--only", "huge frame", "--out", str(out)]) == 0
    assert "huge frame" in capsys.readouterr().out
    [row] = json.loads(out.read_text())["figures"]
    assert row["attack"] == "huge frame" and row["delivered"] == {}
    with pytest.raises(SystemExit):
        main(["--only", "charm"])
