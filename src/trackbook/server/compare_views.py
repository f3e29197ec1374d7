"""What the server sends about runs beside each other, and about the course of their metrics."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from trackbook.charts.colors import run_colors
from trackbook.errors import UsageError
from trackbook.tracking.differences import code_difference

if TYPE_CHECKING:
    from trackbook.tracking import MetricPoint, Run, Runs, RunSummary

MOST_RUNS = 20
"""How many runs are compared at once; the picture of their curves has as many colours."""
MOST_AXES = 12
"""How many params and metrics stand side by side."""
AXES: tuple[Literal["step", "time"], ...] = ("step", "time")


class Look(NamedTuple):
    """How curves are drawn: over what, on which scale, and how smoothly (0 is not at all, below 1)."""

    x: Literal["step", "time"]
    log: bool
    smoothing: float


def parse_axis(text: str | None) -> Literal["step", "time"]:
    """Return what the points stand at: their steps, or the time since the first of them."""
    for axis in AXES:
        if text in (axis, None):
            return axis
    raise UsageError(f"x is one of {', '.join(AXES)}, not {text!r:.20}")


def parse_smoothing(text: str | None) -> float:
    """Return the share of what came before in each smoothed value; raises UsageError unless it is from 0 to 0.99."""
    if text is None:
        return 0.0
    if not re.fullmatch(r"0(\.\d{1,6})?", text) or float(text) > 0.99:
        raise UsageError(f"smoothing is a number from 0 to 0.99, not {text!r:.20}")
    return float(text)


def parse_points(text: str | None) -> int | None:
    """Return to how many points a curve is thinned out, None for all."""
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,6}", text) or int(text) < 4:
        raise UsageError(f"points is a whole number, at least 4, not {text!r:.20}")
    return int(text)


def comparison(runs: Runs, ids: Sequence[str]) -> dict[str, Any]:
    """Return the runs in the order asked for, and what differs between them; code is compared with the first one's."""
    found = [runs.get(run_id) for run_id in ids]
    return {
        "runs": [run.summary.to_dict() for run in found],
        "colors": run_colors(len(found)),
        **runs.compare([run.run_id for run in found]),
        "code": [_code(found[0], other) for other in found[1:]],
        "curves": runs.curves([run.run_id for run in found]),
    }


def _code(original: Run, other: Run) -> dict[str, Any]:
    difference = code_difference(original, other)
    return {
        "run_id": other.run_id,
        "against": original.run_id,
        "added": difference.count("added"),
        "removed": difference.count("removed"),
        "lines": [{"kind": line.kind, "text": line.text} for line in difference.lines],
    }


def histories(runs: Runs, run_id: str, keys: Sequence[str], points: int | None) -> dict[str, Any]:
    """Return the values of metrics by step, as columns; all metrics of the run when `keys` is empty."""
    run = runs.get(run_id)
    wanted = keys or list(run.summary.metrics)
    return {
        "run_id": run.run_id,
        "status": run.summary.status,
        "metrics": {key: _columns(thin(runs.metric_history(run.run_id, key), points)) for key in wanted},
    }


def _columns(points: Sequence[MetricPoint]) -> dict[str, list[Any]]:
    return {
        "step": [point.step for point in points],
        "time": [point.time for point in points],
        "value": [point.value for point in points],
    }


def thin(points: Sequence[MetricPoint], most: int | None) -> Sequence[MetricPoint]:
    """Return at most `most` points (at least 4; None: all) that look like all of them.

    They fall into stretches of equal length, of each the smallest and the largest value stay: a peak is never lost.
    What is no number stays out unless there is nothing else.  The first and the last point always stay.
    """
    if most is None or len(points) <= most:
        return points
    inner, stretches = points[1:-1], (most - 2) // 2
    bounds = [round(at * len(inner) / stretches) for at in range(stretches + 1)]
    kept = [points[0]]
    for start, end in pairwise(bounds):
        kept += _extremes(inner[start:end])
    return [*kept, points[-1]]


def _extremes(points: Sequence[MetricPoint]) -> list[MetricPoint]:
    numbers = [at for at, point in enumerate(points) if math.isfinite(point.value)]
    if not numbers:
        return list(points[:1])
    low = min(numbers, key=lambda at: points[at].value)
    high = max(numbers, key=lambda at: points[at].value)
    return [points[at] for at in sorted({low, high})]


def curves(runs: Runs, ids: Sequence[str], keys: Sequence[str], look: Look) -> dict[str, Any] | None:
    """Return a picture of the curves of some metrics; None where there is nothing to draw."""
    from trackbook.charts.curves import Curve, metric_curves  # altair takes long to import

    found = [runs.get(run_id).summary for run_id in ids]
    names = labels_of(found)
    drawn = [
        Curve(name, key, runs.metric_history(run.run_id, key))
        for key in keys
        for run, name in zip(found, names, strict=True)
        if key in run.metrics
    ]
    return metric_curves(drawn, runs=names, smoothing=look.smoothing, log_scale=look.log, over=look.x)


def parallel(runs: Runs, ids: Sequence[str]) -> dict[str, Any] | None:
    """Return a picture of the params and metrics that differ, a line a run; None where there are fewer than two."""
    from trackbook.charts.parallel import Line, parallel_coordinates

    found = [runs.get(run_id).summary for run_id in ids]
    differing = runs.compare([run.run_id for run in found])
    columns = {**differing["params"], **differing["metrics"]}
    shown = list(columns)[:MOST_AXES]
    lines = [
        Line(name, {column: columns[column][place] for column in shown}) for place, name in enumerate(labels_of(found))
    ]
    return parallel_coordinates(lines, shown)


def labels_of(runs: Sequence[RunSummary]) -> list[str]:
    """Return what each run is called in a picture: its name, with the begin of its id where another has that name."""
    names = [run.run_name for run in runs]
    return [f"{run.run_name} {run.run_id[:6]}" if names.count(run.run_name) > 1 else run.run_name for run in runs]
