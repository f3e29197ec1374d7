"""McNemar's test of two models on the same rows, and Tango's score test and interval of the difference of shares.

Source: McNemar (1947), exact; Tango (1998), "Equivalence test and confidence interval for the difference in
proportions for the paired-sample design", Statistics in Medicine 17.
"""

from __future__ import annotations

import math

from scipy.optimize import brentq
from scipy.special import ndtr, ndtri
from scipy.stats import binom


def exact(more: int, less: int) -> float:
    """Return the one-sided p-value of "the first is right no more often", of the rows where only one was right."""
    return float(binom.sf(more - 1, more + less, 0.5)) if more + less else 1.0


def score(more: int, less: int, rows: int, bound: float) -> float:
    """Return Tango's statistic, a standard normal number when the true difference is `bound`."""
    if not -1 < bound < 1:
        return math.copysign(math.inf, -bound)
    a = 2.0 * rows
    b = -more - less + (2 * rows - more + less) * bound
    c = -less * bound * (1 - bound)
    q = (math.sqrt(max(b * b - 4 * a * c, 0.0)) - b) / (2 * a)
    variance = rows * (2 * q + bound * (1 - bound))
    away = more - less - rows * bound
    if variance <= 0:
        return 0.0 if away == 0 else math.copysign(math.inf, away)
    return away / math.sqrt(variance)


def p_above(more: int, less: int, rows: int, bound: float) -> float:
    """Return the p-value of "the difference is at most `bound`": McNemar's at 0, elsewhere Tango's."""
    return exact(more, less) if bound == 0 else float(ndtr(-score(more, less, rows, bound)))


def p_below(more: int, less: int, rows: int, bound: float) -> float:
    """Return the p-value of "the difference is at least `bound`"."""
    return exact(less, more) if bound == 0 else float(ndtr(score(more, less, rows, bound)))


def limits(more: int, less: int, rows: int, confidence: float) -> tuple[float, float]:
    """Return Tango's lower and upper limit of the difference, each with the given confidence."""
    z, estimate, edge = float(ndtri(confidence)), (more - less) / rows, 1 - 1e-12

    def root(target: float, low: float, high: float) -> float:
        def away(bound: float) -> float:
            return score(more, less, rows, bound) - target

        if away(low) * away(high) > 0:
            return low if target > 0 else high
        return float(brentq(away, low, high, xtol=1e-14))

    low = -1.0 if estimate <= -edge else root(z, -edge, estimate)
    high = 1.0 if estimate >= edge else root(-z, estimate, edge)
    return low, high
