"""The fork server's preload: what it leaves out, every peer pays for by itself."""

from __future__ import annotations

import subprocess
import sys


def test_forked_peer_has_next_to_nothing_left_to_import() -> None:
    program = """
import gc, sys
import tallyp2p.cli.preload
assert gc.get_freeze_count() > 100_000, gc.get_freeze_count()
loaded = set(sys.modules)
from tallyp2p.assemble import build, shard_seat
from tallyp2p.profiles import load
built = build(load("default", {"peers": 2, "rounds": 8}), 0)
built.contributor.learn(0, ())
print(*sorted(set(sys.modules) - loaded))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    late = done.stdout.split()  # without the right preload there are some 900
    assert len(late) < 12, late
    assert not [name for name in late if name.startswith("tallyp2p")]
