"""What a search over params found, and what cross-validation said, as plain values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from trackbook.capture.estimators.measures import as_number
from trackbook.capture.estimators.params import value_text

MAX_CANDIDATES = 100
MAX_FOLDS = 100


@dataclass(frozen=True, slots=True)
class Candidate:
    """One setting that a search tried: its params, the columns of `cv_results_` about it, and the time it took."""

    number: int
    params: dict[str, str]
    metrics: dict[str, float]
    seconds: float


@dataclass(frozen=True, slots=True)
class Search:
    """A search that has ended: how many settings it tried, the best of them, and which it chose."""

    tried: int
    candidates: tuple[Candidate, ...]
    best_params: dict[str, str]
    best_score: float | None


def search_results(estimator: Any) -> Search | None:
    """Return what a fitted search of scikit-learn found, the best `MAX_CANDIDATES`; None for other estimators."""
    try:
        results = getattr(estimator, "cv_results_", None)
    except Exception:  # noqa: BLE001 - a property of the user's
        return None
    if not isinstance(results, dict) or not isinstance(results.get("params"), list):
        return None
    settings = results["params"]
    folds = max(int(getattr(estimator, "n_splits_", 1)), 1)
    order = sorted(range(len(settings)), key=lambda number: (_rank(results, number), number))
    best = getattr(estimator, "best_params_", None)
    return Search(
        tried=len(settings),
        candidates=tuple(_candidate(results, number, folds) for number in order[:MAX_CANDIDATES]),
        best_params=_texts(best) if isinstance(best, Mapping) else {},
        best_score=as_number(getattr(estimator, "best_score_", None)),
    )


def _candidate(results: Mapping[str, Any], number: int, folds: int) -> Candidate:
    metrics = {
        name: value
        for name, column in results.items()
        if not name.startswith(("param", "split")) and (value := as_number(column[number])) is not None
    }
    seconds = folds * sum(metrics.get(name, 0.0) for name in ("mean_fit_time", "mean_score_time"))
    return Candidate(number, _texts(results["params"][number]), metrics, seconds if math.isfinite(seconds) else 0.0)


def _texts(params: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): value_text(value) for name, value in params.items()}


def _rank(results: Mapping[str, Any], number: int) -> float:
    """Return the candidate's rank; under several metrics, that of the first."""
    ranks = (column for name, column in results.items() if name.startswith("rank_test_"))
    rank = as_number(next(ranks, [math.inf] * (number + 1))[number])
    return math.inf if rank is None or math.isnan(rank) else rank


def folds(value: Any) -> dict[str, list[float]]:
    """Return the scores and times of the folds by name: of `cross_validate` as it names them, else under ''."""
    columns = value if isinstance(value, dict) else {"": value}
    return {
        str(name): [float(each) for each in column]
        for name, column in columns.items()
        if getattr(column, "ndim", None) == 1 and getattr(column.dtype, "kind", "") in "fiu"
    }


def mean_and_deviation(values: list[float]) -> tuple[float, float]:
    """Return the mean and the standard deviation (divisor n, as `std_test_score` of scikit-learn)."""
    mean = math.fsum(values) / len(values)
    return mean, math.sqrt(math.fsum((value - mean) ** 2 for value in values) / len(values))
