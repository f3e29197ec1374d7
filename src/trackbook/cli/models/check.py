"""`trackbook models check`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

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
from trackbook.registry import STAGES, GateResult
from trackbook.tracking.words import markdown


@click.command("check")
@click.argument("name")
@click.argument("model", metavar="VERSION|URI")
@click.option("--stage", default="production", show_default=True, type=click.Choice(STAGES), help="Whose gates.")
@click.option("--about", type=click.Choice(["quality", "fairness", "speed"]), help="Only gates on such metrics.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print tables for a summary or a comment.")
@click.option("--keep/--no-keep", default=True, show_default=True, help="Whether the results are kept as an event.")
@json_option
@exits_with_status
def check_command(
    name: str, model: str, stage: str, about: str | None, as_markdown: bool, keep: bool, as_json: bool
) -> None:
    """Say what the gates of a stage think of a model, and move nothing; exit status 1 when one refuses.

    The model is a version of NAME, or not registered yet: runs:/RUN/model.skops has the metrics of its run.  Fairness
    and speed are the gates of these types, and those on a metric that is named so (parity, odds, bias; seconds,
    latency, memory, size).  With --json each result has its evidence: intervals, slices, groups, counts.
    """
    target = int(model) if model.isascii() and model.isdigit() else model
    registry = Project.open(create=False).registry
    results = registry.check(name, target, stage, about=about, keep=keep)
    title = f"{name}: gates of {stage}{f' about {about}' if about else ''}"
    if as_json:
        print_json([msgspec.to_builtins(result) for result in results])
    elif as_markdown:
        _print_markdown(title, results)
    elif not results:
        print_text(f"{title}: there is none, so nothing was checked")
    else:
        for result in results:
            print_text(f"{'✓' if result.passed else '✗'} {result.reason}")
        for remark in registry.remarks:
            print_text(remark)
    if not all(result.passed for result in results):
        sys.exit(NO)


def _print_markdown(title: str, results: Sequence[GateResult]) -> None:
    rows = [
        ["passed" if result.passed else "**failed**", markdown(result.gate.title), markdown(result.reason)]
        for result in results
    ]
    print_markdown(title, ["", "gate", "found"], rows, empty="No gate: nothing was checked.")
    for result in results:
        for part in ("slices", "groups"):
            table = (result.evidence or {}).get(part)
            if table:
                columns = [key for key in table[0] if key not in ("test", "error", "rows_needed")]
                cells = [[markdown(_cell(row.get(key))) for key in columns] for row in table]
                print_markdown(result.gate.title, columns, cells, empty="")


def _cell(value: Any) -> str:
    """Return a number short, and one with its limits as one text."""
    if isinstance(value, list):
        middle, low, high = (_cell(each) for each in value)
        return f"{middle} ({low} to {high})"
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
