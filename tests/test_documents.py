"""Every command in a document is run, as it stands there."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not any(
        part.startswith((".", "tallyp2p-runs", "node_modules", "build"))
        for part in path.relative_to(ROOT).parts
    )
)
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.M | re.S)
# Installing is what CI does before any test; its own test holds CI and README together.
INSTALL = "python3 -m venv .venv && .venv/bin/pip install"


def commands(path: Path) -> list[str]:
    lines = [line for block in BLOCK.findall(path.read_text()) for line in block.splitlines()]
    return [line for line in lines if line.strip() and not line.startswith("#")]


def environment() -> dict[str, str]:
    """`tallyp2p` and `python` as in the environment that runs the tests."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}


def arguments(command: str) -> list[str]:
    cli = [sys.executable, "-m", "tallyp2p.cli"]  # also where the package is not installed
    words = shlex.split(command, comments=True)
    return [part for word in words for part in (cli if word == "tallyp2p" else [word])]


README = [c for c in commands(ROOT / "README.md") if not c.startswith(INSTALL)]
TWO = [c for c in README if c.startswith("tallyp2p peer")]


@pytest.mark.slow
@pytest.mark.parametrize("command", [c for c in README if c not in TWO])
def test_commands_of_the_readme(command: str, tmp_path: Path) -> None:
    done = subprocess.run(
        arguments(command),
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout


@pytest.mark.slow
def test_two_terminals_make_a_swarm_of_two(tmp_path: Path) -> None:
    assert len(TWO) == 2
    started = [
        subprocess.Popen(
            arguments(command),
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for command in TWO
    ]
    try:
        for process in started:
            output, _ = process.communicate(timeout=200)
            assert process.returncode == 0, output
    finally:
        for process in started:
            process.kill()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_commands_of_other_documents_are_those_of_the_readme_or_of_modules(path: Path) -> None:
    """Other documents may show README's commands, and modules that are run by tests of theirs.

    Those of peers/ are run block by block in tests/peers/test_readmes.py.
    """
    for command in [] if "peers" in path.relative_to(ROOT).parts else commands(path):
        if command in README or command.startswith(INSTALL):
            continue
        words = shlex.split(command, comments=True)
        assert words[:2] == ["python", "-m"], f"{path}: nobody runs {command!r}"
        module = ROOT / Path(*words[2].split("."))
        assert module.with_suffix(".py").exists() or (module / "__main__.py").exists(), command


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text()):
        if not target.startswith("http"):
            assert (path.parent / target).exists(), f"{path}: {target}"


def test_the_python_snippet_is_part_of_the_example() -> None:
    [snippet] = re.findall(r"^```python\n(.*?)^```$", (ROOT / "README.md").read_text(), re.M | re.S)
    example = {line.strip() for line in (ROOT / "examples/own_model.py").read_text().splitlines()}
    for line in filter(None, map(str.strip, snippet.splitlines())):
        assert line in example or line == "from tallyp2p import Swarm", line
