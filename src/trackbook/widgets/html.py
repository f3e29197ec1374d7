"""HTML of the widgets room: tables and differences of code; stored text is escaped here and only here."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from trackbook.tracking.differences import CodeDifference
from trackbook.tracking.words import number, printable
from trackbook.widgets import style

LONGEST = 120
"""Characters of a value that a cell shows; more are in its tooltip."""
LONGEST_TIP = 1_000

RED = "color:#d0433b;font-weight:600"
_LEFT, _ONE_LINE = "text-align:left", "white-space:nowrap"

Value = str | float | None


class Red(str):
    """A text that must not be overlooked; tables show it in red."""

    __slots__ = ()


def shown(value: object, length: int | None = None) -> str:
    """Return a stored text fit to be shown, cut to `length`; not escaped: for what frontends take as text."""
    found = printable(str(value)).encode("utf-8", "replace").decode()
    return found if length is None or len(found) <= length else f"{found[: length - 1]}…"


def text(value: object, length: int | None = None) -> str:
    """Return a stored text as HTML that shows it as it is, cut to `length`."""
    return escape(shown(value, length))


def cell(value: Value, *, numeric: bool = False, inline: str = "") -> str:
    """Return one cell of a table: numbers to the right, a dash for what is not there; `inline` are more attributes."""
    attributes, content = _content(value, numeric)
    return f"<td{attributes}{inline}>{content}</td>"


def row(values: Sequence[Value], numeric: Sequence[bool]) -> str:
    """Return the cells of a row; `numeric` says of which columns the numbers stand to the right."""
    return "".join(cell(value, numeric=right) for value, right in zip(values, numeric, strict=True))


def numeric_columns(rows: Sequence[Sequence[Value]]) -> list[bool]:
    """Return for every column whether it holds numbers."""
    return [any(isinstance(value, float | int) for value in column) for column in zip(*rows, strict=True)]


def _content(value: Value, numeric: bool = False) -> tuple[str, str]:
    if value is None:
        return f' class="tb-none{" tb-num" if numeric else ""}"', "–"
    if isinstance(value, float | int):
        return ' class="tb-num"', text(number(value))
    tip = f' title="{text(value, LONGEST_TIP)}"' if len(value) > LONGEST // 3 else ""
    tip += ' class="tb-red"' if isinstance(value, Red) else ""
    return tip, text(value, LONGEST)


def table(heads: Sequence[str], rows: Sequence[Sequence[Value]], *, caption: str) -> str:
    """Return a table; `heads` are HTML already, the first cell of each row names it, `caption` names the table.

    It says inline what keeps it readable where JupyterLab takes the style sheet away: in notebooks it does not trust.
    """
    numeric = numeric_columns(rows)
    looks = [' class="tb-num"' if right else f' style="{_LEFT};{_ONE_LINE}"' for right in numeric]
    head = "".join(f'<th scope="col"{look}>{each}</th>' for each, look in zip(heads, looks, strict=True))
    body = "".join(_row(values, numeric) for values in rows)
    return (
        f'<table class="tb-table" aria-label="{text(caption)}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )


def _row(values: Sequence[Value], numeric: Sequence[bool]) -> str:
    attributes, name = _content(values[0])
    others = zip(values[1:], numeric[1:], strict=True)
    cells = "".join(cell(value, numeric=right, inline=_inline(value)) for value, right in others)
    return f'<tr><th scope="row"{attributes}{_inline(values[0])}>{name}</th>{cells}</tr>'


def _inline(value: Value) -> str:
    if not isinstance(value, str):
        return ""  # to the right, as JupyterLab has all cells
    red = f";{RED}" if isinstance(value, Red) else ""
    return f' style="{_LEFT}{red}"' if len(value) > LONGEST // 3 else f' style="{_LEFT};{_ONE_LINE}{red}"'


def code_difference(difference: CodeDifference) -> str:
    """Return a difference of code, its lines coloured and signed."""
    lines = "".join(f'<li class="tb-{line.kind}">{text(line)}</li>' for line in difference.lines)
    return f'<div class="tb-diff" role="region" aria-label="Code difference" tabindex="0"><ol>{lines}</ol></div>'


def swatch(color: str) -> str:
    """Return the short line that stands for a run in pictures."""
    return f'<span class="tb-swatch" style="border-color:{color}" aria-hidden="true"></span>'


def view(content: str, *, extra_class: str = "") -> str:
    """Return `content` with the style sheet, as one element."""
    return f'<div class="tb-view {extra_class}"><style>{style.TABLES}</style>{content}</div>'
