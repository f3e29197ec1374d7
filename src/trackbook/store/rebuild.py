"""A lost or damaged database made again: from journals, from the archive, and from what can still be read of it.

The sealed journals become journals again, and are drained into an empty database as all journals are.  The database
that was there is set aside, never deleted.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trackbook.errors import IntegrityError
from trackbook.store.archive import TABLES, UNFINISHED, Archive, Row, read_rows
from trackbook.store.clock import iso, now_ms
from trackbook.store.connection import Database, connect
from trackbook.store.drain import DAMAGED
from trackbook.store.journal import Damage
from trackbook.store.journals import SUFFIX
from trackbook.store.run_rows import delete_run, read_record, receive, savepoint
from trackbook.store.thinning import FACT, KEPT

if TYPE_CHECKING:
    from trackbook.store.store import Store


class Rebuilt(msgspec.Struct, frozen=True):
    """What a rebuild made and from what.

    `journals` and `rows` were read, `runs` are known now; `salvaged` counts what only the old database still held;
    `lost` are sentences about what could not be had.
    """

    aside: str | None
    journals: int
    rows: int
    runs: int
    salvaged: int
    lost: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


def rebuild(store: Store) -> Rebuilt:
    """Make the database of `store` again; a rebuild that was killed is done again from the start.

    Raises StoreError when the store cannot be written.
    """
    archive = Archive(store.root)
    with store.exclusive():
        aside = _set_aside(store.database)
        sources = _sources(store.root / UNFINISHED, aside)
        lost = list(_unseal(archive, store.root / "journal"))
    with store.write() as db:  # which drains all journals first
        rows = 0
        db.execute("PRAGMA defer_foreign_keys = ON")
        for log in archive.logs():
            for item in read_rows(log):
                if isinstance(item, Damage):
                    lost.append(f"{log.name} cannot be read from byte {item.offset} on: {item.reason}")
                else:
                    rows += _put(db, item, "REPLACE")
        _purge_again(db)
        db.execute("DELETE FROM outbox")  # all of it came from the archive
        salvaged = sum(_salvage(store, db, source, lost) for source in sources)
        (thinned,) = db.execute("SELECT count(*) FROM run_fact WHERE name = ?", [FACT]).fetchone()
        if thinned:
            lost.append(f"{thinned:,} runs have curves of more than {KEPT:,} points, which came back thinned")
        (runs,) = db.execute("SELECT count(*) FROM run").fetchone()
    (store.root / UNFINISHED).unlink(missing_ok=True)
    return Rebuilt(None if aside is None else str(aside), len(archive.journals()), rows, runs, salvaged, tuple(lost))


def _set_aside(database: Path) -> Path | None:
    if not database.exists():
        return None
    folder = database.with_name("damaged")
    folder.mkdir(mode=0o700, exist_ok=True)
    aside = folder / f"{(iso(now_ms()) or '').replace(':', '')}-{database.name}"
    for suffix in ("-wal", "-shm", ""):
        part = database.with_name(f"{database.name}{suffix}")
        if part.exists():
            part.rename(aside.with_name(f"{aside.name}{suffix}"))
    return aside


def _sources(note: Path, aside: Path | None) -> list[Path]:
    """Return the databases to salvage from: `aside`, and those of rebuilds that were killed, as `note` has them."""
    before = note.read_text(encoding="utf-8").splitlines() if note.exists() else []
    names = [*before, *([aside.name] if aside is not None else [])]
    note.write_text("\n".join(names), encoding="utf-8")
    return [path for name in names if (path := note.with_name("damaged") / name).exists()]


def _unseal(archive: Archive, folder: Path) -> Iterator[str]:
    """Make journals of all sealed and damaged ones; yield what could not be read."""
    for sealed in archive.journals():
        fault = archive.unseal(sealed, folder)
        if fault is not None:
            yield f"{sealed.name} cannot be read to its end: {fault}"
    for journal in sorted((folder / DAMAGED).glob(f"*{SUFFIX}")):
        journal.rename(folder / journal.name)  # drained as far as it reaches, and set aside again


def _put(db: Database, row: Row, otherwise: str) -> int:
    """Write a row of the archive, without columns that this version does not have; returns how many were written."""
    if row.table not in TABLES:
        return 0
    known = {name for _, name, *_ in db.execute(f"PRAGMA table_info([{row.table}])").fetchall()}
    values = {name: value for name, value in row.values.items() if name in known}
    names = ", ".join(f"[{name}]" for name in values)
    marks = ", ".join("?" * len(values))
    sql = f"INSERT OR {otherwise} INTO [{row.table}] ({names}) VALUES ({marks})"  # noqa: S608 - one of TABLES
    try:
        return max(0, db.execute(sql, list(values.values())).rowcount)
    except sqlite3.IntegrityError:
        if row.table != "audit_event":
            raise
        return 0  # its guard keeps the event that is there: the first that the archive has is the one that was written


def _purge_again(db: Database) -> None:
    """Delete runs that were removed for good, which the journals have brought back."""
    for run, run_id in db.execute("SELECT id, run_id FROM run JOIN run_purged USING (run_id)").fetchall():
        delete_run(db, run, run_id)


def _salvage(store: Store, db: Database, aside: Path, lost: list[str]) -> int:
    """Take from the old database what can still be read and nothing else had; returns how many rows and runs."""
    try:
        with closing(connect(aside, "mode=ro")) as old:
            rows = sum(_put(db, row, "IGNORE") for row in _readable_rows(old))
            return rows + _salvage_runs(store, db, old, lost)
    except sqlite3.Error as error:
        lost.append(f"nothing more could be read from {aside.name}: {error}")
        return 0


def _readable_rows(old: Database) -> Iterator[Row]:
    for table in TABLES:
        with suppress(sqlite3.Error):  # the readable rows before the damage have come by then
            for values in old.query(f"SELECT * FROM [{table}]"):  # noqa: S608 - one of TABLES
                yield Row(table, values)


def _salvage_runs(store: Store, db: Database, old: Database, lost: list[str]) -> int:
    # A run that is known may still lack something: where a part of the archive is lost, and points of long curves.
    whole = "SELECT run_id FROM run WHERE id NOT IN (SELECT run_id FROM run_fact WHERE name = ?)"
    known = set() if lost else {run_id for (run_id,) in db.execute(whole, [FACT])}
    known |= {run_id for (run_id,) in db.execute("SELECT run_id FROM run_purged")}
    salvaged = 0
    for run_id in _readable_ids(old):
        if run_id in known:
            continue
        try:
            record = read_record(old, run_id)
            with savepoint(db):
                salvaged += receive(db, store.objects, record, record.digest()) in ("new", "changed")
        except (sqlite3.Error, IntegrityError, StopIteration, msgspec.DecodeError) as error:
            lost.append(f"run {run_id} cannot be read: {error}")
    return salvaged


def _readable_ids(old: Database) -> Iterable[str]:
    found: list[str] = []
    with suppress(sqlite3.Error):
        for (run_id,) in old.execute("SELECT run_id FROM run ORDER BY id"):
            found.append(run_id)
    return found
