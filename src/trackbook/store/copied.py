"""A long file on its way into the store: the system copies it, where it can, and the copy is hashed beside.

It is the copy that is hashed: where somebody changes the file meanwhile, the digest is still that of what was stored.
"""

from __future__ import annotations

import os
import queue
import threading
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import Any

from trackbook.errors import StoreError

STEP = 8 << 20
PIECE = 1 << 20
"""So much is read and hashed at a time: it stays in the processor's cache."""

Write = Callable[[memoryview], None]


def copy_hashed(source: FileIO, target: int, path: Path, hasher: Any, write: Write) -> int:
    """Copy all of `source` to the new file at `path` and return its size in bytes; `hasher` takes it in.

    `target` is its descriptor; `write` writes to it where the system does not copy.  Raises OSError when `source`
    cannot be read, StoreError when the copy cannot, and whatever `write` raises.
    """
    ends: queue.SimpleQueue[int | None] = queue.SimpleQueue()
    faults: list[OSError] = []
    # An interrupt may come before it is told to end: it is not to keep the process alive.
    beside = threading.Thread(target=_hash, args=(path, hasher, ends, faults), name="trackbook-digest", daemon=True)
    beside.start()
    end = 0
    try:
        while copied := _copy(source, target):
            end += copied
            ends.put(end)
        buffer = memoryview(bytearray(PIECE))
        while size := source.readinto(buffer):
            write(buffer[:size])
            end += size
            ends.put(end)
    finally:
        ends.put(None)
        beside.join()
    if faults:
        raise StoreError(f"the copy {path} cannot be read again: {faults[0]}; check the disk") from faults[0]
    return end


def _copy(source: FileIO, target: int) -> int:
    """Have the system copy the next bytes; 0 where it cannot, or there are none: reading and writing tell which."""
    if not hasattr(os, "copy_file_range"):
        return 0
    try:
        return os.copy_file_range(source.fileno(), target, STEP)
    except OSError:
        return 0


def _hash(path: Path, hasher: Any, ends: queue.SimpleQueue[int | None], faults: list[OSError]) -> None:
    """Read the copy as far as it is there, until there is no more to come."""
    buffer = memoryview(bytearray(PIECE))
    position = 0
    try:
        with path.open("rb", buffering=0) as copy:
            while (end := ends.get()) is not None:
                while position < end and (size := copy.readinto(buffer[: end - position])):
                    hasher.update(buffer[:size])
                    position += size
    except OSError as error:
        faults.append(error)
