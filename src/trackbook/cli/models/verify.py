"""`trackbook models verify`."""

from __future__ import annotations

import sys

import click
import msgspec

from trackbook.cli.output import NO, exits_with_status, json_option, print_json, print_text
from trackbook.project import Project


@click.command("verify")
@click.argument("name", required=False)
@json_option
@exits_with_status
def verify_command(name: str | None, as_json: bool) -> None:
    """Hash again what the versions of NAME, or of all models, refer to; exit status 1 when something is not as it was.

    Their bytes, examples, programs, environments, the data of their training and of their gates, and the rows of the
    registry against the audit events.
    """
    registry = Project.open(create=False).registry
    faults = registry.verify_models(name)
    if as_json:
        print_json([msgspec.to_builtins(fault) for fault in faults])
    elif faults:
        for fault in faults:
            print_text(fault.sentence)
    else:
        print_text(f"All that {name or 'the models'} refer{'s' if name else ''} to is there, and what it was.")
    if faults:
        sys.exit(NO)
