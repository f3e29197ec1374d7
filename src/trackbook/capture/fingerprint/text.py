"""Strings held as Python objects, as the bytes and ends of a column of strings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from trackbook.capture.fingerprint.arrays import Column

TEXT_ROWS = 16_384  # strings are joined this many at a time, so that they are met in the cache the second time
SEPARATOR = "\0"


def text_column(values: Any, is_missing: Callable[[Any], Any], empty: str = "string") -> bytes | None:
    """Return the digest of a column of strings, or None where another value stands in it.

    `is_missing` says which of an array of objects are missing; it is asked only where some are no strings.
    `empty` is the logical type of a column without a single string.
    """
    column = Column("string")
    for start in range(0, len(values), TEXT_ROWS):
        block = values[start : start + TEXT_ROWS]
        items, gaps = block.tolist(), None
        try:
            joined = SEPARATOR.join(items)
        except TypeError:
            gaps = is_missing(block)
            items = ["" if gap else item for gap, item in zip(gaps.tolist(), items, strict=True)]
            if not all(issubclass(type(item), str) for item in items):
                return None
            joined = SEPARATOR.join(items)
        column.feed_text(_bytes("".join(items)), _ends(joined, items), gaps)
    if column.missing == column.rows and empty == "null":
        column = Column("null")
        column.gap(len(values), None)
    return column.digest()


def _ends(joined: str, items: list[str]) -> Any:
    """Return where each string ends in the bytes of all, read off the separators where no string holds one."""
    raw = np.frombuffer(_bytes(joined), np.uint8)
    places = np.flatnonzero(raw == 0)
    if len(places) == len(items) - 1:
        return np.append(places, len(raw)) - np.arange(len(items))
    return np.cumsum([len(_bytes(item)) for item in items], dtype=np.int64)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
