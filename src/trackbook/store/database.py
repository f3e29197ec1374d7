"""SQLite connections: who may write, and how the file is guarded.

SQLite before 3.51.3 can corrupt a WAL database that is written and checkpointed from several connections, so

- a writing connection exists only while its process holds the store's lock, and it alone checkpoints;
- every other connection is opened read-only, which also keeps SQLite from checkpointing when the last one closes;
- nothing is memory-mapped.

On a network file system there is no WAL at all: its index is shared memory, which machines do not share.
"""

from __future__ import annotations

import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from trackbook.errors import StoreError, StoreVersionError
from trackbook.store import filesystem
from trackbook.store.connection import Database, connect
from trackbook.store.migrations import STEPS, migrate

CHECKPOINT_PAGES = 1000
WAL_FIX = (3, 51, 3)
_APPLIED = "SELECT name FROM _sqlite_migrations WHERE migration_set = 'trackbook' ORDER BY id"
_CANTOPEN = "unable to open database file"


@contextmanager
def connect_for_writing(path: Path) -> Iterator[Database]:
    """Open `path` for writing, up to date, for the length of a `with` block; the caller holds the store's lock.

    Raises StoreVersionError for a database made by a newer Trackbook, StoreError when it is no database, or when
    what the block does in it fails, as on a full disk.
    """
    new = not path.exists()
    try:
        with closing(connect(path, "mode=rwc")) as db:
            mode = journal_mode(path)
            if new:
                with telling(path):
                    path.chmod(0o600)
                _mention(mode, path)
            db.execute(f"PRAGMA journal_mode = {mode}")
            db.execute("PRAGMA synchronous = FULL")
            db.execute("PRAGMA foreign_keys = ON")
            _bring_up_to_date(db, path)
            yield db
    except sqlite3.Error as error:
        raise _unusable(path, error) from error


@contextmanager
def connect_for_reading(path: Path) -> Iterator[Database]:
    """Open `path` read-only for the length of a `with` block, in one consistent snapshot."""
    with open_for_reading(path) as db, snapshot(db, path):
        yield db


@contextmanager
def open_for_reading(path: Path) -> Iterator[Database]:
    """Open `path` read-only for the length of a `with` block, outside any transaction."""
    try:
        db = _open_readable(path)
    except sqlite3.Error as error:
        raise _unusable(path, error) from error
    with closing(db):
        yield db


@contextmanager
def empty() -> Iterator[Database]:
    """Give what a store holds that is not there yet: all tables, in memory, without a row."""
    with closing(sqlite3.connect(":memory:", isolation_level=None, factory=Database)) as db:
        for step in STEPS:
            step(db)
        db.execute("PRAGMA query_only = ON")
        yield db


@contextmanager
def snapshot(db: Database, path: Path) -> Iterator[Database]:
    """Read from a connection in one consistent snapshot for the length of a `with` block."""
    try:
        db.execute("BEGIN")
        yield db
    except sqlite3.DatabaseError as error:
        raise _unusable(path, error) from error
    finally:
        if db.in_transaction:
            db.rollback()


@contextmanager
def telling(path: Path) -> Iterator[None]:
    """Make a StoreError of what the disk, or SQLite, raises in a `with` block of ours that is about `path`."""
    try:
        yield
    except sqlite3.Error as error:
        raise _unusable(path, error) from error
    except OSError as error:
        raise StoreError(
            f"the store {path.parent} cannot be read or written ({error}); run `trackbook doctor`"
        ) from error


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


@contextmanager
def tidying() -> Iterator[None]:
    """Let a `with` block that follows a commit fail on a full or failing disk: what was committed is kept.

    Its caller must not be told that it was not, and the next writer tidies up.
    """
    with suppress(sqlite3.OperationalError):
        yield


def journal_mode(path: Path) -> str:
    """Return how SQLite shall keep `path` safe: WAL, or DELETE where several machines may have it mounted."""
    return "DELETE" if filesystem.is_network(filesystem.file_system(path.parent)) else "WAL"


def _mention(mode: str, path: Path) -> None:
    """Say once, when a database is made, what its place costs."""
    if mode != "WAL":
        warnings.warn(
            f"the store {path.parent} lies on a file system that is shared over a network, so it works without "
            "SQLite's write-ahead log: safe, but slower; for speed set TRACKBOOK_DIR to a local folder",
            stacklevel=2,
        )


def wal_is_sound() -> bool:
    """Say whether this SQLite has the WAL fix of version 3.51.3; without it the rules above are essential."""
    return sqlite3.sqlite_version_info >= WAL_FIX


def sqlite_version() -> str:
    """Return the version of the SQLite library that Python uses."""
    return sqlite3.sqlite_version


def is_ready(db: Database, path: Path) -> bool:
    """Say whether a database has all its tables; raises StoreVersionError when it has more than this version knows."""
    applied = applied_steps(db)
    _refuse_newer(applied, path)
    return len(applied) == len(STEPS)


def applied_steps(db: Database) -> list[str]:
    """Return the names of the migrations that a database has been through, in their order."""
    try:
        return [name for (name,) in db.execute(_APPLIED).fetchall()]
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return []
        raise


def _open_readable(path: Path) -> Database:
    db = connect(path, "mode=ro")
    try:
        _try_reading(db)
    except sqlite3.OperationalError as error:
        db.close()
        if _CANTOPEN not in str(error) or not path.exists():
            raise
        # On a read-only mount SQLite cannot make the index of the WAL.  Without a WAL the file is all there is, and
        # nobody can change it there.
        if _wal(path).exists() and _wal(path).stat().st_size > 0:
            raise
        db = connect(path, "mode=ro&immutable=1")
        _try_reading(db)
    return db


def _try_reading(db: Database) -> None:
    db.execute("PRAGMA query_only = ON")
    db.execute("SELECT 1 FROM sqlite_schema LIMIT 1").fetchone()


def is_half_written(path: Path) -> bool:
    """Say whether a writer without a WAL is at work, or was killed at it: then only a writer can set things right."""
    return path.with_name(f"{path.name}-journal").exists()


def _wal(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def _bring_up_to_date(db: Database, path: Path) -> None:
    if is_ready(db, path):
        return
    with immediate(db):
        migrate(db, applied_steps(db))  # asked again: another process may have been first


def _refuse_newer(applied: list[str], path: Path) -> None:
    """Raise StoreVersionError when `path` holds migrations that this version has never heard of."""
    known = {step.__name__ for step in STEPS}
    unknown = [name for name in applied if name not in known]
    if unknown:
        raise StoreVersionError(
            f"the store {path.parent} was made by a newer Trackbook (it has {unknown[0]}); "
            "update with `pip install -U trackbook`"
        )


def _unusable(path: Path, error: sqlite3.Error) -> StoreError:
    return StoreError(f"the database {path} cannot be used ({error}); run `trackbook doctor`, then `trackbook fsck`")
