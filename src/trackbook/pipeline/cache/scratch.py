"""A folder for what a run writes and does not keep.

What runs that were killed left is cleaned up by the next one, which keeps the results that were still being written:
their steps had ended, and need not run again.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec
from filelock import FileLock, Timeout

from trackbook.errors import StoreError
from trackbook.pipeline.cache.entry import Entry
from trackbook.pipeline.worker.written import wait_for
from trackbook.store import Store, now_ms
from trackbook.store.events import StepKept

PREFIX = "pipeline-"
_LOCK = "lock"
_ENTRY = ".entry"
_NEW_SECONDS = 1.0
"""A folder younger than this may belong to a run that has not locked it yet."""


class Unfinished(msgspec.Struct, frozen=True):
    """A result that the process `pid` writes; its entry lacks the digest."""

    key: str
    step: str
    entry: Entry
    run_id: str
    pid: int


@contextmanager
def scratch(store: Store) -> Iterator[Path]:
    """Give a new folder in a store, which is deleted at the end."""
    for left in store.root.glob(f"{PREFIX}*"):
        with suppress(OSError):  # another run deletes it at this moment
            _clear_if_left(store, left)
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=store.root, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with FileLock(folder / _LOCK):
            yield folder


def note(spool: Path, unfinished: Unfinished) -> None:
    """Leave word of a result that is being written to `spool`, for the run after one that is killed meanwhile."""
    spool.with_name(spool.name + _ENTRY).write_bytes(msgspec.json.encode(unfinished))


def _clear_if_left(store: Store, folder: Path) -> None:
    if time.time() - folder.stat().st_mtime < _NEW_SECONDS:
        return
    try:
        with FileLock(folder / _LOCK, timeout=0):
            for place in folder.glob(f"*{_ENTRY}"):
                with suppress(StoreError, msgspec.MsgspecError):
                    _rescue(store, place.with_suffix(""), msgspec.json.decode(place.read_bytes(), type=Unfinished))
            shutil.rmtree(folder, ignore_errors=True)
    except Timeout:
        return  # its run goes on


def _rescue(store: Store, spool: Path, left: Unfinished) -> None:
    """Keep a result of a run that was killed, once it is written."""
    outcome = wait_for(spool, left.pid, of_a_worker=True)
    if outcome.fault is None:
        store.objects.take(spool, outcome.digest)
        entry = msgspec.structs.replace(left.entry, digest=outcome.digest)
        content = msgspec.json.encode(entry).decode()
        store.append(StepKept(left.key, left.step, content, left.run_id, now_ms()))
