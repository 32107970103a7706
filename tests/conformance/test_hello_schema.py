"""protocol_spec/hello.cddl takes the maps of accepted HELLOs, and refuses those that lie.

CDDL speaks of a data model, not of bytes: rules about the one form of a map (MAP-1, MAP-3,
MAP-4) are beyond it.  Nor does pycddl 0.6 look into an array that stands in a choice, or at
the type of what has a size: MAP-2's bounds and `agent` are in the schema and not tested here.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import cbor2
import msgpack
import pytest
from pycddl import Schema, ValidationError

SPEC = Path(__file__).resolve().parents[2] / "protocol_spec"
OF_VALUES = ("HELLO-2", "HELLO-3", "ENDPOINT-")  # rules that the schema knows


@cache
def schema() -> Schema:
    text = (SPEC / "hello.cddl").read_text()
    # CDDL's patterns match whole texts, those of pycddl 0.6 any part of one.
    return Schema(re.sub(r'\.regexp "(.*)"', r'.regexp "^(\1)$"', text))


def refusal(value: Any) -> str:
    """What the schema has against a map; empty when nothing."""
    try:
        schema().validate_cbor(cbor2.dumps(value))
    except ValidationError as error:
        return str(error)
    return ""


def hellos(*, accepted: bool) -> dict[str, Any]:
    """The map of each HELLO among the codec vectors, by the case's name."""
    found = {}
    for path in sorted((SPEC / "vectors/codec").glob("*.json")):
        for case in json.loads(path.read_text())["cases"]:
            frame = bytes.fromhex(case["input"]["frame"])
            verdict = case["expect"].get("verdict", "reject")
            if (verdict == "accept") is not accepted or frame[2:7] != b"TALLY" or frame[0] != 1:
                continue
            if not accepted and not case["name"].startswith(OF_VALUES):
                continue
            body = frame[7:-64] if frame[1] & 4 else frame[7:]
            found[f"{path.stem}: {case['name']}"] = msgpack.unpackb(body)
    return found


def good() -> dict[str, Any]:
    return dict(next(iter(hellos(accepted=True).values())))


@pytest.mark.parametrize("name", hellos(accepted=True))
def test_accepted_vectors_are_in_the_schema(name: str) -> None:
    assert refusal(hellos(accepted=True)[name]) == ""


@pytest.mark.parametrize("name", hellos(accepted=False))
def test_vectors_refused_for_a_value_are_not(name: str) -> None:
    assert refusal(hellos(accepted=False)[name])


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("agent", "x" * 513),
        ("endpoint", "tcp://a:65536"),
        ("endpoint", "tcp://a:080"),
        ("endpoint", "udp://a:80"),
        ("endpoint", "tcp://a:80#" + "A" * 42),
        ("endpoint", "tcp://a:80#" + "A" * 42 + "B"),
        ("endpoint", "ipc://"),
        ("endpoint", "ipc:///tmp/*"),
        ("endpoint", "ipc://" + "x" * 250),
        ("held", 2**32 - 1),
        ("held", None),
        ("identity", bytes(31)),
        ("instance", bytes(9)),
        ("known", -1),
        ("met", 1),
        ("round", -2),
        ("run", bytes(8)),
        ("start", "0"),
        ("versions", [2, 3]),
        ("versions", [1, 2**16]),
        ("zone", 1.5),
    ],
)
def test_a_wrong_value_is_outside(key: str, value: Any) -> None:
    assert refusal(good()) == ""
    assert refusal({**good(), key: value})


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("agent", ""),
        ("endpoint", "tcp://[::1]:1"),
        ("endpoint", "tcp://0.0.0.1:65535"),
        ("endpoint", "tcp://0.0.0.1:65535#" + "-" * 42 + "8"),
        ("endpoint", "ipc:///tmp/a"),
        ("known", 2**32 - 1),
        ("round", 2**32 - 2),
        ("versions", [1, 2**16 - 1]),
        ("x-mine", {"a": [None, True, -1, "b", b"c"]}),
    ],
)
def test_values_at_the_edge_are_inside(key: str, value: Any) -> None:
    assert refusal({**good(), key: value}) == ""


@pytest.mark.parametrize(
    "key", json.loads((SPEC / "registries/hello-keys.json").read_text())["entries"]
)
def test_the_schema_and_the_registry_name_the_same_keys(key: dict[str, Any]) -> None:
    without = {k: v for k, v in good().items() if k != key["key"]}
    assert bool(refusal(without)) is not bool(key.get("optional"))
    if key["key"] != "agent":
        assert refusal({**good(), key["key"]: 1.5})
