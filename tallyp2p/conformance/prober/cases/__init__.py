"""The cases, one file a group."""

from __future__ import annotations

from importlib import import_module

__all__ = ["GROUPS", "load"]

GROUPS = (
    "handshake",
    "liveness",
    "votes",
    "repair",
    "malformed",
    "extensions",
    "seals",
    "hostile",
    "shutdown",
)
_FILES = (
    "handshake",
    "restarts",
    "liveness",
    "quiet",
    "votes",
    "pace",
    "repair",
    "gossip",
    "malformed",
    "maps",
    "ballots",
    "extensions",
    "seals",
    "encryption",
    "hostile",
    "floods",
    "shutdown",
    "whole",
)


def load() -> None:
    """Let every file enter its cases."""
    for name in _FILES:
        import_module(f"{__name__}.{name}")
