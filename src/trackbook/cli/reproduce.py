"""`trackbook reproduce`."""

from __future__ import annotations

import sys

import click

from trackbook.cli.output import NO, exits_with_status, json_option, print_json, print_text, stderr_console
from trackbook.project import Project
from trackbook.tracking import Progress, Reproduction
from trackbook.tracking.values import REPRODUCED


@click.command("reproduce")
@click.argument("run")
@click.option(
    "--env",
    type=click.Choice(["current", "locked"]),
    default="current",
    show_default=True,
    help="This interpreter, or a fresh environment with the versions of the run.",
)
@click.option("--timeout", type=click.FloatRange(0, min_open=True), metavar="S", help="Seconds for each repeat.")
@json_option
@exits_with_status
def reproduce_command(run: str, env: str, timeout: float | None, as_json: bool) -> None:
    """Repeat RUN (its id, or the first characters of it) in a fresh process, and compare.

    The program of the run is run in a copy of the project's folder, with the files that it read as they were then.
    Compared are params, metrics, data, outputs and how it ended; the verdict is kept with the run.  Exit status 0
    only when it is reproduced, 1 when it differs or cannot run.
    """
    found = _reproduce(Project.open(create=False), run, env, timeout)
    if as_json:
        print_json(found.to_dict())
    else:
        _print_verdict(found)
    if found.verdict != REPRODUCED:
        sys.exit(NO)


def _reproduce(project: Project, run: str, env: str, timeout: float | None) -> Reproduction:
    with stderr_console().status("reading the run") as status:

        def show(progress: Progress) -> None:
            status.update(progress.text)

        return project.reproductions.reproduce(run, env=env, timeout=timeout, on_progress=show)


def _print_verdict(found: Reproduction) -> None:
    from trackbook.tracking.reproduction.verdict import facts, headline

    print_text(f"run {found.run_id[:8]} {headline(found)}", "bold")
    for title, lines in facts(found).items():
        print_text(f"\n{title}", "bold")
        for line in lines:
            print_text(f"  {line}")
