"""What journals there are, whose writer lives, and whether they hold what the tables do not.

Every command asks this, and most find nothing new: what reads or writes a journal is not imported for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filelock import FileLock

    from trackbook.store.connection import Database

SUFFIX = ".journal"


def has_news(db: Database, folders: Sequence[Path], own: Path | None) -> bool:
    """Say whether a drain would change anything; `own` is the journal of this process, whose writer lives."""
    journals = journals_in(folders)
    if not journals:
        return False
    consumed = consumed_of(db)
    return any(
        _size(journal) > consumed.get(journal.name, 0) or (journal != own and is_abandoned(journal))
        for journal in journals
    )


def journals_in(folders: Sequence[Path]) -> list[Path]:
    """Return all journals, the oldest first: their names begin with the time."""
    found = [journal for folder in folders for journal in folder.glob(f"*{SUFFIX}")]
    return sorted(found, key=lambda journal: journal.name)


def consumed_of(db: Database) -> dict[str, int]:
    """Return how many bytes of each journal are in the tables, by the journal's name."""
    return dict(db.execute("SELECT name, consumed FROM journal").fetchall())


def _size(journal: Path) -> int:
    try:
        return journal.stat().st_size
    except FileNotFoundError:  # drained and deleted by another process this moment
        return 0


def liveness_lock(journal: Path) -> FileLock:
    """Return the lock that the writer of `journal` holds while it lives."""
    from filelock import FileLock

    return FileLock(journal.with_suffix(".lock"), mode=0o600, thread_local=False)


def is_abandoned(journal: Path) -> bool:
    """Say whether the writer of `journal` is gone."""
    from filelock import Timeout

    lock = liveness_lock(journal)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    except OSError:  # nothing can be written here, so nobody could retire it either
        return False
    lock.release()
    return True
