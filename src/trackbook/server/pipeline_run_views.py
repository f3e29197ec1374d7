"""The JSON of runs of a pipeline: what a run would do, those that have been, and the one that is going on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trackbook.errors import NotebookError, PipelineError, UsageError
from trackbook.pipeline.params import choices, default_text, faults
from trackbook.pipeline.plan import ParamField, Plan, parse_plan
from trackbook.pipeline.running.choice import chosen
from trackbook.pipeline.running.groups import groups_of
from trackbook.pipeline.script.convert import convert
from trackbook.pipeline.steps.notebook import read_notebook
from trackbook.server.compare_views import MOST_AXES
from trackbook.server.pages import read_cursor, write_cursor
from trackbook.server.pipeline_views import cells_in, script_of
from trackbook.store import iso, now_ms

if TYPE_CHECKING:
    from trackbook.pipeline import Pipelines
    from trackbook.pipeline.running.options import RunOptions
    from trackbook.server.jobs import Job
    from trackbook.tracking import Runs, RunSummary

MOST_LINES = 500
NOTHING_KEPT = "no result of it is kept"


def steps(notebook: Path, given: Mapping[str, Any], pipelines: Pipelines | None) -> dict[str, Any]:
    """Return the parameters of a notebook as a pipeline, its steps, and what a run with `given` would do with each.

    `faults` says by name which parameters are wrong; then, and without a script, there is no forecast, and `state` is
    None.  `problem` says why the notebook cannot run as a pipeline.
    """
    try:
        plan = plan_of(notebook)
        wrong = faults(plan, given)
        forecast = {} if wrong else _forecast(plan, notebook, given, pipelines)
    except (NotebookError, PipelineError) as error:
        problem = {"message": str(error), "cells": cells_in(str(error))}
        return {"params": [], "steps": [], "faults": {}, "problem": problem}
    unknown = {"state": None, "why": "", "expected": None}
    told = [{"name": step.name, "cells": list(step.cells), **forecast.get(step.name, unknown)} for step in plan.steps]
    return {"params": [_param(field) for field in plan.params], "steps": told, "faults": wrong, "problem": None}


def refuse_wrong(notebook: Path, params: Mapping[str, Any], options: RunOptions) -> None:
    """Raise UsageError for wrong params, PipelineError for a step that is not there, NotebookError without a script."""
    plan = plan_of(notebook)
    if wrong := faults(plan, params):
        raise UsageError("; ".join(wrong.values()))
    if options.only or options.start is not None:
        chosen(plan, groups_of(plan), options)


def plan_of(notebook: Path) -> Plan:
    """Return what the script of a notebook does; raises NotebookError where it has none."""
    return parse_plan(convert(read_notebook(notebook)).text, script_of(notebook))


def _forecast(
    plan: Plan, notebook: Path, given: Mapping[str, Any], pipelines: Pipelines | None
) -> dict[str, dict[str, Any]]:
    if pipelines is None:
        return {step.name: {"state": "runs", "why": NOTHING_KEPT, "expected": None} for step in plan.steps}
    return {each.name: msgspec.structs.asdict(each) for each in pipelines.preview(notebook, given)}


def _param(field: ParamField) -> dict[str, Any]:
    return {
        "name": field.name,
        "type": field.annotation.strip("'\""),
        "default": default_text(field),
        "choices": choices(field),
    }


def history(runs: Runs, pipelines: Sequence[str], limit: int, cursor: str | None) -> dict[str, Any]:
    """Return one page of the runs of pipelines, newest first.

    Each has how many of its steps ended in which way, a sweep how many trials it has.
    """
    names = ", ".join(f"'{name.replace(chr(39), 2 * chr(39))}'" for name in pipelines)
    wanted = f"attributes.kind IN ('pipeline', 'sweep') AND tags.pipeline IN ({names})"
    page = runs.page(f"{wanted} AND attributes.parent_run_id IS NULL", limit=limit, cursor=cursor)
    return {"runs": [_run(runs, run) for run in page.runs], "next_cursor": page.next_cursor}


def no_history() -> dict[str, Any]:
    """Return the page of a project in which nothing has been recorded."""
    return {"runs": [], "next_cursor": None}


def _run(runs: Runs, run: RunSummary) -> dict[str, Any]:
    if run.kind == "sweep":
        trials = runs.count(f"attributes.parent_run_id = '{run.run_id}' AND attributes.kind = 'pipeline'")
        return run.to_dict() | {"steps": {"trials": trials}}
    steps = f"attributes.parent_run_id = '{run.run_id}' AND attributes.kind = 'step'"
    groups = runs.groups("tags.step.status", steps).groups
    return run.to_dict() | {"steps": {str(group.value): group.runs for group in groups if group.value is not None}}


def job(found: Job, cursor: str | None) -> dict[str, Any]:
    """Return how a run that this server has started stands, with what happened since `cursor`.

    `cut` counts, by step, the characters at the beginning of its log that are gone; `now` is the server's clock.
    """
    position = read_cursor(cursor, length=1) or (0,)
    events, last = found.log.since(position[0])
    told = found.to_dict()
    return told | {
        "params": msgspec.json.decode(told["params"]),
        "options": msgspec.json.decode(told["options"]),
        "cells": cells_in(told["message"]),
        "events": events,
        "cut": dict(found.log.cut),
        "next_cursor": write_cursor(last),
        "now": iso(now_ms()),
    }


def trials(pipelines: Pipelines, run_id: str) -> dict[str, Any]:
    """Return the trials of a sweep with a picture, a line a trial; raises NotFoundError for what is no sweep."""
    from trackbook.charts.parallel import Line, parallel_coordinates

    found = pipelines.swept(run_id)
    axes = [*found.params, *found.metrics][:MOST_AXES]
    lines = [Line(f"{trial.number} {trial.run_name}", trial.values) for trial in found.trials[:MOST_LINES]]
    told: dict[str, Any] = msgspec.to_builtins(found)
    return told | {"chart": parallel_coordinates(lines, axes)}
