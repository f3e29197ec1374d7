"""Fairness over groups: rates of each group, and their differences and ratios.  The definitions are fairlearn's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from trackbook.registry.gates.statistics.measured import Floats

SELECTION, TRUE_POSITIVE, FALSE_POSITIVE = "selection_rate", "true_positive_rate", "false_positive_rate"

NEEDED = {
    "demographic_parity": (SELECTION,),
    "equalized_odds": (TRUE_POSITIVE, FALSE_POSITIVE),
    "equal_opportunity": (TRUE_POSITIVE,),
    "selection_rate": (SELECTION,),
}
"""The rates that each measure compares."""


def counts_of(selected: Any, positive: Any) -> Floats:
    """Return how many rows of a group are selected and positive, selected only, positive only, neither: (4,)."""
    return np.array(
        [
            (selected & positive).sum(),
            (selected & ~positive).sum(),
            (~selected & positive).sum(),
            (~selected & ~positive).sum(),
        ],
        dtype=np.float64,
    )


def hits_and_rows(rate: str, counts: Floats) -> tuple[Floats, Floats]:
    """Return the numerator and denominator of a rate, of counts (…, 4)."""
    if rate == SELECTION:
        return counts[..., 0] + counts[..., 1], counts.sum(axis=-1)
    if rate == TRUE_POSITIVE:
        return counts[..., 0], counts[..., 0] + counts[..., 2]
    return counts[..., 1], counts[..., 1] + counts[..., 3]


def rate_of(rate: str, counts: Floats) -> Floats:
    """Return a rate; where a group has no row to take it of, NaN."""
    hits, rows = hits_and_rows(rate, counts)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(hits / rows)


def spread(values: Floats) -> Floats:
    """Return the largest difference between groups, of values (…, groups)."""
    return np.asarray(values.max(axis=-1) - values.min(axis=-1))


def ratio(values: Floats) -> Floats:
    """Return the smallest ratio between groups; 0 to 0 is NaN."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(values.min(axis=-1) / values.max(axis=-1))


def measure_of(name: str, counts: Floats) -> Floats:
    """Return a measure such as ``equalized_odds_difference`` of the counts (…, groups, 4): the worst of its rates."""
    family, _, kind = name.rpartition("_")
    one: Callable[[Floats], Floats] = spread if kind == "difference" else ratio
    found = np.stack([one(rate_of(rate, counts)) for rate in NEEDED[family]])
    return np.asarray(found.max(axis=0) if kind == "difference" else found.min(axis=0))
