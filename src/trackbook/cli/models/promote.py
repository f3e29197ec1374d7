"""`trackbook models promote`."""

from __future__ import annotations

import click

from trackbook.cli.models.report import report
from trackbook.cli.output import (
    exits_with_status,
    json_option,
    print_text,
)
from trackbook.project import Project
from trackbook.registry import STAGES


@click.command("promote")
@click.argument("name")
@click.argument("version", type=int)
@click.argument("stage", type=click.Choice(STAGES))
@click.option("--override", is_flag=True, help="Move it against gates and approvals; needs --reason, shown everywhere.")
@click.option("--reason", help="Kept with the audit event.")
@json_option
@exits_with_status
def promote_command(name: str, version: int, stage: str, override: bool, reason: str | None, as_json: bool) -> None:
    """Move a version to STAGE if its gates and approvals let it; exit status 1, and what is lacking, when not."""
    registry = Project.open(create=False).registry
    moved = registry.promote(name, version, stage, reason=reason, override=override)
    report(moved, f"{moved.name} version {moved.version} is in {moved.stage}", as_json)
    for remark in () if as_json else registry.remarks:
        print_text(remark)
    if moved.override is not None and not as_json:
        print_text(f"against its gates or approvals: {moved.override}", "bold red")
