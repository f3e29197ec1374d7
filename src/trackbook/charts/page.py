"""A drift report as HTML: a fragment for rich display and a page that works offline, prints, and needs no script.

Everything from the data (column names, levels) is escaped; the page allows itself to load nothing.
"""

from __future__ import annotations

from html import escape

from trackbook.charts import svg, words
from trackbook.monitoring import ColumnDrift, DriftReport

_NUMBERS = ("effect", "adjusted p", "rows")
# Inline, because JupyterLab drops style sheets from notebooks it does not trust, and aligns cells to the right.
_NUMERIC = ' class="tb-num" style="text-align:right"'
_TEXT = ' style="text-align:left"'

_STYLE = (
    """
.tb-drift{--tb-rule:rgba(128,128,128,.35);font-size:13px;line-height:1.4;max-width:78em}
.tb-drift p{margin:.3em 0 .6em}
.tb-drift table{border-collapse:collapse;margin:0;font-size:inherit}
.tb-drift th,.tb-drift td{text-align:left;vertical-align:top;padding:5px 14px 5px 0;border:0;
 border-bottom:1px solid var(--tb-rule);background:none;color:inherit;white-space:normal}
.tb-drift th{font-weight:600}
.tb-drift tbody th{overflow-wrap:break-word;max-width:16em}
.tb-drift .tb-num{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
.tb-drift .tb-why{min-width:18em}
.tb-drift small{opacity:.8}
.tb-drift .tb-state{display:inline-block;white-space:nowrap;padding:0 7px;border:1px solid;border-radius:9px;
 font-weight:600}
.tb-drift .tb-drift-is-drift{color:#d9570d}.tb-drift .tb-drift-is-none{color:#3a9160}
.tb-drift .tb-drift-is-negligible{color:#3b82c4}.tb-drift .tb-drift-is-cannot_tell{color:#808080}
.tb-drift svg{display:block;overflow:visible}.tb-drift svg text{font-size:10px;fill:currentColor}
.tb-drift .tb-axis{stroke:currentColor;stroke-opacity:.4}
.tb-drift .tb-key{display:inline-block;width:10px;height:10px;margin:0 5px 0 14px;vertical-align:-1px}
"""
    + svg.SAMPLE_STYLE
)

_PAGE_STYLE = """
:root{color-scheme:light dark}
body{font-family:system-ui,sans-serif;margin:2em auto;padding:0 1.5em;max-width:80em}
h1{font-size:1.4em;margin:0 0 .2em}
@media (prefers-color-scheme:dark){body{background:#161616;color:#e6e6e6}}
@media print{body{margin:0;padding:0;max-width:none;background:#fff;color:#000;font-size:80%}
 tr{break-inside:avoid}thead{display:table-header-group}
 *{-webkit-print-color-adjust:exact;print-color-adjust:exact}}
"""


def fragment(report: DriftReport, *, pictures: bool) -> str:
    """Return the report as a table; with `pictures` each row holds a small one."""
    heads = ["column", "state", *(["distributions"] if pictures else []), "effect", "adjusted p", "rows", "why"]
    head = "".join(f'<th scope="col"{_NUMERIC if name in _NUMBERS else _TEXT}>{name}</th>' for name in heads)
    rows = "".join(_row(column, pictures) for column in words.gravest_first(report))
    return (
        f'<div class="tb-drift"><style>{_STYLE}</style>'
        f"<p>{_chip(report)} {escape(report.reason)}</p><p><small>{_about(report)}</small>"
        f"{_key(report) if pictures else ''}</p>"
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def page(report: DriftReport) -> str:
    """Return the report as one HTML document of its own."""
    title = f"Drift of {report.current} against {report.reference}"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title></head><body><h1>{escape(title)}</h1>"
        f"{fragment(report, pictures=True)}<style>{_PAGE_STYLE}</style></body></html>\n"
    )


def text(report: DriftReport) -> str:
    """Return the report as plain text for a terminal: a line a column."""
    lines = [f"{words.state(report.state)}: {report.reason}"]
    width = min(max((len(name) for name in report.columns), default=0), 30)
    for column in words.gravest_first(report):
        lines.append(f"  {column.name:{width}.{width}}  {words.state(column.state):13}  {column.reason}")
    return "\n".join(lines)


def _row(column: ColumnDrift, pictures: bool) -> str:
    cells = [f'<th scope="row"{_TEXT}>{escape(column.name)}</th>', f"<td{_TEXT}>{_chip(column)}</td>"]
    if pictures:
        cells.append(
            f"<td{_TEXT}>{svg.drift_column(column)}<small>{escape(' · '.join(words.notes(column)))}</small></td>"
        )
    cells += [
        f"<td{_NUMERIC}>{words.effect(column)}{_small(words.interval(column))}</td>",
        f"<td{_NUMERIC}>{escape(words.probability(column))}</td>",
        f"<td{_NUMERIC}>{column.n_reference:,} / {column.n_current:,}{_small(_missing(column))}</td>",
        f'<td class="tb-why"{_TEXT}>{escape(column.reason)}</td>',
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _missing(column: ColumnDrift) -> str:
    if not column.missing_reference and not column.missing_current:
        return ""
    return f"missing {column.missing_reference:,} / {column.missing_current:,}"


def _small(note: str) -> str:
    return f"<br><small>{escape(note)}</small>" if note else ""


def _chip(judged: ColumnDrift | DriftReport) -> str:
    return f'<span class="tb-state tb-drift-is-{judged.state}">{words.state(judged.state)}</span>'


def _about(report: DriftReport) -> str:
    sides = (
        f"{escape(report.reference)} → {escape(report.current)}, {report.n_reference:,} and {report.n_current:,} rows"
    )
    return f"{sides}; at most {report.alpha:.0%} of the findings are expected to be false."


def _key(report: DriftReport) -> str:
    samples = zip(svg.COLORS, (report.reference, report.current), strict=True)
    box = '<span class="tb-key" style="background:{}"></span><small>{}</small>'
    return "".join(box.format(color, escape(name)) for color, name in samples)
