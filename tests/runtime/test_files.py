"""Open files: enough for all lines, raised where that is allowed, said before it hurts."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tallyp2p.runtime.files import files_for
from tallyp2p.runtime.meter import Meter
from tallyp2p.runtime.transport import Transport

resource = pytest.importorskip("resource", reason="this system has no limits on open files")

ALLOW = """
import resource, sys
from tallyp2p.errors import FailureError
from tallyp2p.runtime.files import allow_files
lines, soft, hard = map(int, sys.argv[1:])
resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
try:
    allow_files(lines)
except FailureError as error:
    print(error)
else:
    print(*resource.getrlimit(resource.RLIMIT_NOFILE))
"""


def allowed(lines: int, soft: int, hard: int) -> str:
    """What a process of these limits says: its new ones, or the sentence."""
    words = [sys.executable, "-c", ALLOW, *map(str, (lines, soft, hard))]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.parametrize(
    ("lines", "soft", "hard", "then"),
    [
        (10, 256, 256, "256 256"),  # a small swarm fits the smallest limit in use
        (38, 256, 4096, "256 4096"),
        (39, 256, 4096, "259 4096"),
        (400, 1024, 4096, "2064 4096"),  # where the usual limit is reached near 190
    ],
)
def test_the_limit_is_raised_as_far_as_needed(lines: int, soft: int, hard: int, then: str) -> None:
    assert allowed(lines, soft, hard) == then


def test_a_limit_that_cannot_be_raised_is_said_in_one_sentence() -> None:
    said = allowed(400, 256, 1024)
    assert "400 peers needs about 2064 open files" in said and "at most 1024" in said
    assert "run.view" in said and "\n" not in said


async def test_a_line_takes_no_more_files_than_we_reckon(tmp_path: Path) -> None:
    """Both ways, as between members."""
    before = len(os.listdir("/proc/self/fd"))
    peers = [Transport(Meter()) for _ in range(6)]
    try:
        endpoints = [peer.bind(f"ipc://{tmp_path}/{n}") for n, peer in enumerate(peers)]
        alone = len(os.listdir("/proc/self/fd")) - before
        for peer, own in zip(peers, endpoints, strict=True):
            for endpoint in endpoints:
                if endpoint != own:
                    assert peer.dial(endpoint) and peer.send(endpoint, b"\0")
        for peer in peers:
            heard = 0
            while heard < 5:
                heard += len(await peer.receive())
        lines = 6 * 5
        used = len(os.listdir("/proc/self/fd")) - before - alone
        assert used <= files_for(lines) - files_for(0), used / lines
    finally:
        for peer in peers:
            await peer.close(0)


@pytest.mark.slow
@pytest.mark.parametrize(("peers", "code"), [(10, 0), (300, 1)])
def test_a_peer_on_a_host_that_allows_256_files(peers: int, code: int, tmp_path: Path) -> None:
    words = ["-m", "tallyp2p.cli", "peer", "--set", f"peers={peers}", "--set", "rounds=16"]
    words += ["--set", "timing.quorum=1", "--set", "timing.join_deadline=0.5"]
    done = subprocess.run(
        ["bash", "-c", 'ulimit -n 256; exec "$@"', "peer", sys.executable, *words],
        capture_output=True,
        text=True,
        timeout=90,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert code == 0 or "at most 256" in done.stderr.splitlines()[-1]
