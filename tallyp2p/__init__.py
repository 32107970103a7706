"""Serverless peers that learn from each other by voting.

``Peer`` and ``Swarm`` run peers in your program; the command ``tallyp2p`` runs them for you.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .version import __version__

if TYPE_CHECKING:
    from .api import Peer, Result, Round, Swarm
    from .profiles import Profile

__all__ = ["Peer", "Profile", "Result", "Round", "Swarm", "__version__"]

_HOMES = {"Peer": "api", "Profile": "profiles", "Result": "api", "Round": "api", "Swarm": "api"}


def __getattr__(name: str) -> Any:
    # On first use, so that `import tallyp2p` and the command's help need no sockets and no numpy.
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{home}", __name__), name)
