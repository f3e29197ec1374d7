"""`trackbook audit …`."""

from __future__ import annotations

import sys

import click

from trackbook.cli.output import (
    NO,
    exits_with_status,
    json_option,
    print_json,
    print_table,
)
from trackbook.project import Project
from trackbook.tracking.words import local_time


@click.group("audit")
def audit_group() -> None:
    """The audit trail of the registry."""


@audit_group.command("log")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="At most so many events.")
@json_option
@exits_with_status
def log_command(limit: int, as_json: bool) -> None:
    """List audit events, newest first."""
    events = Project.open(create=False).registry.audit_events(limit).events
    if as_json:
        print_json([event.to_dict() for event in events])
        return
    print_table(
        ["seq", "time", "who", "what", "subject", "hash"],
        [
            [event.seq, local_time(event.time), event.actor, event.action, event.subject, event.hash[:12]]
            for event in events
        ],
        empty="The audit trail is empty.",
    )


@audit_group.command("verify")
@json_option
@exits_with_status
def verify_command(as_json: bool) -> None:
    """Check the hash chain, and every row of the registry against it.  Exit status 1 when something was changed."""
    verdict = Project.open(create=False).registry.verify()
    if as_json:
        print_json(verdict.to_dict())
    elif verdict.ok:
        click.echo(f"{verdict.events} audit events, unbroken; the registry is what they say. Head {verdict.head[:12]}")
        if not verdict.anchored and verdict.events:
            click.echo("The note of the newest event is missing, so a trail cut short at its end would not show.")
    else:
        if verdict.fault is not None:
            click.echo(f"event {verdict.fault.seq} does not hold: {verdict.fault.reason}")
        for row in verdict.rows:
            click.echo(f"changed behind the audit trail: {row}")
    if not verdict.ok:
        sys.exit(NO)
