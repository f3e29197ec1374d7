"""How a sweep is shown: a line a trial while it goes on, a table at its end, or one JSON object a line."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from trackbook.cli.output import print_json, print_table, print_text
from trackbook.cli.pipeline.show import seconds
from trackbook.errors import UsageError
from trackbook.pipeline.outcome import Noticed, OutputPrinted
from trackbook.pipeline.running.preview import DEPENDS, RUNS
from trackbook.pipeline.sweeps.outcome import (
    InTrial,
    SweepEnded,
    SweepEvent,
    SweepResult,
    SweepStarted,
    Trial,
    TrialEnded,
    TrialResult,
)
from trackbook.tracking.words import number

if TYPE_CHECKING:
    from trackbook.pipeline.running.options import RunOptions
    from trackbook.pipeline.running.preview import StepForecast
    from trackbook.pipeline.sweeps.grid import Grid
    from trackbook.pipeline.sweeps.outcome import Goal
    from trackbook.project import Project

SIGNS = {"finished": "✓", "failed": "✗", "pruned": "-"}
SHARED = "shared"


class SweepEvents:
    """Shows the events of a sweep; what steps print stands behind the number of their trial."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json, self._lock, self._ended = as_json, threading.Lock(), 0

    def __call__(self, event: SweepEvent) -> None:
        """Show one event."""
        with self._lock:
            if self._as_json:
                click.echo(msgspec.json.encode(event).decode())
            elif isinstance(event, SweepStarted):
                self._start(event)
            elif isinstance(event, InTrial):
                _print(event)
            elif isinstance(event, TrialEnded):
                self._ended += 1
                print_text(_line(event.result, f"{self._ended}/{event.total}"))
            elif isinstance(event, SweepEnded):
                _table(event.result)

    def _start(self, event: SweepStarted) -> None:
        self._ended = event.done
        earlier = f", {event.done} of them done before" if event.done else ""
        print_text(f"{event.trials} trials of {', '.join(event.varied)}{earlier}, run {event.run_id[:8]}")


def _print(event: InTrial) -> None:
    happened, name = event.happened, str(event.number or SHARED)
    if isinstance(happened, OutputPrinted):
        text = "".join(f"{name} | {line}" for line in happened.text.splitlines(keepends=True))
        click.echo(text, nl=False, err=happened.stream == "stderr")
    elif isinstance(happened, Noticed):
        click.echo(happened.text, err=True)


def _line(trial: TrialResult, place: str) -> str:
    params = " ".join(f"{name}={value}" for name, value in trial.params.items())
    metrics = "  ".join(f"{name}={number(value)}" for name, value in trial.metrics.items())
    said = f"{SIGNS[trial.status]} [{place}] trial {trial.number}, {params}: {trial.status}, {seconds(trial.seconds)}"
    return "  ".join(part for part in (said, metrics, trial.reason) if part)


def _table(result: SweepResult) -> None:
    """Print every trial with what varied and what was measured, the best one marked, and how the sweep went."""
    metrics = sorted(
        {name for trial in result.trials for name in trial.metrics}, key=lambda name: name != result.metric
    )
    rows = [
        [
            "best" if trial.number == result.best else "",
            trial.number,
            *(trial.params.get(name) for name in result.varied),
            *(trial.metrics.get(name) for name in metrics),
            trial.status,
            seconds(trial.seconds),
            trial.run_id[:8],
        ]
        for trial in result.trials
    ]
    columns = ["", "trial", *result.varied, *metrics, "status", "took", "run"]
    print_table(columns, rows, empty="no trial was run")
    counts = [f"{count} {status}" for status in SIGNS if (count := _count(result, status))]
    print_text(f"{', '.join(counts) or 'nothing done'} in {seconds(result.seconds)}, run {result.run_id[:8]}")
    if result.metric and result.best is None:
        print_text(f"no trial that finished has the metric {result.metric!r}, so none is the best")


def _count(result: SweepResult, status: str) -> int:
    return sum(trial.status == status for trial in result.trials)


def run_grid(
    project: Project, target: Path, grid: Grid, options: RunOptions, goal: Goal, dry_run: bool, as_json: bool
) -> bool:
    """Run the trials of a grid, or say what they would run; tell whether none failed."""
    if dry_run:
        trials = [(trial, project.pipelines.preview(target, trial.params, options)) for trial in grid.trials()]
        _print_forecasts(trials, grid.varied, as_json)
        return True
    result = project.pipelines.sweep(target, grid, options, goal=goal, on_event=SweepEvents(as_json=as_json))
    return result.status == "FINISHED"


def run_search(
    project: Project,
    target: Path,
    space: Path | None,
    trials: int | None,
    given: Mapping[str, Sequence[Any]],
    options: RunOptions,
    as_json: bool,
) -> bool:
    """Run the trials of a search; tell whether none failed."""
    if space is None or trials is None:
        raise UsageError("a search needs both: --search SPACE.toml --trials N")
    if several := [name for name, values in given.items() if len(values) > 1]:
        raise UsageError(f"the param {several[0]!r} has several values; in a search they stand in {space} as choices")
    fixed = {name: values[0] for name, values in given.items()}
    pipelines = project.pipelines
    result = pipelines.search(target, space, trials, fixed, options, on_event=SweepEvents(as_json=as_json))
    return result.status == "FINISHED"


def _print_forecasts(trials: Sequence[tuple[Trial, list[StepForecast]]], varied: Sequence[str], as_json: bool) -> None:
    if as_json:
        print_json([{"params": trial.params, "steps": msgspec.to_builtins(steps)} for trial, steps in trials])
        return
    rows = [
        [
            trial.number,
            *(str(trial.params[name]) for name in varied),
            ", ".join(step.name for step in steps if step.state == RUNS) or "nothing",
            ", ".join(step.name for step in steps if step.state == DEPENDS),
        ]
        for trial, steps in trials
    ]
    print_table(["trial", *varied, "would run", "and perhaps"], rows, empty="there are no trials")
