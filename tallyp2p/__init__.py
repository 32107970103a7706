"""Serverless peers that learn from each other by voting."""

from .version import __version__

__all__ = ["__version__"]
