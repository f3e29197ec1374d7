"""What a frame is beside its values: a text that two frames share only if they are built alike.

Together with the fingerprint, which looks at values and not at what holds them, it tells that a frame is unchanged
without encoding it.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
from blake3 import blake3

from trackbook.data import columns, frames
from trackbook.data.blocks import block_bytes, split
from trackbook.errors import DataError


def structure(frame: pd.DataFrame) -> str | None:
    """Return labels, dtypes and index of `frame` as a digest; None when only its values would tell them.

    Python objects are such values: 1 and 1.0, None and NaN count as the same in a fingerprint.
    """
    dtypes = [_dtype(dtype, frame.iloc[:, at]) for at, dtype in enumerate(frame.dtypes)]
    index = _index(frame.index)
    if index is None or None in dtypes:
        return None
    try:
        labels = frames.labels_of(frame.columns)
    except DataError:
        return None
    return blake3(repr((len(frame), dtypes, index, labels)).encode("utf-8", "backslashreplace")).hexdigest()


def _index(index: pd.Index[Any]) -> object:
    if isinstance(index, pd.RangeIndex):
        return "range", index.start, index.stop, index.step, repr(index.names)
    levels = [pd.Series(index.get_level_values(level)) for level in range(index.nlevels)]
    dtypes = [_dtype(level.dtype, level) for level in levels]
    if None in dtypes:
        return None
    return type(index).__name__, dtypes, repr(index.names), str(getattr(index, "freq", None))


def _dtype(dtype: Any, values: pd.Series[Any]) -> str | None:
    if pd.api.types.is_object_dtype(dtype):
        return None
    if isinstance(dtype, pd.StringDtype):
        return f"string[{dtype.storage}, {dtype.na_value}]"
    if isinstance(dtype, pd.CategoricalDtype):
        try:
            array, _ = columns.encode(pd.Series(dtype.categories), "the categories")
        except DataError:
            return None
        digests = [blake3(block_bytes(part)).hexdigest() for part in split(array) if part is not None]
        return f"category[{dtype.ordered}, {dtype.categories.dtype!r}, {digests}]"
    return f"{type(dtype).__name__} {dtype}"
