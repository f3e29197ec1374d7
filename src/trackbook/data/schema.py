"""The schema of a frame: what a person means by the type of each column, and how many values are missing."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    import pandas as pd

_OBJECT_TYPES = {"boolean": "boolean", "bytes": "binary", "date": "date", "decimal": "decimal", "integer": "integer",
                 "floating": "float", "string": "string", "time": "time", "empty": "empty"}  # fmt: skip
_KINDS = {"b": "boolean", "i": "integer", "u": "integer", "f": "float", "c": "complex", "M": "datetime",
          "m": "timedelta"}  # fmt: skip


class Column(msgspec.Struct, frozen=True):
    """One column: its label as text, its logical `type`, the `dtype` that pandas gave it, and its missing values."""

    name: str
    type: str
    dtype: str
    nulls: int


class Schema(msgspec.Struct, frozen=True):
    """The columns of a frame in order, and the levels of its index."""

    columns: tuple[Column, ...]
    index: tuple[Column, ...]


def describe(frame: pd.DataFrame) -> Schema:
    """Return the schema of `frame`; columns of the same label stay apart."""
    import pandas as pd

    columns = tuple(_column(label, frame.iloc[:, at]) for at, label in enumerate(frame.columns))
    names = frame.index.names
    levels = (pd.Series(frame.index.get_level_values(at)) for at in range(frame.index.nlevels))
    return Schema(columns, tuple(_column(name, level) for name, level in zip(names, levels, strict=True)))


def logical_type(values: pd.Series[Any]) -> str:
    """Return the logical type of a column: ``integer``, ``float``, ``string``, ``category``, ``datetime``, …

    It is the same for every way pandas has to hold the same thing (`int8`, `Int64`, `int64[pyarrow]`).
    """
    import pandas as pd

    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return "category"
    if isinstance(dtype, pd.StringDtype):
        return "string"
    if isinstance(dtype, pd.PeriodDtype):
        return "period"
    if isinstance(dtype, pd.IntervalDtype):
        return "interval"
    if pd.api.types.is_object_dtype(dtype):
        return _object_type(values)
    other = "string" if str(dtype).startswith(("string", "large_string")) else "nested"
    return _KINDS.get(getattr(dtype, "kind", "O"), other)


def _object_type(values: pd.Series[Any]) -> str:
    import pandas as pd

    inferred = pd.api.types.infer_dtype(values, skipna=True)
    if inferred == "mixed" and values.dropna().map(lambda value: isinstance(value, Decimal)).all():
        return "decimal"
    return _OBJECT_TYPES.get(inferred, "nested" if inferred == "mixed" else "mixed")


def _column(label: object, values: pd.Series[Any]) -> Column:
    return Column(
        "" if label is None else str(label), logical_type(values), str(values.dtype), int(values.isna().sum())
    )
