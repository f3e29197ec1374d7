"""Two samples as two rows of counts over common cells: all that the tests, the effects and the pictures look at.

A cell is a distinct value (or, for many distinct values, a range between two quantiles) or a category.  Counts hold
no raw rows, and they make every result independent of row order, dtype, and scale.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

EXACT_ROWS = 20_000
CELLS = 512


@dataclass(frozen=True)
class Counts:
    """How many reference and current rows fall into each cell; empty cells are left out by the makers."""

    reference: Ints
    current: Ints

    @cached_property
    def pooled(self) -> Ints:
        return self.reference + self.current

    @cached_property
    def n_reference(self) -> int:
        return int(self.reference.sum())

    @cached_property
    def n_current(self) -> int:
        return int(self.current.sum())

    @property
    def n_smaller(self) -> int:
        return min(self.n_reference, self.n_current)

    @cached_property
    def total(self) -> int:
        return self.n_reference + self.n_current

    @property
    def spread(self) -> float:
        """``sqrt(1/n + 1/m)``: the scale on which shares differ by chance."""
        return float(np.sqrt(1 / self.n_reference + 1 / self.n_current))

    @cached_property
    def differences(self) -> Floats:
        """Current share minus reference share, cell by cell."""
        return self.current / self.n_current - self.reference / self.n_reference


@dataclass(frozen=True)
class OrderedCounts(Counts):
    """Counts of a numeric column; cell ``i`` holds the values above ``upper[i - 1]`` and up to ``upper[i]``."""

    upper: Floats
    exact: bool = True


@dataclass(frozen=True)
class LevelCounts(Counts):
    """Counts of a categorical column, the most frequent level first (ties by label)."""

    labels: tuple[str, ...]


def count_ordered(reference: Floats, current: Floats) -> OrderedCounts:
    """Count two sorted samples without missing values: one cell a distinct value, or `CELLS` quantiles when large."""
    exact = len(reference) + len(current) <= EXACT_ROWS
    upper = np.unique(np.concatenate([reference, current])) if exact else _quantile_cells(reference, current)
    return _count_up_to(reference, current, upper, exact)


def count_levels(labels: list[str], reference: Ints, current: Ints) -> LevelCounts:
    """Count two categorical samples given their counts by level, dropping levels that neither has."""
    pooled = reference + current
    order = np.lexsort((np.asarray(labels, dtype=object).argsort().argsort(), -pooled))
    order = order[pooled[order] > 0]
    return LevelCounts(reference[order], current[order], tuple(labels[i] for i in order))


def coarsen(counts: Counts, cells: int) -> Counts:
    """Merge neighbouring cells into at most about `cells` of equal pooled share; large cells stay alone."""
    if len(counts.pooled) <= cells:
        return counts
    middle = np.cumsum(counts.pooled) - counts.pooled / 2
    group = np.floor(middle / counts.total * cells).astype(np.int64)
    starts = np.flatnonzero(np.diff(group, prepend=-1))
    return Counts(np.add.reduceat(counts.reference, starts), np.add.reduceat(counts.current, starts))


def _quantile_cells(reference: Floats, current: Floats) -> Floats:
    """Return the upper ends of cells at the quantiles of both samples; frequent values get a cell of their own."""
    ends = np.concatenate([_at_quantiles(reference), _at_quantiles(current)])
    values, times = np.unique(ends, return_counts=True)
    below = np.nextafter(values[times > 2], -np.inf)
    return np.unique(np.concatenate([values, below]))


def _at_quantiles(values: Floats) -> Floats:
    at = np.linspace(0, len(values) - 1, min(CELLS, len(values))).round().astype(np.int64)
    return values[at]


def _count_up_to(reference: Floats, current: Floats, upper: Floats, exact: bool) -> OrderedCounts:
    ends_reference = np.searchsorted(reference, upper, side="right")
    ends_current = np.searchsorted(current, upper, side="right")
    counted = [np.diff(ends, prepend=0).astype(np.int64) for ends in (ends_reference, ends_current)]
    filled = (counted[0] + counted[1]) > 0
    return OrderedCounts(counted[0][filled], counted[1][filled], upper[filled], exact)
