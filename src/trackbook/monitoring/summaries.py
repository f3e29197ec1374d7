"""The small summary of a column that a picture is drawn from: shares in bins or by level, no raw rows."""

from __future__ import annotations

import numpy as np

from trackbook.monitoring.counts import Floats, Ints, LevelCounts, OrderedCounts
from trackbook.monitoring.report import Bins, Levels
from trackbook.monitoring.words import clip

BINS = 30
FEW_VALUES = 15
SHOWN_LEVELS = 10
TAIL = 0.005


def summarize_numbers(counts: OrderedCounts, reference: Floats, current: Floats) -> Bins | Levels:
    """Bin two sorted samples on common edges between their outer quantiles, so that no outlier squashes the rest.

    Few distinct values are shown one by one; `counts` are those of the same samples.
    """
    if counts.exact and len(counts.upper) <= FEW_VALUES:
        labels = tuple(f"{value:.6g}" for value in counts.upper)
        return Levels(labels=labels, reference=_shares(counts.reference), current=_shares(counts.current))
    edges = _edges(counts)
    if edges is None:
        return Levels(labels=("all",), reference=(1.0,), current=(1.0,))
    sides = [_up_to(edges, side) for side in (reference, current)]
    return Bins(
        edges=tuple(float(edge) for edge in edges),
        reference=_rounded(np.diff(sides[0])),
        current=_rounded(np.diff(sides[1])),
        below=(float(sides[0][0]), float(sides[1][0])),
        above=(float(1 - sides[0][-1]), float(1 - sides[1][-1])),
    )


def summarize_levels(counts: LevelCounts, *, in_order: tuple[str, ...] | None = None) -> Levels:
    """Keep the most frequent levels and put the others into one; `in_order` shows these levels, in this order."""
    reference, current = _shares(counts.reference), _shares(counts.current)
    if in_order is not None:
        at = {label: i for i, label in enumerate(counts.labels)}
        shown = [at[label] for label in in_order if label in at]
        return Levels(
            labels=tuple(counts.labels[i] for i in shown),
            reference=tuple(reference[i] for i in shown),
            current=tuple(current[i] for i in shown),
        )
    rest = len(counts.labels) - SHOWN_LEVELS
    labels = tuple(clip(label) for label in counts.labels[:SHOWN_LEVELS])
    if rest <= 0:
        return Levels(labels=labels, reference=reference, current=current)
    return Levels(
        labels=(*labels, f"{rest} more"),
        reference=(*reference[:SHOWN_LEVELS], sum(reference[SHOWN_LEVELS:])),
        current=(*current[:SHOWN_LEVELS], sum(current[SHOWN_LEVELS:])),
        rest=rest,
    )


def _edges(counts: OrderedCounts) -> Floats | None:
    finite = np.isfinite(counts.upper)
    upper = counts.upper[finite]
    if len(upper) < 2:
        return None
    # Both samples count alike, so that a small current batch is not lost in a large reference.
    weight = (counts.reference / counts.n_reference + counts.current / counts.n_current)[finite]
    before = np.cumsum(weight) / weight.sum()
    at = [min(int(np.searchsorted(before, share)), len(upper) - 1) for share in (TAIL, 1 - TAIL)]
    # Plain floats become an infinity without a warning; a span at the limits of a float cannot be cut into bins.
    low, high = float(upper[at[0]]), float(upper[at[1]])
    spare = (high - low) / 2
    low = float(upper[0]) if upper[0] >= low - spare else low
    high = float(upper[-1]) if upper[-1] <= high + spare else high
    if not 1e-300 < high - low < 1e300:
        return None
    if max(abs(low), abs(high)) < 1e15 and np.isclose(np.round(upper), upper, rtol=0, atol=1e-9).all():
        # Bins of whole numbers hold equally many of them; others would show gaps that are not in the data.
        width = float(np.ceil((high - low + 1) / BINS))
        return np.asarray(np.arange(low - 0.5, high + width, width))
    return np.asarray(np.linspace(low, high, BINS + 1))


def _up_to(edges: Floats, values: Floats) -> Floats:
    """Return the share of sorted values up to each edge; the first edge itself belongs to the first bin."""
    at = np.searchsorted(values, edges, side="right")
    at[0] = np.searchsorted(values, edges[0], side="left")
    return np.asarray(at / len(values), dtype=np.float64)


def _shares(side: Ints) -> tuple[float, ...]:
    return _rounded(side / side.sum())


def _rounded(shares: Floats) -> tuple[float, ...]:
    return tuple(float(share) for share in np.round(shares, 6))
