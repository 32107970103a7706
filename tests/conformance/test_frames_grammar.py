"""protocol_spec/frames.ksy reads every accepted codec vector as the vector says.

The compiler of Kaitai Struct is an npm package: `npm ci` in tests/conformance/kaitai installs
it.  Where that was not done these tests skip.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from itertools import accumulate
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent / "kaitai"
SPEC = Path(__file__).resolve().parents[2] / "protocol_spec"
NONE = 0xFFFFFFFF
KINDS = {
    int(entry["kind"], 16): entry["name"]
    for entry in json.loads((SPEC / "registries/kinds.json").read_text())["entries"]
}

pytestmark = [
    pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed"),
    pytest.mark.skipif(
        not (HERE / "node_modules/kaitai-struct-compiler").exists(),
        reason="the compiler is not installed: run `npm ci` in tests/conformance/kaitai",
    ),
]


def cases(verdict: str) -> list[dict[str, Any]]:
    found = []
    for path in sorted((SPEC / "vectors/codec").glob("*.json")):
        for case in json.loads(path.read_text())["cases"]:
            if case["expect"].get("verdict") == verdict:
                found.append(case)
    return found


def parse(given: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the compiled grammar makes of frames of runs."""
    asked = []
    for case in given:
        run = case["run"]
        highest = run["classes"] - (not run["abstain"])
        asked.append(
            {
                "explicit": run["ids"] == "explicit",
                "derived": run["probes"] * run["rounds_per_ballot"],
                "bits": int(highest).bit_length(),
                "frame": case["frame"],
            }
        )
    done = subprocess.run(
        ["node", "parse.js", str(SPEC / "frames.ksy")],
        cwd=HERE,
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


def value_of(tree: dict[str, Any]) -> Any:
    """The value of a node of HELLO's map."""
    head = tree["head"]
    if tree["isMap"]:
        return {value_of(pair["key"]): value_of(pair["value"]) for pair in tree["pairs"]}
    if tree["isArray"]:
        return [value_of(item) for item in tree["items"]]
    if head in (0xC0, 0xC2, 0xC3):
        return {0xC0: None, 0xC2: False, 0xC3: True}[head]
    if tree["isText"]:
        return tree["text"]
    if "binary" in tree:
        return tree["binary"]["hex"]
    names = ("small", "u8", "u16", "u32", "u64", "s8", "s16", "s32", "s64")
    return next(tree[name] for name in names if tree.get(name) is not None)


def message_of(tree: dict[str, Any]) -> dict[str, Any]:
    """The tree's fields in the vectors' words."""
    kind, body = KINDS[tree["kind"]], tree["body"]
    plain = {k: v["hex"] if isinstance(v, dict) and "hex" in v else v for k, v in body.items()}
    match kind:
        case "HELLO":
            keys = json.loads((SPEC / "registries/hello-keys.json").read_text())["entries"]
            known = {entry["key"] for entry in keys}
            found = {k: v for k, v in value_of(body["map"]).items() if k in known}
        case "PEERS":
            found = {"endpoints": [entry["endpoint"] for entry in body["endpoints"]]}
        case "VOTE":
            found = {name: plain[name] for name in ("round", "votes")}
            if tree["namesAuthor"] and not tree["sealed"]:
                found["author"] = plain["author"]
            if tree["namesIds"]:
                ids = body["ids"]
                if ids["form"] == 1:
                    found["ids"] = list(range(ids["start"], ids["start"] + ids["count"]))
                else:
                    steps = [gap["value"] for gap in ids["gaps"]]
                    found["ids"] = [*accumulate([steps[0], *(s + 1 for s in steps[1:])])]
        case "DIGEST" | "HAVE" | "WANT":
            rows = [
                [v["hex"] if isinstance(v, dict) else v for v in entry.values()]
                for entry in body["entries"]
            ]
            found = {**{k: v for k, v in plain.items() if k == "round"}, "entries": rows}
        case _:
            found = {k: v for k, v in plain.items() if k != "nothingMore"}
    return {k: v for k, v in found.items() if not (k in ("last", "round") and v == NONE)}


def test_accepted_vectors_are_read_as_they_say() -> None:
    given = cases("accept")
    assert len(given) >= 25
    for case, tree in zip(given, parse([case["input"] for case in given]), strict=True):
        named = case["expect"].get("message", {})
        message = {k: v for k, v in named.items() if v is not None}
        if "text" in message:  # the runtime's decoder drops a byte order mark
            message["text"] = message["text"].removeprefix("\ufeff")
        assert "refused" not in tree, (case["name"], tree)
        found = message_of(tree)
        assert message.keys() <= {*found, "kind", "author"}, case["name"]
        assert {k: v for k, v in found.items() if k in message}.items() <= message.items()


def test_labels_are_those_of_the_bits_vectors() -> None:
    """BITS-1, BITS-2."""
    given, labels = [], []
    for path in sorted((SPEC / "vectors/bits").glob("*.json")):
        for case in json.loads(path.read_text())["cases"]:
            if "labels" in case["input"] and 0 < len(case["input"]["labels"]) < 3000:
                bits = case["input"]["bits"]
                run = {"classes": 2**bits - 1, "abstain": True, "ids": "derived"}
                run |= {"probes": len(case["input"]["labels"]), "rounds_per_ballot": 1}
                given.append({"run": run, "frame": "100000000000" + case["expect"]["packed"]})
                labels.append(case["input"]["labels"])
    assert len(given) >= 3
    for expected, tree in zip(labels, parse(given), strict=True):
        assert [label["value"] for label in tree["body"]["labels"]] == expected


def test_frames_that_are_too_short_or_too_long_are_refused() -> None:
    """FRAME-12, VOTE-4: whatever the vectors call LENGTH."""
    given = [case for case in cases("reject") if case["expect"]["reason"] == "LENGTH"]
    assert len(given) >= 5
    for case, tree in zip(given, parse([case["input"] for case in given]), strict=True):
        assert "refused" in tree, case["name"]
