"""A sweep as it stands in the store, while it goes on or long after."""

from __future__ import annotations

import json

import msgspec

from trackbook.errors import NotFoundError
from trackbook.pipeline.sweeps.sweep import BEST_TAG, KIND, VARIED_TAG
from trackbook.pipeline.sweeps.trials import TRIAL_TAG
from trackbook.tracking import Runs
from trackbook.tracking.values import RunSummary

MOST_TRIALS = 10_000


class SweptTrial(msgspec.Struct, frozen=True):
    """A trial: its run, status, and its values by the names of params that vary and of metrics; None: not there."""

    number: int
    run_id: str
    run_name: str
    status: str
    values: dict[str, str | float | None]


class Swept(msgspec.Struct, frozen=True):
    """A sweep: the params that vary, the metrics that its trials have, and the trials by number.

    What `charts.parallel.parallel_coordinates` draws: a line a trial across `params` and `metrics`.
    """

    run_id: str
    status: str
    params: tuple[str, ...]
    metrics: tuple[str, ...]
    trials: tuple[SweptTrial, ...]
    best: str | None = None


def read_sweep(runs: Runs, run_id: str) -> Swept:
    """Return the sweep with this run; raises NotFoundError where there is none, or it is no sweep."""
    run = runs.get(run_id).summary
    if run.kind != KIND:
        raise NotFoundError(f"run {run.run_name!r} ({run.run_id[:8]}) is no sweep but of kind {run.kind!r}")
    params = tuple(json.loads(run.tags.get(VARIED_TAG, "[]")))
    found = runs.search(f"parent_run_id = '{run.run_id}'", ["start_time"], MOST_TRIALS)
    trials = sorted((trial for trial in found if TRIAL_TAG in trial.tags), key=_number)
    metrics = tuple(sorted({name for trial in trials for name in trial.metrics}))
    rows = tuple(_row(trial, params, metrics) for trial in trials)
    return Swept(run.run_id, run.status, params, metrics, rows, run.tags.get(BEST_TAG))


def _number(trial: RunSummary) -> int:
    return int(trial.tags[TRIAL_TAG])


def _row(trial: RunSummary, params: tuple[str, ...], metrics: tuple[str, ...]) -> SweptTrial:
    values: dict[str, str | float | None] = {name: trial.params.get(name) for name in params}
    values |= {name: trial.metrics.get(name) for name in metrics}
    return SweptTrial(_number(trial), trial.run_id, trial.run_name, trial.status, values)
