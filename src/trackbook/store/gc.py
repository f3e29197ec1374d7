"""What nobody needs any more is removed: deleted runs, and objects that no row refers to, both after a time of grace.

Objects are written before the rows that name them.  So an object is only removed when nobody put it, or asked for it,
since the grace began; journals are drained first, and no row can be written while it is looked for them.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trackbook.store.clock import now_ms
from trackbook.store.durable import SUFFIX
from trackbook.store.ingest import RUNNING
from trackbook.store.references import references
from trackbook.store.run_rows import delete_run

if TYPE_CHECKING:
    from trackbook.store.connection import Database
    from trackbook.store.store import Store

DAY = 86_400.0
LEFTOVER_SECONDS = 3600.0
"""A temporary file that is older was left by a process that was killed; none is written for so long."""


class Garbage(msgspec.Struct, frozen=True):
    """What was removed, or would be: `runs` by their ids, objects by their digests; sizes in bytes of the disk.

    `young` counts objects that no row refers to and that are spared for now.
    """

    runs: tuple[str, ...]
    objects: tuple[str, ...]
    size: int
    leftovers: int
    young: int
    removed: bool

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain


def collect(store: Store, *, grace: float, remove: bool = False, now: float | None = None) -> Garbage:
    """Find what was deleted, or not referred to, for `grace` seconds, and remove it when `remove` says so.

    `now` is in seconds since 1970.  Raises StoreError, and removes no object, when the manifest of a dataset version
    cannot be read: what it is made of is not known then.
    """
    from trackbook.store.database import telling

    before = (now_ms() / 1000 if now is None else now) - grace
    with telling(store.database):
        return _remove(store, before) if remove else _look(store, before)


def _remove(store: Store, before: float) -> Garbage:
    with store.write() as db:
        runs = _purge(db, before)
    # Only now that the rows are gone for good: a transaction that fails must not have lost its objects.
    with store.write() as db:
        return _sweep(store, db, runs, before, remove=True)


def _look(store: Store, before: float) -> Garbage:
    with store.write() as db:
        db.execute("SAVEPOINT looking")
        try:
            runs = _purge(db, before)
            return _sweep(store, db, runs, before, remove=False)
        finally:
            db.execute("ROLLBACK TO looking")
            db.execute("RELEASE looking")


def _purge(db: Database, before: float) -> tuple[str, ...]:
    """Delete the runs that were deleted before that time, with all rows that are theirs; returns their ids.

    Environments stay: a process that lives sends its own only once.
    """
    expired = db.execute(
        "SELECT id, run_id FROM run WHERE deleted_time < ?"
        " AND NOT (status = ? AND id IN (SELECT run_id FROM run_writer)) ORDER BY id",
        [int(before * 1000), RUNNING],
    ).fetchall()
    for run, run_id in expired:
        delete_run(db, run, run_id)
        # Remembered, so that a pull does not bring it back.
        db.execute("INSERT OR IGNORE INTO run_purged (run_id, time) VALUES (?, ?)", [run_id, now_ms()])
    return tuple(run_id for _, run_id in expired)


def _sweep(store: Store, db: Database, runs: tuple[str, ...], before: float, *, remove: bool) -> Garbage:
    objects = store.objects
    if remove:
        objects.recover()
    used = {reference.digest for reference in references(db, objects)}
    unused: list[str] = []
    size = young = 0
    for digest in objects.digests():
        if digest in used:
            continue
        freed = objects.discard(digest, before, only_look=not remove)
        if freed is None:
            young += 1
        else:
            unused.append(digest)
            size += freed
    leftovers = list(_leftovers(objects.folder))
    for path in leftovers:
        size += _size(path)
        if remove:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    return Garbage(runs, tuple(unused), size, len(leftovers), young, remove)


def _leftovers(folder: Path) -> Iterator[Path]:
    oldest = now_ms() / 1000 - LEFTOVER_SECONDS
    for path in sorted([*folder.glob(f"*{SUFFIX}"), *folder.glob(f"??/*{SUFFIX}")]):
        with suppress(FileNotFoundError):  # it has its name by now
            if path.lstat().st_mtime < oldest:
                yield path


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
