"""Write the generated vectors of protocol_spec, or check that they are as they were.

    python -m tests.conformance.make_vectors           write them
    python -m tests.conformance.make_vectors --check   exit 1 and name those that differ

The expected values come from `reference`, `ed25519` and `frames`, which read the specification
without our package.  Files named hand.json were worked out on paper; nothing writes them.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from tests.conformance.cases import Case
from tests.conformance.make_codec import codec_cases
from tests.conformance.make_consensus import (
    RUN,
    bit_cases,
    digraph_cases,
    ledger_cases,
    probe_cases,
    tally_cases,
)
from tests.conformance.make_contact import contact_cases, crowd_cases, member_cases, refusal_cases
from tests.conformance.make_hello import model_cases
from tests.conformance.make_joining import join_cases
from tests.conformance.make_keys import electorate_cases, electorate_script_cases, key_cases
from tests.conformance.make_repair import repair_cases, sealed_script_cases
from tests.conformance.make_rounds import round_cases
from tests.conformance.make_seal import example_cases, seal_cases, sealed_cases
from tests.conformance.make_view import view_cases, view_frame_cases
from tests.conformance.make_votes import large_cases

__all__ = ["RUN", "VECTORS", "render", "stale"]

VECTORS = Path(__file__).resolve().parents[2] / "protocol_spec" / "vectors"

_MADE = "generated: by tests/conformance/make_vectors.py"

_GENERATORS: dict[str, Callable[[], Iterable[Case]]] = {
    "bits/generated.json": bit_cases,
    "probes/generated.json": probe_cases,
    "digraph/generated.json": digraph_cases,
    "tally/generated.json": tally_cases,
    "ledger/generated.json": ledger_cases,
    "codec/electorate.json": electorate_cases,
    "codec/examples.json": example_cases,
    "codec/generated.json": codec_cases,
    "codec/large.json": large_cases,
    "codec/model.json": model_cases,
    "codec/sealed.json": sealed_cases,
    "codec/view.json": view_frame_cases,
    "seal/generated.json": seal_cases,
    "keys/generated.json": key_cases,
    "gossip/contact.json": contact_cases,
    "gossip/electorate.json": electorate_script_cases,
    "gossip/large.json": crowd_cases,
    "gossip/joining.json": join_cases,
    "gossip/members.json": member_cases,
    "gossip/refusals.json": refusal_cases,
    "gossip/repair.json": repair_cases,
    "gossip/rounds.json": round_cases,
    "gossip/sealed.json": sealed_script_cases,
    "gossip/view.json": view_cases,
}


def render() -> dict[str, str]:
    """What each generated file should hold, by its path under vectors/; a line per case."""
    files = {}
    for path, cases in _GENERATORS.items():
        lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases())
        head = f'"kind": "{path.partition("/")[0]}", "made": "{_MADE}"'
        files[path] = f'{{{head}, "cases": [\n{lines}\n]}}\n'
    return files


def stale() -> list[str]:
    """Files that are missing or hold something else."""
    return [
        path
        for path, text in render().items()
        if not (VECTORS / path).is_file() or (VECTORS / path).read_text() != text
    ]


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description="Write the generated vectors.")
    parser.add_argument("--check", action="store_true", help="only say which files differ")
    if parser.parse_args(arguments).check:
        different = stale()
        for path in different:
            print(f"{path} differs from what its script makes")
        return 1 if different else 0
    for path, text in render().items():
        (VECTORS / path).parent.mkdir(parents=True, exist_ok=True)
        (VECTORS / path).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
