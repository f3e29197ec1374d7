"""Smoothing and thinning of curves: what must survive, whatever the numbers are."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackbook.charts.series import kept_points, smoothed
from trackbook.errors import UsageError

NUMBERS = st.one_of(st.floats(-1e6, 1e6), st.sampled_from([math.nan, math.inf, -math.inf]))
WEIGHTS = st.floats(0, 0.999)


@st.composite
def curves(draw):
    """Steps that never fall, some of them equal, and values of every kind."""
    values = draw(st.lists(NUMBERS, min_size=1, max_size=300))
    gaps = draw(st.lists(st.sampled_from([0, 0, 1, 1, 1, 7, 1000]), min_size=len(values), max_size=len(values)))
    return np.cumsum(np.array(gaps, dtype=float)), np.array(values)


@given(st.lists(NUMBERS, max_size=60), WEIGHTS)
def test_smoothing_is_the_weighted_mean_of_what_came_before(values, weight):
    found = smoothed(np.array(values, dtype=float), weight)
    finite = [value for value in values if math.isfinite(value)]
    expected = []
    for end in range(1, len(finite) + 1):
        weights = [weight ** (end - 1 - place) for place in range(end)]
        expected.append(sum(w * v for w, v in zip(weights, finite, strict=False)) / sum(weights))
    assert found[np.isfinite(found)] == pytest.approx(expected, rel=1e-6, abs=1e-6)


@given(st.lists(NUMBERS, max_size=60), WEIGHTS)
def test_smoothing_stays_between_the_extremes_and_leaves_what_is_no_number(values, weight):
    values = np.array(values, dtype=float)
    found = smoothed(values, weight)
    finite = np.isfinite(values)
    assert np.array_equal(found[~finite], values[~finite], equal_nan=True)
    if finite.any():
        low, high = values[finite].min(), values[finite].max()
        slack = 1e-9 * max(abs(low), abs(high), 1)
        assert (found[finite] >= low - slack).all() and (found[finite] <= high + slack).all()


@given(st.lists(NUMBERS, max_size=60))
def test_no_weight_changes_nothing(values):
    values = np.array(values, dtype=float)
    assert np.array_equal(smoothed(values, 0), values, equal_nan=True)


@pytest.mark.parametrize("weight", [1, -0.1, math.nan, "much", None])
def test_another_weight_is_a_usage_error(weight):
    with pytest.raises(UsageError, match="smoothing is a number from 0"):
        smoothed(np.array([1.0]), weight)


@given(curves(), st.integers(1, 60))
def test_the_ends_and_the_extremes_survive_in_order(curve, buckets):
    """Of any curve the first, last, highest and lowest points are kept, and the steps never fall."""
    steps, values = curve
    kept = kept_points(steps, values, buckets)
    assert kept[0] == 0 and kept[-1] == len(values) - 1
    assert (np.diff(kept) > 0).all() and (np.diff(steps[kept]) >= 0).all()
    finite = values[np.isfinite(values)]
    if len(finite):
        shown = values[kept][np.isfinite(values[kept])]
        assert (shown.min(), shown.max()) == (finite.min(), finite.max())
    assert bool(np.isfinite(values).all()) == bool(np.isfinite(values[kept]).all())


@given(curves(), st.integers(1, 60))
def test_every_bucket_keeps_its_extremes_and_no_more_than_three_points(curve, buckets):
    steps, values = curve
    kept = kept_points(steps, values, buckets)
    if len(values) <= 2 * buckets:
        assert len(kept) == len(values)
        return
    assert len(kept) <= 3 * buckets + 2
    span = steps[-1] - steps[0]
    along = (steps - steps[0]) / span if span else np.linspace(0, 1, len(steps))
    bucket = np.minimum((along * buckets).astype(int), buckets - 1)
    for number in np.unique(bucket):
        inside = values[bucket == number]
        shown = values[kept[bucket[kept] == number]]
        for extreme in (np.min, np.max):
            if np.isfinite(inside).any():
                assert extreme(inside[np.isfinite(inside)]) == extreme(shown[np.isfinite(shown)])
