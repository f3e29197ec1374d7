"""A run of what the steps of a script have kept: its model, and the numbers that gates judge it by."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trackbook.errors import PipelineError, nearest
from trackbook.pipeline.running.kept import KeptResults, KeptStep

if TYPE_CHECKING:
    from trackbook.tracking import Tracker

MODEL = "model"
ARTIFACT = "model.skops"
LOOKED_INTO = 64 * 1024 * 1024
"""Kept results of more bytes are not loaded to look for numbers in them."""


class Candidate(msgspec.Struct, frozen=True):
    """A run with a model to be judged and registered: `uri` is the model's, `variable` its name in the script."""

    run_id: str
    uri: str
    variable: str
    params: dict[str, str]
    metrics: dict[str, float]
    steps: tuple[KeptStep, ...]


def make_candidate(
    kept: KeptResults, tracker: Tracker, dump: Callable[[Any], bytes], *, script: Path, variable: str | None
) -> Candidate:
    """Log the model and the numbers that steps returned as a run; `dump` gives the bytes of a model.

    Metrics are what steps logged, else the outputs that are numbers and the numbers in outputs that are dicts; and
    `seconds.STEP`.  The model is
    `variable`, else `model`, else the last output that can predict.  Raises PipelineError where there is none.
    """
    values = _values(kept, variable)
    name = _model_name(kept, values, variable)
    metrics = _numbers({key: value for key, value in values.items() if key != name})
    metrics |= {key: value for step in kept.steps for key, value in step.metrics.items()}
    metrics |= {f"seconds.{step.name}": step.seconds for step in kept.steps if not step.why}
    data, params = dump(values[name]), kept.param_texts()
    run = tracker.start_run(script.stem, kind="candidate", tags={"pipeline": str(script), "model": name})
    with run:
        run.log_params(params)
        run.log_metrics(metrics)
        run.log_artifact(data, ARTIFACT)
        run.end("FINISHED")
    return Candidate(run.run_id, f"runs:/{run.run_id}/{ARTIFACT}", name, params, metrics, kept.steps)


def _values(kept: KeptResults, variable: str | None) -> dict[str, Any]:
    wanted = variable or MODEL
    return kept.values(
        step
        for step in kept.plan.steps
        if kept.has(step) and (wanted in step.outputs or kept.size(step) <= LOOKED_INTO)
    )


def _model_name(kept: KeptResults, values: Mapping[str, Any], variable: str | None) -> str:
    able = [name for name, value in values.items() if callable(getattr(value, "predict", None))]
    if variable is not None and variable in values:
        return variable
    if variable is None and able:
        return MODEL if MODEL in able else able[-1]
    missing = next((step for step in kept.steps if step.why), None)
    if missing is not None:
        raise PipelineError(
            f"step {missing.name!r} of {kept.plan.path.name} has no kept result for these parameters ({missing.why}): "
            "run it with `trackbook pipeline run` and the same parameters"
        )
    known = [name for step in kept.plan.steps for name in step.outputs]
    if variable is not None:
        raise PipelineError(f"no step returns {variable!r}{nearest(variable, known)} (they return: {', '.join(known)})")
    raise PipelineError(
        f"no step of {kept.plan.path.name} returns a model with a method `predict`; name another with --variable "
        f"(they return: {', '.join(known) or 'nothing'})"
    )


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    """Return the finite numbers among `values` and in its dicts; a NaN stays, as gates fail on it."""
    found: dict[str, float] = {}
    for name, value in values.items():
        if isinstance(value, dict):
            named = {str(key): item for key, item in value.items() if _is_number(item)}
            found |= {key: float(item) for key, item in named.items() if key.isprintable()}
        elif _is_number(value):
            found[name] = float(value)
    return found


def _is_number(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, Real) and not math.isinf(value)
