"""The frame of the command line: light help, lazy commands, completion, exit codes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

import pytest

COMMANDS = [
    [],
    ["swarm"],
    ["peer"],
    ["profile"],
    ["profile", "show"],
    ["profile", "list"],
    ["completion"],
]
HEAVY = ["torch", "numpy", "zmq", "msgpack", "matplotlib", "rich", "asyncio"]


def run(args: Sequence[str], **environment: str) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, as a person runs it."""
    return subprocess.run(
        [sys.executable, "-m", "tallyp2p.cli", *args],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        timeout=60,
    )


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help_loads_nothing_heavy(command: list[str]) -> None:
    program = (
        "import sys\nfrom tallyp2p.cli.main import main\n"
        f"try: main({[*command, '--help']!r})\n"
        f"finally: print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0
    assert done.stderr.strip() == "[]"
    assert done.stdout.startswith("Usage: tallyp2p")
    assert "Exit codes:" in done.stdout


def test_version() -> None:
    from tallyp2p import __version__

    assert run(["--version"]).stdout == f"tallyp2p {__version__}\n"


@pytest.mark.parametrize(
    ("args", "sentence"),
    [
        (["swram"], "did you mean swarm?"),
        (["swarm", "--peesr", "3"], "--peers"),
        (["swarm", "--peers", "many"], "--peers"),
        (["swarm", "--profile", "papr"], "did you mean paper?"),
        (["swarm", "--set", "learning.lrr=1"], "did you mean learning.lr?"),
        (["swarm", "--set", "rounds"], "table.key=value"),
        (["swarm", "--peers", "1"], "--peers"),
        (["swarm", "--config", "no-such.toml"], "no-such.toml"),
        (["peer", "--shard", "2/2"], "--shard"),
        (["peer", "--shard", "x"], "--shard"),
        (["profile", "show", "papr"], "did you mean paper?"),
        (["completion", "tcsh"], "bash"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_unusable_command_is_told_in_one_sentence(args: list[str], sentence: str) -> None:
    done = run(args)
    assert done.returncode == 2
    assert done.stdout == ""
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("Error: ")
    assert sentence in last
    assert "Traceback" not in done.stderr


def test_traceback_only_for_the_very_curious() -> None:
    wrong = ["profile", "show", "--set", "learning.lr=-1"]
    assert "Traceback" not in run(wrong).stderr
    curious = run([*wrong, "-vv"])
    assert curious.returncode == 2
    assert "Traceback" in curious.stderr


def test_reader_that_leaves_early_is_no_failure() -> None:
    command = f"{sys.executable} -m tallyp2p.cli profile show | true"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True)
    assert done.stderr == ""
