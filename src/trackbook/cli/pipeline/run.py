"""`trackbook pipeline run`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from trackbook.cli.output import NO, exits_with_status, json_option, print_json, print_table
from trackbook.cli.pipeline.show import Events, seconds
from trackbook.errors import UsageError
from trackbook.pipeline.params import read_params
from trackbook.pipeline.running.options import RunOptions
from trackbook.project import Project

if TYPE_CHECKING:
    from trackbook.pipeline.running.preview import StepForecast

INTERRUPTED = 130


@click.command("run")
@click.argument("target", type=click.Path(path_type=Path), metavar="SCRIPT|NOTEBOOK")
@click.option("-p", "--param", "params", multiple=True, metavar="K=V", help="A parameter; may be repeated.")
@click.option(
    "--params", "file", type=click.Path(path_type=Path), metavar="FILE", help="Parameters as TOML, JSON or YAML."
)
@click.option("--jobs", type=click.IntRange(1), metavar="N", help="How many steps may run side by side.")
@click.option("--only", multiple=True, metavar="STEP", help="Run just this step, on kept results; may be repeated.")
@click.option("--from", "start", metavar="STEP", help="Run this step anew, and all that follow from it.")
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
    only: tuple[str, ...],
    start: str | None,
    no_cache: bool,
    dry_run: bool,
    explain: bool,
    as_json: bool,
) -> None:
    """Run a pipeline as a run with a child run a step; steps whose results are sure to be the same are skipped.

    Steps that share no state of a process run side by side with --jobs.  Retries, time limits and memory of a step
    stand in trackbook.toml under [pipeline.steps.NAME].  --json prints one object a line as things happen, the result
    in the last one.

    Exit status 1 when a step fails, 130 after Ctrl-C; the same command then goes on from there.
    """
    project = Project.open(target.absolute())
    given = (read_params(file) if file else {}) | dict(_key_value(param) for param in params)
    options = RunOptions(use_cache=not no_cache, only=only, start=start, jobs=jobs or project.settings.pipeline.jobs)
    if dry_run:
        _print_forecast(project.pipelines.preview(target, given, options), as_json)
        return
    events = Events(as_json=as_json, explain=explain, prefixed=options.jobs > 1)
    try:
        with events:
            result = project.pipelines.run(target, given, options, on_event=events)
    except KeyboardInterrupt:
        click.echo("interrupted: what is done is kept, and the same command goes on from there", err=True)
        sys.exit(INTERRUPTED)
    if result.status != "FINISHED":
        sys.exit(NO)


def _key_value(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise UsageError(f"{text!r} is not of the form K=V; write -p depth=3")
    return key, value


def _print_forecast(steps: list[StepForecast], as_json: bool) -> None:
    if as_json:
        import msgspec

        print_json(msgspec.to_builtins(steps))
        return
    rows = [[step.name, step.state, seconds(step.expected), step.why] for step in steps]
    print_table(["step", "would be", "last took", "why"], rows, empty="the script has no steps")
