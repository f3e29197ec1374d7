"""A metric of models on held-out rows, ready to be compared on all rows or some of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from trackbook.registry.gates.forms import FORMS
from trackbook.registry.gates.replies import Replies
from trackbook.registry.gates.scorers import Scorer
from trackbook.registry.gates.statistics.measured import Floats, Ints, Listed, Means, Measured

AGREES = 1e-9
"""A quick form counts as the scorer when both say the same to so much."""


class Measure:
    """A scorer of one or more models on the same rows."""

    def __init__(self, scorer: Scorer, truth: Any, replies: Sequence[Replies]) -> None:
        """Score all rows with the scorer itself; raises what it raises, ValueError for what is no finite number."""
        self.scorer = scorer
        self._truth = truth
        self.replies = replies
        self.values = self._listed(np.arange(len(truth)))
        lost = [value for value in self.values if not math.isfinite(value)]
        if lost:
            raise ValueError(f"{scorer.name} is {lost[0]}, which cannot be compared")
        self._each = self._row_scores()
        self._is_quick = self._agrees()

    @property
    def is_quick(self) -> bool:
        """Whether there is a form that the bootstrap draws quickly."""
        return self._is_quick

    def on(self, places: Ints | None = None) -> Measured:
        """Return the measures on the rows at `places`, by default on all."""
        rows = np.arange(len(self._truth)) if places is None else places
        if self._is_quick:
            quick = self._quick(rows)
            if quick is not None:
                return quick
        return Listed(len(rows), lambda chosen: self._listed(rows[chosen]))

    def _listed(self, places: Ints) -> Floats:
        truth = self._truth[places]
        return np.array([self.scorer.score(places, truth, each) for each in self.replies])

    def _quick(self, places: Ints) -> Measured | None:
        if self._each is not None:
            return Means(self._each[places], lambda means: means)
        form = FORMS.get(self.scorer.name)
        return None if form is None else form(self._truth, self.replies, places)

    def _row_scores(self) -> Floats | None:
        if self.scorer.each is None:
            return None
        found = [np.asarray(self.scorer.each(self._truth, each), dtype=float) for each in self.replies]
        return np.stack(found, axis=1) if all(each.shape == self._truth.shape for each in found) else None

    def _agrees(self) -> bool:
        try:
            quick = self._quick(np.arange(len(self._truth)))
            found = None if quick is None else quick.whole()
        except (ValueError, TypeError, ArithmeticError, IndexError, AttributeError):
            return False
        return found is not None and bool(np.allclose(found, self.values, rtol=AGREES, atol=AGREES))
