"""Pickled outputs as one file: the pickle, then large buffers as they lie in memory, so that they are copied nowhere.

The end of the file says where each buffer lies.  A file is read once, and its buffers are the memory of the values:
a frame of a kept result is in memory once.

What is large is written by a forked child, which has all memory as it was at that moment, while the steps go on, and
which ends its work also when the run is killed.  It only writes and hashes buffers: with threads in the parent, nothing
else is safe in a child.  Where the system or the values do not allow that, they are written at once.
"""

from __future__ import annotations

import io
import os
import pickle
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

import msgspec
from blake3 import blake3

from trackbook.errors import IntegrityError
from trackbook.hashing import hash_threads
from trackbook.pipeline.worker.written import Outcome, say

APART = 1 << 16
"""Smaller buffers stay inside the pickle."""

BACKGROUND = 32 << 20
"""Less than so much is written at once, so that a finished step is kept at once."""

_LARGE = 1 << 20
_PIECE = 4 << 20
_PAGE = 4096
_END = b"TBKOUT01"


class _Index(msgspec.Struct, frozen=True, array_like=True):
    """Where the buffers of a file lie: (offset, size, whether it is read-only) each."""

    pickled: int
    buffers: tuple[tuple[int, int, bool], ...]


class OutputPickler(pickle.Pickler):
    """Pickles outputs, with a reference in place of a whole argument, and large buffers set apart."""

    def __init__(self, file: IO[bytes], arguments: dict[int, int]) -> None:
        super().__init__(file, protocol=5, buffer_callback=self._take)
        self._arguments = arguments
        self.used: set[int] = set()
        self.buffers: list[memoryview] = []

    def persistent_id(self, obj: Any) -> int | None:
        """Return the place of an argument that `obj` is."""
        place = self._arguments.get(id(obj))
        if place is not None:
            self.used.add(place)
        return place

    def _take(self, buffer: pickle.PickleBuffer) -> bool:
        """Set a buffer apart; true for one that stays inside the pickle."""
        raw = buffer.raw()
        if raw.nbytes < APART:
            return True
        self.buffers.append(raw)
        return False


class _Unpickler(pickle.Unpickler):
    """Reads what `OutputPickler` wrote; the digest of the bytes has been checked."""

    def __init__(self, data: bytes, buffers: Iterable[memoryview], arguments: list[Any]) -> None:
        super().__init__(io.BytesIO(data), buffers=buffers)
        self._arguments = arguments

    def persistent_load(self, pid: Any) -> Any:
        return self._arguments[pid]


def write(path: Path, outputs: list[Any], arguments: dict[int, int], *, may_fork: bool) -> tuple[tuple[int, ...], int]:
    """Write `outputs`; returns the arguments that they point to, and the process that still writes them (0: none).

    `arguments` are the places of the arguments that may be pointed to, by identity.  That process says how it went by
    `written.say`.  Raises OSError, and whatever a value raises that cannot be pickled.
    """
    with path.open("w+b") as file:
        pickler = OutputPickler(file, arguments)
        pickler.dump(outputs)
        file.flush()
        used = tuple(sorted(pickler.used))
        size = sum(buffer.nbytes for buffer in pickler.buffers)
        if may_fork and size > BACKGROUND and _may_fork(pickler.buffers):
            try:
                return used, _in_child(path, file, pickler.buffers)
            except OSError:
                pass  # no memory for another process: here, then
        for piece in _tail(file.tell(), pickler.buffers):
            file.write(piece)
    return used, 0


def read(path: Path, digest: str, arguments: list[Any]) -> list[Any]:
    """Return the outputs in the file at `path`; raises IntegrityError for other bytes, before it unpickles any."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        view = _memory(size)
        if file.readinto(view) != size:
            raise IntegrityError(f"the kept result {digest[:12]} was changed on disk")
    index = _index(view)
    pickled = bytes(view[: index.pickled])  # what is checked is what is unpickled, whatever happens to the file
    hasher = blake3(pickled, max_threads=hash_threads())
    hasher.update(view[index.pickled :])
    if hasher.hexdigest() != digest:
        raise IntegrityError(f"the kept result {digest[:12]} was changed on disk")
    parts = [(view[start : start + size], fixed) for start, size, fixed in index.buffers]
    buffers = [part.toreadonly() if fixed else part for part, fixed in parts]
    outputs: list[Any] = _Unpickler(pickled, buffers, arguments).load()
    return outputs


def _memory(size: int) -> memoryview:
    """Return memory of this process alone, so that writes to it can be watched, see `capture.fingerprint.watch`."""
    if size < _LARGE:
        return memoryview(bytearray(size))
    import numpy as np

    return np.empty(size, np.uint8).data  # unlike a bytearray it is not filled with zeros before


def _index(view: memoryview) -> _Index:
    length = int.from_bytes(view[-16:-8], "big") if view[-8:] == _END else len(view)
    if length > len(view) - 16:
        return _Index(len(view), ())
    try:
        return msgspec.msgpack.decode(view[-16 - length : -16], type=_Index)
    except msgspec.MsgspecError:
        return _Index(len(view), ())


def _tail(position: int, buffers: Sequence[memoryview]) -> Iterator[bytes | memoryview]:
    """Yield what comes after the pickle, which ends at `position`, in pieces."""
    pickled, places = position, []
    for buffer in buffers:
        gap = -position % _PAGE
        yield bytes(gap)
        position += gap
        places.append((position, buffer.nbytes, buffer.readonly))
        position += buffer.nbytes
        yield from (buffer[start : start + _PIECE] for start in range(0, buffer.nbytes, _PIECE))
    index = msgspec.msgpack.encode(_Index(pickled, tuple(places)))
    yield index + len(index).to_bytes(8, "big") + _END


# -- in the background


def _may_fork(buffers: Sequence[memoryview]) -> bool:
    """Tell whether a child would have all memory as it is now; it has no copy of what processes share."""
    torch = sys.modules.get("torch")
    if sys.platform != "linux" or (torch is not None and torch.cuda.is_initialized()):
        return False
    from trackbook.capture.fingerprint.memory import address_of

    mine = [(address_of(buffer), buffer.nbytes) for buffer in buffers]
    return not any(start < place + size and place < end for start, end in _shared_memory() for place, size in mine)


def _shared_memory() -> list[tuple[int, int]]:
    """Return where memory lies that other processes, or a file, share with this one."""
    found = []
    with open("/proc/self/maps", encoding="utf-8") as maps:  # noqa: PTH123
        for line in maps:
            place, rights = line.split(maxsplit=2)[:2]
            if rights.endswith("s"):
                start, _, end = place.partition("-")
                found.append((int(start, 16), int(end, 16)))
    return found


def _in_child(path: Path, file: IO[bytes], buffers: Sequence[memoryview]) -> int:
    """Let a child write the rest of a file; returns its process id."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork with threads: see above
        child = os.fork()
    if child:
        return child
    try:
        _close_all_but(file.fileno())
        say(path, _write_rest(file.fileno(), buffers))
    finally:
        os._exit(0)


def _write_rest(handle: int, buffers: Sequence[memoryview]) -> Outcome:
    try:
        pickled = os.lseek(handle, 0, os.SEEK_END)
        hasher = blake3(max_threads=1)
        os.lseek(handle, 0, os.SEEK_SET)
        while piece := os.read(handle, _PIECE):
            hasher.update(piece)
        size = pickled
        for part in _tail(pickled, buffers):
            hasher.update(part)
            size += _write_all(handle, part)
        return Outcome(hasher.hexdigest(), size)
    except OSError as error:
        with suppress(OSError):
            os.truncate(handle, 0)  # so that there is room to say so
        return Outcome(fault=error.strerror)


def _write_all(handle: int, piece: bytes | memoryview) -> int:
    view = memoryview(piece)
    while view:
        view = view[os.write(handle, view) :]
    return len(piece)


def _close_all_but(kept: int) -> None:
    """Give up the pipes of the parent: whoever reads from them must see when the parent ends."""
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208
        if int(name) not in (kept, 2):
            try:
                os.close(int(name))
            except OSError:
                continue  # that of the list itself
