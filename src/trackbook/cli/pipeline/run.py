"""`trackbook pipeline run`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trackbook.cli.output import NO, exits_with_status, json_option, print_json, print_table
from trackbook.cli.pipeline.params import key_value
from trackbook.cli.pipeline.show import Events, seconds
from trackbook.errors import UsageError
from trackbook.pipeline.params import read_params
from trackbook.pipeline.running.options import RunOptions
from trackbook.pipeline.sweeps.values import may_vary
from trackbook.project import Project

if TYPE_CHECKING:
    from trackbook.pipeline.running.preview import StepForecast
    from trackbook.pipeline.sweeps.outcome import Goal

INTERRUPTED = 130


@click.command("run")
@click.argument("target", type=click.Path(path_type=Path), metavar="SCRIPT|NOTEBOOK")
@click.option("-p", "--param", "params", multiple=True, metavar="K=V", help="A parameter; several values make a sweep.")
@click.option(
    "--params", "file", type=click.Path(path_type=Path), metavar="FILE", help="Parameters as TOML, JSON or YAML."
)
@click.option("--jobs", type=click.IntRange(1), metavar="N", help="How many steps, or trials, may run side by side.")
@click.option("--minimize", metavar="METRIC", help="In a sweep, mark the trial with the smallest value.")
@click.option("--maximize", metavar="METRIC", help="In a sweep, mark the trial with the largest value.")
@click.option(
    "--search", "space", type=click.Path(path_type=Path), metavar="SPACE.toml", help="Let Optuna choose the params."
)
@click.option("--trials", type=click.IntRange(1), metavar="N", help="How many trials a search has in all.")
@click.option("--only", multiple=True, metavar="STEP", help="Run just this step, on kept results; may be repeated.")
@click.option("--from", "start", metavar="STEP", help="Run this step anew, and all that follow from it.")
@click.option("--engine", type=click.Choice(["local", "dask"]), default="local", help="Where the steps run.")
@click.option("--scheduler", metavar="ADDRESS", help="The Dask cluster with this scheduler, for --engine dask.")
@click.option("--workers", type=click.IntRange(1), metavar="N", help="Workers of the Dask cluster started for the run.")
@click.option("--storage", metavar="URL", help="Take and put kept results there: a folder, s3://…, as fsspec names it.")
@click.option("--no-cache", is_flag=True, help="Run every step, also those whose results are kept.")
@click.option("--dry-run", is_flag=True, help="Say what would become of each step, and run none.")
@click.option("--explain", is_flag=True, help="Say why each step ran although there is a cache.")
@json_option
@exits_with_status
def run_command(
    target: Path,
    params: tuple[str, ...],
    file: Path | None,
    jobs: int | None,
    minimize: str | None,
    maximize: str | None,
    space: Path | None,
    trials: int | None,
    only: tuple[str, ...],
    start: str | None,
    engine: str,
    scheduler: str | None,
    workers: int | None,
    storage: str | None,
    no_cache: bool,
    dry_run: bool,
    explain: bool,
    as_json: bool,
) -> None:
    """Run a pipeline as a run with a child run a step; steps whose results are sure to be the same are skipped.

    Steps that share no state of a process run side by side with --jobs.  Retries, time limits and memory of a step
    stand in trackbook.toml under [pipeline.steps.NAME].  --json prints one object a line as things happen, the result
    in the last one.

    A parameter with several values makes a sweep: every combination is a trial, a run below one of kind `sweep`, N of
    them at once with --jobs N.  -p depth=3,5,7 has three, as no int looks like that; a text that is a value of the
    parameter's type is one value, whatever commas it holds.  For texts, paths and lists repeat it: -p name=a -p name=b.

    --search SPACE.toml --trials N lets Optuna choose N trials one by the other.  SPACE.toml has a table [search] with
    metric and perhaps direction, sampler, seed, pruner, startup, and one for each param: [depth] low = 2 high = 9, with
    step or log = true, or choices = [...].  Steps log the metric with tb.log_metric.  The same command goes on with a
    search that was interrupted.  A pruner ends a trial, and its processes, by values of the metric that are logged with
    step=, or by a step before the last; a value that only the last step logs, without step=, can end nothing.

    With --storage, one machine goes on where another ended: before a step, what is kept there counts as if it were kept
    here, and each new result is put there.  Credentials come from the environment.

    With --engine dask, steps run on the workers of the cluster at --scheduler, which need Trackbook and the libraries;
    the project's folder is sent to them.  Without an address a cluster is started here for the run.

    Exit status 1 when a step fails, 130 after Ctrl-C; the same command then goes on from there.
    """
    project = (Project.look if dry_run else Project.open)(target.absolute())
    given = _given(file, params)
    places = jobs or project.settings.pipeline.jobs
    options = RunOptions(
        use_cache=not no_cache,
        only=only,
        start=start,
        jobs=places,
        storage=storage,
        engine=_engine(engine, scheduler, workers),
        scheduler=scheduler,
        workers=workers,
    )
    try:
        if space is not None or trials is not None:
            from trackbook.cli.pipeline.sweep import run_search

            if minimize or maximize or dry_run:
                raise UsageError("a search has its metric and direction in its file, and no --dry-run")
            is_done = run_search(project, target, space, trials, given, options, as_json)
        elif may_vary(given) and len(grid := project.pipelines.grid(target, given)) > 1:
            from trackbook.cli.pipeline.sweep import run_grid

            is_done = run_grid(project, target, grid, options, _goal(minimize, maximize), dry_run, as_json)
        elif minimize or maximize:
            raise UsageError("--minimize and --maximize are for sweeps: give a parameter several values, -p depth=3,5")
        else:
            single = {name: values[0] for name, values in given.items()}
            is_done = _run(project, target, single, options, dry_run, explain, as_json)
    except KeyboardInterrupt:
        click.echo("interrupted: what is done is kept, and the same command goes on from there", err=True)
        sys.exit(INTERRUPTED)
    if not is_done:
        sys.exit(NO)


def _run(
    project: Project,
    target: Path,
    given: Mapping[str, Any],
    options: RunOptions,
    dry_run: bool,
    explain: bool,
    as_json: bool,
) -> bool:
    if dry_run:
        _print_forecast(project.pipelines.preview(target, given, options), as_json)
        return True
    with Events(as_json=as_json, explain=explain, prefixed=options.is_apart) as events:
        return project.pipelines.run(target, given, options, on_event=events).status == "FINISHED"


def _engine(engine: str, scheduler: str | None, workers: int | None) -> str:
    if engine == "local" and (scheduler or workers):
        raise UsageError("--scheduler and --workers are for --engine dask: give that as well")
    if scheduler and workers:
        raise UsageError("--workers is for a cluster that is started for the run; the one at --scheduler has its own")
    return engine


def _given(file: Path | None, params: Iterable[str]) -> dict[str, list[Any]]:
    """Return all that is given for each parameter: by the command line, else by the file."""
    found: dict[str, list[Any]] = {}
    for param in params:
        key, value = key_value(param)
        found.setdefault(key, []).append(value)
    return {name: [value] for name, value in (read_params(file) if file else {}).items()} | found


def _goal(minimize: str | None, maximize: str | None) -> Goal:
    from trackbook.pipeline.sweeps.outcome import Goal

    if minimize and maximize:
        raise UsageError("--minimize and --maximize name one metric; give one of them")
    return Goal(minimize or maximize or "", largest=maximize is not None)


def _print_forecast(steps: list[StepForecast], as_json: bool) -> None:
    if as_json:
        import msgspec

        print_json(msgspec.to_builtins(steps))
        return
    rows = [[step.name, step.state, seconds(step.expected), step.why] for step in steps]
    print_table(["step", "would be", "last took", "why"], rows, empty="the script has no steps")
