"""The store: one folder that holds everything a project remembers.

::

    .trackbook/
      trackbook.db      SQLite; written only under `lock`
      lock              the operating system's lock: whoever holds it drains the journals
      journal/          one append-only file a process; `damaged/` keeps what could not be read
      objects/          content-addressed bytes
      archive/          what a lost database can be made from again
      .gitignore        keeps the folder out of version control
"""

from __future__ import annotations

import atexit
import sys
import threading
import warnings
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from trackbook.errors import NotFoundError, StoreError, StoreVersionError
from trackbook.store.objects import Objects
from trackbook.store.spool import is_private, spool_folder

if TYPE_CHECKING:
    from trackbook.store.connection import Database
    from trackbook.store.journal import JournalWriter

Append = Callable[..., None]
LOCK_SECONDS = 60.0
READ_WAIT_SECONDS = 1.0


class Store:
    """Reading, writing and appending, from any number of threads and processes.

    SQLite is imported only when it is needed, as a cell that is tracked appends, and must not wait for an import; what
    writes journals only when something is appended, as most commands only read.
    """

    def __init__(self, root: Path) -> None:
        """Use the store in the folder `root`, which `open` has made sure of; `look` has not."""
        self.root = root
        self._is_made = True
        self.objects = Objects(root / "objects")
        self._spool = spool_folder(root)
        self._local = threading.local()
        self._made_journal: JournalWriter | None = None

    @classmethod
    def open(cls, root: Path, *, create: bool = True) -> Store:
        """Open the store at `root`, making the folder unless `create` is false.

        Raises NotFoundError when it is not there, StoreError when it cannot be made.
        """
        if not create and not root.is_dir():
            raise NotFoundError(
                f"there is no store at {root}; run a cell with %%track, or `trackbook demo`, to make one"
            )
        _make(root)
        return cls(root)

    @classmethod
    def look(cls, root: Path) -> Store:
        """Return the store at `root` for who may only read: where there is none it is empty until something is written.

        Raises StoreError, then, when it cannot be made.
        """
        store = cls(root)
        store._is_made = root.is_dir()
        return store

    def _make_sure(self) -> None:
        if not self._is_made:
            _make(self.root)
            self._is_made = True

    @property
    def append(self) -> Append:
        """Add a tracking event to this process's journal; see `JournalWriter.append` for what it promises."""
        return self._journal.append

    @property
    def _journal(self) -> JournalWriter:
        made = self._made_journal
        if made is None:
            made = self._made_journal = self._make_journal()
        return made

    def _make_journal(self) -> JournalWriter:
        """Return this process's journal, which opens its file when something is appended.

        Two threads that come here at once may each have one: both are drained, and no lock is there to be forked.
        """
        from trackbook.store.journal import JournalWriter

        self._make_sure()
        journal = JournalWriter(self.root / "journal", self._spool)
        atexit.register(_close_quietly, weakref.ref(self), weakref.ref(journal))
        return journal

    @property
    def database(self) -> Path:
        """Where the SQLite file lies."""
        return self.root / "trackbook.db"

    @contextmanager
    def read(self) -> Iterator[Database]:
        """Give a read-only connection in one snapshot that holds what was journalled before.

        Where nothing is new, or the store cannot be written, nothing is: a read-only mount can be read.
        """
        from trackbook.store.database import empty, is_half_written, open_for_reading, snapshot

        if not self._is_made and not self.root.is_dir():
            with empty() as db:
                yield db
            return
        if self.database.exists() and not is_half_written(self.database):
            with open_for_reading(self.database) as db:
                if not self._is_behind(db):
                    with snapshot(db, self.database):
                        yield db
                    return
        # No connection of ours is open meanwhile: it would keep SQLite from changing how the file is kept safe.
        self._catch_up()
        with open_for_reading(self.database) as db, snapshot(db, self.database):
            yield db

    @contextmanager
    def write(self) -> Iterator[Database]:
        """Give a connection inside one transaction that is on the disk when the block ends; an exception undoes it."""
        from trackbook.store.database import immediate

        with self._writing(LOCK_SECONDS) as db:
            self._drain_into(db)
            with immediate(db):
                yield db

    def drain(self, *, wait: float = 0.0) -> bool:
        """Move journalled events into the tables; False when another process held the lock for `wait` seconds."""
        from trackbook.store.lock import StoreBusyError

        try:
            with self._writing(wait) as db:
                self._drain_into(db)
        except StoreBusyError:
            return False
        with suppress(OSError):
            self._spool.rmdir()  # once it is empty
        return True

    def _folders(self) -> list[Path]:
        """Where journals lie: anybody may make a folder of the spool's name, so it is read only if it is ours."""
        return [self.root / "journal", *([self._spool] if is_private(self._spool) else [])]

    def _drain_into(self, db: Database) -> None:
        from trackbook.store.database import telling
        from trackbook.store.drain import drain

        with telling(self.database):
            drain(db, self._folders(), self.objects)

    def _is_behind(self, db: Database) -> bool:
        from trackbook.store.database import is_ready, telling
        from trackbook.store.journals import has_news

        own = self._made_journal.path if self._made_journal is not None else None
        with telling(self.database):
            return not is_ready(db, self.database) or has_news(db, self._folders(), own)

    def _catch_up(self) -> None:
        """Drain, unless others do so or nobody can; a database that is not ready is waited for."""
        from trackbook.store.lock import ReadOnlyStoreError

        try:
            if self.drain(wait=READ_WAIT_SECONDS) or self._is_ready():
                return
        except StoreVersionError:
            raise
        except StoreError as error:
            if not self._is_ready():
                raise
            if not isinstance(error, ReadOnlyStoreError):  # there nothing new can be expected
                warnings.warn(f"what was logged last is not shown: {error}", stacklevel=6)
            return
        self.drain(wait=LOCK_SECONDS)

    def _is_ready(self) -> bool:
        from trackbook.store.database import is_half_written, is_ready, open_for_reading, telling

        if not self.database.exists() or is_half_written(self.database):
            return False
        with open_for_reading(self.database) as db, telling(self.database):
            return is_ready(db, self.database)

    def close(self) -> None:
        """Sync the journal and drain it if the lock is free; the store stays usable."""
        if self._made_journal is not None:
            self._made_journal.close()
        self.drain()

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the store's lock, without a look at the database: nobody writes it for the length of a `with` block."""
        from trackbook.store.lock import held

        with held(self.root / "lock", LOCK_SECONDS):
            yield

    @contextmanager
    def _writing(self, wait: float) -> Iterator[Database]:
        from trackbook.store.archive import Archive
        from trackbook.store.database import checkpoint, connect_for_writing, tidying
        from trackbook.store.lock import held

        if getattr(self._local, "writing", False):
            raise StoreError("the store is already being written by this thread; do one write at a time")
        self._make_sure()
        with held(self.root / "lock", wait):
            self._local.writing = True
            try:
                with connect_for_writing(self.database) as db:
                    yield db
                    with tidying():
                        Archive(self.root).keep_rows(db)
                        checkpoint(db)
            finally:
                self._local.writing = False


def _make(root: Path) -> None:
    try:
        for folder in (root, root / "journal", root / "objects"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        ignore = root / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
    except OSError as error:
        raise StoreError(
            f"the store {root} cannot be written ({error.strerror}); make the folder writable, "
            "or set TRACKBOOK_DIR to one that is"
        ) from error


def _close_quietly(reference: weakref.ref[Store], written: weakref.ref[JournalWriter]) -> None:
    """At exit: leave nothing behind in the journal if it can be helped; what stays is drained by the next reader."""
    store, journal = reference(), written()
    if store is None or journal is None or journal.path is None or not store.root.is_dir():
        return  # what has only read has nothing to leave
    try:
        # A process that has only appended would import SQLite's library now, half a second of it, and libraries
        # that register exit handlers of their own cannot be imported at exit at all.
        if "trackbook.store.drain" in sys.modules:
            store.close()
        else:
            journal.close()
    except StoreError as error:
        warnings.warn(f"Trackbook left its journal for the next command to read: {error}", stacklevel=1)
