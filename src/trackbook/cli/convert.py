"""`trackbook convert`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from trackbook.cli.output import (
    NO,
    exits_with_status,
    json_option,
    notebook_argument,
    print_json,
    print_text,
    stderr_console,
)
from trackbook.project import Project

if TYPE_CHECKING:
    from trackbook.pipeline import CellProgress, Verification


@click.command("convert")
@notebook_argument
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
