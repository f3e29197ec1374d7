"""Bootstrap limits and p-values: percentile, and BCa (bias-corrected and accelerated).

Source: Efron (1987), "Better bootstrap confidence intervals"; DiCiccio and Efron (1996).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from trackbook.registry.gates.statistics.measured import Floats, Measured


@dataclass(frozen=True)
class Bootstrap:
    """Draws of one number, sorted; `bias` and `acceleration` are 0 for the percentile method.

    `parts` are the draws of the measures (draws, M) that the number was made of.
    """

    estimate: float
    draws: Floats
    bias: float = 0.0
    acceleration: float = 0.0
    parts: Floats | None = None

    @property
    def error(self) -> float:
        """The standard error: the deviation of the draws."""
        return float(self.draws.std(ddof=1))

    def limit(self, share: float) -> float:
        """Return the number below which the true value lies with the probability `share`."""
        if self.draws[0] == self.draws[-1]:
            return float(self.draws[0])
        z = self.bias + float(ndtri(share))
        scale = 1 - self.acceleration * z
        shifted = self.bias + z / scale if scale > 0 else math.copysign(math.inf, z)
        return float(np.quantile(self.draws, ndtr(shifted)))

    def p_above(self, bound: float) -> float:
        """Return the p-value of "the true value is at most `bound`": small when it is shown to be above."""
        if self.draws[0] == self.draws[-1]:
            return float(self.draws[0] <= bound)
        return self._level(int((self.draws <= bound).sum()) + 1)

    def p_below(self, bound: float) -> float:
        """Return the p-value of "the true value is at least `bound`"."""
        if self.draws[0] == self.draws[-1]:
            return float(self.draws[0] >= bound)
        return 1 - self._level(int((self.draws < bound).sum()))

    def _level(self, place: int) -> float:
        """Return the level whose lower limit lies at this place of the draws: `limit` turned around."""
        count = len(self.draws)
        z = float(ndtri(min(max(place, 1), count) / (count + 1))) - self.bias
        scale = 1 + self.acceleration * z
        return float(ndtr(z / scale - self.bias)) if scale > 0 else float(z > 0)


def bootstrap(
    measured: Measured, draws: int, seed: int, *, bca: bool = True, of: Callable[[Floats], Floats] | None = None
) -> Bootstrap:
    """Draw the number that `of` makes of the measures (…, M), as of two models the difference (the default).

    The same seed gives the same draws.  Raises ValueError when a measure has no finite value on a draw.
    """
    number = of or difference
    rng = np.random.default_rng(seed)
    estimate = float(number(measured.whole()))
    parts = measured.drawn(rng, draws)
    found = number(parts)
    lost = int((~np.isfinite(found)).sum())
    if lost or not math.isfinite(estimate):
        raise ValueError(f"the measure has no finite value on {lost} of {draws} bootstrap draws")
    if not bca:
        return Bootstrap(estimate, np.sort(found), parts=parts)
    return Bootstrap(estimate, np.sort(found), _bias(found, estimate), _acceleration(measured, rng, number), parts)


def corrected(estimate: float, draws: Floats) -> Bootstrap:
    """Return draws with the bias taken out of their limits, as where the largest of several rates is drawn."""
    return Bootstrap(estimate, np.sort(draws), _bias(draws, estimate))


def difference(values: Floats) -> Floats:
    """Return what the first model has more than the second; of one model, what it has."""
    return np.asarray(values[..., 0] - values[..., 1] if values.shape[-1] == 2 else values[..., 0])


def _bias(draws: Floats, estimate: float) -> float:
    share = float(((draws < estimate).sum() + (draws <= estimate).sum()) / (2 * len(draws)))
    edge = 1 / (len(draws) + 1)
    return float(ndtri(min(max(share, edge), 1 - edge)))


def _acceleration(measured: Measured, rng: np.random.Generator, number: Callable[[Floats], Floats]) -> float:
    found, counts = measured.without(rng)
    values = number(found)
    known = np.isfinite(values) & (counts > 0)
    values, counts = values[known], counts[known]
    if not len(values):
        return 0.0
    away = np.average(values, weights=counts) - values
    square = float((counts * away**2).sum())
    return float((counts * away**3).sum() / (6 * square**1.5)) if square > 0 else 0.0
