"""`trackbook push` and `trackbook pull`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from trackbook.cli.output import NO, exits_with_status, json_option, print_json, print_text, stderr_console
from trackbook.project import Project

if TYPE_CHECKING:
    from trackbook.exchange import Report


def _options(command: Callable[..., Any]) -> Callable[..., Any]:
    command = click.option("--dry-run", is_flag=True, help="Say what would be moved, and move nothing.")(command)
    return click.argument("url", required=False)(json_option(command))


@click.command("push")
@_options
@exits_with_status
def push_command(url: str | None, as_json: bool, dry_run: bool) -> None:
    """Put runs, data and models to URL, a folder or s3://BUCKET/PREFIX, for others to pull.

    Without URL to the one under [remote] in trackbook.toml.  What is there already is not moved again.
    """
    with _progress() as on_progress:
        report = Project.open(create=False).exchange.push(url, dry_run=dry_run, on_progress=on_progress)
    _show(report, as_json, "pushed", "to")


@click.command("pull")
@_options
@exits_with_status
def pull_command(url: str | None, as_json: bool, dry_run: bool) -> None:
    """Take runs, data and models from URL that this store does not have.

    Exit status 1 when something there was refused, as it is damaged or was crafted; all else is taken.
    """
    with _progress() as on_progress:
        report = Project.open().exchange.pull(url, dry_run=dry_run, on_progress=on_progress)
    _show(report, as_json, "pulled", "from")
    if report.refused:
        sys.exit(NO)


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """Show on a screen what is being moved."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = stderr_console()
    columns = (TextColumn("{task.description:8}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as shown:
        tasks: dict[str, Any] = {}

        def on_progress(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = shown.add_task(what)
            shown.update(tasks[what], completed=done, total=total)

        yield on_progress


def _show(report: Report, as_json: bool, done: str, preposition: str) -> None:
    if as_json:
        print_json(report.to_dict())
        return
    counts = [
        f"{count:,} {noun}{'s' if count != 1 else ''}"
        for count, noun in (
            (report.runs, "run"),
            (report.data, "dataset version"),
            (report.models, "model version"),
            (report.objects, "object"),
        )
        if count
    ]
    if report.is_nothing:
        print_text(f"Nothing new {preposition} {report.url}.")
    elif counts:
        what = f"would be {done}" if report.dry_run else done
        size = f" ({report.size:,} bytes)" if report.size else ""
        print_text(f"{', '.join(counts)}{size} {what} {preposition} {report.url}.")
    for note in report.notes:
        print_text(note)
    for each in report.refused:
        print_text(f"Refused: {each.name}: {each.reason}")
