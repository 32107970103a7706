"""Every command of the peers' own documents is run, block by block."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from tallyp2p.runtime.raw import free_endpoint
from tests.peers.foreign import ROOT, command

pytestmark = pytest.mark.slow

BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.M | re.S)
PORT = re.compile(r"127\.0\.0\.1:(\d+)")
INSTALLS = ("python3 -m venv", "apt-get install", "npm ci")  # what CI does before any test


def blocks() -> list[object]:
    found: list[object] = []
    seen: set[str] = set()
    for path in sorted((ROOT / "peers").rglob("README.md")):
        if "node_modules" in path.parts or path.parent.name == "lan":  # tests.peers.test_lan
            continue
        for number, block in enumerate(BLOCK.findall(path.read_text()), 1):
            name = str(path.parent.relative_to(ROOT / "peers"))
            lines = [line for line in block.splitlines() if not line.startswith(INSTALLS)]
            alike = PORT.sub("127.0.0.1:PORT", "\n".join(lines))  # some stand in two documents
            if any(line.strip() for line in lines) and alike not in seen:
                seen.add(alike)
                found.append(pytest.param(name, "\n".join(lines), id=f"{name} {number}"))
    return found


def on_free_ports(block: str) -> str:
    """The same commands; but that port may be another's, such as a second run of these tests."""
    for port in sorted(set(PORT.findall(block))):
        block = block.replace(f"127.0.0.1:{port}", free_endpoint().removeprefix("tcp://"))
    return block


@pytest.mark.parametrize(("name", "block"), blocks())
def test_a_block_of_commands(name: str, block: str, tmp_path: Path) -> None:
    for kind in ("minimal", "javascript", "c"):
        if kind == name or f"peers/{kind}" in block:
            command(kind)  # skips where its toolchain is missing
    commands = tmp_path / "bin"
    commands.mkdir()
    for word, call in (
        ("tallyp2p", f"{sys.executable} -m tallyp2p.cli"),
        ("python", sys.executable),
    ):
        (commands / word).write_text(f'#!/bin/sh\nexec {call} "$@"\n')
        (commands / word).chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
    }
    # What a block leaves in the background is ended with its process group.
    words = tmp_path / "words"
    with words.open("w") as output:
        shell = subprocess.Popen(
            ["bash", "-euc", on_free_ports(block)],
            cwd=ROOT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        code = shell.wait(timeout=200)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(shell.pid, signal.SIGTERM)
    assert code == 0, words.read_text()
