"""What a gate costs: a paired bootstrap of 100,000 rows and 2,000 draws by metric, and the sketch of a fit's rows.

    python tests/benchmarks/gates.py [--rows N] [--draws N] [--json]

Nobody else has such gates, so there is no peer; scipy's own bootstrap of the same difference of means is timed beside.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.stats

from trackbook.capture.rows import sketch_of
from trackbook.registry.gates.measures import Measure
from trackbook.registry.gates.replies import Replies
from trackbook.registry.gates.scorers import resolve
from trackbook.registry.gates.statistics.bootstrap import bootstrap

BUDGET = 5.0
METRICS = (
    "accuracy",
    "f1_macro",
    "balanced_accuracy",
    "neg_log_loss",
    "neg_brier_score",
    "roc_auc",
    "average_precision",
)
ERRORS = ("neg_mean_absolute_error", "neg_root_mean_squared_error", "r2")


class Said:
    """A model that says what it was told to say."""

    def __init__(self, scores: Any, is_classifier: bool) -> None:
        self._scores = scores
        self._is_classifier = is_classifier
        if is_classifier:
            self.classes_ = np.array([0, 1])

    def predict(self, rows: Any) -> Any:
        return (self._scores > 0.5).astype(int) if self._is_classifier else self._scores

    def predict_proba(self, rows: Any) -> Any:
        return np.stack([1 - self._scores, self._scores], axis=1)


def seconds(function: Callable[[], object]) -> tuple[float, float]:
    """Return seconds by the clock and of the processor."""
    clock, processor = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - clock, time.process_time() - processor


def measured(rows: int, draws: int) -> dict[str, tuple[float, float]]:
    """Return the seconds of each case."""
    rng = np.random.default_rng(0)
    truth = (rng.random(rows) < 0.4).astype(int)
    noisy = [1 / (1 + np.exp(-(2 * truth - 1 + rng.normal(size=rows)))) for _ in range(2)]
    value = rng.normal(size=rows)
    guesses = [value + rng.normal(size=rows) for _ in range(2)]
    found = {}
    for names, known, said in ((METRICS, truth, noisy), (ERRORS, value, guesses)):
        for name in names:
            replies = [Replies(Said(each, known is truth), known) for each in said]
            measure = Measure(resolve(name, None), known, replies)
            assert measure.is_quick, name
            found[f"bootstrap of {name}"] = seconds(lambda measure=measure: bootstrap(measure.on(), draws, 0))
    errors = [-np.abs(value - each) for each in guesses]
    found["scipy, a difference of means, 100 draws"] = seconds(
        lambda: scipy.stats.bootstrap(
            errors, lambda a, b, axis=-1: a.mean(axis) - b.mean(axis), paired=True, n_resamples=100,
            method="percentile", batch=10,
        )
    )  # fmt: skip
    data = rng.normal(size=(rows, 20))
    found["sketch of a fit's rows, 20 columns"] = seconds(lambda: sketch_of(data, truth))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--draws", type=int, default=2_000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    found = measured(arguments.rows, arguments.draws)
    if arguments.json:
        print(json.dumps(found))
        return
    for name, (clock, processor) in found.items():
        over = "  over the budget" if name.startswith("bootstrap") and clock > BUDGET else ""
        print(f"{name:45} {clock:7.2f} s  {processor:7.2f} s of the processor{over}")


if __name__ == "__main__":
    main()
