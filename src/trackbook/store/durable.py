"""Files that appear whole or not at all, many at the price of one wait for the disk.

Each is written under a temporary name; when the batch ends without a fault, all are made durable, then they get
their names, then the folders that hold the names are made durable.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any

from trackbook.errors import StoreError

SYNCED_EACH = 64
"""So many files are synced as they are written; of a longer batch, the rest is left to one sync of the file system."""

BEGUN_BYTES = 16 << 20
"""Of a larger file the disk is not told to begin: its queue is full soon, and to be told takes as long as to write."""

SUFFIX = ".tmp"
_SYNC_FILE_RANGE_WRITE = 2

Target = Callable[[int], Path | None]
"""Says of how many bytes what they are to be named; None when they are to be forgotten."""


class Batch:
    """A `with` block that files are written in, from any number of threads; an exception leaves none of them."""

    def __init__(self, folder: Path, *, wait: bool = True) -> None:
        """Write files in folders directly below `folder`, which are made as they are needed.

        Without `wait`, the disk is told to begin, and not waited for: the files survive the death of the process at
        once, and that of the machine some seconds later; large ones when the system writes them by itself, which on
        Linux is half a minute later.
        """
        self._folder = folder
        self._wait = wait
        self._lock = threading.Lock()
        self._temporaries: dict[Path, Path | None] = {}
        self._unsynced: list[Path] = []

    def __enter__(self) -> Batch:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        try:
            if kind is None:
                self._commit()
        finally:
            for temporary in self._temporaries:
                with suppress(OSError):  # what is left is named by `fsck`; the fault that came first is told
                    temporary.unlink(missing_ok=True)

    def write(self, pieces: Iterable[bytes | memoryview], target: Target) -> None:
        """Write `pieces` so that they become the file `target` names when the block ends, or none when it is None.

        The name is asked for when all pieces are written, as it may depend on them.  Raises StoreError when
        the disk does not take them, and whatever the making of the pieces raises.
        """

        def fill(fd: int, _: Path) -> int:
            size = 0
            for piece in pieces:
                with self._telling():
                    _write_all(fd, piece)
                size += memoryview(piece).nbytes
            return size

        self._write(fill, target)

    def copy(self, source: FileIO, hasher: Any, target: Target) -> None:
        """Write what a long file holds, as `write` does; `hasher` takes it in, as it is stored.

        Raises OSError when it cannot be read.
        """
        from trackbook.store.copied import copy_hashed

        def fill(fd: int, temporary: Path) -> int:
            def write(piece: memoryview) -> None:
                with self._telling():
                    _write_all(fd, piece)

            return copy_hashed(source, fd, temporary, hasher, write)

        self._write(fill, target)

    def _write(self, fill: Callable[[int, Path], int], target: Target) -> None:
        temporary = self._folder / f"{os.urandom(8).hex()}{SUFFIX}"
        with self._telling():
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        with self._lock:
            self._temporaries[temporary] = None
            is_early = len(self._temporaries) <= SYNCED_EACH
        try:
            size = fill(fd, temporary)
            path = target(size)
            if path is not None:
                with self._telling():
                    if self._wait and is_early:
                        os.fsync(fd)
                    elif not self._wait and size <= BEGUN_BYTES:
                        begin_writing(fd)
        finally:
            os.close(fd)
        with self._lock:
            self._temporaries[temporary] = path
            if not is_early and path is not None:
                self._unsynced.append(temporary)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise StoreError(f"a file cannot be written to {self._folder}: {error}") from error

    def _commit(self) -> None:
        with self._telling():
            if self._unsynced and self._wait:
                sync_files(self._folder, self._unsynced)
            self._name()

    def _name(self) -> None:
        named = {temporary: target for temporary, target in self._temporaries.items() if target is not None}
        folders = {target.parent for target in named.values()}
        is_new = [folder for folder in folders if not folder.exists()]
        for folder in is_new:
            folder.mkdir(mode=0o700, exist_ok=True)
        for temporary, target in named.items():
            temporary.replace(target)
            del self._temporaries[temporary]
        if self._wait:
            for folder in (*folders, *([self._folder] if is_new else ())):
                sync_folder(folder)


def sync_files(folder: Path, files: Iterable[Path]) -> None:
    """Make `files`, all on the file system of `folder`, durable: at once where the system can, else one by one."""
    call = _of_linux("syncfs")  # which since Linux 5.8 reports a write that failed
    if call is not None:
        fd = os.open(folder, os.O_RDONLY)
        try:
            if call(fd) == 0:
                return
        finally:
            os.close(fd)
    for file in files:
        fd = os.open(file, os.O_RDWR)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def begin_writing(fd: int) -> None:
    """Have the disk begin with what was written to a file, where the system can be told so."""
    call = _of_linux("sync_file_range")
    if call is not None:
        import ctypes

        call(fd, ctypes.c_int64(0), ctypes.c_int64(0), _SYNC_FILE_RANGE_WRITE)


@cache
def _of_linux(name: str) -> Any:
    """Return a function of Linux's C library; None elsewhere."""
    if sys.platform != "linux":
        return None
    import ctypes  # here: it takes longer than to write a small file

    return getattr(ctypes.CDLL(None, use_errno=True), name, None)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable; Windows has no such call and needs none."""
    if os.name == "nt":
        return
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _write_all(fd: int, content: bytes | memoryview) -> None:
    view = memoryview(content).cast("B")
    while view:
        written = os.write(fd, view)
        view = view[written:]
