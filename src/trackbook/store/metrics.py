"""Metric values on their way into SQLite and out of it, and the summary that every (run, key) keeps."""

from __future__ import annotations

import math

import msgspec

NAN = "NaN"

Stored = float | str | None


def to_stored(value: float) -> Stored:
    """Return what SQLite can keep: it turns a NaN into NULL, so NaN becomes text; infinities stay numbers."""
    return NAN if math.isnan(value) else value


def from_stored(value: Stored) -> float:
    """Return the float that `to_stored` was given."""
    return math.nan if value == NAN or value is None else float(value)


class Point(msgspec.Struct, frozen=True):
    """One logged value: `step` counts as the user does, `time` is in milliseconds since the epoch."""

    step: int
    time: int
    value: float


class Summary(msgspec.Struct, frozen=True):
    """What is kept ready of one metric of one run; `last` is the value of the highest step, then latest time."""

    last: float
    last_step: int
    last_time: int
    first: float
    min: float | None
    max: float | None
    count: int


def summarise(points: list[Point], before: Summary | None = None) -> Summary:
    """Fold `points` (at least one, in the order logged) into `before`; NaN never is a minimum or maximum."""
    # Of several at one step and millisecond the one logged last counts, in one batch as over several.
    newest = max(reversed(points), key=lambda point: (point.step, point.time))
    bounded = [point.value for point in points if not math.isnan(point.value)]
    if before is None:
        last, last_step, last_time, first, count = newest.value, newest.step, newest.time, points[0].value, 0
    else:
        last, last_step, last_time = before.last, before.last_step, before.last_time
        first, count = before.first, before.count
        bounded += [bound for bound in (before.min, before.max) if bound is not None]
        if (newest.step, newest.time) >= (last_step, last_time):
            last, last_step, last_time = newest.value, newest.step, newest.time
    return Summary(
        last=last,
        last_step=last_step,
        last_time=last_time,
        first=first,
        min=min(bounded, default=None),
        max=max(bounded, default=None),
        count=count + len(points),
    )
