"""DeLong's test of two areas under the ROC curve on the same rows, by midranks.

Source: DeLong, DeLong and Clarke-Pearson (1988); Sun and Xu (2014) for the form by ranks.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri
from scipy.stats import rankdata

from trackbook.registry.gates.statistics.measured import Floats


def areas(positive: np.ndarray[Any, np.dtype[np.bool_]], scores: Floats) -> tuple[Floats, Floats]:
    """Return the areas of M models and their covariance; `scores` is (M, n), `positive` says which rows are.

    Raises ValueError where one of the two classes has fewer than two rows.
    """
    m, n = int(positive.sum()), int((~positive).sum())
    if min(m, n) < 2:
        raise ValueError(f"there are {m} rows of the positive class and {n} others; an area needs two of each")
    areas, ones, others = [], [], []
    for row in scores:
        above, below = row[positive], row[~positive]
        ranks = rankdata(np.concatenate([above, below]))
        areas.append((ranks[:m].sum() - m * (m + 1) / 2) / (m * n))
        ones.append((ranks[:m] - rankdata(above)) / n)
        others.append(1 - (ranks[m:] - rankdata(below)) / m)
    covariance = np.atleast_2d(np.cov(ones)) / m + np.atleast_2d(np.cov(others)) / n
    return np.array(areas), covariance


def error_of_difference(covariance: Floats) -> float:
    """Return the standard error of the difference of the first two areas."""
    return math.sqrt(max(float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]), 0.0))


def p_above(estimate: float, error: float, bound: float) -> float:
    """Return the p-value of "the true value is at most `bound`" for a normal estimate."""
    if error == 0:
        return 0.0 if estimate > bound else 1.0
    return float(ndtr((bound - estimate) / error))


def limits(estimate: float, error: float, confidence: float) -> tuple[float, float]:
    """Return the lower and upper limit, each with the given confidence."""
    half = float(ndtri(confidence)) * error
    return estimate - half, estimate + half
