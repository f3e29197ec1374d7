"""`trackbook graph`, `convert` and `pipeline run`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from trackbook.cli.output import (
    NO,
    exits_with_status,
    json_option,
    print_json,
    print_table,
    print_text,
    stderr_console,
)
from trackbook.errors import UsageError
from trackbook.project import Project

if TYPE_CHECKING:
    from trackbook.pipeline import CellProgress, PipelineResult, StepProgress, Verification

NOTEBOOK = click.argument("notebook", type=click.Path(path_type=Path))
SIGNS = {"executed": "✓", "cached": "=", "failed": "✗"}


@click.command("graph")
@NOTEBOOK
@json_option
@exits_with_status
def graph_command(notebook: Path, as_json: bool) -> None:
    """Show which code cell of NOTEBOOK depends on which; none of its code is run."""
    from trackbook.pipeline.notebook import read_notebook
    from trackbook.pipeline.steps import notebook_graph

    graph: dict[str, Any] = notebook_graph(read_notebook(notebook)).to_json()
    if as_json:
        print_json(graph)
        return
    steps = {cell["index"]: cell["step"] for cell in graph["cells"]}
    print_table(
        ["reader", "step", "needs", "step", "for", "evidence"],
        [
            [
                edge["target"],
                steps[edge["target"]],
                edge["source"],
                steps[edge["source"]],
                ", ".join(edge["names"]),
                edge["kind"],
            ]
            for edge in sorted(graph["edges"], key=lambda edge: (edge["target"], edge["source"]))
        ],
        empty="No cell depends on another.",
    )


@click.command("convert")
@NOTEBOOK
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Default: NOTEBOOK_pipeline.py.")
@click.option("--verify", is_flag=True, help="Run notebook and script afresh, and compare; status 1 on a difference.")
@json_option
@exits_with_status
def convert_command(notebook: Path, output: Path | None, verify: bool, as_json: bool) -> None:
    """Turn a tagged NOTEBOOK into a plain Python pipeline script.

    Cells are tagged `imports`, `functions`, `parameters`, `step:NAME`, `after:NAME`, `metrics`, `cache:off`, `skip`;
    an untagged cell belongs to the step of the cell before it.  Converting runs nothing; --verify does.
    """
    script = output or notebook.with_name(f"{notebook.stem}_pipeline.py")
    project = Project.open(notebook.absolute())
    converted = project.pipelines.convert(notebook, script)
    if not verify:
        if as_json:
            print_json({"script": str(script), "steps": [step.name for step in converted.steps]})
        else:
            print_text(f"{script}: {len(converted.steps)} steps ({', '.join(step.name for step in converted.steps)})")
        return
    verification = _verify(project, notebook, script)
    if as_json:
        print_json({"script": str(script), **msgspec.to_builtins(verification)})
    else:
        _print_verification(verification, script)
    if verification.verdict != "same":
        sys.exit(NO)


@click.group("pipeline")
def pipeline_group() -> None:
    """Pipelines that run."""


@pipeline_group.command("run")
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


def _verify(project: Project, notebook: Path, script: Path) -> Verification:
    with stderr_console().status("running the notebook and the script, to compare them") as status:

        def show(progress: CellProgress) -> None:
            status.update(f"running cell {progress.position} of {progress.total} of the notebook, to compare")

        return project.pipelines.verify(notebook, script, on_cell=show)


def _print_verification(found: Verification, script: Path) -> None:
    if found.verdict == "same":
        print_text(f"{script} does what the notebook does: {found.compared} values, lines and files compared")
    elif found.verdict == "cannot_run":
        print_text(f"{script} cannot be compared: {found.reason}")
    for difference in found.differences:
        where = f" in step {difference.step}" if difference.step else ""
        print_text(f"✗ {difference.what} {difference.name}{where}")
        print_text(f"    notebook: {difference.notebook}")
        print_text(f"    script:   {difference.script}")
    for name, reason in found.not_compared.items():
        print_text(f"? {name} was not compared: {reason}")


def _print_step(progress: StepProgress) -> None:
    if progress.state == "started":
        return
    reason = f"  {progress.reason}" if progress.reason else ""
    sign = SIGNS.get(progress.state, "?")
    place = f"[{progress.position}/{progress.total}]"
    print_text(f"{sign} {place} {progress.name}: {progress.state}, {progress.seconds:.2f} s{reason}")


def _print_result(result: PipelineResult) -> None:
    print_text(f"{result.status.lower()} in {result.seconds:.2f} s, run {result.run_id[:8]}")
