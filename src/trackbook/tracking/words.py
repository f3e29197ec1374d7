"""How times and numbers are written for people, and stored text is made fit to be shown; the same in every face."""

from __future__ import annotations

from datetime import datetime


def local_time(milliseconds: int | None) -> str:
    """Return a time in the reader's own zone, to the second."""
    if milliseconds is None:
        return ""
    return datetime.fromtimestamp(milliseconds / 1000).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def number(value: float) -> str:
    """Return a number in six significant digits."""
    return f"{value:.6g}"


def printable(text: str) -> str:
    """Return stored text without what a screen would obey, such as control characters; tabs and line ends stay."""
    return "".join(char if char.isprintable() or char in "\n\t" else "\N{REPLACEMENT CHARACTER}" for char in text)
