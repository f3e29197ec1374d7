"""Tables as plain text, for terminals and for whoever reads a notebook as a file."""

from __future__ import annotations

from collections.abc import Sequence

from trackbook.tracking.words import number, printable

LONGEST = 28
"""Characters of a cell; what is longer is cut."""

Value = str | float | None


def table(heads: Sequence[str], rows: Sequence[Sequence[Value]]) -> str:
    """Return a table with aligned columns: numbers to the right, a dash for what is not there."""
    texts = [list(heads), *([_shown(value) for value in row] for row in rows)]
    widths = [max(len(row[place]) for row in texts) for place in range(len(heads))]
    numeric = [_is_numeric([row[place] for row in rows]) for place in range(len(heads))]
    lines = ["  ".join(_aligned(*each) for each in zip(row, widths, numeric, strict=True)).rstrip() for row in texts]
    return "\n".join(lines)


def _shown(value: Value) -> str:
    if value is None:
        return "-"
    shown = number(value) if isinstance(value, float | int) else " ".join(printable(value).split())
    return shown if len(shown) <= LONGEST else f"{shown[: LONGEST - 1]}…"


def _is_numeric(values: Sequence[Value]) -> bool:
    return any(isinstance(value, float | int) for value in values)


def _aligned(cell: str, width: int, numeric: bool) -> str:
    return cell.rjust(width) if numeric else cell.ljust(width)
