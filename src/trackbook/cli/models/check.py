"""`trackbook models check`."""

from __future__ import annotations

import sys

import click
import msgspec

from trackbook.cli.output import (
    NO,
    exits_with_status,
    json_option,
    print_json,
    print_markdown,
    print_text,
)
from trackbook.project import Project
from trackbook.registry import STAGES
from trackbook.tracking.words import markdown


@click.command("check")
@click.argument("name")
@click.argument("model", metavar="VERSION|URI")
@click.option("--stage", default="production", show_default=True, type=click.Choice(STAGES), help="Whose gates.")
@click.option("--about", type=click.Choice(["quality", "fairness", "speed"]), help="Only gates on such metrics.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print a table for a summary or a comment.")
@json_option
@exits_with_status
def check_command(name: str, model: str, stage: str, about: str | None, as_markdown: bool, as_json: bool) -> None:
    """Say what the gates of a stage think of a model, and change nothing; exit status 1 when one refuses.

    The model is a version of NAME, or not registered yet: runs:/RUN/model.skops is judged by the metrics of its run.
    Fairness and speed are gates whose metric is named so (parity, odds, bias; seconds, latency, memory, size).
    """
    target = int(model) if model.isascii() and model.isdigit() else model
    results = Project.open(create=False).registry.check(name, target, stage, about=about)
    title = f"{name}: gates of {stage}{f' about {about}' if about else ''}"
    if as_json:
        print_json([msgspec.to_builtins(result) for result in results])
    elif as_markdown:
        rows = [["passed" if result.passed else "**failed**", markdown(result.reason)] for result in results]
        print_markdown(title, ["", "gate"], rows, empty="No gate: nothing was checked.")
    elif not results:
        print_text(f"{title}: there is none, so nothing was checked")
    else:
        for result in results:
            print_text(f"{'✓' if result.passed else '✗'} {result.reason}")
    if not all(result.passed for result in results):
        sys.exit(NO)
