"""Digests of large columns are kept while nobody writes their memory, so that unchanged data is not hashed again.

A digest depends on the types, shapes and addresses of a column's buffers, which its key holds, and on their bytes.
The whole pages among those are watched by the kernel (`watch.py`) from before they are hashed; the bytes before the
first and after the last whole page, which share a page with other things, are compared by their own hash.  So no
object needs to be held, and it does not matter who wrote, or whether the same memory now belongs to another column.
"""

from __future__ import annotations

import ctypes
import os
import threading
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from typing import Any, Protocol

from blake3 import blake3

from trackbook.capture.fingerprint.memory import Memory
from trackbook.capture.fingerprint.watch import PAGE, UnwatchableError, Watch

MAX_COLUMNS = 1024
FEWEST_PAGES = 8  # fewer are compared like the edges
HEAVY = 8  # a column of which more than one part in so many was written is left alone for a while
LONGEST_REST = 64

Compute = Callable[[], tuple[bytes, bool]]  # the digest, and whether nothing else than the memory can change it


class Memo(Protocol):
    """What keeps digests of columns."""

    def digest(self, memory: Memory, compute: Compute) -> bytes:
        """Return the digest that is held for `memory`, or compute it."""
        ...


class Unchanged:
    """Keeps the digests of columns whose memory `watch` sees; safe to use from several threads."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._held: OrderedDict[Hashable, _Held] = OrderedDict()
        self._rests: OrderedDict[Hashable, list[int]] = OrderedDict()
        self._dead: deque[Hashable] = deque()
        self._lock = threading.RLock()
        self.hits = 0
        self.misses = 0

    def digest(self, memory: Memory, compute: Compute) -> bytes:
        """Return the digest that is held for `memory` if no byte of it was written since; else compute it."""
        key = (memory.key, memory.ranges)
        with self._lock:
            self._bury()
            held = self._held.get(key)
            if held is not None and held.digest is not None:
                if self._is_unchanged(held):
                    self._held.move_to_end(key)
                    self.hits += 1
                    return held.digest
                self._rest_if_heavy(held)
            self.misses += 1
            mine = self._begin(key, memory)
        digest, complete = compute()
        with self._lock:
            self._finish(mine, digest if complete else None)
        return digest

    def close(self) -> None:
        """Forget everything and stop watching."""
        with self._lock:
            self._held.clear()
            self._watch.close()

    def forget(self) -> None:
        """Forget all that is held."""
        with self._lock:
            while self._held:
                self._drop(next(iter(self._held.values())))
            self._rests.clear()

    # -- the parts of a request, all under the lock

    def _begin(self, key: Hashable, memory: Memory) -> _Held | None:
        """Arm the memory; what is held for it has no digest until `_finish`, and may be dropped before."""
        if self._is_resting(key):
            return None
        if key in self._held:
            self._drop(self._held[key], disarm=False)
        mine = _Held(key, memory.ranges)
        if memory.owner is not None:
            mine.owner = weakref.ref(memory.owner, lambda _, key=key: self._dead.append(key))  # type: ignore[misc]
        try:
            for start, end in mine.pages:
                self._arm(start, end)
        except OSError:  # shared with a file or another process, for example: hashed every time
            return None
        mine.edges_digest = mine.hash_edges()
        self._held[key] = mine
        while len(self._held) > MAX_COLUMNS:
            self._drop(next(iter(self._held.values())))
        return mine

    def _finish(self, mine: _Held | None, digest: bytes | None) -> None:
        # Dropped meanwhile: another request armed the same pages again, after a write that this hash may have missed.
        if mine is None or self._held.get(mine.key) is not mine:
            return
        if digest is None or mine.hash_edges() != mine.edges_digest:
            self._drop(mine)
        else:
            mine.digest = digest

    def _arm(self, start: int, end: int) -> None:
        if self._watch.is_clean(start, end):
            return  # armed for another column that shares it; arming again would hide a write from that one
        for other in [held for held in self._held.values() if held.overlaps(start, end)]:
            self._drop(other, disarm=False)
        self._watch.arm(start, end)

    def _is_unchanged(self, held: _Held) -> bool:
        clean = all(self._watch.is_clean(start, end) for start, end in held.pages)
        return clean and held.hash_edges() == held.edges_digest

    def _drop(self, held: _Held, disarm: bool = True) -> None:
        self._held.pop(held.key, None)
        for start, end in held.pages if disarm else ():
            if not any(other.overlaps(start, end) for other in self._held.values()):
                self._watch.disarm(start, end)

    def _bury(self) -> None:
        while self._dead:
            key = self._dead.popleft()
            held = self._held.get(key)
            if held is not None and held.owner is not None and held.owner() is None:
                self._drop(held)

    # -- what is written all the time

    def _rest_if_heavy(self, held: _Held) -> None:
        """Leave alone, each time for twice as long, what is written again and again: a written page costs a fault."""
        size = sum(end - start for start, end in held.pages)
        if sum(self._watch.written(start, end) for start, end in held.pages) * HEAVY <= size:
            return
        rest = self._rests.setdefault(held.key, [0, 0])
        rest[1] = min(LONGEST_REST, max(1, 2 * rest[1]))
        rest[0] = rest[1]
        self._rests.move_to_end(held.key)
        while len(self._rests) > MAX_COLUMNS:
            self._rests.popitem(last=False)
        self._drop(held)

    def _is_resting(self, key: Hashable) -> bool:
        rest = self._rests.get(key)
        if rest is None or not rest[0]:
            return False
        rest[0] -= 1
        return True


class _Held:
    """One column: its whole pages, its edges, and its digest once that is known."""

    def __init__(self, key: Hashable, ranges: tuple[tuple[int, int], ...]) -> None:
        self.key = key
        self.digest: bytes | None = None
        self.owner: weakref.ref[Any] | None = None
        self.edges_digest = b""
        self.pages: list[tuple[int, int]] = []
        self.edges: list[tuple[int, int]] = []
        for address, size in ranges:
            first, last = -(-address // PAGE) * PAGE, (address + size) // PAGE * PAGE
            if last - first >= FEWEST_PAGES * PAGE:
                self.pages.append((first, last))
                self.edges += [(address, first - address), (last, address + size - last)]
            else:
                self.edges.append((address, size))

    def overlaps(self, start: int, end: int) -> bool:
        return any(first < end and start < last for first, last in self.pages)

    def hash_edges(self) -> bytes:
        """Return the hash of the bytes outside the whole pages; the caller holds the value, so they are there."""
        return blake3(b"".join(ctypes.string_at(address, size) for address, size in self.edges)).digest()


class _Process:
    """The one memo of this process: two would arm each other's pages."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.memo: Unchanged | None = None
        self.reason: str | None = None
        self.opened = False

    def open(self) -> Unchanged | None:
        with self.lock:
            if not self.opened:
                try:
                    self.memo = Unchanged(Watch())
                except UnwatchableError as error:
                    self.reason = str(error)
                self.opened = True
            return self.memo


_process = _Process()


def _after_fork() -> None:
    """A child starts anew: the files of its parent's watch speak of the parent's memory."""
    global _process
    inherited, _process = _process.memo, _Process()
    if inherited is not None:
        inherited._watch.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def memo() -> Unchanged | None:
    """Return the memo of this process, or None where writes cannot be watched (`unavailable` says why)."""
    found = _process.open()
    if found is not None and found._watch.pid != os.getpid():  # forked by native code, which tells Python nothing
        _after_fork()
        found = _process.open()
    return found


def unavailable() -> str | None:
    """Return why unchanged data is hashed again on this system, or None where it is not."""
    return None if memo() is not None else _process.reason
