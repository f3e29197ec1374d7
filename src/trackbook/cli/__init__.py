"""The command line face: `trackbook`."""

from trackbook.cli.main import main

__all__ = ["main"]
