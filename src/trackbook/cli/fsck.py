"""`trackbook fsck`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click
import msgspec

from trackbook.cli.output import NO, exits_with_status, json_option, print_json, print_table, print_text
from trackbook.project import Project

if TYPE_CHECKING:
    from trackbook.store.rebuild import Rebuilt


@click.command("fsck")
@click.option("--rebuild", is_flag=True, help="First make the database again, from journals and the archive.")
@json_option
@exits_with_status
def fsck_command(rebuild: bool, as_json: bool) -> None:
    """Check every journal, table and object of the store.  Changes nothing; exit status 1 when one is broken.

    With --rebuild the database is made again as far as journals, archive and what can be read of it reach.  The one
    that was there is set aside, not deleted.
    """
    from trackbook.store.fsck import fsck, worst

    project = Project.open(create=False)
    rebuilt = project.rebuild() if rebuild else None
    findings = fsck(project.store)
    if as_json:
        plain = msgspec.to_builtins(findings)
        print_json(plain if rebuilt is None else {"rebuilt": rebuilt.to_dict(), "findings": plain})
    else:
        if rebuilt is not None:
            _show(rebuilt)
        print_table(
            ["severity", "id", "what", "finding", "remedy"],
            [[each.severity, each.id, each.subject, each.message, each.remedy] for each in findings],
            empty="The store is sound.",
        )
    if worst(findings) == "error":
        sys.exit(NO)


def _show(rebuilt: Rebuilt) -> None:
    print_text(
        f"The database is made again from {rebuilt.journals:,} archived journals and {rebuilt.rows:,} rows; "
        f"{rebuilt.runs:,} runs, {rebuilt.salvaged:,} rows and runs taken from the old database."
    )
    if rebuilt.aside is not None:
        print_text(f"The old one lies in {rebuilt.aside}.")
    for each in rebuilt.lost:
        print_text(f"Lost: {each}.")
    print_text("What came from others comes back with `trackbook pull`.")
