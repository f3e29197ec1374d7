"""The archive's copy of a curve: whole while it is short, its course and its extremes when it is long."""

import math
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from trackbook.store import events as event
from trackbook.store.points import decode
from trackbook.store.thinning import KEPT, Thinned, Thinning

RUN = "a" * 32


def thinned(values):
    curve = Thinned()
    for step, value in enumerate(values):
        curve.add(step, 10 * step, value)
    return curve


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2 * KEPT), st.floats(allow_nan=False))
def test_a_short_curve_stays_whole(count, value):
    series = thinned([value] * count).series()
    assert series.values == [value] * count


@settings(max_examples=20, deadline=None)
@given(st.integers(2 * KEPT + 1, 20 * KEPT), st.integers(0, 2**32))
def test_a_long_curve_keeps_its_first_its_last_and_its_extremes_in_order(count, seed):
    random = Random(seed)
    values = [random.gauss(0, 1) for _ in range(count)]
    curve = thinned(values)
    series = curve.series()
    assert curve.count == count
    assert KEPT <= len(series) <= 2 * KEPT + 3
    assert (series.values[0], series.values[-1]) == (values[0], values[-1])
    assert (min(series.values), max(series.values)) == (min(values), max(values))
    assert series.steps == sorted(set(series.steps))
    assert all(values[step] == value for step, value in zip(series.steps, series.values, strict=True))


def test_a_curve_of_nothing_but_nan_is_thinned_like_any_other():
    assert all(map(math.isnan, thinned([math.nan] * 5 * KEPT).series().values))


def test_other_events_pass_and_what_was_left_out_is_said():
    thinning = Thinning()
    tags = event.TagsSet(RUN, {"t": "x"})
    long = [event.MetricsLogged(RUN, {"loss": float(step), "acc": 1.0}, step, step) for step in range(5 * KEPT)]
    assert list(thinning.others([tags, *long, event.MetricLogged(RUN, "once", 1.0, 1, 0)])) == [tags]
    *points, fact = thinning.points()
    kept = {}
    for each in points:
        kept[each.key] = kept.get(each.key, 0) + len(decode(each.content))
    assert kept["once"] == 1
    assert fact.content == f'{{"loss":{5 * KEPT - kept["loss"]},"acc":{5 * KEPT - kept["acc"]}}}'
