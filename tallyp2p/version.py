"""The version, apart from everything else so that the build can read it alone."""

__version__ = "0.1.0.dev0"
