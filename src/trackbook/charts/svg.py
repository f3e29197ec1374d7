"""The pictures of `charts.drift` as small static SVG, for pages that must work without scripts and print well.

Texts and axes take the colour of the surrounding text; the samples are styled by the classes `tb-ref` and `tb-cur`.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from trackbook.charts import words
from trackbook.monitoring import Bins, ColumnDrift, Levels

WIDTH = 240
HEIGHT = 64
LABEL = 90
ROW = 14
AXIS = 14
COLORS = ("#3b82c4", "#d9730d")
SAMPLE_STYLE = (
    f".tb-ref{{fill:{COLORS[0]};fill-opacity:.45}}rect.tb-ref{{fill-opacity:1}}.tb-cur{{fill:{COLORS[1]}}}"
    f".tb-line{{fill:none;stroke:{COLORS[1]};stroke-width:1.6}}"
)
GRID_STYLE = (
    f"{SAMPLE_STYLE}text{{font:10px sans-serif;fill:#808080}}.title{{font-size:12px}}.tb-axis{{stroke:#808080}}"
)


def drift_column(column: ColumnDrift) -> str:
    """Return the picture of one column as an `<svg>` element, or an empty text when there is nothing to draw."""
    if column.summary is None:
        return ""
    summary, height = column.summary, _height(column.summary)
    body = _bars(summary) if isinstance(summary, Levels) else _histogram(summary)
    title = f"<title>{escape(f'Both distributions of {column.name}')}</title>"
    return f'<svg role="img" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">{title}{body}</svg>'


def drift_grid(columns: Sequence[ColumnDrift]) -> str:
    """Return the pictures of several columns under each other as one SVG document of its own."""
    parts, y = ['<text x="0" y="10">filled: reference, line or second bar: current</text>'], 14
    for column in columns:
        if column.summary is not None:
            title = escape(f"{column.name}  {words.state(column.state)}")
            picture = drift_column(column).replace("<svg ", f'<svg y="{y + 22}" ', 1)
            parts.append(f'<text class="title" x="0" y="{y + 15}">{title}</text>{picture}')
            y += 40 + _height(column.summary)
    style = f"<style>{GRID_STYLE}</style>"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y}" width="{WIDTH}" height="{y}">'
        f"{style}{''.join(parts)}</svg>"
    )


def _height(summary: Bins | Levels) -> int:
    return len(summary.labels) * ROW if isinstance(summary, Levels) else HEIGHT + AXIS


def _histogram(bins: Bins) -> str:
    top = max(*bins.reference, *bins.current) or 1.0
    filled = f'<path class="tb-ref" d="{_steps(bins.reference, top)}"/>'
    drawn = f'<path class="tb-line" d="{_steps(bins.current, top)}"/>'
    at = HEIGHT + AXIS - 3
    first, last = _ends(bins)
    low = f'<text x="0" y="{at}">{first:.4g}</text>'
    high = f'<text x="{WIDTH}" y="{at}" text-anchor="end">{last:.4g}</text>'
    return f'{filled}{drawn}<path class="tb-axis" d="M0 {HEIGHT}H{WIDTH}"/>{low}{high}'


def _ends(bins: Bins) -> tuple[float, float]:
    """Return the outermost values; bins of whole numbers begin and end halfway between two."""
    halves = bins.edges[0] % 1 == bins.edges[-1] % 1 == 0.5
    return (bins.edges[0] + 0.5, bins.edges[-1] - 0.5) if halves else (bins.edges[0], bins.edges[-1])


def _steps(shares: tuple[float, ...], top: float) -> str:
    step = WIDTH / len(shares)
    path = [f"M0 {HEIGHT}"]
    for i, share in enumerate(shares):
        path.append(f"V{HEIGHT - share / top * (HEIGHT - 2):.1f}H{(i + 1) * step:.1f}")
    return "".join([*path, f"V{HEIGHT}"])


def _bars(levels: Levels) -> str:
    top = max(*levels.reference, *levels.current) or 1.0
    room = WIDTH - LABEL
    parts = []
    rows = zip(levels.labels, levels.reference, levels.current, strict=True)
    for i, (label, reference, current) in enumerate(rows):
        y = i * ROW
        shown = label if len(label) <= 15 else f"{label[:14]}…"
        parts.append(f'<text x="{LABEL - 5}" y="{y + 10}" text-anchor="end">{escape(shown)}</text>')
        parts.append(_bar("tb-ref", y + 1, reference / top * room))
        parts.append(_bar("tb-cur", y + 7, current / top * room))
    return "".join(parts)


def _bar(name: str, y: int, width: float) -> str:
    return f'<rect class="{name}" x="{LABEL}" y="{y}" width="{width:.1f}" height="5"/>'
