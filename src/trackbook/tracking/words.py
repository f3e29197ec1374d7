"""How times and numbers are written for people, and stored text is made fit to be shown; the same in every face."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any


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


def markdown(text: str) -> str:
    """Return stored text as one line that Markdown shows as text: no mark-up, HTML, link, formula or mention."""
    from html import escape  # a table of the names of all characters comes with it

    plain = escape(" ".join(printable(text).split()), quote=False)
    plain = re.sub(r"([\\`*_{}\[\]#|~$])", r"\\\1", plain).replace("@", "&#64;")
    return re.sub(r"(?i)\b(https?|ftp|mailto|xmpp):|\bwww\.", _unlinked, plain)


def _unlinked(match: re.Match[str]) -> str:
    """Return the beginning of an address with its last sign as an entity, which makes no link."""
    return f"{match[0][:-1]}&#{ord(match[0][-1])};"


def with_named_numbers(value: Any) -> Any:
    """Return a value for JSON, in which the numbers that JSON does not have are the texts NaN, Infinity, -Infinity."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, Mapping):
        return {key: with_named_numbers(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [with_named_numbers(item) for item in value]
    return value
