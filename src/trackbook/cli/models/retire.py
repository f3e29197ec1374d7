"""`trackbook models rollback`, `deprecate` and `delete`."""

from __future__ import annotations

import click

from trackbook.cli.models.report import report
from trackbook.cli.output import BAD_USAGE, exits_with_status, json_option, print_json, print_text
from trackbook.errors import UsageError
from trackbook.project import Project


@click.command("rollback")
@click.argument("name")
@click.option("--reason", help="Kept with the audit event.")
@json_option
@exits_with_status
def rollback_command(name: str, reason: str | None, as_json: bool) -> None:
    """Put the version of NAME back that was in production before, and say what changed.

    Deprecated and deleted versions are passed over; no gate is asked, as it has passed them.  Again goes further back.
    """
    done = Project.open(create=False).registry.rollback(name, reason)
    if as_json:
        print_json(done.to_dict())
        return
    for sentence in done.changes:
        print_text(sentence)
    if done.version.override is not None:
        print_text(f"It was put there against its gates or approvals: {done.version.override}", "bold red")


@click.command("deprecate")
@click.argument("name")
@click.argument("version", type=int)
@click.option("--reason", help="Why it should not be used any more; who loads it is told so.")
@click.option("--undo", is_flag=True, help="Take the mark back.")
@json_option
@exits_with_status
def deprecate_command(name: str, version: int, reason: str | None, undo: bool, as_json: bool) -> None:
    """Mark a version as one that should not be used: shown everywhere, and it enters staging and production no more."""
    if undo == (reason is not None):
        raise UsageError("give --reason TEXT to deprecate a version, or --undo to take the mark back")
    changed = Project.open(create=False).registry.deprecate(name, version, reason)
    state = "is deprecated" if changed.deprecated is not None else "is no longer deprecated"
    report(changed, f"{name} version {version} {state}", as_json)


@click.command("delete")
@click.argument("name")
@click.argument("version", type=int)
@click.option("--reason", help="Kept with the audit event.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@exits_with_status
def delete_command(name: str, version: int, reason: str | None, yes: bool, as_json: bool) -> None:
    """Delete a version, for good; exit status 1 while an alias, staging or production holds it.

    Its number is not given again and its audit events stay; `trackbook gc` removes its bytes.
    """
    registry = Project.open(create=False).registry
    registry.version(name, version)
    if not yes and not click.confirm(f"Delete {name} version {version} for good?", err=True):
        click.echo("Nothing is deleted.", err=True)
        raise SystemExit(BAD_USAGE)
    registry.delete(name, version, reason)
    if as_json:
        print_json({"deleted": f"models:/{name}/{version}"})
    else:
        click.echo(f"Deleted {name} version {version}.")
