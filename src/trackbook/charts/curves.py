"""Metrics over steps or time: a panel a metric, a line a run, the logged values faintly behind the smoothed ones."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Literal

import altair as alt
import msgspec
import numpy as np
from numpy.typing import NDArray

from trackbook.charts.series import kept_points, smoothed
from trackbook.charts.vega import Spec, axis, finished, inked, run_color, run_dash, with_rows
from trackbook.tracking import MetricPoint

WIDTH = 360
HEIGHT = 190
COLUMNS = 2
FEW = 30
"""Curves of so many points or fewer show them."""
MAX_ROWS = 4_000
"""Rows in a whole picture: more can neither be seen nor pointed at, and cost the browser time."""

Row = dict[str, Any]
Over = Literal["step", "time"]
PLURALS: dict[Over, str] = {"step": "steps", "time": "time"}
TITLES: dict[Over, str] = {"step": "step", "time": "seconds since the first value"}


class Curve(msgspec.Struct, frozen=True):
    """The values of one metric of one run, by step; `run` is what the run is called in the picture."""

    run: str
    metric: str
    points: Sequence[MetricPoint]


class _Look(msgspec.Struct, frozen=True):
    """What all panels of a picture have in common."""

    runs: Sequence[str]
    shown: Sequence[str]
    smoothing: float
    log_scale: bool
    buckets: int
    over: Over


def metric_curves(
    curves: Sequence[Curve],
    *,
    runs: Sequence[str] = (),
    smoothing: float = 0.0,
    log_scale: bool = False,
    over: Over = "step",
) -> Spec | None:
    """Return the picture of several metrics of several runs, or None when there is nothing to draw.

    `runs` are all that are compared, also those without a curve: each has the colour here that it has elsewhere.
    `smoothing` is the weight of `series.smoothed`; on a log scale what is not above 0 is marked at the bottom, as
    NaN and infinities are on every scale.  Raises UsageError for a smoothing that is none.
    """
    curves = [curve for curve in curves if curve.points]
    if not curves:
        return None
    shown, metrics = _unique(curve.run for curve in curves), _unique(curve.metric for curve in curves)
    buckets = max(20, min(WIDTH, MAX_ROWS // (2 * len(curves))))
    look = _Look(runs or shown, shown, smoothing, log_scale, buckets, over)
    rows = {metric: [row for curve in _of(metric, curves) for row in _rows(curve, look)] for metric in metrics}
    panels = [_panel(place, metric, rows[metric], look) for place, metric in enumerate(metrics)]
    grid = alt.concat(*panels, columns=COLUMNS, spacing={"row": 20, "column": 30})
    grid = grid.resolve_scale(x="independent", y="independent", color="shared", strokeDash="shared")
    spec = finished(grid, description=f"{', '.join(metrics)} over {PLURALS[over]}, for {len(shown)} runs")
    return inked(with_rows(spec, {_name(place): rows[metric] for place, metric in enumerate(metrics)}))


def curve_rows(
    curve: Curve, *, smoothing: float = 0.0, log_scale: bool = False, buckets: int = WIDTH, over: Over = "step"
) -> list[Row]:
    """Return the rows of one curve: `run`, `step`, the `logged` value, the smoothed `value`, and a `mark` without one.

    A value that cannot be drawn is None; its mark says what it is: NaN, ∞, -∞, or at most 0 on a log scale.
    """
    steps = _places(curve, over)
    logged = np.array([point.value for point in curve.points], dtype=np.float64)
    values = smoothed(logged, smoothing)
    drawn = np.where(logged > 0, logged, np.nan) if log_scale else logged
    return [
        _row(curve.run, float(steps[place]), float(logged[place]), float(values[place]), log_scale)
        for place in kept_points(steps, drawn, buckets).tolist()
    ]


def _rows(curve: Curve, look: _Look) -> list[Row]:
    return curve_rows(curve, smoothing=look.smoothing, log_scale=look.log_scale, buckets=look.buckets, over=look.over)


def _places(curve: Curve, over: Over) -> NDArray[np.float64]:
    """Return where the points stand: at their steps, or at the seconds that have passed since the first one."""
    if over == "step":
        return np.array([point.step for point in curve.points], dtype=np.float64)
    start = min(point.time for point in curve.points)
    return np.array([(point.time - start) / 1000 for point in curve.points], dtype=np.float64)


def _row(run: str, step: float, logged: float, value: float, log_scale: bool) -> Row:
    mark = _mark(logged, log_scale)
    row: Row = {"run": run, "step": step, "logged": None if mark else logged}
    row["value"] = value if math.isfinite(value) and not (log_scale and value <= 0) else None
    return {**row, "mark": mark} if mark else row


def _mark(value: float, log_scale: bool) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    return f"{value:.5g}, not above 0" if log_scale and value <= 0 else ""


def _name(place: int) -> str:
    return f"curves_{place}"


def _panel(place: int, metric: str, rows: Sequence[Row], look: _Look) -> alt.LayerChart:
    drawable = any(row["value"] is not None for row in rows)
    scale = alt.Scale(type="log", nice=False) if look.log_scale and drawable else alt.Scale(zero=False)
    ticks = {"tickMinStep": 1} if look.over == "step" else {}
    scale_x = alt.Scale(nice=False, zero=False)
    x = alt.X("step:Q", title=TITLES[look.over], scale=scale_x, axis=axis(grid=False, **ticks))
    color, dash = run_color(look.runs, look.shown), run_dash(look.runs, look.shown)
    base = alt.Chart(alt.NamedData(name=_name(place))).encode(x=x, color=color, strokeDash=dash)
    drawn = base.encode(y=_y("value", scale))
    layers = [drawn.mark_line(strokeWidth=2, point={"size": 26} if _are_few(rows) else False)]
    if look.smoothing:
        layers.insert(0, base.encode(y=_y("logged", scale)).mark_line(strokeWidth=1, opacity=0.3))
    if any("mark" in row for row in rows):
        layers.append(_marks(base, look.over))
    layers.append(_pointed_at(drawn, place, look.over, smoothing=bool(look.smoothing)))
    return alt.layer(*layers).properties(width=WIDTH, height=HEIGHT, title=_title(metric, drawable, look.log_scale))


def _y(field: str, scale: alt.Scale) -> alt.Y:
    return alt.Y(f"{field}:Q", title=None, scale=scale, axis=axis(tickCount=4, format="~g", gridOpacity=0.14))


def _marks(base: alt.Chart, over: Over) -> alt.Chart:
    """Draw a cross at the bottom for every value that has no place in the picture."""
    tooltip = [alt.Tooltip("run:N"), _at(over), alt.Tooltip("mark:N", title="value")]
    shown = base.transform_filter("isValid(datum.mark)").encode(y=alt.value(HEIGHT), tooltip=tooltip)
    chart: alt.Chart = shown.mark_point(shape="cross", size=60, filled=True, angle=45, opacity=0.9)
    return chart


def _pointed_at(drawn: alt.Chart, place: int, over: Over, *, smoothing: bool) -> alt.Chart:
    """Draw the point that is nearest to the pointer, with its numbers."""
    nearest = alt.selection_point(name=f"near_{place}", nearest=True, on="pointermove", clear="pointerout", empty=False)
    numbers = [alt.Tooltip("value:Q", format=".6~g", title="smoothed" if smoothing else "value")]
    if smoothing:
        numbers.append(alt.Tooltip("logged:Q", format=".6~g", title="value"))
    tooltip = [alt.Tooltip("run:N"), _at(over), *numbers]
    points = drawn.transform_filter("isValid(datum.value)").mark_point(filled=True, size=70)
    chart: alt.Chart = points.encode(tooltip=tooltip, opacity=alt.condition(nearest, alt.value(1), alt.value(0)))
    # A name of its own: those that Altair gives are others each time, and a picture that is the same is not sent twice.
    return chart.properties(name=f"points_{place}").add_params(nearest)


def _at(over: Over) -> alt.Tooltip:
    return alt.Tooltip("step:Q", title="step" if over == "step" else "seconds", format=".6~g")


def _title(metric: str, drawable: bool, log_scale: bool) -> alt.TitleParams:
    why = "nothing is above 0, so the log scale stays empty" if log_scale else "no value is a number"
    return alt.TitleParams(text=metric, subtitle=[] if drawable else [why], anchor="start", fontSize=13, offset=8)


def _are_few(rows: Sequence[Row]) -> bool:
    return max(Counter(row["run"] for row in rows).values()) <= FEW


def _of(metric: str, curves: Sequence[Curve]) -> list[Curve]:
    return [curve for curve in curves if curve.metric == metric]


def _unique(names: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(names))
