"""The first rows that estimators were fitted on, for as long as the estimators live."""

from __future__ import annotations

import weakref
from typing import Any

from trackbook.capture.estimators.observer import Fit
from trackbook.capture.fingerprint.kinds import kind_of

ROWS = 5


class FitExamples:
    """Remembers a copy of at most `ROWS` rows for each estimator that was fitted."""

    def __init__(self) -> None:
        self._heads: dict[int, tuple[weakref.ref[Any], Any]] = {}

    def note(self, fit: Fit) -> None:
        """Remember what an estimator, and the best one that it searched for, was fitted on; what was before is gone."""
        names = list(fit.given)
        rows = head(fit.given.get("X", fit.given[names[0]] if names else None))
        for estimator in (fit.estimator, _learned(fit.estimator, "best_estimator_")):
            if estimator is not None:
                self._note(estimator, rows)

    def _note(self, estimator: Any, rows: Any) -> None:
        key = id(estimator)
        try:
            reference = weakref.ref(estimator, lambda _: self._heads.pop(key, None))
        except TypeError:  # of a class with slots: then it cannot be told from the next one at its place
            return
        self._heads[key] = reference, rows

    def of(self, estimator: Any) -> Any:
        """Return the first rows that `estimator` was last fitted on; None when that was not observed."""
        reference, rows = self._heads.get(id(estimator), (None, None))
        return rows if reference is not None and reference() is estimator else None


def _learned(estimator: Any, name: str) -> Any:
    """Return what a fit has left under `name`; an estimator of the user's may do anything when it is asked for more."""
    return getattr(estimator, "__dict__", {}).get(name)


def head(rows: Any) -> Any:
    """Return a copy of the first rows of a pandas frame or a numpy array; None of anything else."""
    kind = kind_of(rows)
    if kind == "frame":
        return rows.iloc[:ROWS].copy()
    if kind == "array" and rows.ndim > 1:
        return rows[:ROWS].copy()
    return None


examples = FitExamples()
"""There is one a process, as there is one observer."""
