"""Move what the journals hold into the database: exactly once, whatever is killed when.

The consumed offset of a journal is stored in the transaction that stores its events.  A journal whose writer is
gone and whose every byte is accounted for is deleted; one that holds bytes that are no frames is kept aside in
`damaged/`, where `fsck` names it.  A run that only such writers knew of has ended with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from filelock import Timeout

from trackbook.errors import StoreVersionError
from trackbook.store.archive import Archive
from trackbook.store.connection import Database
from trackbook.store.database import immediate
from trackbook.store.events import FORMAT, Event, JournalOpened
from trackbook.store.ingest import Ingester, end_orphans
from trackbook.store.journal import Damage, read_batches
from trackbook.store.journals import SUFFIX, consumed_of, is_abandoned, journals_in, liveness_lock
from trackbook.store.objects import Objects

DAMAGED = "damaged"


def drain(db: Database, folders: Sequence[Path], objects: Objects) -> None:
    """Apply all new events of all journals in `folders`; the caller holds the store's lock."""
    consumed = consumed_of(db)
    journals = journals_in(folders)
    abandoned: dict[Path, Damage | None] = {}
    for journal in journals:
        # Asked before reading: a writer that is gone by now cannot add to what is read next.
        is_gone = is_abandoned(journal)
        damage = _drain_one(db, objects, journal, consumed.get(journal.name, 0))
        if is_gone:
            abandoned[journal] = damage
    _end_orphans(db, abandoned)
    archive = Archive(folders[0].parent)
    for journal, damage in abandoned.items():
        _retire(journal, damage, archive)
    _forget(db, consumed_of(db).keys() - {journal.name for journal in journals_in(folders)})
    for folder in folders:
        _remove_stray_locks(folder)


def _drain_one(db: Database, objects: Objects, journal: Path, offset: int) -> Damage | None:
    for batch in read_batches(journal, offset):
        if isinstance(batch, Damage):
            return batch
        _refuse_newer(batch.events, journal)
        with immediate(db):
            ingester = Ingester(db, objects)
            ingester.apply(batch.events)
            ingester.note_writer(journal.name)
            db.execute(
                "INSERT INTO journal VALUES (?, ?) ON CONFLICT DO UPDATE SET consumed = excluded.consumed",
                [journal.name, batch.end],
            )
    return None


def _refuse_newer(events: Sequence[Event], journal: Path) -> None:
    if any(isinstance(event, JournalOpened) and event.format > FORMAT for event in events):
        raise StoreVersionError(
            f"the journal {journal} was written by a newer Trackbook; update with `pip install -U trackbook`"
        )


def _end_orphans(db: Database, journals: Iterable[Path]) -> None:
    """End what the writers of `journals` left going on: after all journals are read, as any may hold a run's end."""
    gone = {journal.name: journal.stat().st_mtime_ns // 1_000_000 for journal in journals}
    if gone:
        with immediate(db):
            for name, last_time in gone.items():
                end_orphans(db, name, last_time)


def _retire(journal: Path, damage: Damage | None, archive: Archive) -> None:
    if damage is not None and not damage.torn:
        aside = journal.parent / DAMAGED
        aside.mkdir(mode=0o700, exist_ok=True)
        journal.rename(aside / journal.name)
    else:
        try:
            archive.seal(journal, journal.stat().st_size if damage is None else damage.offset)
        except OSError:  # a full disk: the journal stays, and is sealed by a later drain
            return
        journal.unlink(missing_ok=True)
    journal.with_suffix(".lock").unlink(missing_ok=True)


def _remove_stray_locks(folder: Path) -> None:
    """Delete the locks of processes that were killed before they had made their journals."""
    for path in folder.glob("*.lock"):
        journal = path.with_suffix(SUFFIX)
        if journal.exists():
            continue
        lock = liveness_lock(journal)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            continue  # its process is about to make the journal
        # Deleted while it is held: whoever waits for it then sees that its file is gone, and makes a new one.
        if not journal.exists():
            path.unlink(missing_ok=True)
        lock.release()


def _forget(db: Database, gone: set[str]) -> None:
    if not gone:
        return
    with immediate(db):
        db.executemany("DELETE FROM journal WHERE name = ?", [(name,) for name in gone])
