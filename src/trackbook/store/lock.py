"""The operating system's lock on a store: whoever holds it is the one who writes."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from trackbook.errors import StoreError


class StoreBusyError(StoreError):
    """Another process holds the lock."""


class ReadOnlyStoreError(StoreError):
    """The store lies where this process may not write."""


@contextmanager
def held(path: Path, wait: float) -> Iterator[None]:
    """Hold the lock at `path` for the length of a `with` block; raises StoreBusyError after `wait` seconds."""
    lock = FileLock(path, mode=0o600, thread_local=False, poll_interval=0.005)
    try:
        lock.acquire(timeout=wait)
    except Timeout as error:
        raise StoreBusyError(f"another process has held {path} for {wait:.0f} s; try again, or end it") from error
    except OSError as error:
        read_only = error.errno in (errno.EROFS, errno.EACCES, errno.EPERM)
        kind = ReadOnlyStoreError if read_only else StoreError
        raise kind(f"the lock {path} cannot be taken ({error}); check the folder's permissions") from error
    try:
        yield
    finally:
        lock.release()
