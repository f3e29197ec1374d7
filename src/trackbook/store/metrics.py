"""Metric values on their way into SQLite and out of it, and the summary that every (run, key) keeps."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import islice
from operator import itemgetter, lt

import msgspec

NAN = "NaN"

Stored = float | str | None


def to_stored(value: float) -> Stored:
    """Return what SQLite can keep: it turns a NaN into NULL, so NaN becomes text; infinities stay numbers."""
    return NAN if math.isnan(value) else value


def from_stored(value: Stored) -> float:
    """Return the float that `to_stored` was given."""
    return math.nan if value == NAN or value is None else float(value)


class Point(msgspec.Struct, frozen=True, gc=False):
    """One logged value: `step` counts as the user does, `time` is in milliseconds since the epoch."""

    step: int
    time: int
    value: float


class Series(msgspec.Struct):
    """Points of one metric in the order in which they were logged, as columns of one length."""

    steps: list[int] = msgspec.field(default_factory=list)
    times: list[int] = msgspec.field(default_factory=list)
    values: list[float] = msgspec.field(default_factory=list)

    @classmethod
    def of(cls, points: Iterable[Point]) -> Series:
        """Return `points` as columns."""
        series = cls()
        for point in points:
            series.add(point.step, point.time, point.value)
        return series

    def __len__(self) -> int:
        return len(self.steps)

    def add(self, step: int, time: int, value: float) -> None:
        """Add one point at the end."""
        self.steps.append(step)
        self.times.append(time)
        self.values.append(value)

    def extend(self, other: Series) -> None:
        """Add all points of another series at the end."""
        self.steps.extend(other.steps)
        self.times.extend(other.times)
        self.values.extend(other.values)

    def part(self, start: int, end: int) -> Series:
        """Return the points from `start` up to, not including, `end`."""
        return Series(self.steps[start:end], self.times[start:end], self.values[start:end])

    def is_ordered(self) -> bool:
        """Say whether every step is higher than the one before."""
        return all(map(lt, self.steps, islice(self.steps, 1, None)))

    def ordered(self) -> Iterator[tuple[int, int, float]]:
        """Return (step, time, value) of each point: by step, then time, then as they were logged."""
        points = zip(self.steps, self.times, self.values, strict=True)
        return points if self.is_ordered() else iter(sorted(points, key=itemgetter(0, 1)))


class Summary(msgspec.Struct, frozen=True):
    """What is kept ready of one metric of one run; `last` is the value of the highest step, then latest time."""

    last: float
    last_step: int
    last_time: int
    first: float
    min: float | None
    max: float | None
    count: int


def summarise(series: Series, before: Summary | None = None) -> Summary:
    """Fold a series (of at least one point) into `before`; NaN never is a minimum or maximum."""
    newest = _newest(series)
    bounded = [value for value in series.values if value == value]
    if before is None:
        last, last_step, last_time, first, count = newest.value, newest.step, newest.time, series.values[0], 0
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
        count=count + len(series),
    )


def _newest(series: Series) -> Point:
    """Return the point of the highest step, then the latest time; of several such the one logged last."""
    at = len(series) - 1
    if not series.is_ordered():
        at = max(range(len(series)), key=lambda each: (series.steps[each], series.times[each], each))
    return Point(series.steps[at], series.times[at], series.values[at])
