"""Checks of everything that is stored: each finding has an id, a severity, the thing it is about and a remedy."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from trackbook.errors import IntegrityError, StoreError
from trackbook.store.archive import UNFINISHED, Archive, read_rows
from trackbook.store.journal import Damage, read_batches
from trackbook.store.journals import SUFFIX
from trackbook.store.objects import Objects, is_digest
from trackbook.store.references import Reference, readable

if TYPE_CHECKING:
    from trackbook.store.connection import Database
    from trackbook.store.store import Store

Severity = Literal["error", "warning", "info"]

_REBUILD = "`trackbook fsck --rebuild` makes it again; or restore a backup"


class Finding(msgspec.Struct, frozen=True):
    """One thing that is not as it should be."""

    id: str
    severity: Severity
    subject: str
    message: str
    remedy: str


def fsck(store: Store) -> list[Finding]:
    """Check the journals, the database and every object; nothing is changed.

    Raises StoreError only when the store cannot be read at all.
    """
    findings = list(_journals(store.root / "journal"))
    try:
        with store.read() as db:
            findings += _database(db)
            findings += _lost(db, Archive(store.root))
            findings += _objects(db, store.objects)
    except StoreError as error:
        findings.append(Finding("database-unusable", "error", str(store.database), str(error), _REBUILD))
    findings += _archive(store.root)
    findings += _leftovers(store.root / "objects")
    return findings


def _journals(folder: Path) -> Iterator[Finding]:
    for journal in sorted(folder.glob(f"*{SUFFIX}")):
        damage = next((item for item in read_batches(journal) if isinstance(item, Damage) and not item.torn), None)
        if damage is not None:
            yield Finding(
                "journal-damaged",
                "error",
                journal.name,
                f"{damage.reason}, at byte {damage.offset}; what follows it cannot be read",
                "what precedes it is safe in the database; restore the file from a backup to get the rest",
            )
    for journal in sorted((folder / "damaged").glob(f"*{SUFFIX}")):
        yield Finding(
            "journal-set-aside",
            "warning",
            f"damaged/{journal.name}",
            "its last part could not be read and is not in the database",
            "delete the file once you have no more use for it",
        )


def _lost(db: Database, archive: Archive) -> Iterator[Finding]:
    """Look for runs that the archive knows and the database does not: as when its file was deleted."""
    archived: set[str] = set()
    for sealed in archive.journals():
        with suppress(IntegrityError):  # which is a finding of its own
            archived |= archive.runs_of(sealed)
    known = {run_id for (run_id,) in db.execute("SELECT run_id FROM run UNION SELECT run_id FROM run_purged")}
    lost = sorted(archived - known)
    if lost:
        yield Finding(
            "runs-lost",
            "error",
            "trackbook.db",
            f"{len(lost):,} runs that were in it are gone, among them {lost[0][:8]}: it was deleted or replaced",
            _REBUILD,
        )


def _archive(root: Path) -> Iterator[Finding]:
    if (root / UNFINISHED).exists():
        yield Finding(
            "rebuild-unfinished",
            "error",
            UNFINISHED,
            "a rebuild of the database was ended before it was done",
            "run `trackbook fsck --rebuild` again",
        )
    archive = Archive(root)
    for log in archive.logs():
        damage = next((item for item in read_rows(log) if isinstance(item, Damage) and not item.torn), None)
        if damage is not None:
            yield _archive_damaged(log, f"{damage.reason}, at byte {damage.offset}")
    for sealed in archive.journals():
        fault = archive.fault_of(sealed)
        if fault is not None:
            yield _archive_damaged(sealed, str(fault))


def _archive_damaged(path: Path, reason: str) -> Finding:
    return Finding(
        "archive-damaged",
        "warning",
        path.name,
        f"{reason}; a lost database could not be made again from it",
        "the database has it all; make a `trackbook backup`",
    )


def _database(db: Database) -> Iterator[Finding]:
    try:
        for (line,) in db.execute("PRAGMA integrity_check").fetchall():
            if line != "ok":
                yield Finding("database-damaged", "error", "trackbook.db", line, _REBUILD)
        for table, row, parent, _ in db.execute("PRAGMA foreign_key_check").fetchall():
            yield Finding(
                "row-orphaned", "error", f"{table} {row}", f"it refers to a {parent} that is gone", "restore a backup"
            )
    except sqlite3.DatabaseError as error:
        yield Finding("database-damaged", "error", "trackbook.db", str(error), _REBUILD)


def _objects(db: Database, objects: Objects) -> Iterator[Finding]:
    """Check every object that a row refers to, once; a row may keep one that is gone, unless it needs it."""
    owners: dict[str, Reference] = {}
    for reference in readable(db, objects):
        known = owners.get(reference.digest)
        if known is None or (reference.is_needed and not known.is_needed):
            owners[reference.digest] = reference
    for digest, reference in owners.items():
        try:
            # Looked for here first: what is missing is not to be fetched from a remote by looking at it.
            if is_digest(digest) and objects.exists(digest):
                objects.check(digest)
            elif reference.is_needed:
                yield Finding(
                    "object-missing",
                    "error",
                    digest[:12],
                    f"{reference.owner} needs it",
                    "restore it from a backup",
                )
        except IntegrityError:
            yield Finding(
                "object-changed",
                "error",
                digest[:12],
                f"{reference.owner} refers to it, and its bytes were changed",
                "restore it from a backup",
            )


def _leftovers(folder: Path) -> Iterator[Finding]:
    for file in sorted([*folder.glob("*.tmp"), *folder.glob("*/*.tmp")]):
        yield Finding(
            "temporary-left",
            "info",
            file.name,
            "a process was killed while writing it",
            "`trackbook gc --yes` removes it",
        )


def worst(findings: Iterable[Finding]) -> Severity | None:
    """Return the highest severity among `findings`, or None without any."""
    severities = {finding.severity for finding in findings}
    order: tuple[Severity, ...] = ("error", "warning", "info")
    return next((severity for severity in order if severity in severities), None)
