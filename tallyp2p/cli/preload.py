"""What the fork server imports before it forks the peers of a swarm."""

# The order matters: learning.preload ends by freezing what was imported so far, so that the
# garbage collector of a peer never writes to the pages that all of them share.
from . import member  # isort: skip
from ..learning import preload  # isort: skip

__all__ = ["member", "preload"]
