"""`trackbook convert`."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import indent
from typing import TYPE_CHECKING, Any

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
from trackbook.errors import UsageError
from trackbook.project import Project

if TYPE_CHECKING:
    from trackbook.pipeline import Verification
    from trackbook.pipeline.service import Chosen
    from trackbook.pipeline.sync.service import Synced

RUNS = {
    "notebook": "the notebook",
    "again": "the notebook again",
    "third": "the notebook a third time",
    "fourth": "and a fourth",
}


@click.command("convert")
@notebook_argument
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Default: NOTEBOOK_pipeline.py.")
@click.option("--verify", is_flag=True, help="Run notebook and script afresh, and compare; status 1 on a difference.")
@click.option(
    "--sync",
    is_flag=True,
    help="Bring edits inside the steps of the script back into their cells, and changes of the notebook into the "
    "script; status 1, and nothing written, where both changed a cell or an edit has no place in one.",
)
@click.option("--target", metavar="NAME", help="Only what this step, or this variable at the end, needs.")
@click.option(
    "--from-history",
    is_flag=True,
    help="Take the recorded order of executions where it was not the document's, and list hidden state: results of "
    "cells that were deleted, edited or run again.",
)
@click.option("--force", is_flag=True, help="Write over a script that was edited since it was made.")
@click.option("--timeout", type=float, help="Seconds that --verify gives a cell, and the script as a whole.")
@click.option("--allow-shell", is_flag=True, help="Let the script run the notebook's shell lines (`!cmd`, `%%bash`).")
@click.option("--keep-ipython", is_flag=True, help="Keep magics that have no form in Python; the script needs IPython.")
@json_option
@exits_with_status
def convert_command(
    notebook: Path,
    output: Path | None,
    verify: bool,
    sync: bool,
    target: str | None,
    from_history: bool,
    force: bool,
    timeout: float | None,
    allow_shell: bool,
    keep_ipython: bool,
    as_json: bool,
) -> None:
    """Turn a NOTEBOOK into a plain Python pipeline script.

    Cells are tagged `imports`, `functions`, `parameters`, `step:NAME`, `after:NAME`, `metrics`, `cache:off`, `skip`;
    an untagged cell belongs to the step of the cell before it.  Where no tag names a step, Markdown headings do, or
    what the cells do and hand to each other.  Converting runs nothing; --verify does.
    """
    script = output or notebook.with_name(f"{notebook.stem}_pipeline.py")
    project = Project.open(notebook.absolute())
    if verify and target:
        raise UsageError("--verify compares a script with the whole notebook: leave out --target, or --verify")
    choices: Chosen = {"allow_shell": allow_shell, "keep_ipython": keep_ipython, "target": target}
    if from_history and (sync or verify):
        raise UsageError("--from-history is for a notebook whose cells ran in another order: convert without the rest")
    if from_history:
        told = _as_run(project, notebook, script, choices, as_json=as_json)
    elif sync:
        told = _sync(project, notebook, script, choices, as_json=as_json)
    else:
        made = project.pipelines.convert(notebook, script, force=force, **choices)
        told = {"steps": [step.name for step in made.steps]}
    if not verify:
        if as_json:
            print_json({"script": str(script), **told})
        else:
            print_text(f"{script}: {len(told['steps'])} steps ({', '.join(told['steps'])})")
        return
    verification = _verify(project, notebook, script, timeout)
    if as_json:
        print_json({"script": str(script), **msgspec.to_builtins(verification)})
    else:
        _print_verification(verification)
    if verification.verdict != "same":
        sys.exit(NO)


def _as_run(project: Project, notebook: Path, script: Path, choices: Chosen, *, as_json: bool) -> dict[str, Any]:
    """Convert in the recorded order, and tell what the notebook hides."""
    made, recorded = project.pipelines.convert_as_run(notebook, script, **choices)
    if not as_json:
        if recorded.is_moved:
            print_text(f"order: {', '.join(recorded.order)}")
        for item in recorded.hidden:
            print_text(f"hidden state: {item}")
        if recorded.never:
            print_text(f"never run: {', '.join(recorded.never)}")
    hidden = msgspec.to_builtins(recorded.hidden)
    steps = [step.name for step in made.steps]
    return {"steps": steps, "order": recorded.order, "hidden": hidden, "never": recorded.never}


def _sync(project: Project, notebook: Path, script: Path, choices: Chosen, *, as_json: bool) -> dict[str, Any]:
    """Sync, tell what was changed, and leave with status 1 where nothing could be written."""
    synced = project.pipelines.sync(notebook, script, **choices)
    told: dict[str, Any] = msgspec.to_builtins(synced)
    if not synced.is_done and as_json:
        print_json({"script": str(script), **told})
    if not as_json:
        _print_sync(synced, notebook, script)
    if not synced.is_done:
        sys.exit(NO)
    return told


def _print_sync(synced: Synced, notebook: Path, script: Path) -> None:
    for source, target, cells in (
        (script, notebook, synced.from_script),
        (notebook, script, synced.from_notebook),
    ):
        if cells and synced.is_done:
            print_text(f"{source} → {target}: cells {', '.join(cells)}")
    for conflict in synced.conflicts:
        gone = " (deleted in the notebook)" if conflict.notebook is None else ""
        print_text(f"{conflict.label}, id {conflict.cell}, was changed in both{gone}:\n{conflict.diff}")
    for refused in synced.refused:
        print_text(f"{script}, line {refused.line}: {refused.reason}\n{indent(refused.text, '  ')}")
    if not synced.is_done:
        print_text("Nothing was written: make the two agree, then sync again.")


def _verify(project: Project, notebook: Path, script: Path, timeout: float | None) -> Verification:
    """Verify with the state of all three runs on one line of the standard error stream."""
    states: dict[str, str] = {}
    with stderr_console().status("running the notebook twice and the script once, to compare them") as status:

        def show(run: str, state: str) -> None:
            states[run] = state
            status.update(" · ".join(f"{name}: {states[name]}" for name in sorted(states, reverse=True)))

        return project.pipelines.verify(
            notebook,
            script,
            timeout=timeout,
            on_cell=lambda cell: show(RUNS.get(cell.run, cell.run), f"cell {cell.position} of {cell.total}"),
            on_step=lambda step: show("script", f"step {step.name}, {step.position} of {step.total}"),
        )


def _print_verification(found: Verification) -> None:
    from trackbook.pipeline.verification.verify import in_words

    for line in in_words(found):
        print_text(line)
