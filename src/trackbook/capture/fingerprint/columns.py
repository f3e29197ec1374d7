"""The canonical digest of a pandas column or index level, by its logical type and not by what holds it."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from trackbook.capture.fingerprint.arrays import Column, column_of, feed_times
from trackbook.capture.fingerprint.arrow import arrow_column, categories_column
from trackbook.capture.fingerprint.kinds import UnsupportedError
from trackbook.capture.fingerprint.memory import Memory, memory_of_arrays, memory_of_arrow
from trackbook.capture.fingerprint.objects import MAX_ITEMS
from trackbook.capture.fingerprint.text import text_column
from trackbook.capture.fingerprint.unchanged import Compute, Memo

# What pandas finds in an object column and Arrow then holds without loss.
CONVERTED = frozenset({"boolean", "integer", "floating", "bytes", "decimal", "date"})
Objects = Callable[[list[Any]], bytes]


def column_digest(array: Any, objects: Objects, memo: Memo | None = None) -> bytes:
    """Return the digest of a pandas array's values and logical type.

    `objects` gives the digest of a list of Python objects, for what no Arrow type holds; `memo` keeps the digests of
    large columns whose memory nobody writes.
    """
    if isinstance(array, pd.Categorical):
        return _categorical(array, objects, memo)
    empty = "string" if isinstance(array.dtype, pd.StringDtype) else "null"
    if isinstance(array, pd.arrays.NumpyExtensionArray):
        array = array.to_numpy(dtype=None, copy=False)
    if array.dtype == object:
        return _kept(memo, memory_of_arrays(empty, array), partial(object_column, array, objects, empty))
    found = _numpy_column(array) or _arrow_backed(array)
    if found is None:
        return object_column(np.asarray(array, dtype=object), objects, empty)[0]
    memory, compute = found
    return _kept(memo, memory, lambda: (compute(), True))


def _kept(memo: Memo | None, memory: Memory | None, compute: Compute) -> bytes:
    return compute()[0] if memo is None or memory is None else memo.digest(memory, compute)


@lru_cache(maxsize=256)
def range_digest(start: int, stop: int, step: int) -> bytes:
    """Return the digest of a range of int64, the same as of its numbers as a column."""
    column = Column("int64")
    numbers = range(start, stop, step)
    for first in range(0, len(numbers), 1 << 17):
        part = numbers[first : first + (1 << 17)]
        column.feed_whole(np.arange(part.start, part.stop, part.step, dtype=np.int64))
    return column.digest()


# -- which layout


def _numpy_column(array: Any) -> tuple[Memory | None, Callable[[], bytes]] | None:
    """Return the memory and the digest of a column that stands on numpy arrays, or None."""
    dtype = array.dtype
    if isinstance(dtype, pd.DatetimeTZDtype):
        values = array.asi8
        return memory_of_arrays(str(dtype), values), partial(_zoned, values, dtype)
    if isinstance(dtype, np.dtype):
        values = np.asarray(array)
        return memory_of_arrays("column", values), partial(column_of, values)
    values, gaps = getattr(array, "_data", None), getattr(array, "_mask", None)
    if isinstance(values, np.ndarray) and isinstance(gaps, np.ndarray) and values.dtype.kind in "biuf":
        return memory_of_arrays("masked", values, gaps), partial(_masked, values, gaps)
    return None


def _zoned(values: Any, dtype: Any) -> bytes:
    column = Column("")
    feed_times(column, [(values, None)], dtype.unit, f"timestamp, {dtype.tz}")
    return column.digest()


def _masked(values: Any, gaps: Any) -> bytes:
    return column_of(values, gaps if gaps.any() else None)


def _arrow_backed(array: Any) -> tuple[Memory | None, Callable[[], bytes]] | None:
    """Return the memory and the digest of a column that Arrow holds or can hold, or None."""
    if isinstance(array.dtype, pd.SparseDtype):
        values = np.asarray(array)
        return None if values.dtype == object else (None, partial(column_of, values))
    try:
        held = pa.array(array, from_pandas=True)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return None
    borrowed = isinstance(array.dtype, pd.ArrowDtype | pd.StringDtype)
    return memory_of_arrow(held) if borrowed else None, partial(arrow_column, held)


def _categorical(array: Any, objects: Objects, memo: Memo | None) -> bytes:
    codes = array.codes
    categories = column_digest(array.categories.array, objects, memo)
    name = f"codes:{array.ordered}:{len(array.categories)}:{categories.hex()}"
    digest = partial(categories_column, codes, len(array.categories), categories, bool(array.ordered))
    return _kept(memo, memory_of_arrays(name, codes), lambda: (digest(), True))


# -- objects


def object_column(values: Any, objects: Objects, empty: str = "null") -> tuple[bytes, bool]:
    """Return the digest of a column of Python objects, and whether all of them are immutable.

    `empty` is the logical type of a column without a single value.
    """
    text = text_column(values, pd.isna, empty)
    if text is not None:
        return text, True
    if pd.api.types.infer_dtype(values, skipna=True) in CONVERTED:
        try:
            return arrow_column(pa.array(values, from_pandas=True)), False
        except (pa.ArrowException, UnsupportedError, TypeError, ValueError, OverflowError):
            pass  # a number too large for 64 bits, for example: objects it is
    if len(values) > MAX_ITEMS:
        raise UnsupportedError(f"it holds a column of more than {MAX_ITEMS:,} Python objects of no single plain type")
    gaps = pd.isna(values)
    return objects([None if gap else value for gap, value in zip(gaps.tolist(), values.tolist(), strict=True)]), False
