"""The canonical bytes of columns and numpy arrays: one little-endian layout, read in blocks that stay in the cache.

Missing is missing (NaN, NaT, None and NA are one value), -0.0 is 0.0, instants and spans do not know their unit, and
neither strides nor chunks count.  A column is three streams: its values, the ends of its strings or lists, and which
rows are missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from blake3 import blake3

from trackbook.hashing import hash_threads

BLOCK_ROWS = 65_536
THREADS_FROM_BYTES = 4 << 20  # below this, one thread of BLAKE3 is as fast as all
NAT = np.iinfo(np.int64).min
UNITS = {"ns": 1, "us": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "D": 86_400 * 10**9}


def hasher(tag: bytes, nbytes: int) -> Any:
    """Return a BLAKE3 hasher for about `nbytes` bytes."""
    return blake3(tag, max_threads=hash_threads() if nbytes >= THREADS_FROM_BYTES else 1)


class Column:
    """The digest of one column, fed chunk by chunk; where the chunks end does not count."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.rows = 0
        self.missing = 0
        self._values: Any = None
        self._ends: Any = None
        self._valid: Any = None
        self._end = 0

    def feed(self, values: Any, gaps: Any = None) -> None:
        """Add numbers, truth values or fixed-width items; `gaps` is True where a value is missing."""
        for start in range(0, len(values), BLOCK_ROWS):
            part = slice(start, start + BLOCK_ROWS)
            block, found = canonical_block(values[part], None if gaps is None else gaps[part])
            self._update(_raw(block), values.nbytes)
            self.gap(len(block), found)

    def feed_whole(self, values: Any) -> None:
        """Add contiguous integers that all count, at the full speed of the hash."""
        self._update(_raw(values), values.nbytes)
        self.gap(len(values), None)

    def feed_text(self, data: Any, ends: Any, gaps: Any = None) -> None:
        """Add strings or lists: the bytes of all, and where each ends, counted from the first byte of this chunk."""
        self._update(data, len(data))
        self.feed_ends(ends, gaps)

    def feed_ends(self, ends: Any, gaps: Any = None) -> None:
        """Add the ends of strings or lists whose content is hashed elsewhere or was added before."""
        if not len(ends):
            return
        if self._ends is None:
            self._ends = hasher(b"ends", ends.nbytes)
        self._ends.update(_raw(ends if not self._end else ends + self._end))
        self._end += int(ends[-1])
        self.gap(len(ends), gaps)

    def gap(self, rows: int, gaps: Any) -> None:
        """Count `rows`, of which those where `gaps` is True are missing."""
        count = 0 if gaps is None else int(np.count_nonzero(gaps))
        if count and self._valid is None:
            self._valid = blake3(b"valid")
            _repeat(self._valid, self.rows)
        if self._valid is not None:
            if count:
                self._valid.update(_raw(np.logical_not(gaps)))
            else:
                _repeat(self._valid, rows)
        self.rows += rows
        self.missing += count

    def digest(self, *parts: bytes) -> bytes:
        """Return the digest of all that was fed, and of `parts`: the digests of what stands inside."""
        whole = blake3(f"column:{self.name}:{self.rows}:{self.missing}:".encode())
        for stream in (self._values, self._ends, self._valid):
            whole.update(stream.digest() if stream is not None else b"\0" * 32)
        for part in parts:
            whole.update(part)
        return whole.digest()

    def _update(self, data: Any, nbytes: int) -> None:
        if not len(data):
            return  # an empty chunk is no chunk
        if self._values is None:
            self._values = hasher(b"values", nbytes)
        self._values.update(data)


def _repeat(stream: Any, rows: int) -> None:
    ones = b"\1" * min(rows, BLOCK_ROWS)
    for start in range(0, rows, BLOCK_ROWS):
        stream.update(ones[: rows - start])


def _raw(values: Any) -> Any:
    return np.ascontiguousarray(values).reshape(-1).view(np.uint8).data


def canonical_block(block: Any, gaps: Any = None) -> tuple[Any, Any]:
    """Return a small block in canonical form, zero where it is missing, and which rows are."""
    kind = block.dtype.kind
    if kind == "f":
        block, gaps = _canonical_floats(block, gaps)
    elif kind == "b":
        block = np.not_equal(block.view(np.uint8), 0)  # a byte made elsewhere may say true in 255 ways
    elif kind == "c":
        block = complex_parts(block)
    elif not block.dtype.isnative and kind in "iu":
        block = block.astype(block.dtype.newbyteorder("="))
    if gaps is not None and gaps.any():
        block = np.array(block)
        block[gaps] = np.zeros((), block.dtype)
    return block, gaps


def _canonical_floats(block: Any, gaps: Any) -> tuple[Any, Any]:
    with np.errstate(all="ignore"):
        block = np.add(block, block.dtype.type(0))  # -0.0 becomes 0.0; always a new array in native order
    if block.size and np.isnan(block.min()):
        nan = np.isnan(block)
        gaps = nan if gaps is None else gaps | nan
    return block, gaps


def complex_parts(block: Any) -> Any:
    """Return complex numbers as pairs of floats, each with one zero and one NaN."""
    block = np.ascontiguousarray(block)
    parts = np.add(block.view(block.real.dtype), block.real.dtype.type(0))
    parts[np.isnan(parts)] = np.nan
    return parts.reshape(*block.shape, 2)


# -- instants and spans


def feed_times(column: Column, chunks: list[tuple[Any, Any]], unit: str, what: str) -> None:
    """Add int64 counts of `unit` with NaT inside; named after `what` and the finest unit in which all of them fit."""
    finest = _finest_unit([values if gaps is None else values[~gaps] for values, gaps in chunks], unit)
    column.name = f"{what}[{finest}]"
    factor = UNITS[unit] // UNITS[finest]
    for values, gaps in chunks:
        for start in range(0, len(values), BLOCK_ROWS):
            block = values[start : start + BLOCK_ROWS]
            missing = block == NAT
            if gaps is not None:
                missing |= gaps[start : start + BLOCK_ROWS]
            with np.errstate(over="ignore"):  # NaT, which is set to zero next
                scaled = block * np.int64(factor)
            column.feed(scaled, missing if missing.any() else None)


def _finest_unit(arrays: list[Any], unit: str) -> str:
    if unit == "ns":
        return unit
    largest = max((_magnitude(values) for values in arrays if len(values)), default=0)
    fitting = (name for name in UNITS if UNITS[name] <= UNITS[unit] and largest * (UNITS[unit] // UNITS[name]) < 2**63)
    return next(fitting)


def _magnitude(values: Any) -> int:
    lowest = int(values.min())
    if lowest == NAT:
        present = values[values != NAT]
        lowest = int(present.min()) if len(present) else 0
    return max(int(values.max()), -lowest)


# -- columns and arrays


def column_of(values: Any, gaps: Any = None) -> bytes:
    """Return the digest of a one-dimensional array of numbers, truth values, instants or spans, as a column."""
    kind = values.dtype.kind
    if kind in "mM":
        unit = np.datetime_data(values.dtype)[0]
        column = Column("")
        feed_times(column, [(_as_int64(values), gaps)], unit, "timestamp" if kind == "M" else "duration")
        return column.digest()
    column = Column(values.dtype.newbyteorder("=").name)
    if gaps is None and kind in "iu" and values.flags.c_contiguous and values.dtype.isnative:
        column.feed_whole(values)
    else:
        column.feed(values, gaps)
    return column.digest()


def _as_int64(values: Any) -> Any:
    if not values.dtype.isnative:
        values = values.astype(values.dtype.newbyteorder("="))
    return values.view(np.int64)


def array_of(array: Any) -> bytes:
    """Return the digest of a numpy array without objects: its logical type, its shape, its values in C order."""
    array = np.asarray(array)
    if array.dtype.names is not None:
        return _fields(array)
    if array.dtype.kind in "mM" and np.datetime_data(array.dtype) in [(unit, 1) for unit in UNITS]:
        return blake3(b"times" + repr(array.shape).encode() + column_of(array.reshape(-1))).digest()
    name = array.dtype.newbyteorder("=").str.lstrip("<>=|")
    whole = hasher(f"array:{name}:{array.shape}:".encode(), array.nbytes)
    for block in _blocks(array):
        whole.update(_raw(_array_block(block)))
    return bytes(whole.digest())


def _array_block(block: Any) -> Any:
    kind = block.dtype.kind
    if kind == "f":
        block, gaps = _canonical_floats(block, None)
        if gaps is not None:
            block[gaps] = np.nan
        return block
    if kind in "bc":
        return canonical_block(block)[0]
    return block if block.dtype.isnative else block.astype(block.dtype.newbyteorder("="))


def _blocks(array: Any) -> Iterator[Any]:
    """Yield the array in C order, in pieces that are small unless they need no work."""
    zero_copy = array.flags.c_contiguous and array.dtype.kind in "iuSUV" and array.dtype.isnative
    if array.size == 0:
        return
    if array.size <= BLOCK_ROWS or zero_copy:
        yield array
    elif array.flags.c_contiguous:
        flat = array.reshape(-1)
        for start in range(0, flat.size, BLOCK_ROWS):
            yield flat[start : start + BLOCK_ROWS]
    elif array.size // len(array) > BLOCK_ROWS:
        for part in array:
            yield from _blocks(part)
    else:
        step = max(1, BLOCK_ROWS // max(1, array.size // len(array)))
        for start in range(0, len(array), step):
            yield array[start : start + step]


def _fields(array: Any) -> bytes:
    """Return the digest of a structured array: field by field, for the padding between them is no content."""
    whole = blake3(f"fields:{array.shape}:".encode())
    for name in array.dtype.names:
        whole.update(blake3(name.encode("utf-8", "surrogatepass")).digest() + array_of(array[name]))
    return whole.digest()
