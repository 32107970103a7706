"""Encryption, and foreign peers that leave it out: they say so, and dial nobody who has it."""

from __future__ import annotations

import subprocess

import pytest

from tests.peers.foreign import NAMES, command
from tests.waiting import LONG

FOREIGN = [name for name in NAMES if name != "python"]
KEYED = "tcp://127.0.0.1:7979#A6EHv_POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg"


@pytest.mark.parametrize("name", FOREIGN)
def test_who_cannot_encrypt_says_so_where_a_seed_does(name: str) -> None:
    """ENDPOINT-6."""
    peer = [*command(name), "run", "--listen", "tcp://127.0.0.1:*", "--seed", KEYED]
    done = subprocess.run(peer, capture_output=True, text=True, timeout=LONG, check=False)
    assert done.returncode in (1, 2)
    assert KEYED in done.stderr and "this peer does not" in done.stderr, done.stderr
