"""How large a change is, with an interval: every effect is a difference of shares, between 0 and 1.

An effect is the largest difference in the share of rows over a family of sets: the ranges of a numeric column, the
sets of levels of a categorical one.  It needs no scale, no outlier can move it, and it sees a change of place,
spread or shape.  The intervals cover the true value in at least about 95 % of samples (measured in the tests):

- the upper end may treat the largest set as fixed, because the observed maximum is at least the share seen there;
- the lower end pays for having chosen the set, with what chance alone reaches.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import special

from trackbook.monitoring.counts import Counts, Floats, OrderedCounts

NORMAL_95 = 1.959964
ONE_SET = NORMAL_95 / 2  # 97.5 % of a difference of shares, at most, in units of sqrt(1/n + 1/m)
ALL_RANGES = 1.7473  # 95 % point of Kuiper's limit distribution, in the same units
CHOSEN_RANGE = 1.2
CHOSEN_LEVELS = 0.58
PLAIN_ENOUGH = 0.85


class Effect(NamedTuple):
    """An effect and its interval."""

    value: float
    low: float
    high: float


class Range(NamedTuple):
    """The range of values whose share changed most: above `above` (None: no limit) and up to `up_to`."""

    above: float | None
    up_to: float | None
    reference: float
    current: float


NOTHING_KNOWN = Effect(0.0, 0.0, 1.0)


def range_distance(counts: Counts) -> Effect:
    """Return the largest difference in the share of rows within any one range of values (Kuiper's distance).

    A shift of half a standard deviation of normal values gives 0.20, one and a half times the spread gives 0.19.
    """
    gap = np.cumsum(counts.differences)
    value = float(max(gap.max(), 0.0) - min(gap.min(), 0.0))
    spread = counts.spread
    low = max(_low_over_ranges(value / spread) * spread, _low_over_levels(value, counts))
    return _effect(value, low, value + ONE_SET * spread)


def changed_range(counts: OrderedCounts) -> Range:
    """Return where `range_distance` is reached, told from the side on which the current share is the larger.

    A range with one limit is preferred when it shows almost the same difference.
    """
    gap = np.concatenate([[0.0], np.cumsum(counts.differences)])
    lowest, highest = int(gap.argmin()), int(gap.argmax())
    if max(-gap[lowest], gap[highest]) > PLAIN_ENOUGH * (gap[highest] - gap[lowest]):
        lowest, highest = (0, highest) if gap[highest] > -gap[lowest] else (lowest, 0)
    first, last = sorted((lowest, highest))
    more = highest > lowest
    inside = slice(first, last)
    shares = counts.reference[inside].sum() / counts.n_reference, counts.current[inside].sum() / counts.n_current
    end = len(counts.upper)
    above = None if first == 0 else float(counts.upper[first - 1])
    up_to = None if last == end else float(counts.upper[last - 1])
    if more or (above is not None and up_to is not None):
        return Range(above, up_to, float(shares[0]), float(shares[1]))
    return Range(up_to, above, 1 - float(shares[0]), 1 - float(shares[1]))


def level_distance(counts: Counts) -> Effect:
    """Return the largest difference in the share of rows within any set of levels (total variation distance)."""
    value = float(np.abs(counts.differences).sum() / 2)
    return _effect(value, _low_over_levels(value, counts), value + ONE_SET * counts.spread)


def share_difference(hits: tuple[int, int], rows: tuple[int, int]) -> Effect:
    """Return the absolute difference of two shares with Newcombe's interval (1998, method 10)."""
    if min(rows) == 0:
        return NOTHING_KNOWN
    before, after = hits[0] / rows[0], hits[1] / rows[1]
    before_low, before_high = _wilson(before, rows[0])
    after_low, after_high = _wilson(after, rows[1])
    difference = after - before
    low = difference - np.hypot(after - after_low, before_high - before)
    high = difference + np.hypot(after_high - after, before - before_low)
    nearest = 0.0 if low <= 0 <= high else min(abs(low), abs(high))
    return _effect(abs(difference), nearest, max(abs(low), abs(high)))


def unseen_share(counts: Counts) -> Effect:
    """Return the share of current rows whose level the reference never showed, with Wilson's interval."""
    share = float(counts.current[counts.reference == 0].sum() / counts.n_current)
    low, high = _wilson(share, counts.n_current)
    return _effect(share, low, high)


def _effect(value: float, low: float, high: float) -> Effect:
    """Return an effect in order and within 0 to 1, where rounding may have pushed it out by a bit."""
    value = min(float(value), 1.0)
    return Effect(value, min(float(low), value), min(max(float(high), value), 1.0))


def _low_over_levels(value: float, counts: Counts) -> float:
    """Return the lower end after paying for the choice of the set of levels.

    It holds for ranges too, which are sets of levels, and is the better one when there are few distinct values.
    """
    chance = _expected_level_distance(counts) + CHOSEN_LEVELS * counts.spread
    return max(value - chance, 0.0) if len(counts.pooled) > 1 else 0.0


def _low_over_ranges(value: float) -> float:
    """Return the lower end, in units of the spread: 0 up to what chance reaches, then nearer to one fixed range."""
    if value <= ALL_RANGES:
        return 0.0
    return float(np.sqrt((value - CHOSEN_RANGE) ** 2 - (ALL_RANGES - CHOSEN_RANGE) ** 2))


def _expected_level_distance(counts: Counts) -> float:
    """Return the mean of the total variation distance between two samples of one distribution.

    A level seen ``c`` times splits binomially; its mean absolute deviation is De Moivre's closed form.
    """
    c = counts.pooled.astype(np.float64)
    p = counts.n_reference / counts.total
    k = np.floor(c * p) + 1
    log_choose = special.gammaln(c + 1) - special.gammaln(k + 1) - special.gammaln(c - k + 1)
    deviation: Floats = 2 * k * np.exp(log_choose + k * np.log(p) + (c - k + 1) * np.log1p(-p))
    remaining = np.sqrt(np.maximum(1 - c / counts.total, 0.0))  # the other levels hold what this one does not
    return float(np.sum(deviation * remaining) * (1 / counts.n_reference + 1 / counts.n_current) / 2)


def _wilson(share: float, rows: int) -> tuple[float, float]:
    square = NORMAL_95**2 / rows
    middle = (share + square / 2) / (1 + square)
    half = np.sqrt(square * share * (1 - share) + square**2 / 4) / (1 + square)
    return max(float(middle - half), 0.0), min(float(middle + half), 1.0)
