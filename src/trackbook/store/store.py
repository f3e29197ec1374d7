"""The store: one folder that holds everything a project remembers.

::

    .trackbook/
      trackbook.db      SQLite; written only under `lock`
      lock              the operating system's lock: whoever holds it drains the journals
      journal/          one append-only file a process; `damaged/` keeps what could not be read
      objects/          content-addressed bytes
      .gitignore        keeps the folder out of version control
"""

from __future__ import annotations

import atexit
import sys
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from trackbook.errors import NotFoundError, StoreError
from trackbook.store.events import Event
from trackbook.store.journal import JournalWriter
from trackbook.store.objects import Objects

if TYPE_CHECKING:
    from sqlite_utils import Database

LOCK_SECONDS = 60.0
READ_WAIT_SECONDS = 1.0


class Store:
    """Reading, writing and appending, from any number of threads and processes.

    SQLite is imported only when it is needed: a cell that is tracked appends, and must not wait for an import.
    """

    def __init__(self, root: Path) -> None:
        """Use the store in the folder `root`, which `open` has made sure of."""
        self.root = root
        self.objects = Objects(root / "objects")
        self._journal = JournalWriter(root / "journal")
        self._local = threading.local()
        atexit.register(_close_quietly, weakref.ref(self))

    @classmethod
    def open(cls, root: Path, *, create: bool = True) -> Store:
        """Open the store at `root`, making the folder unless `create` is false.

        Raises NotFoundError when it is not there, StoreError when it cannot be made.
        """
        if not create and not root.is_dir():
            raise NotFoundError(
                f"there is no store at {root}; run a cell with %%track, or `trackbook demo`, to make one"
            )
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
        return cls(root)

    @property
    def database(self) -> Path:
        """Where the SQLite file lies."""
        return self.root / "trackbook.db"

    def append(self, event: Event, *, durable: bool = False) -> None:
        """Add a tracking event to this process's journal; see `JournalWriter.append` for what it promises."""
        self._journal.append(event, durable=durable)

    @contextmanager
    def read(self) -> Iterator[Database]:
        """Give a read-only connection in one snapshot, after draining the journals if nobody else is doing so."""
        from trackbook.store.database import connect_for_reading

        self.drain(wait=READ_WAIT_SECONDS)
        with connect_for_reading(self.database) as db:
            yield db

    @contextmanager
    def write(self) -> Iterator[Database]:
        """Give a connection inside one transaction that is on the disk when the block ends; an exception undoes it."""
        from trackbook.store.database import immediate
        from trackbook.store.drain import drain

        with self._writing(LOCK_SECONDS) as db:
            drain(db, self.root / "journal", self.objects)
            with immediate(db):
                yield db

    def drain(self, *, wait: float = 0.0) -> bool:
        """Move journalled events into the tables; False when another process held the lock for `wait` seconds."""
        from trackbook.store.database import is_ready
        from trackbook.store.drain import drain

        try:
            with self._writing(wait) as db:
                drain(db, self.root / "journal", self.objects)
        except StoreBusyError:
            if not is_ready(self.database):
                # Somebody is making the database this moment; wait for it as a writer would.
                return self.drain(wait=LOCK_SECONDS)
            return False
        return True

    def close(self) -> None:
        """Sync the journal and drain it if the lock is free; the store stays usable."""
        self._journal.close()
        self.drain()

    @contextmanager
    def _writing(self, wait: float) -> Iterator[Database]:
        from trackbook.store.database import checkpoint, connect_for_writing

        if getattr(self._local, "writing", False):
            raise StoreError("the store is already being written by this thread; do one write at a time")
        with _held(self.root / "lock", wait):
            self._local.writing = True
            try:
                with connect_for_writing(self.database) as db:
                    yield db
                    checkpoint(db)
            finally:
                self._local.writing = False


class StoreBusyError(StoreError):
    """Another process holds the lock."""


@contextmanager
def _held(path: Path, wait: float) -> Iterator[None]:
    lock = FileLock(path, mode=0o600, thread_local=False, poll_interval=0.005)
    try:
        lock.acquire(timeout=wait)
    except Timeout as error:
        raise StoreBusyError(f"another process has held {path} for {wait:.0f} s; try again, or end it") from error
    except OSError as error:
        raise StoreError(f"the lock {path} cannot be taken ({error}); check the folder's permissions") from error
    try:
        yield
    finally:
        lock.release()


def _close_quietly(reference: weakref.ref[Store]) -> None:
    """At exit: leave nothing behind in the journal if it can be helped; what stays is drained by the next reader."""
    store = reference()
    if store is None or not store.root.is_dir():
        return
    try:
        # A process that has only appended would import SQLite's library now, half a second of it, and libraries
        # that register exit handlers of their own cannot be imported at exit at all.
        if "trackbook.store.drain" in sys.modules:
            store.close()
        else:
            store._journal.close()
    except StoreError as error:
        import warnings

        warnings.warn(f"Trackbook left its journal for the next command to read: {error}", stacklevel=1)
