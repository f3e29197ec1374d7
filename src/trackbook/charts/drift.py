"""Pictures of drift as Vega-Lite 5 specifications: both distributions of a column over each other.

The background is transparent and no text has a colour of its own, so the theme of JupyterLab decides; the two samples
differ by form (filled and drawn) as well as by colour, and the colours are told apart by colour-blind readers.
"""

from __future__ import annotations

from typing import Any

import altair as alt

from trackbook.charts import words
from trackbook.charts.svg import COLORS
from trackbook.charts.vega import Spec, axis, finished
from trackbook.monitoring import Bins, ColumnDrift, DriftReport, Levels

SAMPLES = ("reference", "current")
WIDTH = 250
HEIGHT = 110
BAR = 9
GRID_COLUMNS = 2
GRID_LIMIT = 30


def drift_column(column: ColumnDrift) -> Spec | None:
    """Return the picture of one column, or None when there is nothing to draw."""
    chart = _draw(column)
    return None if chart is None else finished(chart)


def drift_charts(report: DriftReport) -> dict[str, Spec]:
    """Return the pictures of all columns that have one, by column name."""
    drawn = {name: drift_column(column) for name, column in report.columns.items()}
    return {name: spec for name, spec in drawn.items() if spec is not None}


def drift_grid(report: DriftReport) -> Spec | None:
    """Return one picture a column side by side, the gravest first; at most `GRID_LIMIT` of them."""
    charts = [_draw(column, titled=True) for column in words.gravest_first(report)]
    shown = [chart for chart in charts if chart is not None][:GRID_LIMIT]
    if not shown:
        return None
    grid = alt.concat(*shown, columns=GRID_COLUMNS, spacing={"row": 18, "column": 26})
    return finished(grid.resolve_scale(x="independent", y="independent", color="shared"))


def _draw(column: ColumnDrift, *, titled: bool = False) -> alt.LayerChart | alt.Chart | None:
    if column.summary is None:
        return None
    caption = " · ".join(words.notes(column)) or None
    summary = column.summary
    chart = _bars(summary, caption) if isinstance(summary, Levels) else _histogram(summary, caption)
    chart = chart.properties(width=WIDTH, description=f"{column.name}: {column.reason}")
    return chart.properties(title=_title(column)) if titled else chart


def _histogram(bins: Bins, caption: str | None) -> alt.LayerChart:
    """Draw shares of rows in common bins: the reference filled, the current sample as a line."""
    x = alt.X("from:Q", title=caption, scale=alt.Scale(nice=False, zero=False), axis=axis(grid=False, tickCount=5))
    y = alt.Y("share:Q", title=None, axis=axis(format=".0%", tickCount=3))
    base = alt.Chart(alt.InlineData(values=_steps(bins))).encode(x=x, y=y, color=_color(), tooltip=_tooltip("from:Q"))
    filled = base.mark_area(interpolate="step-after", opacity=0.4, line=False)
    drawn = base.mark_line(interpolate="step-after", strokeWidth=2)
    layers = [_only(filled, SAMPLES[0]), _only(drawn, SAMPLES[1])]
    return alt.layer(*layers).properties(height=HEIGHT)


def _bars(levels: Levels, caption: str | None) -> alt.Chart:
    """Draw shares of rows by level as pairs of bars."""
    order = list(levels.labels)
    y = alt.Y("level:N", title=None, sort=order, axis=axis(grid=False, labelLimit=110, ticks=False))
    x = alt.X("share:Q", title=caption, axis=axis(format=".0%", tickCount=4))
    offset = alt.YOffset("sample:N", sort=list(SAMPLES))
    rows = [
        {"level": label, "sample": sample, "share": share}
        for sample, shares in zip(SAMPLES, (levels.reference, levels.current), strict=True)
        for label, share in zip(levels.labels, shares, strict=True)
    ]
    bars = alt.Chart(alt.InlineData(values=rows)).mark_bar()
    chart: alt.Chart = bars.encode(x=x, y=y, yOffset=offset, color=_color(), tooltip=_tooltip("level:N"))
    return chart.properties(height=len(order) * (2 * BAR + 6))


def _steps(bins: Bins) -> list[dict[str, Any]]:
    """Return one row a bin and sample, and one more a sample that closes the last step."""
    rows = []
    for sample, shares in zip(SAMPLES, (bins.reference, bins.current), strict=True):
        ends = [*bins.edges[1:], bins.edges[-1]]
        for start, end, share in zip(bins.edges, ends, (*shares, shares[-1]), strict=True):
            rows.append({"from": start, "to": end, "sample": sample, "share": share})
    return rows


def _only(chart: alt.Chart, sample: str) -> alt.Chart:
    return chart.transform_filter(alt.FieldEqualPredicate(field="sample", equal=sample))


def _color() -> alt.Color:
    legend = alt.Legend(orient="top", title=None, symbolType="square", symbolOpacity=1, offset=4)
    return alt.Color("sample:N", scale=alt.Scale(domain=list(SAMPLES), range=list(COLORS)), legend=legend)


def _tooltip(place: str) -> list[alt.Tooltip]:
    return [
        alt.Tooltip("sample:N"),
        alt.Tooltip(place, format=".5~g") if place.endswith(":Q") else alt.Tooltip(place),
        alt.Tooltip("share:Q", format=".1%", title="share of rows"),
    ]


def _title(column: ColumnDrift) -> alt.TitleParams:
    tested = column.method != "not_tested"
    detail = [f"differs by {words.effect(column)} ({words.interval(column)})"] if tested else []
    return alt.TitleParams(
        text=f"{column.name}   {words.state(column.state)}",
        subtitle=detail,
        anchor="start",
        fontSize=12,
        subtitleFontSize=11,
        offset=6,
    )
