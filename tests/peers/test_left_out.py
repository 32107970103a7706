"""What foreign peers leave out, and say so: to a person, and to whoever counts."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tallyp2p.parameters import RunParameters, Seal
from tests.peers.foreign import NAMES, ROOT, command, left_out
from tests.waiting import LONG

FOREIGN = [name for name in NAMES if name != "python"]
RUNS = {
    "view": RunParameters(view=12),
    "electorate": RunParameters(seal=Seal.ED25519, electorate="e1" * 32),
    "model": RunParameters(model="e1" * 32),
}


@pytest.mark.parametrize("run", RUNS)
@pytest.mark.parametrize("name", FOREIGN)
def test_such_a_run_is_refused_in_a_sentence(name: str, run: str, tmp_path: Path) -> None:
    """RUN-6."""
    file = tmp_path / "run.txt"
    file.write_text(RUNS[run].descriptor)
    peer = [*command(name), "run", "--listen", "tcp://127.0.0.1:*", "--run", str(file)]
    done = subprocess.run(peer, capture_output=True, text=True, timeout=LONG, check=False)
    assert done.returncode in (1, 2) and "does not know" in done.stderr, done.stderr


@pytest.mark.parametrize("name", FOREIGN)
def test_cases_of_such_runs_are_unimplemented(name: str) -> None:
    """CONF-1."""
    asked = []
    for path in sorted((ROOT / "protocol_spec" / "vectors").glob("*/*.json")):
        for case in json.loads(path.read_text(encoding="utf-8"))["cases"]:
            kind = path.parent.name
            if kind == "keys" or {*RUNS} & {*case["input"].get("run", {})}:
                about = {"case": case["name"], "kind": kind, "input": case["input"]}
                asked.append(json.dumps(about))
    done = subprocess.run(
        [*command(name), "conform"],
        input="\n".join(asked) + "\n",
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(asked) == sum(left_out().values())
    assert all(answer["unimplemented"] for answer in answers)
