"""`trackbook pipeline kept`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from trackbook.cli.output import NO, exits_with_status, json_option, print_json, print_table
from trackbook.cli.pipeline.params import given_params, params_options
from trackbook.errors import PipelineError, nearest
from trackbook.pipeline.running.options import RunOptions
from trackbook.project import Project
from trackbook.store import now_ms

if TYPE_CHECKING:
    from trackbook.pipeline.running.kept import KeptStep


@click.command("kept")
@click.argument("script", type=click.Path(path_type=Path))
@click.argument("steps", nargs=-1, metavar="[STEP]...")
@params_options
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the digests of the outputs, as JSON.")
@click.option("--storage", metavar="URL", help="Take kept results from there, too.")
@json_option
@exits_with_status
def kept_command(
    script: Path,
    steps: tuple[str, ...],
    params: tuple[str, ...],
    file: Path | None,
    output: Path | None,
    storage: str | None,
    as_json: bool,
) -> None:
    """List which results of the STEPs of SCRIPT are kept for these parameters, without running any.

    Exit status 1 when one is not.  The digests of outputs are the same wherever the outputs are: other tools tell by
    them whether a step gave something new.
    """
    options = RunOptions(storage=storage)
    found = Project.look(script.absolute()).pipelines.kept(script, given_params(params, file), options).steps
    known = {step.name for step in found}
    for name in steps:
        if name not in known:
            raise PipelineError(f"{script.name} has no step {name!r}{nearest(name, known)}")
    chosen = [step for step in found if not steps or step.name in steps]
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        digests = {step.name: _digests(step) for step in chosen}
        output.write_bytes(msgspec.json.format(msgspec.json.encode(digests), indent=2) + b"\n")
    elif as_json:
        print_json(msgspec.to_builtins(chosen))
    else:
        rows = [[step.name, "no" if step.why else "yes", step.why, " ".join(step.outputs)] for step in chosen]
        print_table(["step", "kept", "why not", "outputs"], rows, empty="the script has no steps")
    if output is None and any(step.why for step in chosen):
        sys.exit(NO)


def _digests(step: KeptStep) -> dict[str, str]:
    """Return what tells whether a step gave something new: one that is not kept may, each time."""
    return {"": f"{step.why} {now_ms()}"} if step.why else {**step.outputs, **step.files}
