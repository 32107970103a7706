"""What a fork server loads is all that a peer needs, and computes nothing."""

from __future__ import annotations

import subprocess
import sys

_SCRIPT = """
import gc, sys, threading
import tallyp2p.learning.preload
assert gc.get_freeze_count() > 100_000, gc.get_freeze_count()
assert threading.active_count() == 1
before = set(sys.modules)
from tallyp2p.assemble import build
from tallyp2p.profiles import load
made = build(load("default", {"rounds": 8}), 0)
from tallyp2p.consensus import probes
from tallyp2p.consensus.contributor import Election
made.contributor.vote(0, probes.derive(made.run, 0))
made.contributor.learn(0, [Election(0, ())])
new = set(sys.modules) - before
late = sorted(name for name in new if name.split(".")[0] in ("torch", "numpy"))
assert not late, late
"""


def test_first_step_after_the_fork_imports_no_more_of_torch() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
