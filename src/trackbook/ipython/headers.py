"""The first lines of a cell: `%%track …` and `%%step …` are taken off before IPython sees the cell.

Taking the line off, rather than running the rest as a nested cell, is what keeps everything else as it was: the last
value, one traceback, `await`, the debugger's lines.  All here is pure: IPython transforms a cell several times.
"""

from __future__ import annotations

import re

_HEADER = re.compile(r"%%(?P<magic>track|step)(?:[ \t]+(?P<line>.*?))?[ \t]*\r?\n?")
_CELL_MAGIC = re.compile(r"%%\w")


def header_line(raw_cell: str, magic: str = "track") -> str | None:
    """Return what follows `%%track` (or another header) at the top of the cell, or None when it has none.

    Other cell magics may stand above it: they hand the rest of the cell, header included, to IPython again.
    """
    for line in raw_cell.splitlines(keepends=True):
        match = _HEADER.fullmatch(line.lstrip(" \t"))  # IPython takes a cell's indentation off
        if match is not None and match["magic"] == magic:
            return match["line"] or ""
        if line.strip() and not _CELL_MAGIC.match(line):
            return None
    return None


def body(raw_cell: str) -> str:
    """Return the cell without its header lines, every remaining line at its old number."""
    return "".join(strip_headers(raw_cell.splitlines(keepends=True)))


def strip_headers(lines: list[str]) -> list[str]:
    """Blank out `%%track` and `%%step` lines at the top; an input transformer for IPython.

    A blank line takes their place, so that tracebacks and breakpoints keep the line numbers that the editor shows;
    before another cell magic, which must come first, there is none.
    """
    kept = list(lines)
    headers = 0
    while headers < len(kept) and _HEADER.fullmatch(kept[headers].lstrip(" \t")):
        headers += 1
    if not headers:
        return lines
    rest = kept[headers:]
    starts_with_magic = next((bool(_CELL_MAGIC.match(line)) for line in rest if line.strip()), False)
    if starts_with_magic:
        while rest and not rest[0].strip():
            rest = rest[1:]
        return rest
    return ["\n"] * headers + rest
