"""Where a column is cut into blocks: at places that its content decides, so that equal stretches give equal blocks.

After a block's least size, the cut is put before the row of a window whose hash is the smallest; the hash is that of
the row and of those just before it.  Rows that are inserted or taken out move all later rows, but not the hashes:
within a few blocks the cuts fall between the same rows again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

MIN_BYTES = 128 << 10
WINDOW_BYTES = 256 << 10
"""A block has `MIN_BYTES` to `MIN_BYTES` + `WINDOW_BYTES`, 256 KiB on average; appending makes the last one anew."""

ROWS_HASHED = 32
"""A power of two: a column of truth values still has 2**32 different hashes."""

_MIX = np.uint64(0x9E3779B97F4A7C15)
_STEP = np.uint64(0xD6E8FEB86659FD93)
_SHIFT = np.uint64(29)
_OFFSET_BITS = 32

Hashes = npt.NDArray[np.uint64]
Offsets = npt.NDArray[np.int64]


def cuts(array: pa.Array) -> list[int]:
    """Return the rows at which the blocks of `array` begin, and at the end its length."""
    size = len(array)
    total = row_ends(array)
    starts = [0]
    while int(total[size] - total[starts[-1]]) > 8 * (MIN_BYTES + WINDOW_BYTES):
        behind = int(total[starts[-1]]) + 8 * MIN_BYTES
        low, high = np.searchsorted(total, [behind, behind + 8 * WINDOW_BYTES])
        if low >= size:
            break
        starts.append(int(low) + _smallest(array, int(low), min(max(int(high), int(low) + 1), size)))
    return [*starts, size]


def _smallest(array: pa.Array, low: int, high: int) -> int:
    """Return which of the rows `low` to `high` has the smallest hash, counted from `low`."""
    first = max(low - ROWS_HASHED + 1, 0)
    hashes = row_hashes(array.slice(first, high - first))
    step = 1
    while step < ROWS_HASHED:  # after each turn, a hash covers twice as many rows
        wider = hashes * _STEP
        wider[step:] += hashes[:-step]
        hashes, step = wider, 2 * step
    return int(np.argmin(_mixed(hashes)[low - first :]))


def row_ends(array: pa.Array) -> Any:
    """Return how many bits of memory the rows before each row take, and at the end all of them; shape (rows + 1,)."""
    kind = array.type
    rows = np.arange(len(array) + 1, dtype=np.int64)
    if isinstance(array, pa.ExtensionArray):
        return row_ends(array.storage)
    if pa.types.is_dictionary(kind):
        return row_ends(array.indices)
    if pa.types.is_struct(kind):
        return np.sum([rows, *map(row_ends, _fields(array))], axis=0)
    if pa.types.is_fixed_size_list(kind):
        return row_ends(array.values)[(rows + array.offset) * kind.list_size]
    if _has_items(kind):
        return row_ends(_items(array))[_offsets(array)] + rows * _OFFSET_BITS
    if _is_text(kind):
        return _offsets(array) * 8 + rows * _OFFSET_BITS
    return rows * (_bit_width(kind) or 64)


def row_hashes(array: pa.Array) -> Hashes:
    """Return a hash of each row, the same wherever the row stands; 0 for a missing one, and for rare types."""
    hashes = _mixed(_row_hashes(array))
    if array.null_count:
        hashes[np.asarray(array.is_null())] = 0
    return hashes


def _row_hashes(array: pa.Array) -> Hashes:
    kind = array.type
    if isinstance(array, pa.ExtensionArray):
        return _row_hashes(array.storage)
    if pa.types.is_dictionary(kind):
        return _row_hashes(array.indices)
    if pa.types.is_struct(kind):
        fields = [row_hashes(each) for each in _fields(array)]
        return sum((each * _STEP for each in fields), start=np.zeros(len(array), np.uint64))
    if pa.types.is_fixed_size_list(kind):
        starts = (np.arange(len(array)) + array.offset) * kind.list_size
        return _of_first_items(array.values, starts, np.full(len(array), kind.list_size))
    if _has_items(kind):
        offsets = _offsets(array)
        return _of_first_items(_items(array), offsets[:-1], np.diff(offsets))
    if _is_text(kind):
        return _text_hashes(array)
    return _fixed_hashes(array)


def _of_first_items(items: pa.Array, starts: Any, lengths: Any) -> Hashes:
    """Hash lists by their lengths and their first items."""
    hashes = _mixed(lengths.astype(np.uint64))
    filled = np.flatnonzero(lengths)
    if len(filled):
        low, high = int(starts[filled[0]]), int(starts[filled[-1]]) + 1
        hashes[filled] += row_hashes(items.slice(low, high - low))[starts[filled] - low]
    return hashes


def _text_hashes(array: pa.Array) -> Hashes:
    """Hash texts by their lengths and the eight bytes from their first on, be they the next text's."""
    offsets = _offsets(array)
    hashes = _mixed(np.diff(offsets).astype(np.uint64))
    data = array.buffers()[-1]
    if data is None or not len(array):
        return hashes
    held = np.frombuffer(data, np.uint8)[offsets[0] : offsets[-1]]
    padded = np.concatenate([held, np.zeros(8, np.uint8)])
    words = np.lib.stride_tricks.sliding_window_view(padded, 8)[offsets[:-1] - offsets[0]]
    return hashes + np.ascontiguousarray(words).view(np.uint64).ravel()


def _fixed_hashes(array: pa.Array) -> Hashes:
    size, offset = len(array), array.offset
    width = _bit_width(array.type)
    buffers = array.buffers()
    if not width or len(buffers) != 2 or buffers[1] is None:
        return np.zeros(size, np.uint64)
    if width == 1:
        bits = np.frombuffer(buffers[1], np.uint8)[offset // 8 : (offset + size + 7) // 8]
        return np.unpackbits(bits, bitorder="little")[offset % 8 : offset % 8 + size].astype(np.uint64)
    width //= 8
    held = np.frombuffer(buffers[1], np.uint8)[offset * width : (offset + size) * width].reshape(size, width)
    if width in (1, 2, 4, 8):
        return held.view(f"u{width}").ravel().astype(np.uint64)
    padded = np.zeros((size, -(-width // 8) * 8), np.uint8)
    padded[:, :width] = held
    words = padded.view(np.uint64)
    return sum((_mixed(words[:, at]) * _STEP for at in range(words.shape[1])), start=np.zeros(size, np.uint64))


def _mixed(values: Hashes) -> Hashes:
    mixed: Hashes = values * _MIX
    mixed ^= mixed >> _SHIFT
    mixed *= _MIX
    return mixed


def _bit_width(kind: pa.DataType) -> int:
    try:
        return int(kind.bit_width)
    except ValueError:  # it has no fixed width
        return 0


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind)
        or pa.types.is_binary(kind)
        or pa.types.is_large_string(kind)
        or pa.types.is_large_binary(kind)
    )


def _has_items(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_map(kind))


def _items(array: pa.Array) -> pa.Array:
    """Return the items of all lists of which `array` may be a part; its offsets point into them."""
    if not pa.types.is_map(array.type):
        return array.values
    return pa.StructArray.from_arrays([array.keys, array.items], names=["key", "value"])


def _offsets(array: pa.Array) -> Offsets:
    wide = pa.types.is_large_string(array.type) or pa.types.is_large_binary(array.type)
    wide = wide or pa.types.is_large_list(array.type)
    held = np.frombuffer(array.buffers()[1], np.int64 if wide else np.int32)
    return held[array.offset : array.offset + len(array) + 1].astype(np.int64)


def _fields(array: pa.Array) -> list[pa.Array]:
    return [array.field(at) for at in range(array.type.num_fields)]
