"""The vectors are found, and are of the form that their schema says."""

from __future__ import annotations

import json
from configparser import ConfigParser
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from tallyp2p.conformance import vectors
from tallyp2p.conformance.vectors import FOLDER, KINDS, find
from tallyp2p.errors import FailureError

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = json.loads((FOLDER / "schema.json").read_text())
FILES = sorted(FOLDER.glob("*/*.json"))


def test_there_are_cases_of_every_kind_and_each_has_a_name_of_its_own() -> None:
    cases = find()
    assert {case.kind for case in cases} == set(KINDS)
    assert len({case.id for case in cases}) == len(cases)
    assert {case.kind for case in find(["tally", "bits"])} == {"tally", "bits"}


def test_a_package_without_vectors_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vectors, "FOLDER", tmp_path)
    with pytest.raises(FailureError, match="no vectors"):
        find()


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_files_follow_the_schema(path: Path) -> None:
    content = json.loads(path.read_text())
    errors = [e.message[:300] for e in Draft202012Validator(SCHEMA).iter_errors(content)]
    assert errors == []
    assert content["kind"] == path.parent.name


def test_the_package_takes_them_along() -> None:
    """setup.cfg names them, through the link by which they lie in the package."""
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg")
    globs = setup["options.package_data"]["tallyp2p"].split()
    package = ROOT / "tallyp2p"
    packed = {path.resolve() for glob in globs for path in package.glob(glob)}
    assert packed >= {path.resolve() for path in [*FILES, FOLDER / "schema.json"]}


def one(kind: str) -> Any:
    content = json.loads((FOLDER / kind / "hand.json").read_text())
    return {**content, "cases": content["cases"][:1]}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("where", ["file", "case", "input", "expect"])
def test_the_schema_knows_every_key(kind: str, where: str) -> None:
    """A key that is written wrong is not a key that says nothing."""
    content = one(kind)
    case = content["cases"][0]
    places = {"file": content, "case": case, "input": case["input"], "expect": case["expect"]}
    places[where]["unheard-of"] = 1
    assert not Draft202012Validator(SCHEMA).is_valid(content)
