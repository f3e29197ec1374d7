"""What scikit-learn did, as params, metrics, tags, artifacts and child runs of one run.

===============================  ==========================================================================
``alpha``, ``ridge__alpha``      params, under scikit-learn's names; a later estimator whose value differs
                                 has ``forest.max_depth``, after the user's variable, or its class
``fit_time``                     metric, in seconds; a step for each fit of the same estimator
``training_score``               metric, as `estimator.score` gives it; the tag ``training_score_skipped``
                                 says why there is none
``best_alpha``, ``best_score``   of a search, whose candidates are child runs
``scores``, ``mean_scores``,     of cross-validation: its folds as steps, their mean and deviation
``std_scores``
``model/model.skops``            artifact, if models are kept; ``model/model.rows`` is the sketch of its training rows
``accuracy``                     metric, under the variable that keeps it, else the function's name
===============================  ==========================================================================
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from trackbook.capture.estimators.calls import NO_NAMES, CallNames, call_names
from trackbook.capture.estimators.examples import examples
from trackbook.capture.estimators.measures import as_number, numbers, table
from trackbook.capture.estimators.observer import Fit, Measurement, Validation
from trackbook.capture.estimators.params import estimator_params
from trackbook.capture.estimators.rows import training_rows
from trackbook.capture.estimators.searches import MAX_FOLDS, Search, folds, mean_and_deviation, search_results
from trackbook.capture.estimators.training import SHARE, is_predictor, training_score
from trackbook.data.examples import write_example
from trackbook.tracking.candidates import log_candidates
from trackbook.tracking.labels import Labels
from trackbook.tracking.names import FIT_TIME, ROWS_SUFFIX, TRAINING_SCORE
from trackbook.tracking.tracker import ActiveRun

SKIPPED = "training_score_skipped"

MAX_PARAM_SETS = 20
MAX_TABLES = 20
SCORING_SECONDS = 0.2
"""A loop of fits may spend this on training scores, and `SHARE` of the time that the fits took."""

Keep = Callable[[Any], bytes]
"""Turns a fitted estimator into bytes; raises when it cannot be kept."""


class FitLog:
    """Receives what scikit-learn does and logs it to `run`.

    `source` is the text of the cell that runs, for code that Python keeps no text of; `keep` says how
    models are kept this moment, if they are.
    """

    def __init__(self, run: ActiveRun, source: str = "", keep: Callable[[], Keep | None] = lambda: None) -> None:
        self._run = run
        self._source = source
        self._keep = keep
        self._labels = Labels()
        self._classes: dict[str, None] = {}
        self._tags: dict[str, str] = {}
        self._partial: dict[int, Any] = {}
        self._param_sets = 0
        self._tables: dict[str, int] = {}
        self._fit_seconds = 0.0
        self._scoring_seconds = 0.0

    @property
    def run(self) -> ActiveRun:
        """The run that is logged to."""
        return self._run

    def reserve(self, params: Mapping[str, str]) -> None:
        """Leave these names to params of the user's own."""
        self._labels.reserve(params)

    def fitted(self, fit: Fit) -> None:
        """Log an estimator that was fitted, and keep in mind the rows that it saw."""
        training_rows.note(fit)
        if fit.method == "partial_fit" and not self._is_first_part(fit.estimator):
            return
        label = self._label(fit)
        self._log_params(label, fit.estimator)
        examples.note(fit)
        if fit.method == "partial_fit":
            return
        prefix = self._labels.metric_prefix(label) if is_predictor(fit.estimator) else f"{label}."
        self._run.log_metric(prefix + FIT_TIME, fit.seconds)
        self._log_training_score(prefix, fit)
        search = search_results(fit.estimator)
        if search is not None:
            self._log_search(label, prefix, search, fit)
        keep = self._keep()
        if keep is not None:
            self._keep_model(prefix, fit.estimator, keep)

    def measured(self, measurement: Measurement) -> None:
        """Log what a metric function returned: a number, or the numbers and the table of a report."""
        name = self._names(measurement).bound or measurement.name
        number = as_number(measurement.value)
        if number is not None:
            self._run.log_metric(name, number)
            return
        for key, each in numbers(measurement.name, measurement.value, measurement.given).items():
            self._run.log_metric(f"{name}.{key}", each)
        report = table(measurement.name, measurement.value, measurement.given)
        if report is not None:
            self._log_table(name, *report)

    def validated(self, validation: Validation) -> None:
        """Log a cross-validation: what it validated, and its scores as one metric a column with the folds as steps."""
        names = self._names(validation)
        if validation.estimator is not None:
            self._log_params(self._labels.label(None, _class_name(validation.estimator)), validation.estimator)
        for column, values in folds(validation.value).items():
            own = names.mean if not column else None  # x = cross_val_score(…).mean()
            self._log_folds(names.bound or validation.name, column, values, own)

    # -- parts

    def _label(self, fit: Fit) -> str:
        names = self._names(fit)
        variable = names.receiver or (names.bound if fit.method in ("fit", "partial_fit") else None)
        return self._labels.label(variable if variable != "self" else None, _class_name(fit.estimator))

    def _names(self, observed: Fit | Measurement | Validation) -> CallNames:
        """Return the names that the user's own cell or script gives; a module's names are nobody's at this run."""
        caller = observed.caller
        at_top = caller.f_code.co_name == "<module>"
        if not at_top and caller.f_globals.get("__name__") != "__main__":
            return NO_NAMES
        return call_names(caller, self._source if at_top else "")

    def _is_first_part(self, estimator: Any) -> bool:
        known = self._partial.get(id(estimator)) is estimator
        self._partial[id(estimator)] = estimator  # held, so that its id stays its own
        return not known

    def _log_params(self, label: str, estimator: Any) -> None:
        name = _class_name(estimator)
        if name not in self._classes:
            self._classes[name] = None
            self._set_tag("estimator", ", ".join(self._classes))
        if self._param_sets >= MAX_PARAM_SETS:
            self._set_tag("params_left_out", f"those of all fits after the first {MAX_PARAM_SETS}")
            return
        new = self._labels.params(label, estimator_params(estimator))
        self._param_sets += bool(new)
        self._run.add_params(new)

    def _log_training_score(self, prefix: str, fit: Fit) -> None:
        self._fit_seconds += fit.seconds
        if self._scoring_seconds > SCORING_SECONDS + SHARE * self._fit_seconds:
            self._set_tag(prefix + SKIPPED, "the run has spent enough time on training scores")
            return
        start = time.perf_counter()
        score = training_score(fit)
        self._scoring_seconds += time.perf_counter() - start
        if score.value is not None:
            self._run.log_metric(prefix + TRAINING_SCORE, score.value)
        elif score.skipped is not None:
            self._set_tag(prefix + SKIPPED, score.skipped)

    def _log_search(self, label: str, prefix: str, search: Search, fit: Fit) -> None:
        best = {f"best_{name}": value for name, value in search.best_params.items()}
        self._run.add_params(self._labels.params(label, best))
        if search.best_score is not None:
            self._run.log_metric(f"{prefix}best_score", search.best_score)
        kept = len(search.candidates)
        text = str(search.tried) if kept == search.tried else f"{search.tried}, of which the best {kept} are child runs"
        self._set_tag(f"{prefix}candidates", text)
        inner = getattr(fit.estimator, "estimator", fit.estimator)
        log_candidates(self._run, search, _class_name(inner), fit.seconds)

    def _keep_model(self, prefix: str, estimator: Any, keep: Keep) -> None:
        try:
            content = keep(estimator)
        except Exception as error:  # noqa: BLE001 - the fit is done and recorded; the tag says what is missing
            self._set_tag(f"{prefix}model_not_kept", str(error)[:500])
            return
        name = f"model/{prefix.rstrip('.') or 'model'}"
        self._run.add_artifact(f"{name}.skops", content)
        example = write_example(examples.of(estimator))
        if example is not None:
            self._run.add_artifact(f"{name}.example.parquet", example)
        sketch = training_rows.sketch(estimator)
        if sketch is not None:
            self._run.add_artifact(name + ROWS_SUFFIX, sketch.encode())

    def _log_table(self, name: str, ending: str, content: bytes) -> None:
        count = sum(self._tables.values())
        if count >= MAX_TABLES:
            self._set_tag("tables_left_out", f"all after the first {MAX_TABLES}")
            return
        number = self._tables[name] = self._tables.get(name, 0) + 1
        self._run.add_artifact(f"{name}.{ending}" if number == 1 else f"{name}_{number}.{ending}", content)

    def _log_folds(self, name: str, column: str, values: list[float], own: str | None) -> None:
        if not values:
            return
        prefix, key = (f"{name}.", column) if column else ("", name)
        if len(values) <= MAX_FOLDS and not column.endswith("_time"):
            for value in values:
                self._run.log_metric(prefix + key, value)
        mean, deviation = mean_and_deviation(values)
        self._run.log_metric(own or f"{prefix}mean_{key}", mean)
        if not column.endswith("_time"):
            self._run.log_metric(f"{prefix}std_{key}", deviation)

    def _set_tag(self, key: str, text: str) -> None:
        if self._tags.get(key) != text:
            self._tags[key] = text
            self._run.set_tag(key, text)


def _class_name(estimator: Any) -> str:
    name = type(estimator).__name__
    return name if name.isidentifier() else "estimator"
