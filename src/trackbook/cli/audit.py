"""`trackbook audit …`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from trackbook.cli.output import (
    NO,
    exits_with_status,
    json_option,
    print_json,
    print_table,
    print_text,
)
from trackbook.errors import NotFoundError, UsageError
from trackbook.project import Project
from trackbook.registry.audit.exported import DEFAULT_NAME
from trackbook.registry.audit.filter import between
from trackbook.registry.dossier.sealing import check
from trackbook.tracking.words import local_time, printable

if TYPE_CHECKING:
    from trackbook.registry import AuditEvent, AuditVerdict


@click.group("audit")
def audit_group() -> None:
    """The audit trail of the registry."""


@audit_group.command("log")
@click.argument("filter", required=False)
@click.option("--since", metavar="TIME", help="Only events of this day or time and later: 2026-11-01, '7 days ago', …")
@click.option("--until", metavar="TIME", help="Only events up to this day or time.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1, 10_000), help="At most so many events.")
@click.option("--cursor", help="Go on behind a listing that was not the last: the number that it ended with.")
@json_option
@exits_with_status
def log_command(
    filter: str | None, since: str | None, until: str | None, limit: int, cursor: str | None, as_json: bool
) -> None:
    """List audit events, newest first; what went past gates or approvals is red.

    FILTER is the name of a model, pairs such as "actor=ann action=version_*", or a search as in `trackbook runs` over
    actor, authority, action, subject, model, time and seq: "action = 'approval_given' AND time > '7 days ago'".
    """
    page = Project.open(create=False).registry.audit_events(limit, cursor, between(filter, since, until))
    if as_json:
        print_json([event.to_dict() for event in page.events])
        return
    print_table(
        ["seq", "time", "who", "what", "subject", "hash"], map(_line, page.events), empty="No event is like that."
    )
    if page.cursor is not None:
        print_text(f"More with --cursor {page.cursor}.")


def _line(event: AuditEvent) -> list[Any]:
    who = f"{event.actor} ({event.authority})" if event.authority else event.actor
    line = [str(event.seq), local_time(event.time), who, event.action, event.subject, event.hash[:12]]
    if not event.is_override:
        return line
    from rich.text import Text

    return [Text(printable(cell), style="bold red") for cell in (f"{line[0]} ⚠", *line[1:])]


@audit_group.command("verify")
@click.option("--heads", type=click.Path(path_type=Path), help="Compare with this copy of the exported heads, too.")
@click.option("--key", metavar="HEX", help="The public key that you know to be the project's.")
@click.option("--dossier", type=click.Path(path_type=Path), help="Check this dossier of a model instead of the trail.")
@json_option
@exits_with_status
def verify_command(heads: Path | None, key: str | None, dossier: Path | None, as_json: bool) -> None:
    """Check the audit trail, and every row of the registry against it.  Exit status 1 when something was changed.

    The hashes of its events show any change in between; the signed heads, noted beside the database and exported with
    `trackbook audit export`, show what was cut off or forged as a whole.  A copy of them, or of the key, that nobody
    here could change proves the most.  A --dossier is checked to be genuine and unchanged; with --key also where the
    project is not.
    """
    if dossier is not None:
        if heads is not None:
            raise UsageError("--heads are compared with the trail, not with a --dossier; give one of them")
        _verify_dossier(dossier, key, as_json)
        return
    project = Project.open(create=False)
    verdict = project.registry.audit.verify(key=key, heads=heads, folder=project.root)
    if as_json:
        print_json(verdict.to_dict())
    else:
        _print_verdict(verdict)
    if not verdict.ok:
        sys.exit(NO)


@audit_group.command("export")
@click.argument("file", type=click.Path(path_type=Path), required=False)
@json_option
@exits_with_status
def export_command(file: Path | None, as_json: bool) -> None:
    """Write the signed head of the trail into FILE (default trackbook-audit.jsonl in the project), to be put into git.

    From then on every change adds a line of its own.  A copy of the file that nobody here can change, as in git, shows
    whether the trail was cut off, rewritten or forged.
    """
    project = Project.open(create=False)
    export = project.registry.audit.export(file or project.root / DEFAULT_NAME)
    if as_json:
        print_json(export.to_dict())
        return
    done = "has the head of" if export.added else "had the head of"
    print_text(f"{export.path} {done} event {export.head.events}, {export.head.hash[:12]}; every change adds its own.")
    print_text("Put it into git: a copy that nobody here can change is what proves the trail.")


@audit_group.command("key")
@click.option("--replace", is_flag=True, help="Make a new key; the one before signs that it was replaced.")
@click.option("--reason", default="", help="Kept with the audit event; needed when the key before is lost.")
@json_option
@exits_with_status
def key_command(replace: bool, reason: str, as_json: bool) -> None:
    """Show the public key that signs the heads of the trail: note it where nobody here can change it.

    `trackbook audit verify --key HEX` then shows whether the trail is signed with it.  The private half is
    `audit-key.pem` in the store; nothing copies it elsewhere but `trackbook backup --with-key`.
    """
    audit = Project.open(create=False).registry.audit
    if reason and not replace:
        raise UsageError("a --reason is kept with a new key; add --replace, or leave it out")
    key = audit.replace_key(reason) if replace else audit.key()
    if as_json:
        print_json({"key": key})
    else:
        print_text(key or "There is no key yet; the first change makes one.")


def _print_verdict(verdict: AuditVerdict) -> None:
    if verdict.ok:
        print_text(f"{verdict.events} audit events, unbroken; the registry is what they say. Head {verdict.head[:12]}")
        if verdict.signed:
            print_text(f"Signed up to event {verdict.signed} with the key {verdict.key}.")
        if verdict.compared:
            print_text(f"Compared with {', '.join(verdict.compared)}.")
        if not verdict.anchored and verdict.events:
            print_text("The note of the newest event is missing: a trail that was cut short might not show.", "yellow")
    else:
        if verdict.fault is not None:
            print_text(f"event {verdict.fault.seq} does not hold: {verdict.fault.reason}", "red")
        for row in verdict.rows:
            print_text(f"changed behind the audit trail: {row}", "red")
        for guard in verdict.guards:
            print_text(guard, "red")
    for remark in verdict.remarks:
        print_text(f"Note: {remark}.", "yellow")


def _verify_dossier(path: Path, key: str | None, as_json: bool) -> None:
    try:
        audit = Project.open(create=False).registry.audit
    except NotFoundError:  # whoever is given a dossier need not have the project
        verdict = check(path, None, key)
    else:
        verdict = audit.check_dossier(path, key)
    if as_json:
        print_json(verdict.to_dict())
    elif verdict.ok:
        signed = f"signed with {verdict.head.key} at event {verdict.head.events}"
        print_text(f"{verdict.file} is genuine and unchanged: {verdict.model} version {verdict.version}, {signed}.")
    for fault in () if as_json else verdict.faults:
        print_text(f"{verdict.file} does not hold: {fault}", "red")
    for remark in () if as_json else verdict.remarks:
        print_text(f"Note: {remark}.", "yellow")
    if not verdict.ok:
        sys.exit(NO)
