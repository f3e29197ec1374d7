"""Backups: a store copied to another folder while others write it, counted only when it could be restored from there.

::

    DEST/
      backup.json       what is in it, and when it was last restored as a test
      store/            a store, whose database is replaced when all its objects are there
      trial.tmp/        only while the restored store is being tested

Objects are copied, never linked to: a fault of the disk in one place must not be one in both.  Only what is new is
copied again.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from blake3 import blake3
from filelock import FileLock, Timeout

from trackbook.errors import IntegrityError, NotFoundError, StoreError, StoreVersionError, UsageError
from trackbook.hashing import hash_threads
from trackbook.store.archive import Archive
from trackbook.store.clock import iso, now_ms
from trackbook.store.database import connect_for_reading
from trackbook.store.durable import SUFFIX, sync_folder
from trackbook.store.fsck import fsck
from trackbook.store.ingest import end_orphans
from trackbook.store.journals import SUFFIX as JOURNAL
from trackbook.store.journals import liveness_lock
from trackbook.store.objects import Located, Objects, is_digest
from trackbook.store.references import readable
from trackbook.store.store import Store

if TYPE_CHECKING:
    from trackbook.store.connection import Database

FORMAT = 1
NAME = "backup.json"
STORE = "store"
BATCH = 256
"""Objects that become durable together."""

BESIDE = ("audit-head.json", "audit-exports.json", ".gitignore")
"""Files of a store that a backup keeps as they are; the head of the audit trail must not be newer than the trail."""

KEY = "audit-key.pem"
"""The private key that signs the audit trail: only kept where that is asked for."""

OnProgress = Callable[[str, int, int], None]


class Backup(msgspec.Struct, frozen=True):
    """What a backup holds: rows by table, objects, their bytes on the disk; times are in milliseconds since 1970.

    `database` is the BLAKE3 digest of the file; `verified_time` is None until it could be restored.
    """

    format: int
    time: int
    rows: dict[str, int]
    objects: int
    size: int
    database: str
    verified_time: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, times in ISO 8601."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain | {"time": iso(self.time), "verified_time": iso(self.verified_time)}


def back_up(store: Store, folder: Path, on_progress: OnProgress | None = None, *, with_key: bool = False) -> Backup:
    """Bring the backup in `folder` up to date, and prove it by restoring it there.

    The private key that signs the audit trail is kept only `with_key`, else an earlier copy of it is removed.
    Raises UsageError for a folder that cannot hold one, StoreError when it cannot be written, IntegrityError that
    names what is broken when it could not be restored whole.  Until it is whole, the backup before it stays.
    """
    _refuse_foreign(store, folder)
    with _alone(folder):
        copy = folder / STORE
        with suppress(NotFoundError, IntegrityError):  # what no longer describes a backup is made anew
            _complete(folder, read_backup(folder))
        for name in ("journal", "objects"):
            (copy / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in BESIDE:  # before the database is read
            if (store.root / name).exists():
                shutil.copy2(store.root / name, copy / name)
        (copy / KEY).unlink(missing_ok=True)
        if with_key and (store.root / KEY).exists():
            shutil.copy2(store.root / KEY, copy / KEY)
        Archive(store.root).copy_to(copy)
        with store.read() as db:
            rows = _counts(db)
            digests = _kept(db, store.objects)
            fresh = copy / f"trackbook.db{SUFFIX}"
            _copy_database(db, fresh)
        size = _copy_objects(store.objects, Objects(copy / "objects"), digests, on_progress or _silent)
        backup = Backup(FORMAT, now_ms(), rows, len(digests), size, _digest(fresh))
        _write(folder, backup)
        fresh.replace(copy / "trackbook.db")
        sync_folder(copy)
        return _verify(folder, backup, on_progress or _silent)


def verify(folder: Path, on_progress: OnProgress | None = None) -> Backup:
    """Restore a backup as a test, and note when it was; raises IntegrityError that names what is broken."""
    with _alone(folder):
        backup = read_backup(folder)
        _complete(folder, backup)
        return _verify(folder, backup, on_progress or _silent)


def restore(folder: Path, root: Path, on_progress: OnProgress | None = None) -> Path | None:
    """Make the store `root` from a backup; returns where the store that was there now lies, None when there was none.

    Nothing of it is deleted; the key that signs its audit trail goes on where the backup has none.  Raises UsageError
    while a process writes the store, IntegrityError, and leaves `root` as it was, when the backup is not whole.
    """
    read_backup(folder)
    _refuse_written(root)
    fresh = root.with_name(f"{root.name}.restoring{SUFFIX}")
    with _alone(folder):
        backup = read_backup(folder)
        _complete(folder, backup)
        shutil.rmtree(fresh, ignore_errors=True)
        _restore_into(folder, fresh, on_progress or _silent)
        _prove(Store.open(fresh), backup)
    aside = None
    if root.exists():
        aside = root.with_name(f"{root.name}.before-{(iso(now_ms()) or '').replace(':', '')}")
        root.rename(aside)
    fresh.rename(root)
    if aside is not None and (aside / KEY).exists() and not (root / KEY).exists():
        shutil.copy2(aside / KEY, root / KEY)
    with Store.open(root).write() as db:
        for (journal,) in db.execute("SELECT DISTINCT journal FROM run_writer").fetchall():
            end_orphans(db, journal, backup.time)  # whoever wrote these runs does not write them here
    return aside


def read_backup(folder: Path) -> Backup:
    """Return what a backup says of itself; raises NotFoundError, StoreVersionError or IntegrityError."""
    try:
        content = (folder / NAME).read_bytes()
        backup = msgspec.json.decode(content, type=Backup)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NotFoundError(f"there is no backup in {folder}; `trackbook backup {folder}` makes one") from error
    except msgspec.DecodeError as error:
        raise IntegrityError(f"{folder / NAME} does not describe a backup ({error})") from error
    if backup.format > FORMAT:
        raise StoreVersionError(f"a newer Trackbook made {folder}; update with `pip install -U trackbook`")
    return backup


def _complete(folder: Path, backup: Backup) -> None:
    """Put the database in place where a backup was killed after it had described it, and before it was there."""
    database, fresh = folder / STORE / "trackbook.db", folder / STORE / f"trackbook.db{SUFFIX}"
    if fresh.exists() and _digest(fresh) == backup.database:
        fresh.replace(database)
        sync_folder(database.parent)


def _verify(folder: Path, backup: Backup, on_progress: OnProgress) -> Backup:
    trial = folder / f"trial{SUFFIX}"
    shutil.rmtree(trial, ignore_errors=True)
    try:
        _restore_into(folder, trial, on_progress, link=True)
        _prove(Store.open(trial), backup)
    except IntegrityError:
        _drop_changed(Objects(folder / STORE / "objects"))
        raise
    finally:
        shutil.rmtree(trial, ignore_errors=True)
    verified = msgspec.structs.replace(backup, verified_time=now_ms())
    _write(folder, verified)
    return verified


def _restore_into(folder: Path, target: Path, on_progress: OnProgress, *, link: bool = False) -> None:
    source = folder / STORE
    store = Store.open(target)
    for name in ("trackbook.db", KEY, *BESIDE):
        if (source / name).exists():
            shutil.copy2(source / name, target / name)
    Archive(source).copy_to(target)
    kept = Objects(source / "objects")
    with connect_for_reading(store.database) as db:
        digests = _kept(db, kept)
    _copy_objects(kept, store.objects, digests, on_progress, link=link)


def _prove(store: Store, backup: Backup) -> None:
    """Raise IntegrityError unless a restored store is sound and holds as much as the one that was backed up."""
    if _digest(store.database) != backup.database:
        raise IntegrityError("the database of the backup is not the one that was copied; make the backup again")
    broken = [finding for finding in fsck(store) if finding.severity == "error"]
    if broken:
        first = broken[0]
        raise IntegrityError(
            f"the restored store has {len(broken)} errors; the first: {first.id} {first.subject}: {first.message}. "
            "The backup does not count; run `trackbook fsck` on the store, and make it again"
        )
    with store.read() as db:
        found = _counts(db)
    different = sorted(name for name in backup.rows.keys() | found.keys() if backup.rows.get(name) != found.get(name))
    if different:
        name = different[0]
        raise IntegrityError(
            f"the restored store has {found.get(name)} rows of {name} instead of {backup.rows.get(name)}"
        )


def _counts(db: Database) -> dict[str, int]:
    names = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name")
    return {name: db.execute(f"SELECT count(*) FROM [{name}]").fetchone()[0] for (name,) in names.fetchall()}  # noqa: S608


def _copy_database(db: Database, target: Path) -> None:
    target.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(target)) as copy:
            db.backup(copy)
    except sqlite3.Error as error:
        raise StoreError(f"the database cannot be copied to {target} ({error})") from error
    target.chmod(0o600)


def _kept(db: Database, objects: Objects) -> list[str]:
    """Return the digests of all objects that rows refer to and that are there."""
    wanted = {reference.digest for reference in readable(db, objects)}
    return sorted(digest for digest in wanted if is_digest(digest) and objects.exists(digest))


def _copy_objects(
    source: Objects, target: Objects, digests: list[str], on_progress: OnProgress, *, link: bool = False
) -> int:
    """Copy objects as they lie, those that are new; returns the bytes that all of them take."""
    size = 0
    for start in range(0, len(digests), BATCH):
        found = {digest: _located(source, digest) for digest in digests[start : start + BATCH]}
        target.adopt({digest: each for digest, each in found.items() if target.locate(digest) is None}, link=link)
        size += sum(each.path.stat().st_size for each in found.values())
        on_progress("objects", min(start + BATCH, len(digests)), len(digests))
    return size


def _located(objects: Objects, digest: str) -> Located:
    found = objects.locate(digest)
    if found is None:
        raise IntegrityError(f"the object {digest[:12]} was removed meanwhile; make the backup again")
    return found


def _drop_changed(objects: Objects) -> None:
    """Delete what is not what it was, so that the next backup copies it again."""
    for digest in objects.digests():
        try:
            objects.check(digest)
        except IntegrityError:
            _located(objects, digest).path.unlink()


def _digest(path: Path) -> str:
    return blake3(max_threads=hash_threads()).update_mmap(path).hexdigest()


def _write(folder: Path, backup: Backup) -> None:
    fresh = folder / f"{NAME}{SUFFIX}"
    fresh.write_bytes(msgspec.json.format(msgspec.json.encode(backup), indent=2) + b"\n")
    fresh.replace(folder / NAME)
    sync_folder(folder)


def _silent(what: str, done: int, total: int) -> None:
    """Tell nobody."""


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other backups out of the folder, and say of a fault of its disk what it is about."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with FileLock(folder / "lock", mode=0o600, timeout=0):
            yield
    except Timeout as error:
        raise StoreError(f"another process works on the backup in {folder}; wait for it") from error
    except OSError as error:
        raise StoreError(f"the backup in {folder} cannot be read or written ({error}); nothing is lost") from error


def _refuse_foreign(store: Store, folder: Path) -> None:
    """Raise UsageError for a folder that holds something else, or lies in the store itself."""
    place = folder.absolute()
    if place == store.root.absolute() or place.is_relative_to(store.root.absolute()):
        raise UsageError(f"{folder} lies in the store itself; give a folder elsewhere, best on another disk")
    if place.exists() and not place.is_dir():
        raise UsageError(f"{folder} is a file; give a folder")
    strange = {path.name for path in place.glob("*")} - {NAME, f"{NAME}{SUFFIX}", STORE, "lock", f"trial{SUFFIX}"}
    if strange:
        raise UsageError(f"{folder} holds something else ({min(strange)}); give an empty folder, or that of a backup")


def _refuse_written(root: Path) -> None:
    for journal in sorted((root / "journal").glob(f"*{JOURNAL}")):
        lock = liveness_lock(journal)
        try:
            lock.acquire(timeout=0)
            lock.release()
        except Timeout as error:
            raise UsageError(
                f"a process writes the store {root} ({journal.name}); end the kernels that use it, then restore"
            ) from error
