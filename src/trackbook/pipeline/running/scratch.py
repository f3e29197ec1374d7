"""A folder for what a run writes and does not keep; those of runs that were killed are cleaned up by the next one."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

PREFIX = "pipeline-"
_LOCK = "lock"
_NEW_SECONDS = 60.0
"""A folder younger than this may belong to a run that has not locked it yet."""


@contextmanager
def scratch(root: Path) -> Iterator[Path]:
    """Give a new folder below `root`, which is deleted at the end."""
    for left in root.glob(f"{PREFIX}*"):
        with suppress(OSError):  # another run deletes it at this moment
            _delete_if_left(left)
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=root, ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with FileLock(folder / _LOCK):
            yield folder


def _delete_if_left(folder: Path) -> None:
    if time.time() - folder.stat().st_mtime < _NEW_SECONDS:
        return
    lock = FileLock(folder / _LOCK, timeout=0)
    try:
        with lock:
            shutil.rmtree(folder, ignore_errors=True)
    except Timeout:
        return  # its run goes on
