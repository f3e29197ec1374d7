"""`trackbook pipeline run`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from trackbook.cli.output import NO, exits_with_status, json_option, print_json, print_text
from trackbook.errors import UsageError
from trackbook.project import Project

if TYPE_CHECKING:
    from trackbook.pipeline import PipelineResult, StepProgress

SIGNS = {"executed": "✓", "cached": "=", "failed": "✗"}


@click.command("run")
@click.argument("target", type=click.Path(path_type=Path), metavar="SCRIPT|NOTEBOOK")
@click.option("-p", "--param", "params", multiple=True, metavar="K=V", help="A parameter; may be repeated.")
@click.option("--no-cache", is_flag=True, help="Run every step, also those whose results are kept.")
@json_option
@exits_with_status
def run_command(target: Path, params: tuple[str, ...], no_cache: bool, as_json: bool) -> None:
    """Run a pipeline as a run with a child run a step; steps whose results are sure to be the same are skipped.

    Exit status 1 when a step fails; the same command then goes on from there.
    """
    project = Project.open(target.absolute())
    result = project.pipelines.run(
        target,
        dict(_key_value(param) for param in params),
        use_cache=not no_cache,
        on_step=None if as_json else _print_step,
        on_output=lambda stream, text: click.echo(text, nl=False, err=as_json or stream == "stderr"),
    )
    if as_json:
        print_json(msgspec.to_builtins(result))
    else:
        _print_result(result)
    if result.status != "FINISHED":
        sys.exit(NO)


def _key_value(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise UsageError(f"{text!r} is not of the form K=V; write -p depth=3")
    return key, value


def _print_step(progress: StepProgress) -> None:
    if progress.state == "started":
        return
    reason = f"  {progress.reason}" if progress.reason else ""
    sign = SIGNS.get(progress.state, "?")
    place = f"[{progress.position}/{progress.total}]"
    print_text(f"{sign} {place} {progress.name}: {progress.state}, {progress.seconds:.2f} s{reason}")


def _print_result(result: PipelineResult) -> None:
    print_text(f"{result.status.lower()} in {result.seconds:.2f} s, run {result.run_id[:8]}")
