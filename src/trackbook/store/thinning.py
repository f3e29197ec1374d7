"""Long curves, thinned: what a lost database is made from again need not hold every point a second time.

A database that is lost with its backups is rare, and a copy of every point would double what long trainings take on
the disk.  Curves of up to `KEPT` points stay whole; of longer ones every second, fourth, … point stays, the last one,
and the extremes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import itemgetter

import msgspec

from trackbook.store.events import Event, FactNoted, MetricLogged, MetricsLogged, PointsLogged
from trackbook.store.metrics import Series
from trackbook.store.points import encode_chunks

KEPT = 1000
FACT = "thinned"
"""The name of the fact that says how many points of which metrics of a run were left out."""


Place = tuple[int, int, float]
"""A point as (step, time, value)."""


class Thinned:
    """A curve of which at most some `2 * KEPT` points are in memory, however many are added."""

    def __init__(self) -> None:
        self._series = Series()
        self._stride = 1
        self._low: Place | None = None
        self._high: Place | None = None
        self._last: Place | None = None
        self.count = 0

    def add(self, step: int, time: int, value: float) -> None:
        """Add a point; those that are logged first stay the longest."""
        if self.count % self._stride == 0:
            self._series.add(step, time, value)
            if len(self._series) > 2 * KEPT:
                self._halve()
        self.count += 1
        self._last = (step, time, value)
        if self._low is None or value < self._low[2]:
            self._low = self._last
        if self._high is None or value > self._high[2]:
            self._high = self._last

    def series(self) -> Series:
        """Return what is left: all points, or some of them and the extremes, in the order in which they were logged."""
        if self._stride == 1:
            return self._series
        points = list(zip(self._series.steps, self._series.times, self._series.values, strict=True))
        known = set(points)
        missing = dict.fromkeys(point for point in (self._low, self._high, self._last) if point and point not in known)
        steps, times, values = zip(*sorted([*points, *missing], key=itemgetter(1)), strict=True)
        return Series(list(steps), list(times), list(values))

    def _halve(self) -> None:
        every = slice(None, None, 2)
        self._series = Series(self._series.steps[every], self._series.times[every], self._series.values[every])
        self._stride *= 2


class Thinning:
    """Takes the points out of a stream of events, and gives them back thinned at its end."""

    def __init__(self) -> None:
        self._curves: dict[tuple[str, str], Thinned] = {}

    def others(self, events: Iterable[Event]) -> Iterator[Event]:
        """Yield the events that log no points."""
        for event in events:
            match event:
                case MetricLogged(run_id, key, value, time, step):
                    self._curve(run_id, key).add(step, time, value)
                case MetricsLogged(run_id, metrics, time, step):
                    for key, value in metrics.items():
                        self._curve(run_id, key).add(step, time, value)
                case _:
                    yield event

    def points(self) -> Iterator[Event]:
        """Yield the curves, and for each run with a thinned one the fact that says so."""
        left_out: dict[str, dict[str, int]] = {}
        for (run_id, key), curve in self._curves.items():
            series = curve.series()
            yield from (PointsLogged(run_id, key, content) for _, content in encode_chunks(series))
            if curve.count > len(series):
                left_out.setdefault(run_id, {})[key] = curve.count - len(series)
        for run_id, counts in left_out.items():
            yield FactNoted(run_id, FACT, msgspec.json.encode(counts).decode())

    def _curve(self, run_id: str, key: str) -> Thinned:
        found = self._curves.get((run_id, key))
        if found is None:
            found = self._curves[run_id, key] = Thinned()
        return found
