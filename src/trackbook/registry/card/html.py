"""A model card as HTML: a fragment for the notebook and a page that works offline, prints, and needs no script.

Everything stored is escaped here; the page allows itself to load nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from trackbook.registry.card import picture
from trackbook.registry.card.sections import (
    Block,
    Cell,
    Code,
    Graph,
    Intervals,
    Section,
    Table,
    Text,
    sections,
    stage_of,
    title,
)
from trackbook.registry.card.values import ModelCard
from trackbook.tracking.words import number, printable

ONE_LINE = 24
"""Characters of a cell that is not broken over lines."""
_NOWRAP = ' class="tb-short"'
_LEFT, _RIGHT = ' style="text-align:left"', ' class="tb-num" style="text-align:right"'
_SHORT = f"{_LEFT}{_NOWRAP}"
# Inline, because JupyterLab drops style sheets from notebooks it does not trust.
_RED = "color:#d0433b;font-weight:600"

STYLE = (
    """
.tb-card{--tb-rule:rgba(128,128,128,.35);font-size:13px;line-height:1.45;max-width:72em}
.tb-card h2{font-size:1.15em;font-weight:600;margin:1.5em 0 .4em}
.tb-card section:first-of-type h2{margin-top:.3em}
.tb-card p{margin:.3em 0 .6em;max-width:60em;overflow-wrap:anywhere}
.tb-card .tb-missing{opacity:.75;font-style:italic}
.tb-card .tb-scroll{overflow-x:auto;margin:.3em 0 .8em}
.tb-card table{border-collapse:collapse;font-size:inherit;margin:0}
.tb-card caption{text-align:left;opacity:.75;padding:0 0 2px;white-space:nowrap;font-size:inherit;color:inherit}
.tb-card th,.tb-card td{text-align:left;vertical-align:top;padding:4px 18px 4px 0;border:0;
 border-bottom:1px solid var(--tb-rule);background:none;color:inherit;max-width:44em;overflow-wrap:break-word}
.tb-card th{font-weight:600}.tb-card tbody th{font-weight:400}
.tb-card .tb-short{white-space:nowrap}
.tb-card .tb-num{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
.tb-card code{font:12px ui-monospace,monospace;font-style:normal;background:none;color:inherit;padding:0}
.tb-card pre{font:12px/1.45 ui-monospace,monospace;margin:.3em 0 .8em;padding:8px 12px;overflow:auto;
 border:1px solid var(--tb-rule);border-radius:3px;max-height:32em;background:none;color:inherit;white-space:pre}
.tb-card .tb-warning{border-left:3px solid #d0433b;padding:2px 0 2px 10px}
"""
    + picture.STYLE
)

_PAGE_STYLE = """
:root{color-scheme:light dark;--tb-paper:#fff}
.tb-card{max-width:none}
body{font-family:system-ui,sans-serif;margin:2em auto;padding:0 1.5em;max-width:76em;background:var(--tb-paper)}
h1{font-size:1.5em;margin:0 0 .2em;overflow-wrap:anywhere}
@media (prefers-color-scheme:dark){:root{--tb-paper:#161616}body{color:#e6e6e6}}
@media print{:root{--tb-paper:#fff}body{margin:0;padding:0;max-width:none;color:#000;font-size:85%}
 tr,svg{break-inside:avoid}thead{display:table-header-group}h2{break-after:avoid}
 .tb-card .tb-scroll{overflow:visible}.tb-card pre{max-height:none;white-space:pre-wrap}
 *{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
"""


def card_page(card: ModelCard) -> str:
    """Return the card as one HTML document of its own."""
    return document(f"Model card of {title(card)}", title(card), card_fragment(card))


def document(name: str, heading: str, body: str) -> str:
    """Return an HTML document that loads and runs nothing; `body` is HTML, `name` and `heading` are text."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_text(name)}</title></head><body><h1>{_text(heading)}</h1>"
        f"{body}<style>{_PAGE_STYLE}</style></body></html>\n"
    )


def card_fragment(card: ModelCard) -> str:
    """Return the card without its title, as one element with its style sheet."""
    parts = [f"<p>This version is {_text(stage_of(card))}.</p>"]
    parts += [f'<p class="tb-warning" role="alert" style="{_RED}">⚠ {_text(warning)}</p>' for warning in card.warnings]
    parts += [section_html(section) for section in sections(card)]
    return f'<div class="tb-card"><style>{STYLE}</style>{"".join(parts)}</div>'


def sections_html(card: ModelCard, titles: Sequence[str]) -> str:
    """Return some sections of the card, in the order of `titles`."""
    found = {section.title: section for section in sections(card)}
    return "".join(section_html(found[each]) for each in titles)


def section_html(section: Section) -> str:
    """Return a section with its title."""
    body = "".join(_block(block) for block in section.blocks)
    return f'<section aria-label="{_text(section.title)}"><h2>{_text(section.title)}</h2>{body}</section>'


def _block(block: Block) -> str:
    match block:
        case Text():
            return _paragraphs(block)
        case Table():
            return _table(block)
        case Code():
            return f'<pre tabindex="0" aria-label="{_text(block.label)}">{_text(block.text)}</pre>'
        case Graph():
            return f'<div class="tb-scroll">{picture.lineage_picture(block.lineage)}</div>'
        case Intervals():
            return f'<div class="tb-scroll">{picture.interval_picture(block.measures, nought=block.nought)}</div>'


def _paragraphs(block: Text) -> str:
    look = ' class="tb-missing"' if block.missing else f' style="{_RED}"' if block.red else ""
    lines = [_text(line) for line in block.text.splitlines() if line.strip()]
    if block.missing:  # a sentence of Trackbook's own, with commands in it
        lines = [re.sub(r"`([^`]+)`", r"<code>\1</code>", line) for line in lines]
    return f"<p{look}>{'<br>'.join(lines)}</p>"


def _table(table: Table) -> str:
    numeric = [any(isinstance(value, float | int) for value in column) for column in zip(*table.rows, strict=True)]
    head = "".join(
        f'<th scope="col"{_RIGHT if right else _LEFT}>{_text(name)}</th>'
        for name, right in zip(table.heads, numeric, strict=False)
    )
    rows = "".join(_row(row, numeric, place in table.red) for place, row in enumerate(table.rows))
    shown_head = f"<thead><tr>{head}</tr></thead>" if any(table.heads) else ""
    named = f"<caption>{_text(table.caption)}</caption>" if table.caption else ""
    return f'<div class="tb-scroll"><table>{named}{shown_head}<tbody>{rows}</tbody></table></div>'


def _row(row: tuple[Cell, ...], numeric: list[bool], red: bool) -> str:
    look = f' style="{_RED};text-align:left"' if red else _LEFT
    look += _NOWRAP if len(str(row[0])) <= ONE_LINE else ""
    first = f'<th scope="row"{look}>{"⚠ " if red else ""}{_value(row[0])}</th>'
    cells = (
        f"<td{_RIGHT if right else _SHORT if len(str(value)) <= ONE_LINE else _LEFT}>{_value(value)}</td>"
        for value, right in zip(row[1:], numeric[1:], strict=True)
    )
    return f"<tr>{first}{''.join(cells)}</tr>"


def _value(value: Cell) -> str:
    if value is None or value == "":
        return "–"
    return escape(number(value)) if isinstance(value, float | int) else _text(value)


def _text(text: str) -> str:
    return escape(printable(text).encode("utf-8", "replace").decode())
