"""Foreign peers leave out runs with a view, and say so: to a person, and to whoever counts."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tallyp2p.parameters import RunParameters
from tests.peers.foreign import NAMES, ROOT, command, with_a_view

FOREIGN = [name for name in NAMES if name != "python"]


@pytest.mark.parametrize("name", FOREIGN)
def test_a_run_with_a_view_is_refused_in_a_sentence(name: str, tmp_path: Path) -> None:
    """RUN-6."""
    file = tmp_path / "run.txt"
    file.write_text(RunParameters(view=12).descriptor)
    peer = [*command(name), "run", "--listen", "tcp://127.0.0.1:7977", "--run", str(file)]
    done = subprocess.run(peer, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode in (1, 2) and "does not know" in done.stderr, done.stderr


@pytest.mark.parametrize("name", FOREIGN)
def test_cases_of_such_runs_are_unimplemented(name: str) -> None:
    """CONF-1."""
    asked = []
    for path in sorted((ROOT / "protocol_spec" / "vectors").glob("*/view.json")):
        for case in json.loads(path.read_text(encoding="utf-8"))["cases"]:
            if "view" in case["input"]["run"]:
                about = {"case": case["name"], "kind": path.parent.name, "input": case["input"]}
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
    assert len(answers) == len(asked) == sum(with_a_view().values())
    assert all("view" in answer["unimplemented"] for answer in answers)
