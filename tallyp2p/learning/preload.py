"""Importing this makes a fork server's process ready: everything loaded, nothing computed.

Peers that are forked from it share these pages.  No tensor may be computed with before the
fork, because the threads that torch starts for it do not survive one.
"""

from __future__ import annotations

import gc
from importlib import import_module
from importlib.util import find_spec

__all__: list[str] = []

# What torch and numpy load only when first used: by the first optimiser step, and by
# numpy.unique.  torch._dynamo is by far the largest.  Some are absent in some versions.
_LATE = ("torch._dynamo", "torch.optim", "torch.profiler._cupti_monitor", "numpy.ma")

for _name in _LATE:
    if find_spec(_name) is not None:
        import_module(_name)
import_module("tallyp2p.learning.builder")

# What is frozen the collector never visits, so it never writes to the shared pages.
gc.collect()
gc.freeze()
