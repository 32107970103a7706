"""Importing this makes a fork server's process ready: everything loaded, nothing computed.

Peers that are forked from it share these pages.  `torch._dynamo` is what the first optimiser
step would otherwise import in every peer by itself.  No tensor may be computed with before
the fork, because the threads that torch starts for it do not survive one.
"""

from __future__ import annotations

import gc
from importlib import import_module

__all__: list[str] = []

for _module in ("torch._dynamo", "torch.optim", "tallyp2p.learning.builder"):
    import_module(_module)

# What is frozen the collector never visits, so it never writes to the shared pages.
gc.collect()
gc.freeze()
