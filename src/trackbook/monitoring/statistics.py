"""Two-sample tests on counts, as pure functions: each returns a statistic and a p-value, never NaN.

The null distribution is the permutation distribution given the pooled counts, so ties and rare levels are accounted
for.  Where it is near its limit the limit is used (a weighted sum of chi-squares, a gamma with the exact moments);
elsewhere it is drawn, always from the same seed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy import optimize, special, stats

from trackbook.monitoring.counts import Counts, Floats, Ints, coarsen

DRAWS = 4999
SEED = 20_250_101
SMALL_SAMPLE = 20
RARE_ROWS = 40
SPARSE_CELL = 5
DRAWN_CELLS = 32
NULL_CELLS = 64


class Test(NamedTuple):
    """What a test found."""

    method: str
    statistic: float
    p_value: float


def anderson_darling(counts: Counts) -> Test:
    """Test whether two ordered samples come from one distribution, against any change of place, spread or shape.

    Source: Scholz and Stephens (1987), equation 7 (mid-ranks, so ties are allowed); its permutation mean is 1.
    """
    if len(counts.pooled) < 2:
        return Test("anderson_darling", 0.0, 1.0)
    rare = counts.total - int(counts.pooled.max())
    if min(counts.n_smaller, rare / 2) < SMALL_SAMPLE:
        return _drawn("anderson_darling", coarsen(counts, NULL_CELLS), _mid_rank_distance, _limit_ordered)
    statistic = float(_mid_rank_distance(counts.reference, counts.pooled))
    return Test("anderson_darling", statistic, _limit_ordered(counts, statistic))


def chi_square(counts: Counts) -> Test:
    """Test whether two categorical samples have the same shares, by Pearson's statistic.

    Its permutation mean and variance are exact (see `chi_square_moments`); few sparse cells are drawn.
    """
    if len(counts.pooled) < 2:
        return Test("chi_square", 0.0, 1.0)
    expected = counts.pooled.min() * counts.n_smaller / counts.total
    if expected < SPARSE_CELL and len(counts.pooled) <= DRAWN_CELLS:
        return _drawn("chi_square", counts, _pearson, _limit_levels)
    statistic = float(_pearson(counts.reference, counts.pooled))
    return Test("chi_square", statistic, _limit_levels(counts, statistic))


def two_shares(hits: tuple[int, int], rows: tuple[int, int]) -> Test:
    """Test whether two shares are equal: Fisher's exact test, or Pearson's with ``N - 1`` when no cell is small.

    Source: Campbell (2007) for the correction by ``(N - 1) / N``.
    """
    table = np.array([hits, (rows[0] - hits[0], rows[1] - hits[1])], dtype=np.float64)
    total = float(sum(rows))
    margins = table.sum(axis=1)
    if min(rows) == 0 or margins.min() == 0:
        return Test("fisher", 0.0, 1.0)
    statistic = (total - 1) * (table[0, 0] * table[1, 1] - table[0, 1] * table[1, 0]) ** 2
    statistic /= margins.prod() * float(rows[0]) * float(rows[1])
    if margins.min() * min(rows) / total >= SPARSE_CELL:
        return Test("two_shares", float(statistic), float(special.chdtrc(1, statistic)))
    return Test("fisher", float(statistic), float(np.clip(stats.fisher_exact(table.astype(np.int64))[1], 0, 1)))


def unseen_levels(counts: Counts) -> Test:
    """Test whether more current rows than chance explains hold a level that the reference has never shown.

    Given the pooled counts, a level seen ``c`` times is all in the current sample with probability
    ``C(m, c) / C(N, c)``; levels are drawn as independent, which errs on the safe side.
    """
    unseen = int(counts.current[counts.reference == 0].sum())
    sizes, levels = np.unique(counts.pooled, return_counts=True)
    fits = sizes <= counts.n_current
    sizes, levels = sizes[fits], levels[fits]
    chance = np.exp(_log_choose(counts.n_current, sizes) - _log_choose(counts.total, sizes))
    likely = chance * levels > 1e-7
    if unseen == 0 or not likely.any():
        return Test("unseen_levels", float(unseen), 1.0 if unseen == 0 else 1 / (DRAWS + 1))
    drawn = _generator().binomial(levels[likely], chance[likely], size=(DRAWS, int(likely.sum())))
    reached = int(np.count_nonzero(drawn @ sizes[likely] >= unseen))
    return Test("unseen_levels", float(unseen), (1 + reached) / (1 + DRAWS))


def benjamini_hochberg(p_values: list[float]) -> list[float]:
    """Return p-values adjusted so that, at alpha, at most a share alpha of the findings is false.

    Source: Benjamini and Hochberg (1995).
    """
    p = np.asarray(p_values, dtype=np.float64)
    order = np.argsort(p)[::-1]
    ranks = np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum.accumulate(np.minimum(p[order] * (len(p) / ranks), 1.0))
    return [float(value) for value in adjusted]


def weighted_chi_square_tail(x: float, weights: Floats) -> float:
    """Return ``P(sum of weights[j] * chi-square(1) > x)`` by saddlepoint, within about 2 % at every x.

    Source: Kuonen (1999), with the Lugannani-Rice formula.
    """
    if x <= 0:
        return 1.0
    weights = weights[weights > weights.max() * 1e-9]
    mean = float(weights.sum())
    if abs(x / mean - 1) < 1e-3:  # the formula is 0/0 at the mean
        sides = [weighted_chi_square_tail(mean * factor, weights) for factor in (0.998, 1.002)]
        return sum(sides) / 2
    top = 1 / (2 * float(weights.max()))
    low = top - len(weights) / (2 * x) - 1 / x if x < mean else 0.0
    zeta = optimize.brentq(lambda z: float(np.sum(weights / (1 - 2 * z * weights))) - x, low, top * (1 - 1e-12))
    shrunk = 1 - 2 * zeta * weights
    w = float(np.sign(zeta) * np.sqrt(max(2 * zeta * x + np.log(shrunk).sum(), 1e-300)))
    v = float(zeta * np.sqrt(2 * np.sum((weights / shrunk) ** 2)))
    return float(np.clip(stats.norm.sf(w + np.log(v / w) / w), 0.0, 1.0))


def chi_square_moments(counts: Counts) -> tuple[float, float]:
    """Return mean and variance of Pearson's statistic over all permutations, from factorial moments.

    Source: the method of Haldane (1940); the counts of one sample are multivariate hypergeometric.
    """
    size, total = float(counts.n_reference), float(counts.total)
    c = counts.pooled.astype(np.float64)
    one, two, three, four = (_falling_ratio(size, total, order) for order in (1, 2, 3, 4))
    square = two * (c - 1) + one  # E a^2 / c
    fourth = four * (c - 1) * (c - 2) * (c - 3) + 6 * three * (c - 1) * (c - 2) + 7 * two * (c - 1) + one
    fourth /= c  # E a^4 / c^2
    pairs = [(c - 1, c - 1, four), (c - 1, np.ones_like(c), 2 * three), (np.ones_like(c), np.ones_like(c), two)]
    crossed = sum(weight * float(a.sum() * b.sum() - (a * b).sum()) for a, b, weight in pairs)
    mean = float(square.sum())
    variance = float(fourth.sum()) + crossed - mean**2
    scale = total**2 / (size * (total - size))
    return scale * (mean - size**2 / total), max(scale**2 * variance, 0.0)


def _falling_ratio(size: float, total: float, order: int) -> float:
    steps = np.arange(order)
    return float(np.prod((size - steps) / np.maximum(total - steps, 1)))


def _mid_rank_distance(reference: Ints, pooled: Ints) -> Floats:
    """Return the two-sample Anderson-Darling statistic; `reference` may hold many drawn samples, one a row."""
    total, size = float(pooled.sum()), reference.sum(axis=-1, keepdims=True).astype(np.float64)
    before = np.cumsum(pooled) - pooled / 2
    gap = total * (np.cumsum(reference, axis=-1) - reference / 2) - size * before
    weight = pooled / (before * (total - before) - total * pooled / 4)
    share = (total - 1) / (total * size[..., 0] * (total - size[..., 0]))
    return np.asarray(share * (gap**2 @ weight), dtype=np.float64)


def _pearson(reference: Ints, pooled: Ints) -> Floats:
    total, size = float(pooled.sum()), reference.sum(axis=-1, keepdims=True).astype(np.float64)
    gap = reference - size * (pooled / total)
    scale = total**2 / (size[..., 0] * (total - size[..., 0]))
    return np.asarray(scale * (gap**2 @ (1 / pooled)), dtype=np.float64)


def _limit_ordered(counts: Counts, statistic: float) -> float:
    return weighted_chi_square_tail(statistic, _null_weights(tuple(coarsen(counts, NULL_CELLS).pooled.tolist())))


def _limit_levels(counts: Counts, statistic: float) -> float:
    mean, variance = chi_square_moments(counts)
    if variance < 1e-9:
        return 1.0
    return float(np.clip(special.gammaincc(mean**2 / variance, statistic * mean / variance), 0.0, 1.0))


@lru_cache(maxsize=512)
def _null_weights(pooled: tuple[int, ...]) -> Floats:
    """Return the weights of the chi-squares that the Anderson-Darling statistic tends to, given the ties.

    They are the eigenvalues of the statistic's quadratic form in the covariance of hypergeometric counts; without
    ties they tend to ``1 / (j (j + 1))`` (Anderson and Darling 1952).
    """
    share = np.asarray(pooled, dtype=np.float64) / sum(pooled)
    before = np.cumsum(share) - share / 2
    weight = share / (before * (1 - before) - share / 4)
    summing = np.tril(np.ones((len(share), len(share))), -1) + np.eye(len(share)) / 2
    covariance = summing @ (np.diag(share) - np.outer(share, share)) @ summing.T
    root = np.sqrt(weight)
    values = np.linalg.eigvalsh(root[:, None] * covariance * root[None, :])
    return np.asarray(values[values > 1e-9], dtype=np.float64)


def _drawn(
    method: str,
    counts: Counts,
    statistic_of: Callable[[Ints, Ints], Floats],
    limit: Callable[[Counts, float], float],
) -> Test:
    """Compare the statistic with its permutation distribution; beyond the last draw the limit extrapolates."""
    statistic = float(statistic_of(counts.reference, counts.pooled))
    size = min(counts.n_reference, counts.n_current)
    null = _null_draws(method, statistic_of, tuple(counts.pooled.tolist()), size)
    reached = len(null) - int(np.searchsorted(null, statistic * (1 - 1e-9), side="left"))
    p_value = (1 + reached) / (1 + len(null))
    if reached == 0:
        p_value = min(p_value, max(limit(counts, statistic), _certain(counts)))
    return Test(method, statistic, p_value)


@lru_cache(maxsize=256)
def _null_draws(
    method: str, statistic_of: Callable[[Ints, Ints], Floats], pooled: tuple[int, ...], size: int
) -> Floats:
    """Return the sorted statistics of `DRAWS` permutations; columns with the same ties (say, none) share them."""
    cells = np.asarray(pooled, dtype=np.int64)
    drawn = _generator().multivariate_hypergeometric(cells, size, size=DRAWS, method="marginals")
    return np.sort(statistic_of(drawn.astype(np.int64), cells))


def _certain(counts: Counts) -> float:
    """Return the smallest p-value that any permutation test of these sizes can reach."""
    return float(np.exp(-_log_choose(counts.total, np.asarray([counts.n_smaller]))[0]))


def _log_choose(n: int, k: Ints) -> Floats:
    result = special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)
    return np.asarray(result, dtype=np.float64)


def _generator() -> np.random.Generator:
    return np.random.default_rng(SEED)
