"""Compares two noted values part by part: numbers within a tolerance, everything else exactly."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path

from trackbook.pipeline.verification.record import Noted, read_numbers

RELATIVE, ABSOLUTE = 1e-9, 1e-12
"""How far numbers of values may be apart; sums in another order differ in the last digits."""

TYPE = "(type)"


def changed_parts(first: Noted, mine: Path, second: Noted, theirs: Path) -> set[str] | None:
    """Return which parts of a value differ ('' is the value as a whole), or None when that cannot be told."""
    if first.type != second.type:
        return {TYPE}
    if first.digest is not None and first.digest == second.digest:
        # Equal content may have other types: a fingerprint takes int32 for int64.
        return _changed(first.parts, second.parts)
    if first.parts and second.parts:
        return _apart(first, mine, second, theirs)
    if first.reason and second.reason:
        return None
    return _changed(first.columns or {}, second.columns or {}) or {""}


def where(first: Noted, second: Noted, changed: AbstractSet[str]) -> str:
    """Return words for what differs in a value."""
    if first.type != second.type:
        return f" (a {first.type}, not a {second.type})"
    shown = [path for path in sorted(changed) if path]
    if types := [path for path in shown if path.endswith(TYPE) and {first.parts.get(path), second.parts.get(path)}]:
        pair = (first.parts.get(types[0], "not there"), second.parts.get(types[0], "not there"))
        name = types[0].removesuffix(TYPE).strip()
        return f" ({f'in {name}: ' if name else ''}{pair[0]}, not {pair[1]})"
    if shown and first.parts and second.parts:
        return f" (in {', '.join(shown[:3])}{' …' if len(shown) > 3 else ''})"
    if shown:
        return f" (column {', '.join(shown[:5])})"
    return " (other numbers)" if first.numbers and second.numbers else " (other content)"


def _apart(first: Noted, mine: Path, second: Noted, theirs: Path) -> set[str]:
    import numpy

    left, right = read_numbers(mine, first), read_numbers(theirs, second)
    changed = _changed(first.parts, second.parts) | (left.keys() ^ right.keys())
    for path in left.keys() & right.keys():
        a, b = left[path], right[path]
        if a.shape != b.shape or not numpy.allclose(a, b, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True):
            changed.add(path)
    return changed


def _changed(first: Mapping[str, str], second: Mapping[str, str]) -> set[str]:
    return {key for key in first.keys() | second.keys() if first.get(key) != second.get(key)}
