"""Intervals of shares, and corrections for many tests."""

from __future__ import annotations

import math

from scipy.special import ndtri


def wilson(hits: float, rows: float, confidence: float) -> tuple[float, float]:
    """Return Wilson's interval of a share, both sides together with the given confidence; source: Wilson (1927)."""
    if rows <= 0:
        return 0.0, 1.0
    z = float(ndtri((1 + confidence) / 2))
    share = hits / rows
    middle = share + z * z / (2 * rows)
    half = z * math.sqrt(share * (1 - share) / rows + z * z / (4 * rows * rows))
    scale = 1 + z * z / rows
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def holm(p_values: list[float]) -> list[float]:
    """Return the p-values adjusted so that all tests together are wrong with the level of one; source: Holm (1979)."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for rank, place in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = highest
    return adjusted


def rows_to_decide(rows: int, gap: float, error: float, confidence: float, power: float = 0.8) -> int | None:
    """Return about how many rows would decide, where `rows` with the standard error `error` did not; None for never.

    `gap` is how far the estimate lies from the bound that it must pass.
    """
    if gap == 0 or error == 0 or not math.isfinite(gap + error):
        return None
    wanted = rows * ((float(ndtri(confidence)) + float(ndtri(power))) * error / gap) ** 2
    return math.ceil(wanted) if wanted < 1e12 else None
