"""The numbers behind a curve: smoothing, and fewer points without losing an extreme."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from trackbook.errors import UsageError, shown

Numbers = NDArray[np.float64]


def smoothed(values: Numbers, weight: float) -> Numbers:
    """Return the exponential moving average of `values`, shape (n,), corrected for its start.

    `weight` (0 up to 1, without 1) is the share that the past keeps: 0 changes nothing.  The mean of the first t
    values is divided by `1 - weight**t`, so that it does not begin at zero (Kingma and Ba 2015, section 3).  NaN and
    infinities stay where they are and leave the others alone.  Raises UsageError for another weight.
    """
    if not isinstance(weight, int | float) or not 0 <= weight < 1:
        raise UsageError(f"smoothing is a number from 0 up to, but not, 1; not {shown(weight)}")
    result = np.array(values, dtype=np.float64)
    finite = np.isfinite(result)
    if weight:
        result[finite] = _average(result[finite], float(weight))
    return result


def _average(values: Numbers, weight: float) -> list[float]:
    mean, trust, found = 0.0, 0.0, []
    for value in values.tolist():
        mean = weight * mean + (1 - weight) * value
        trust = weight * trust + (1 - weight)  # the same as 1 - weight**t, without its cancellation
        found.append(mean / trust)
    return found


def kept_points(steps: Numbers, values: Numbers, buckets: int) -> NDArray[np.intp]:
    """Return the places, in order, of the points that show a curve in a picture `buckets` pixels wide.

    `steps` must not fall.  Every bucket keeps its lowest and its highest value and its first one that is no number;
    the curve keeps its ends.  At most 3 * buckets + 2 places; all of them when there are no more than 2 * buckets.
    """
    count = len(steps)
    if count <= 2 * buckets:
        return np.arange(count)
    bucket = _buckets(steps, buckets)
    finite = np.flatnonzero(np.isfinite(values))
    others = np.flatnonzero(~np.isfinite(values))
    # By bucket, then by value: the extremes of a bucket are the first and the last of its stretch.
    ordered = finite[np.lexsort((values[finite], bucket[finite]))]
    starts = _starts(bucket[ordered])
    ends = np.append(starts[1:], len(ordered))[: len(starts)] - 1
    kept = [ordered[starts], ordered[ends], others[_starts(bucket[others])], np.array([0, count - 1])]
    return np.unique(np.concatenate(kept))


def _buckets(steps: Numbers, buckets: int) -> NDArray[np.intp]:
    """Return the bucket of every point: by its step, or by its place where all steps are the same."""
    span = steps[-1] - steps[0]
    along = (steps - steps[0]) / span if span > 0 else np.linspace(0, 1, len(steps))
    found: NDArray[np.intp] = np.minimum((along * buckets).astype(np.intp), buckets - 1)
    return found


def _starts(ordered: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return where each stretch of equal numbers begins."""
    if not len(ordered):
        return np.empty(0, dtype=np.intp)
    return np.concatenate(([0], np.flatnonzero(np.diff(ordered)) + 1))
