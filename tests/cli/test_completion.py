"""Shell completion: what a shell asks us, and the script that makes it ask."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

import pytest


def run(args: Sequence[str], **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tallyp2p.cli", *args],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("tallyp2p sw", {"swarm"}),
        ("tallyp2p profile show pa", {"paper"}),
        ("tallyp2p swarm --profile b", {"broadcast"}),
        ("tallyp2p swarm --rou", {"--rounds"}),
    ],
)
def test_shell_completes(words: str, expected: set[str]) -> None:
    position = str(len(words.split()) - 1)
    done = run([], _TALLYP2P_COMPLETE="bash_complete", COMP_WORDS=words, COMP_CWORD=position)
    assert {line.partition(",")[2] for line in done.stdout.split()} == expected, done.stderr


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script_calls_us_back(shell: str) -> None:
    assert "_TALLYP2P_COMPLETE" in run(["completion", shell]).stdout
