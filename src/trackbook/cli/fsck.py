"""`trackbook fsck`."""

from __future__ import annotations

import sys

import click
import msgspec

from trackbook.cli.output import NO, exits_with_status, json_option, print_json, print_table
from trackbook.project import Project


@click.command("fsck")
@json_option
@exits_with_status
def fsck_command(as_json: bool) -> None:
    """Check every journal, table and object of the store.  Changes nothing; exit status 1 when one is broken."""
    from trackbook.store.fsck import fsck, worst

    findings = fsck(Project.open(create=False).store)
    if as_json:
        print_json(msgspec.to_builtins(findings))
    else:
        print_table(
            ["severity", "id", "what", "finding", "remedy"],
            [[each.severity, each.id, each.subject, each.message, each.remedy] for each in findings],
            empty="The store is sound.",
        )
    if worst(findings) == "error":
        sys.exit(NO)
