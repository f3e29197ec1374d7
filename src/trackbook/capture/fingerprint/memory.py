"""Where the content of a column lies: the addresses of its buffers, and all else that its digest depends on."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, NamedTuple

SMALLEST = 256 * 1024  # bytes; less is hashed as fast as looked up


class Memory(NamedTuple):
    """What the digest of a column depends on: `key` (types, shapes, strides), and the bytes of `ranges`.

    A range is an address and a size in bytes; `owner` is the array whose death frees them, where one is known.
    """

    key: Hashable
    ranges: tuple[tuple[int, int], ...]
    owner: Any = None


def memory_of_arrays(tag: str, *arrays: Any) -> Memory | None:
    """Return the memory of numpy arrays of plain items, or of pointers to objects that the caller vouches for."""
    import numpy as np

    if sum(array.nbytes for array in arrays) < SMALLEST or any(array.dtype.kind in "VT" for array in arrays):
        return None
    starts: list[int] = [array.__array_interface__["data"][0] for array in arrays]
    key = tuple(
        (array.dtype.str, array.shape, array.strides, start) for array, start in zip(arrays, starts, strict=True)
    )
    root = arrays[0]
    while isinstance(root.base, np.ndarray):
        root = root.base
    return Memory((tag, key), tuple(map(_extent, arrays, starts)), root)


def _extent(array: Any, start: int) -> tuple[int, int]:
    """Return the lowest address that an array with its first item at `start` reads, and how many bytes follow it."""
    if array.flags.c_contiguous:
        return start, array.nbytes
    spans = [stride * (count - 1) for count, stride in zip(array.shape, array.strides, strict=True)]
    lowest = start + sum(span for span in spans if span < 0)
    return lowest, sum(abs(span) for span in spans) + array.itemsize


def address_of(raw: memoryview) -> int:
    """Return where the bytes of a contiguous buffer begin."""
    import numpy as np

    start: int = np.frombuffer(raw, np.uint8).__array_interface__["data"][0]
    return start


def memory_of_arrow(array: Any) -> Memory | None:
    """Return the memory of an Arrow array without children, whose buffers may lie anywhere; None for nested ones."""
    import pyarrow as pa

    kind = array.type
    if kind.num_fields or isinstance(kind, pa.BaseExtensionType) or pa.types.is_dictionary(kind):
        return None
    if array.nbytes < SMALLEST:
        return None
    chunks = array.chunks if isinstance(array, pa.ChunkedArray) else [array]
    key: list[Hashable] = [str(kind)]
    ranges: list[tuple[int, int]] = []
    for chunk in chunks:
        buffers = [(buffer.address, buffer.size) if buffer is not None else (0, 0) for buffer in chunk.buffers()]
        key.append((chunk.offset, len(chunk), tuple(buffers)))
        ranges += [each for each in buffers if each[1]]
    return Memory(tuple(key), tuple(ranges))
