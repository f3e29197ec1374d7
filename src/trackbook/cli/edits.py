"""`trackbook edit`, `delete`, `undelete`."""

from __future__ import annotations

from collections.abc import Sequence

import click

from trackbook.cli.output import BAD_USAGE, exits_with_status, json_option, print_json
from trackbook.errors import UsageError
from trackbook.project import Project


@click.command("edit")
@click.argument("run")
@click.option("--name", help="Its new name.")
@click.option("--note", help="Its new note; an empty one takes the note away.")
@click.option("--tag", multiple=True, metavar="KEY=VALUE", help="Set a tag; may be repeated.")
@click.option("--untag", multiple=True, metavar="KEY", help="Remove a tag; may be repeated.")
@json_option
@exits_with_status
def edit_command(
    run: str, name: str | None, note: str | None, tag: tuple[str, ...], untag: tuple[str, ...], as_json: bool
) -> None:
    """Change what is said of a RUN: its name, its note, its tags."""
    project = Project.open(create=False)
    run_id = project.edits.edit(run, name=name, note=note, tags=dict(map(_pair, tag)), untag=untag)
    if as_json:
        print_json(project.runs.get(run_id).summary.to_dict())
    else:
        click.echo(f"Changed run {run_id[:8]}.")


@click.command("delete")
@click.argument("run", nargs=-1, required=True)
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@exits_with_status
def delete_command(run: tuple[str, ...], yes: bool, as_json: bool) -> None:
    """Delete RUNs, and the runs within them; `undelete` brings them back until `gc` removes them."""
    project = Project.open(create=False)
    names = [project.runs.get(each).summary.run_name for each in run]
    if not yes and not click.confirm(f"Delete {', '.join(names)}, and the runs within?", err=True):
        click.echo("Nothing is deleted.", err=True)
        raise SystemExit(BAD_USAGE)
    _tell("deleted", project.edits.delete(run), as_json)


@click.command("undelete")
@click.argument("run", nargs=-1, required=True)
@json_option
@exits_with_status
def undelete_command(run: tuple[str, ...], as_json: bool) -> None:
    """Bring deleted RUNs back, with the runs within them that were deleted together with them."""
    _tell("undeleted", Project.open(create=False).edits.undelete(run), as_json)


def _tell(done: str, run_ids: Sequence[str], as_json: bool) -> None:
    if as_json:
        print_json({done: run_ids})
        return
    runs = "1 run" if len(run_ids) == 1 else f"{len(run_ids)} runs"
    click.echo(f"{done.capitalize()} {runs}: {', '.join(each[:8] for each in run_ids)}." if run_ids else "No change.")


def _pair(text: str) -> tuple[str, str]:
    key, separator, value = text.partition("=")
    if not separator:
        raise UsageError(f"a tag is written KEY=VALUE, not {text!r}")
    return key, value
