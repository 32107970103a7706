"""`tallyp2p shim`: answers vectors as `tallyp2p conform --vectors` asks them.  Not in the help."""

from __future__ import annotations

import sys

import click

__all__ = ["shim"]


@click.command(hidden=True)
def shim() -> None:
    """Read cases from standard input, one JSON object a line, and answer each with a line."""
    from ..conformance.shim import answers

    for line in answers(sys.stdin):
        print(line, flush=True)
