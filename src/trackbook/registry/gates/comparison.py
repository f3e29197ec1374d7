"""Two models on the same rows: how much the first is better by a metric, and how sure that is."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from trackbook.registry.gates.measures import Measure
from trackbook.registry.gates.statistics import delong, mcnemar
from trackbook.registry.gates.statistics.bootstrap import bootstrap, corrected
from trackbook.registry.gates.statistics.intervals import rows_to_decide, wilson
from trackbook.registry.gates.statistics.measured import Floats, Ints, Measured
from trackbook.settings.gates import ChampionGate, SlicesGate

BETTER, WORSE, INCONCLUSIVE = "better", "not better", "inconclusive"


class Comparison(msgspec.Struct, frozen=True):
    """What the candidate has more than the champion: `low` and `high` are limits, each with `confidence`.

    `p_above` is the p-value of "by no more than `bound`", `p_below` of "by no less"; `error` is the standard error.
    `own_low` and `own_high` are limits of the candidate's own measure.
    """

    test: str
    rows: int
    candidate: float
    champion: float
    bound: float
    difference: float
    low: float
    high: float
    error: float
    p_above: float
    p_below: float
    confidence: float
    own_low: float
    own_high: float

    @property
    def verdict(self) -> str:
        """Whether the candidate is shown to be better by more than the bound, not to be, or neither."""
        level = 1 - self.confidence
        if self.p_above <= level:
            return BETTER
        return WORSE if self.p_below <= level or (self.error == 0 and self.difference <= self.bound) else INCONCLUSIVE

    @property
    def rows_needed(self) -> int | None:
        """About how many rows of this kind would decide, with a power of 80 %; None where no number would."""
        if self.verdict != INCONCLUSIVE:
            return None
        return rows_to_decide(self.rows, abs(self.difference - self.bound), self.error, self.confidence)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return {**plain, "verdict": self.verdict, "rows_needed": self.rows_needed}


class Own(msgspec.Struct, frozen=True):
    """The measure of one model by itself; the limits, each with the confidence of the gate, are None without any."""

    rows: int
    value: float
    own_low: float | None = None
    own_high: float | None = None


def alone(measure: Measure, truth: Any, gate: ChampionGate | SlicesGate, places: Ints | None = None) -> Own:
    """Return what the first model of `measure` reaches on the rows at `places`, where there is no other to compare.

    It has limits where these cost little and can be had: no gate hangs on them.
    """
    rows = np.arange(len(truth)) if places is None else places
    found = measure.on(rows)
    own = Own(len(rows), float(found.whole()[0]))
    if not measure.is_quick:
        return own
    try:
        low, high = _limits(measure, truth, gate, rows, found)
    except (ValueError, ArithmeticError):  # as where a draw has one class only
        return own
    return Own(own.rows, own.value, low, high)


def _limits(
    measure: Measure, truth: Any, gate: ChampionGate | SlicesGate, rows: Ints, found: Measured
) -> tuple[float, float]:
    replies = measure.replies[0]
    if _is_direct(gate, "accuracy", measure):
        return _share(int((replies.labels[rows] == truth[rows]).sum()), len(rows), gate.confidence)
    if _is_direct(gate, "roc_auc", measure):
        return _area(*delong.areas(truth[rows] == replies.classes[1], replies.scores[rows][None]), gate.confidence)
    drawn = bootstrap(found, gate.resamples, gate.seed, bca=gate.interval == "bca", of=_first)
    return drawn.limit(1 - gate.confidence), drawn.limit(gate.confidence)


def compare(
    measure: Measure, truth: Any, gate: ChampionGate | SlicesGate, bound: float, places: Ints | None = None
) -> Comparison:
    """Compare the two models of `measure` on the rows at `places`, by the test that fits the metric."""
    rows = np.arange(len(truth)) if places is None else places
    if _is_direct(gate, "accuracy", measure):
        return _by_mcnemar(measure, truth, gate.confidence, bound, rows)
    if _is_direct(gate, "roc_auc", measure):
        return _by_delong(measure, truth, gate.confidence, bound, rows)
    found = measure.on(rows)
    candidate, champion = found.whole()
    draws = bootstrap(found, gate.resamples, gate.seed, bca=gate.interval == "bca")
    own = draws if draws.parts is None else corrected(float(candidate), draws.parts[:, 0])
    return Comparison(
        f"paired bootstrap, {gate.interval}, {gate.resamples} draws",
        len(rows),
        float(candidate),
        float(champion),
        bound,
        draws.estimate,
        draws.limit(1 - gate.confidence),
        draws.limit(gate.confidence),
        draws.error,
        draws.p_above(bound),
        draws.p_below(bound),
        gate.confidence,
        own.limit(1 - gate.confidence),
        own.limit(gate.confidence),
    )


def _is_direct(gate: ChampionGate | SlicesGate, metric: str, measure: Measure) -> bool:
    """Say whether a test of its own is asked for `metric`, and the measure is that of it."""
    direct = not isinstance(gate, ChampionGate) or gate.method == "auto"
    return direct and gate.metric == metric and measure.is_quick


def _first(values: Floats) -> Floats:
    return np.asarray(values[..., 0])


def _share(hits: int, rows: int, confidence: float) -> tuple[float, float]:
    """Return the limits of a share of rows, each with the confidence."""
    return wilson(hits, rows, 2 * confidence - 1)


def _area(areas: Floats, covariance: Floats, confidence: float) -> tuple[float, float]:
    """Return the limits of the first area, each with the confidence."""
    low, high = delong.limits(float(areas[0]), float(covariance[0, 0]) ** 0.5, confidence)
    return max(low, 0.0), min(high, 1.0)


def _by_mcnemar(measure: Measure, truth: Any, confidence: float, bound: float, rows: Ints) -> Comparison:
    one, other = (each.labels[rows] == truth[rows] for each in measure.replies)
    more, less, count = int((one & ~other).sum()), int((other & ~one).sum()), len(rows)
    low, high = mcnemar.limits(more, less, count, confidence)
    variance = (more + less - (more - less) ** 2 / count) / count**2
    return Comparison(
        "McNemar, exact" if bound == 0 else "McNemar, Tango's score",
        count,
        float(one.mean()),
        float(other.mean()),
        bound,
        (more - less) / count,
        low,
        high,
        variance**0.5,
        mcnemar.p_above(more, less, count, bound),
        mcnemar.p_below(more, less, count, bound),
        confidence,
        *_share(int(one.sum()), count, confidence),
    )


def _by_delong(measure: Measure, truth: Any, confidence: float, bound: float, rows: Ints) -> Comparison:
    positive = truth[rows] == measure.replies[0].classes[1]
    areas, covariance = delong.areas(positive, np.stack([each.scores[rows] for each in measure.replies]))
    difference, error = float(areas[0] - areas[1]), delong.error_of_difference(covariance)
    low, high = delong.limits(difference, error, confidence)
    return Comparison(
        "DeLong",
        len(rows),
        float(areas[0]),
        float(areas[1]),
        bound,
        difference,
        low,
        high,
        error,
        delong.p_above(difference, error, bound),
        delong.p_above(-difference, error, -bound),
        confidence,
        *_area(areas, covariance, confidence),
    )
