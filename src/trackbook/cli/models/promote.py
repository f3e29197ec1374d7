"""`trackbook models promote`."""

from __future__ import annotations

import click

from trackbook.cli.models.report import report
from trackbook.cli.output import (
    exits_with_status,
    json_option,
)
from trackbook.project import Project
from trackbook.registry import STAGES


@click.command("promote")
@click.argument("name")
@click.argument("version", type=int)
@click.argument("stage", type=click.Choice(STAGES))
@click.option("--reason", help="Kept with the audit event.")
@json_option
@exits_with_status
def promote_command(name: str, version: int, stage: str, reason: str | None, as_json: bool) -> None:
    """Move a version to STAGE if its gates let it; exit status 1 when one refuses."""
    moved = Project.open(create=False).registry.promote(name, version, stage, reason=reason)
    report(moved, f"{moved.name} version {moved.version} is in {moved.stage}", as_json)
