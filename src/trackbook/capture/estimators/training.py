"""The score of an estimator on its own training data, when that is cheap and changes nothing.

Only library code is run a second time: code of the user's may print, count or take its time.
"""

from __future__ import annotations

import inspect
import random
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FunctionType
from typing import Any

from trackbook.capture.estimators.measures import as_number
from trackbook.capture.estimators.observer import Fit
from trackbook.capture.estimators.params import raw_params
from trackbook.capture.files.watcher import is_library

ALWAYS_ROWS = 1_000
"""So many are scored without an estimate, so that the same small example always has its score."""

FIRST_ROWS = 100
GROWTH = 10

MIN_SECONDS = 0.01
MAX_SECONDS = 1.0
SHARE = 0.05
"""Scoring may take this share of the time that the fit took, between the two bounds."""


@dataclass(frozen=True, slots=True)
class TrainingScore:
    """The score, or why there is none; neither for an estimator that has no training score."""

    value: float | None = None
    skipped: str | None = None


def training_score(fit: Fit) -> TrainingScore:
    """Return what `estimator.score` says about the training data: accuracy of a classifier, R² of a regressor.

    The cost for more than `ALWAYS_ROWS` is estimated on slices of 100 rows, 1,000 and so on;
    warnings are not shown, and generators of random numbers are left as they were.
    """
    estimator, data = fit.estimator, _data(fit.given)
    if data is None or not _is_supervised(estimator):
        return TrainingScore()
    params = raw_params(estimator)
    reason = _reason_against(estimator, params)
    if reason is not None:
        return TrainingScore(skipped=reason)
    with _undisturbed(params, estimator):
        try:
            return _score(estimator, data, min(max(SHARE * fit.seconds, MIN_SECONDS), MAX_SECONDS))
        except Exception as error:  # noqa: BLE001 - a score that fails is no fault of the fit
            return TrainingScore(skipped=f"score raised {type(error).__name__}")


def _score(estimator: Any, data: Mapping[str, Any], limit: float) -> TrainingScore:
    rows = _rows(data["X"])
    count, before = rows if rows <= ALWAYS_ROWS else FIRST_ROWS, (0, 0.0)
    while True:
        part = {name: _head(each, count) for name, each in data.items()} if count < rows else data
        start = time.perf_counter()
        value = estimator.score(part["X"], part["y"], **{name: part[name] for name in part if name == "sample_weight"})
        seconds = time.perf_counter() - start
        if count >= rows:
            number = as_number(value)
            return TrainingScore(number) if number is not None else TrainingScore(skipped="score is no number")
        slope = max(seconds - before[1], 0.0) / (count - before[0])
        expected = seconds + slope * (rows - count)
        following = seconds + slope * count * (GROWTH - 1)
        if seconds > limit or (expected > limit and following > limit):
            return TrainingScore(skipped=f"it would take about {expected:.2g} s for {rows:,} rows")
        before, count = (count, seconds), rows if expected <= limit else count * GROWTH


def _data(given: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return X, y and the sample weights of a fit; None when there are no targets or the rows cannot be counted."""
    names = list(given)
    x = given.get("X", given[names[0]] if names else None)
    y = given.get("y", given.get("Y"))
    if x is None or y is None or _rows(x) < 1 or _rows(x) != _rows(y):
        return None
    weights = given.get("sample_weight")
    return {"X": x, "y": y} | ({"sample_weight": weights} if weights is not None else {})


def _rows(value: Any) -> int:
    try:
        return int(value.shape[0]) if hasattr(value, "shape") else len(value)
    except Exception:  # noqa: BLE001 - an iterator, say
        return -1


def _head(value: Any, count: int) -> Any:
    return value.iloc[:count] if hasattr(value, "iloc") else value[:count]


def _is_supervised(estimator: Any) -> bool:
    from sklearn.base import is_classifier, is_regressor  # the caller has scikit-learn already

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return callable(getattr(estimator, "score", None)) and (is_classifier(estimator) or is_regressor(estimator))
    except Exception:  # noqa: BLE001 - an estimator that keeps no convention
        return False


def _reason_against(estimator: Any, params: Mapping[str, Any]) -> str | None:
    for value in (estimator, *params.values()):
        if not _is_library_code(value):
            name = value.__name__ if isinstance(value, FunctionType) else type(value).__name__
            return f"{name} is the user's own code, which is run only once"
    for name, value in params.items():
        prefix = name.removesuffix("verbose")
        # What predicts in parallel says so when it is verbose; a search, which has `cv`, only while it fits.
        if prefix != name and value and f"{prefix}n_jobs" in params and f"{prefix}cv" not in params:
            return f"{name}={value!r:.20} would print again"
    return None


def _is_library_code(value: Any) -> bool:
    """Say whether calling `value`, or the methods of an estimator, runs nothing that the user wrote."""
    if isinstance(value, list | tuple):
        return all(_is_library_code(item) for item in value[:FIRST_ROWS])
    if isinstance(value, dict):
        return all(_is_library_code(item) for item in list(value.values())[:FIRST_ROWS])
    if inspect.isfunction(value) or inspect.ismethod(value):
        return is_library(value.__code__.co_filename)
    kind = value if isinstance(value, type) else type(value)
    if not callable(value) and not hasattr(kind, "get_params"):
        return True
    files = (getattr(sys.modules.get(cls.__module__), "__file__", None) for cls in kind.__mro__)
    named = all(cls.__module__ in sys.modules and cls.__module__ != "__main__" for cls in kind.__mro__)
    return named and all(file is None or is_library(file) for file in files)


@contextmanager
def _undisturbed(params: Mapping[str, Any], estimator: Any) -> Iterator[None]:
    """Show no warnings, and put all generators of random numbers back that a prediction may use."""
    restore = [_restorer(each) for each in (*params.values(), *vars(estimator).values())]
    python, numpy = random.getstate(), sys.modules["numpy"].random
    state = numpy.get_state()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        random.setstate(python)
        numpy.set_state(state)
        for each in restore:
            each()


def _restorer(value: Any) -> Callable[[], None]:
    numpy = sys.modules["numpy"].random
    if isinstance(value, numpy.RandomState):
        state = value.get_state()
        return lambda: value.set_state(state)
    if isinstance(value, numpy.Generator):
        inner = value.bit_generator.state

        def restore() -> None:
            value.bit_generator.state = inner

        return restore
    return lambda: None


def is_predictor(estimator: Any) -> bool:
    """Say whether an estimator predicts, clusters or finds outliers, rather than only transforms."""
    with suppress(Exception):
        return any(hasattr(estimator, name) for name in ("predict", "fit_predict"))
    return False


__all__ = ["TrainingScore", "is_predictor", "training_score"]
