"""Parallel coordinates: one upright axis a param or metric, one line a run across them; missing values have a place."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import altair as alt
import msgspec

from trackbook.charts.colors import MAX_LOOKS
from trackbook.charts.vega import INK, Spec, axis, finished, inked, run_color, run_dash

HEIGHT = 230
STEP = 150
MISSING = -0.14
"""Where a line passes an axis on which its run has no number and no text; axes go from 0 to 1."""
WIDE = 20.0
"""Positive numbers whose largest is so many times the smallest are shown by their logarithms."""
MAX_TICKS = 9
LOW, HIGH = "#3b82c4", "#e07b1a"

Value = str | float | None
Kind = Literal["number", "log", "category"]


class Line(msgspec.Struct, frozen=True):
    """One run: what it is called, and its values by the names of axes; a text that spells a number counts as one."""

    run: str
    values: Mapping[str, Value]


class ParallelAxis(msgspec.Struct, frozen=True):
    """One axis: how it is divided, and its ticks as places (0 to 1, or `MISSING`) with their labels."""

    name: str
    kind: Kind
    ticks: tuple[tuple[float, str], ...]
    low: float = 0.0
    high: float = 0.0

    def place(self, value: Value) -> float:
        """Return where `value` lies on this axis: 0 to 1, or `MISSING`."""
        if value is None:
            return MISSING
        if self.kind == "category":
            return next(place for place, label in self.ticks if label == str(value) and place != MISSING)
        number = _number(value)
        if number is None:
            return MISSING
        if self.high == self.low:
            return 0.5
        # Halved, because the distance between the greatest and the least number is none.
        at, low, high = (math.log(each) if self.kind == "log" else each / 2 for each in (number, self.low, self.high))
        return (at - low) / (high - low)


def parallel_axis(name: str, values: Sequence[Value]) -> ParallelAxis:
    """Return the axis that holds all `values`: of numbers when all that are there are some, else of texts in order."""
    present = [value for value in values if value is not None]
    numbers = [number for value in present if (number := _number(value)) is not None]
    lost = [label for label, is_there in (("missing", len(present) < len(values)),) if is_there]
    if numbers and all(_is_number(value) for value in present):
        lost += ["NaN"] if len(numbers) < len(present) else []
        return _number_axis(name, numbers, lost)
    labels = sorted({str(value) for value in present})
    places = [place / (len(labels) - 1) if len(labels) > 1 else 0.5 for place in range(len(labels))]
    return ParallelAxis(name, "category", (*zip(places, labels, strict=True), *_lost(lost)))


def parallel_coordinates(lines: Sequence[Line], names: Sequence[str]) -> Spec | None:
    """Return the picture of runs across the axes `names`, or None with fewer than two of either."""
    if len(lines) < 2 or len(names) < 2:
        return None
    axes = [parallel_axis(name, [line.values.get(name) for line in lines]) for name in names]
    runs = [line.run for line in lines]
    layers = [_rules(names), *_lines(lines, axes, names, runs), _ticks(axes, names)]
    chart = alt.layer(*layers).properties(width=STEP * (len(names) - 1), height=HEIGHT)
    return inked(finished(chart, description=f"{len(runs)} runs across {', '.join(names)}"))


def _number_axis(name: str, numbers: Sequence[float], lost: Sequence[str]) -> ParallelAxis:
    low, high = min(numbers), max(numbers)
    kind: Kind = "log" if low > 0 and high / low >= WIDE else "number"
    bare = ParallelAxis(name, kind, (), low, high)
    inner = _powers(low, high) if kind == "log" else [low + (high - low) / 2] if _parts(low, high) else []
    ticks = {bare.place(number): f"{number:.4g}" for number in (low, *inner, high)}
    return ParallelAxis(name, kind, (*ticks.items(), *_lost(lost)), low, high)


def _parts(low: float, high: float) -> bool:
    """Say whether the middle between two numbers is worth a tick."""
    return high > low and math.isfinite(high - low) and not (high - low == 1 and low.is_integer())


def _powers(low: float, high: float) -> list[float]:
    """Return the powers of ten between two numbers, thinned, without those that would touch the ends."""
    exponents = range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)
    found = [10.0**exponent for exponent in exponents[:: max(1, len(exponents) // 4)]]
    return [power for power in found if power / low > 1.6 and high / power > 1.6]


def _lost(labels: Sequence[str]) -> list[tuple[float, str]]:
    return [(MISSING, " or ".join(labels))] if labels else []


def _number(value: Value) -> float | None:
    """Return a finite number, or None."""
    try:
        number = float(value) if value is not None else math.nan
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _is_number(value: Value) -> bool:
    try:
        float(value if value is not None else "")
    except ValueError:
        return False
    return True


# -- layers


def _x(names: Sequence[str], **options: Any) -> alt.X:
    scale = alt.Scale(type="point", padding=0, domain=list(names))
    labels = axis(orient="top", grid=False, ticks=False, title=None, labelAngle=0, labelPadding=20, labelFontSize=12)
    labels.labelLimit = STEP - 12
    return alt.X("axis:N", sort=list(names), scale=scale, axis=labels)


def _y() -> alt.Y:
    return alt.Y("place:Q", axis=None, scale=alt.Scale(domain=[MISSING, 1], nice=False))


def _rules(names: Sequence[str]) -> alt.Chart:
    rows = [{"axis": name, "place": 0.0, "end": 1.0} for name in names]
    rules = alt.Chart(alt.InlineData(values=rows)).mark_rule(opacity=0.45, color=INK)
    chart: alt.Chart = rules.encode(x=_x(names), y=_y(), y2="end:Q")
    return chart


def _lines(
    lines: Sequence[Line], axes: Sequence[ParallelAxis], names: Sequence[str], runs: Sequence[str]
) -> tuple[alt.Chart, alt.Chart]:
    """Draw a line and its points for every run; the one under the pointer stands out."""
    ends = [max(axes[-1].place(line.values.get(names[-1])), 0.0) for line in lines]
    rows = [
        {"run": line.run, "axis": each.name, "at": at, "place": each.place(value), "value": _shown(value), "end": end}
        for line, end in zip(lines, ends, strict=True)
        for at, each in enumerate(axes)
        for value in (line.values.get(each.name),)
    ]
    picked = alt.selection_point(name="picked", fields=["run"], on="pointerover", clear="pointerout")
    color, dash = (run_color(runs), [run_dash(runs)]) if len(runs) <= MAX_LOOKS else (_end_color(), [])
    drawn = alt.Chart(alt.InlineData(values=rows)).encode(
        x=_x(names),
        y=_y(),
        detail="run:N",
        color=color,
        opacity=alt.condition(picked, alt.value(0.95), alt.value(0.15)),
        tooltip=[alt.Tooltip("run:N"), alt.Tooltip("axis:N"), alt.Tooltip("value:N")],
    )
    # The selection belongs to one layer alone: Vega-Lite knows no signal of the same name in two.
    line = drawn.mark_line(strokeWidth=2.5).encode(*dash, order="at:Q").properties(name="lines").add_params(picked)
    return line, drawn.mark_point(size=45, filled=True)


def _end_color() -> alt.Color:
    """Return the encoding of runs by where they end: the last axis is its own legend."""
    scale = alt.Scale(domain=[0, 1], range=[LOW, HIGH], interpolate="lab")
    return alt.Color("end:Q", scale=scale, legend=None)


def _ticks(axes: Sequence[ParallelAxis], names: Sequence[str]) -> alt.Chart:
    """Draw the labels of ticks, right of their axis."""
    rows = [
        {"axis": each.name, "place": place, "label": _clipped(label), "value": label}
        for each in axes
        for place, label in _thinned(each.ticks)
    ]
    text = alt.Chart(alt.InlineData(values=rows)).mark_text(align="left", dx=7, dy=-7, fontSize=10.5, opacity=0.85)
    chart: alt.Chart = text.encode(x=_x(names), y=_y(), text="label:N", tooltip=["axis:N", "value:N"])
    return chart


def _thinned(ticks: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """Return at most about `MAX_TICKS` ticks, the ends and what is missing among them."""
    inner = [tick for tick in ticks if tick[0] != MISSING]
    every = math.ceil(len(inner) / MAX_TICKS)
    kept = inner[::every] if every else []
    if inner and inner[-1] not in kept:
        kept[-1:] = [inner[-1]]
    return [*kept, *(tick for tick in ticks if tick[0] == MISSING)]


def _shown(value: Value) -> str:
    if value is None:
        return "missing"
    return f"{value:.6g}" if isinstance(value, float) else value


def _clipped(label: str, length: int = 16) -> str:
    return label if len(label) <= length else f"{label[: length - 1]}…"
