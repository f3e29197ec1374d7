"""Which rows living models were trained on, as sketches that are made when they are fitted.

A sketch is of a model as it was after a fit that was watched.  One that is fitted again where nobody watches has other
learned attributes; what is known of its rows is then worth nothing.  Of a model that is fitted in parts, those before
the first that was watched do not show.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Any
from weakref import WeakKeyDictionary

import msgspec

from trackbook.capture.estimators.observer import Fit
from trackbook.capture.estimators.training import is_predictor
from trackbook.capture.rows import RowSketch, merged, sketch_of

FREE_SECONDS = 0.5
SHARE = 0.1
"""A process may spend so many seconds on sketches, and this share of the time that the fits took."""

MAX_DEPTH = 4

Marks = frozenset[tuple[str, int]]


class Known(msgspec.Struct, frozen=True):
    """The sketch of a model's rows, or the reason why there is none; `marks` are of its learned attributes."""

    marks: Marks
    sketch: RowSketch | None = None
    reason: str | None = None


class TrainingRows:
    """What models of this process were trained on, as long as they live."""

    def __init__(self) -> None:
        self._known: WeakKeyDictionary[Any, Known] = WeakKeyDictionary()
        self._fit_seconds = 0.0
        self._seconds = 0.0

    def note(self, fit: Fit) -> None:
        """Make the sketch of a fit, unless the process has spent enough time on sketches."""
        if not is_predictor(fit.estimator):
            return
        self._fit_seconds += fit.seconds
        start = time.perf_counter()
        with suppress(Exception):  # an estimator may do anything when it is looked at; its rows are not known then
            self._note(fit)
        self._seconds += time.perf_counter() - start

    def sketch(self, model: Any) -> RowSketch | None:
        """Return the sketch of what `model` was trained on; None where it is not known."""
        with suppress(Exception):  # as above
            known = self._known.get(model)
            return None if known is None or known.marks != marks(model) else known.sketch
        return None

    def _note(self, fit: Fit) -> None:
        estimator = fit.estimator
        before = self._known.pop(estimator, None)
        known = self._sketched(fit, before if _goes_on(fit) else None)
        for each in (estimator, vars(estimator).get("best_estimator_")):
            if each is not None:
                self._known[each] = msgspec.structs.replace(known, marks=marks(each))

    def _sketched(self, fit: Fit, before: Known | None) -> Known:
        if self._seconds > FREE_SECONDS + SHARE * self._fit_seconds:
            return Known(frozenset(), reason="the process has spent enough time on hashing training rows")
        names = list(fit.given)
        features = fit.given.get("X", fit.given[names[0]] if names else None)
        try:
            sketch = sketch_of(features, fit.given.get("y"))
            if before is not None:
                if before.sketch is None:
                    return before
                sketch = merged(before.sketch, sketch)
        except Exception as error:  # noqa: BLE001 - data of any kind; the gate says that the rows are not known
            return Known(frozenset(), reason=str(error)[:200])
        return Known(frozenset(), sketch)


def marks(model: Any) -> Marks:
    """Return which objects a model has learned, at any depth: others after every further fit."""
    return frozenset(_marks(model, "", MAX_DEPTH))


def _marks(value: Any, path: str, depth: int) -> Iterator[tuple[str, int]]:
    if depth == 0:
        return
    if isinstance(value, list | tuple):
        for at, each in enumerate(value[:100]):
            yield from _marks(each, f"{path}/{at}", depth)
        return
    if not hasattr(type(value), "get_params"):
        return
    for name, each in vars(value).items():
        if name.endswith("_") and not name.startswith("_"):
            yield f"{path}.{name}", id(each)
        yield from _marks(each, f"{path}.{name}", depth - 1)


def _goes_on(fit: Fit) -> bool:
    """Say whether a fit adds to what was learned before."""
    return fit.method == "partial_fit" or vars(fit.estimator).get("warm_start") is True


training_rows = TrainingRows()
"""The one of this process."""
