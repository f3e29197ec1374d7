"""SQLite connections: who may write, and how the file is guarded.

SQLite before 3.51.3 can corrupt a WAL database that is written and checkpointed from several connections, so

- a writing connection exists only while its process holds the store's lock, and it alone checkpoints;
- every other connection is opened read-only, which also keeps SQLite from checkpointing when the last one closes;
- nothing is memory-mapped.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path

from sqlite_utils import Database

from trackbook.errors import StoreError, StoreVersionError
from trackbook.store.migrations import migrations

BUSY_SECONDS = 30.0
CHECKPOINT_PAGES = 1000
WAL_FIX = (3, 51, 3)


@contextmanager
def connect_for_writing(path: Path) -> Iterator[Database]:
    """Open `path` for writing, up to date, for the length of a `with` block; the caller holds the store's lock.

    Raises StoreVersionError for a database made by a newer Trackbook, StoreError when it is no database, or when
    what the block does in it fails, as on a full disk.
    """
    new = not path.exists()
    try:
        with closing(_connect(f"{path.as_uri()}?mode=rwc")) as connection:
            if new:
                path.chmod(0o600)
            db = Database(connection, execute_plugins=False)
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA foreign_keys = ON")
            _migrate(db, path)
            yield db
    except sqlite3.Error as error:
        raise _unusable(path, error) from error


@contextmanager
def connect_for_reading(path: Path) -> Iterator[Database]:
    """Open `path` read-only for the length of a `with` block, in one consistent snapshot."""
    try:
        connection = _connect(f"{path.as_uri()}?mode=ro")
    except sqlite3.Error as error:
        raise _unusable(path, error) from error
    with closing(connection):
        try:
            connection.execute("PRAGMA query_only = ON")
            db = Database(connection, recursive_triggers=False, execute_plugins=False)
            _refuse_newer(db, path)
            connection.execute("BEGIN")
        except sqlite3.Error as error:
            raise _unusable(path, error) from error
        try:
            yield db
        except sqlite3.DatabaseError as error:
            raise _unusable(path, error) from error


@contextmanager
def immediate(db: Database) -> Iterator[Database]:
    """Run a `with` block as one transaction that takes the write lock at once; an exception rolls it back."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield db
    except BaseException:
        db.rollback()
        raise
    db.commit()


def checkpoint(db: Database) -> None:
    """Move the WAL into the database file when it has grown; only ever called under the store's lock."""
    _, pages, _ = db.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    if pages > CHECKPOINT_PAGES:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def wal_is_sound() -> bool:
    """Say whether this SQLite has the WAL fix of version 3.51.3; without it the rules above are essential."""
    return sqlite3.sqlite_version_info >= WAL_FIX


def sqlite_version() -> str:
    """Return the version of the SQLite library that Python uses."""
    return sqlite3.sqlite_version


def is_ready(path: Path) -> bool:
    """Say whether the database has all its tables; another process may be making them this moment."""
    if not path.exists():
        return False
    with connect_for_reading(path) as db:
        return not migrations.pending(db)


def _connect(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS, check_same_thread=False)
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    connection.execute("PRAGMA mmap_size = 0")
    return connection


def _migrate(db: Database, path: Path) -> None:
    _refuse_newer(db, path)
    if not migrations.pending(db):
        return
    with immediate(db):
        migrations.apply(db)


def _refuse_newer(db: Database, path: Path) -> None:
    """Raise StoreVersionError when `path` holds migrations that this version has never heard of."""
    unknown = [applied.name for applied in migrations.applied(db) if applied.name not in _known()]
    if unknown:
        raise StoreVersionError(
            f"the store {path.parent} was made by a newer Trackbook (it has {unknown[0]}); "
            "update with `pip install -U trackbook`"
        )


@cache
def _known() -> frozenset[str]:
    return frozenset(migration.name for migration in migrations.pending(Database(memory=True)))


def _unusable(path: Path, error: sqlite3.Error) -> StoreError:
    return StoreError(f"the database {path} cannot be used ({error}); run `trackbook doctor`, then `trackbook fsck`")
