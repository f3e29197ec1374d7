"""HTML of the widgets room: tables, differences of code, the style sheet; stored text is escaped here and only here."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from trackbook.tracking.differences import CodeDifference
from trackbook.tracking.words import number, printable

LONGEST = 120
"""Characters of a value that a cell shows; more are in its tooltip."""
LONGEST_TIP = 1_000

Value = str | float | None

STYLE = """
.tb-view{--tb-rule:var(--jp-border-color2,rgba(128,128,128,.35));--tb-accent:var(--jp-brand-color1,#2f7fc1);
 font-size:13px;line-height:18px}
.tb-view table,table.tb-table{border-collapse:collapse;margin:2px 0 6px;font-size:13px;line-height:18px;
 font-variant-numeric:tabular-nums}
.tb-table th,.tb-table td{text-align:left;vertical-align:top;padding:4px 18px 4px 0;border:0;white-space:nowrap;
 border-bottom:1px solid var(--tb-rule,rgba(128,128,128,.35));background:none;color:inherit;max-width:34em;
 overflow:hidden;text-overflow:ellipsis}
.tb-table th{font-weight:600}.tb-table tbody th{font-weight:400}
.tb-table td.tb-num,.tb-table th.tb-num{text-align:right}
.tb-table .tb-none{opacity:.5}
.tb-swatch{display:inline-block;width:14px;height:0;border-top:3px solid;margin:0 6px 3px 0;vertical-align:middle}
.tb-quiet{opacity:.7}
.tb-view h4{font-size:13px;font-weight:600;margin:12px 0 4px;color:inherit}
.tb-view h4:first-of-type{margin-top:2px}.tb-view p{margin:4px 0}
.tb-view details{margin:4px 0}.tb-view summary{cursor:pointer}
.tb-view summary:focus-visible{outline:2px solid var(--tb-accent)}
.tb-diff{font-family:var(--jp-code-font-family,monospace);font-size:12px;line-height:17px;margin:2px 0 8px;
 border:1px solid var(--tb-rule);border-radius:3px;overflow-x:auto;padding:0;background:none}
.tb-diff ol{list-style:none;margin:0;padding:0;min-width:max-content}
.tb-diff li{white-space:pre;padding:0 10px;tab-size:4;color:inherit}
.tb-diff .tb-added{background:rgba(46,160,67,.2)}.tb-diff .tb-removed{background:rgba(248,81,73,.2)}
.tb-diff .tb-place{opacity:.6;padding-top:3px;padding-bottom:3px}
"""


def style() -> str:
    """Return the style sheet as an element."""
    return f"<style>{STYLE}</style>"


def shown(value: object, length: int | None = None) -> str:
    """Return a stored text fit to be shown, cut to `length`; not escaped: for what frontends take as text."""
    found = printable(str(value)).encode("utf-8", "replace").decode()
    return found if length is None or len(found) <= length else f"{found[: length - 1]}…"


def text(value: object, length: int | None = None) -> str:
    """Return a stored text as HTML that shows it as it is, cut to `length`."""
    return escape(shown(value, length))


def cell(value: Value) -> str:
    """Return one cell of a table: numbers to the right, a dash for what is not there."""
    attributes, content = _content(value)
    return f"<td{attributes}>{content}</td>"


def _content(value: Value) -> tuple[str, str]:
    if value is None:
        return ' class="tb-none"', "–"
    if isinstance(value, float | int):
        return ' class="tb-num"', text(number(value))
    tip = f' title="{text(value, LONGEST_TIP)}"' if len(value) > LONGEST // 3 else ""
    return tip, text(value, LONGEST)


def table(heads: Sequence[str], rows: Iterable[Sequence[Value]], *, caption: str) -> str:
    """Return a table; `heads` are HTML already, the first cell of each row names it, `caption` names the table."""
    head = "".join(f'<th scope="col">{each}</th>' for each in heads)
    body = "".join(_row(row) for row in rows)
    return (
        f'<table class="tb-table" aria-label="{text(caption)}"><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )


def _row(row: Sequence[Value]) -> str:
    attributes, name = _content(row[0])
    others = "".join(map(cell, row[1:]))
    return f'<tr><th scope="row"{attributes}>{name}</th>{others}</tr>'


def code_difference(difference: CodeDifference) -> str:
    """Return a difference of code, its lines coloured and signed."""
    lines = "".join(f'<li class="tb-{line.kind}">{text(line)}</li>' for line in difference.lines)
    return f'<div class="tb-diff" role="region" aria-label="Code difference" tabindex="0"><ol>{lines}</ol></div>'


def swatch(color: str) -> str:
    """Return the short line that stands for a run in pictures."""
    return f'<span class="tb-swatch" style="border-color:{color}" aria-hidden="true"></span>'


def view(content: str, *, extra_class: str = "") -> str:
    """Return `content` with the style sheet, as one element."""
    return f'<div class="tb-view {extra_class}">{style()}{content}</div>'
