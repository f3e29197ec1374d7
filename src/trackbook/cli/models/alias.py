"""`trackbook models alias`."""

from __future__ import annotations

import click

from trackbook.cli.models.report import report
from trackbook.cli.output import exits_with_status, json_option, print_json
from trackbook.errors import UsageError
from trackbook.project import Project


@click.command("alias")
@click.argument("name")
@click.argument("alias")
@click.argument("version", type=int, required=False)
@click.option("--delete", is_flag=True, help="Remove the alias.")
@click.option("--override", is_flag=True, help="Move a protected alias against gates and approvals; needs --reason.")
@click.option("--reason", help="Kept with the audit event of an override.")
@json_option
@exits_with_status
def alias_command(
    name: str, alias: str, version: int | None, delete: bool, override: bool, reason: str | None, as_json: bool
) -> None:
    """Let ALIAS of a model name a VERSION, as in models:/NAME@ALIAS; exit status 1 when a protected one may not move.

    Protected aliases (`[[protected]]` in trackbook.toml) go through the gates and approvals of their stage.
    """
    registry = Project.open(create=False).registry
    if delete == (version is not None):
        raise UsageError("give the VERSION that the alias shall name, or --delete to remove it")
    if version is not None:
        changed = registry.set_alias(name, alias, version, reason, override=override)
        report(changed, f"models:/{name}@{alias} is version {version}", as_json)
        return
    registry.delete_alias(name, alias)
    if as_json:
        print_json(registry.get(name).aliases)
    else:
        click.echo(f"models:/{name}@{alias} is no more")
