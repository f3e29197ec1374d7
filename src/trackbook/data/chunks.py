"""A large file as chunks, cut where its content decides, each kept once in the store.

The cut is looked for in a window behind a chunk's least size, among the bytes that follow a newline: before the one
whose next eight bytes have the smallest hash.  Only a third of the file is looked at, and rows stay whole.  A binary
file has newline bytes enough by chance; where a window has none, every byte counts.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from io import FileIO
from typing import Any

import numpy as np
from blake3 import blake3

MIN_BYTES = 1 << 20
WINDOW_BYTES = 512 << 10
READ_BYTES = 8 << 20
NEWLINE = 10
_WORD = 8
_MIX = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)


class Chunker:
    """Reads an open, unbuffered file in chunks, and takes the digest of the whole meanwhile."""

    def __init__(self, file: FileIO) -> None:
        self._file = file
        self._hasher = blake3()
        self.size = 0

    def chunks(self) -> Iterator[memoryview]:
        """Yield the file's content in chunks of 1 to 1.5 MiB, the last one of any size; raises OSError."""
        rest = memoryview(b"")
        with ThreadPoolExecutor(1, "trackbook-digest") as beside:
            hashing: Future[Any] = beside.submit(bool)
            while True:
                held, new = self._read_behind(rest)
                hashing.result()
                if not new:
                    break
                hashing = beside.submit(self._hasher.update, held[len(rest) :])
                cuts = list(chunk_ends(held))
                yield from (held[start:end] for start, end in zip([0, *cuts], cuts, strict=False))
                rest = held[cuts[-1] if cuts else 0 :]
        if rest:
            yield rest

    def _read_behind(self, rest: memoryview) -> tuple[memoryview, int]:
        """Return `rest` with what comes next in the file behind it, and how many bytes that is."""
        held = np.empty(len(rest) + READ_BYTES, np.uint8).data  # not filled with zeros first, as bytes are
        held[: len(rest)] = rest
        new = self._file.readinto(held[len(rest) :])
        self.size += new
        return held[: len(rest) + new], new

    def digest(self) -> str:
        """Return the BLAKE3 digest of all that was read."""
        return self._hasher.hexdigest()


def chunk_ends(content: memoryview) -> Iterator[int]:
    """Yield where chunks of `content` end, as far as that can be told: what follows the last may go on."""
    values = np.frombuffer(content, np.uint8)
    start = 0
    while start + MIN_BYTES + WINDOW_BYTES + _WORD <= len(values):
        low = start + MIN_BYTES
        start = low + _cut(values[low : low + WINDOW_BYTES + _WORD])
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
