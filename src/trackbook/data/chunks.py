"""A large file as chunks, cut where its content decides, each kept once in the store.

The cut is looked for in a window behind a chunk's least size, among the bytes that follow a newline: before the one
whose next eight bytes have the smallest hash.  Only a third of the file is looked at, and rows stay whole.  A binary
file has newline bytes enough by chance; where a window has none, every byte counts.  Where more is known of a file, a
chunk ends at the places that are given too, so that what follows one is cut alike whatever comes before.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from io import FileIO
from itertools import cycle
from typing import Any, NamedTuple

import numpy as np
from blake3 import blake3

MIN_BYTES = 1 << 20
WINDOW_BYTES = 512 << 10
APART_BYTES = 64 << 10
"""A place that is given counts where it lies so far behind the last cut: a chunk may become an object of its own."""

READ_BYTES = 8 << 20
NEWLINE = 10
_WORD = 8
_REST = MIN_BYTES + WINDOW_BYTES + _WORD
"""More than this is never left behind the last cut that can be told."""

_MIX = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)


class Chunk(NamedTuple):
    """A stretch of a file: the BLAKE3 digest of its bytes, and where it lies."""

    digest: str
    start: int
    size: int


class Cut(NamedTuple):
    """A file in chunks of at most 1.5 MiB, 1 MiB at least where no places are given and but for the last one.

    `digest` and `size` are those of the whole.
    """

    digest: str
    size: int
    chunks: tuple[Chunk, ...]


def cut(file: FileIO, places: Sequence[int] = ()) -> Cut:
    """Read an open, unbuffered file to its end, and say which chunks it is made of; raises OSError.

    A chunk ends at each of the `places` too, which are in ascending order.
    """
    hasher = blake3()
    hashing: list[Future[Any]] = []
    found: list[tuple[int, int, Future[str]]] = []
    start = end = 0
    buffers = cycle(np.empty(_REST + READ_BYTES, np.uint8).data for _ in range(2))
    rest = memoryview(b"")
    with ThreadPoolExecutor(2, "trackbook-digest") as beside:
        while True:
            held = next(buffers)
            held[: len(rest)] = rest
            new = file.readinto(held[len(rest) : len(rest) + READ_BYTES])
            held = held[: len(rest) + new]
            ahead = [each - start for each in places[bisect_left(places, start) :]]
            cuts = list(chunk_ends(held, ahead)) if new else [len(held)]
            for each in hashing:  # they read the other buffer, which comes next
                each.result()
            hashing = [beside.submit(hasher.update, held[len(rest) :])]
            for low, high in zip([0, *cuts], cuts, strict=False):
                found.append((start, high - low, beside.submit(_digest, held[low:high])))
                hashing.append(found[-1][2])
                start += high - low
            rest = held[cuts[-1] if cuts else 0 :]
            end += new
            if not new:
                break
        chunks = tuple(Chunk(each.result(), at, size) for at, size, each in found if size)
        hashing[0].result()
    return Cut(hasher.hexdigest(), end, chunks)


def _digest(content: memoryview) -> str:
    return blake3(content).hexdigest()


def chunk_ends(content: memoryview, places: Sequence[int] = ()) -> Iterator[int]:
    """Yield where chunks of `content` end, as far as that can be told: what follows the last may go on."""
    values = np.frombuffer(content, np.uint8)
    start = 0
    while True:
        following = bisect_left(places, start + APART_BYTES)
        place = places[following] if following < len(places) else len(values) + _REST
        if place - start > MIN_BYTES + WINDOW_BYTES:
            if start + _REST > len(values):
                return
            low = start + MIN_BYTES
            place = low + _cut(values[low : low + WINDOW_BYTES + _WORD])
        elif place > len(values):
            return
        start = place
        yield start


def _cut(window: Any) -> int:
    """Return where to cut in a window, which has `_WORD` bytes more than places to cut at."""
    places = _newlines(window[:-_WORD]) + 1
    places = places[places < len(window) - _WORD] if len(places) else np.arange(len(window) - _WORD)
    if not len(places):
        return len(window) - _WORD
    words = np.lib.stride_tricks.sliding_window_view(window, _WORD)[places].view(np.uint64).ravel()
    return int(places[np.argmin(_hashes(words))])


def _newlines(window: Any) -> Any:
    """Return the places of newlines: where they are rare, by the words that hold one, as most hold none."""
    found = window == NEWLINE
    if np.count_nonzero(found) * 4 * _WORD > len(found):
        return np.flatnonzero(found)
    words = np.flatnonzero(found.view(np.uint64))
    places = (words[:, None] * _WORD + np.arange(_WORD)).ravel()
    return places[found[places]]


def _hashes(words: Any) -> Any:
    mixed = words * _MIX
    mixed ^= mixed >> _SHIFT
    mixed *= _MIX
    return mixed
