"""What a pandas column holds, whatever its dtype: numbers, levels, times, or something that cannot be compared.

pandas is met here and nowhere else in this room.  Nothing is modified; equal values give equal results in every
dtype backend.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
from pandas.api import types

from trackbook.errors import DataError, a
from trackbook.monitoring.counts import Floats, Ints, LevelCounts, count_levels

Kind = Literal["number", "truth", "level", "time", "nested", "empty"]

_OBJECT_KINDS: dict[str, Kind] = {
    "string": "level",
    "bytes": "level",
    "floating": "number",
    "integer": "number",
    "mixed-integer-float": "number",
    "decimal": "number",
    "boolean": "truth",
    "datetime64": "time",
    "datetime": "time",
    "date": "time",
    "timedelta64": "number",
    "timedelta": "number",
    "empty": "empty",
}
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True)
class Column:
    """One side of a comparison: the series, what it holds, and how many of its rows are missing."""

    series: pd.Series[Any]
    kind: Kind
    rows: int
    missing: int

    @property
    def present(self) -> int:
        return self.rows - self.missing


def read_frame(value: object, role: str) -> pd.DataFrame:
    """Return `value` as a frame with at least one row; `role` names it in messages ("reference", "current").

    Takes a DataFrame, a Series, or anything with `to_pandas()` (Arrow, polars).  Raises DataError otherwise.
    """
    frame = value.to_frame() if isinstance(value, pd.Series) else value
    if not isinstance(frame, pd.DataFrame) and hasattr(frame, "to_pandas"):
        frame = frame.to_pandas()
    if not isinstance(frame, pd.DataFrame):
        raise DataError(f"the {role} data is {a(type(value).__name__)}, not a table; pass a pandas DataFrame")
    if len(frame) == 0:
        raise DataError(
            f"the {role} frame has no rows, so there is nothing to compare; "
            "check the filter or the file that it comes from"
        )
    return frame


def unique_names(labels: Iterable[object]) -> list[str]:
    """Return the labels as texts without repeats; the second ``a`` is ``a.2``, so that no column is lost."""
    names: list[str] = []
    used: set[str] = set()
    for label in labels:
        name, count = str(label), 1
        while name in used:
            count += 1
            name = f"{label}.{count}"
        used.add(name)
        names.append(name)
    return names


def read_column(series: pd.Series[Any]) -> Column:
    """Say what `series` holds and how many of its rows are missing; an infinity is a value, NaN is missing."""
    if isinstance(series.dtype, pd.SparseDtype):
        series = pd.Series(np.asarray(series))
    if isinstance(series.dtype, pd.ArrowDtype) and pa.types.is_dictionary(series.dtype.pyarrow_dtype):
        series = series.astype(pd.ArrowDtype(series.dtype.pyarrow_dtype.value_type))
    series, missing = _count_missing(series)
    kind = _kind(series) if missing < len(series) else "empty"
    if kind == "number":
        values = _numbers(series)
        series = pd.Series(values[~np.isnan(values)])
        return Column(series, kind, len(values), len(values) - len(series))
    return Column(series, kind, len(series), missing)


def sorted_numbers(column: Column) -> Floats:
    """Return the present values of a column of numbers (or of truth values, as 0 and 1) in ascending order."""
    values = _truths(column.series) if column.kind == "truth" else column.series.to_numpy()
    return np.sort(values.astype(np.float64, copy=False))


def level_counts(column: Column) -> pd.Series[int]:
    """Return how often each level occurs, by a label that does not depend on the dtype."""
    if column.kind == "truth":
        true = int(_truths(column.series).sum())
        counts = pd.Series({"False": column.present - true, "True": true})
    else:
        counts = column.series.value_counts(dropna=True, sort=False)
        counts = counts.set_axis(_labels(counts.index)).astype(np.int64)
        counts = counts.groupby(level=0).sum() if counts.index.has_duplicates else counts
    return counts[counts > 0]


def align_levels(reference: pd.Series[int], current: pd.Series[int]) -> LevelCounts:
    """Return both counts over the union of their levels."""
    union = reference.index.union(current.index)
    counts = [np.asarray(side.reindex(union, fill_value=0), dtype=np.int64) for side in (reference, current)]
    return count_levels([str(label) for label in union], counts[0], counts[1])


def derived_times(reference: Column, current: Column) -> tuple[str, LevelCounts, tuple[str, ...]]:
    """Return the fact to compare instead of dates, which always move on: the hour, or without clock times the weekday.

    Also the counts of its levels, and the levels in their natural order.
    """
    times = [_times(side.series) for side in (reference, current)]
    if any((side.dt.hour * 60 + side.dt.minute).any() for side in times):
        fact, labels = "hour", tuple(f"{hour:02d} h" for hour in range(24))
        codes = [side.dt.hour for side in times]
    else:
        fact, labels = "weekday", _WEEKDAYS
        codes = [side.dt.day_of_week for side in times]
    counts = [_tally(side.to_numpy(dtype=np.int64), len(labels)) for side in codes]
    return fact, count_levels(list(labels), counts[0], counts[1]), labels


def _count_missing(series: pd.Series[Any]) -> tuple[pd.Series[Any], int]:
    try:
        return series, int(series.isna().sum())
    except InvalidOperation:  # pandas cannot look at a signalling NaN of decimal
        quiet = [None if isinstance(value, Decimal) and value.is_nan() else value for value in series]
        series = pd.Series(quiet, dtype=object)
        return series, int(series.isna().sum())


def _tally(codes: Ints, length: int) -> Ints:
    return np.asarray(np.bincount(codes, minlength=length), dtype=np.int64)


def _kind(series: pd.Series[Any]) -> Kind:
    dtype = series.dtype
    if isinstance(dtype, pd.ArrowDtype):
        return _arrow_kind(dtype.pyarrow_dtype)
    if types.is_bool_dtype(dtype) and not isinstance(dtype, pd.CategoricalDtype):
        return "truth"
    if types.is_datetime64_any_dtype(dtype) or isinstance(dtype, pd.PeriodDtype):
        return "time"
    if types.is_timedelta64_dtype(dtype) or (types.is_numeric_dtype(dtype) and not types.is_complex_dtype(dtype)):
        return "number"
    if types.is_object_dtype(dtype):
        return _object_kind(series)
    return "level"


def _arrow_kind(dtype: pa.DataType) -> Kind:
    tests: list[tuple[Kind, list[Any]]] = [
        ("truth", [pa.types.is_boolean]),
        ("number", [pa.types.is_integer, pa.types.is_floating, pa.types.is_decimal, pa.types.is_duration]),
        ("time", [pa.types.is_timestamp, pa.types.is_date]),
        ("nested", [pa.types.is_nested]),
    ]
    return next((kind for kind, checks in tests if any(check(dtype) for check in checks)), "level")


def _object_kind(series: pd.Series[Any]) -> Kind:
    inferred = types.infer_dtype(series, skipna=True)
    if inferred in _OBJECT_KINDS:
        return _OBJECT_KINDS[inferred]
    found = set(map(type, series.dropna()))
    if all(issubclass(each, numbers.Real | Decimal) and not issubclass(each, bool) for each in found):
        return "number"
    if any(issubclass(each, list | dict | set | tuple | np.ndarray | pd.Series | pd.DataFrame) for each in found):
        return "nested"
    return "level" if all(_hashable(value) for value in series.dropna()) else "nested"


def _hashable(value: object) -> bool:
    try:
        hash(value)
    except TypeError:
        return False
    return True


def _numbers(series: pd.Series[Any]) -> Floats:
    dtype = series.dtype
    if isinstance(dtype, pd.ArrowDtype) and pa.types.is_duration(dtype.pyarrow_dtype):
        series = series.astype("timedelta64[ns]")
    if types.is_timedelta64_dtype(series.dtype):
        return np.asarray(series.dt.total_seconds(), dtype=np.float64)
    if types.is_object_dtype(dtype) or (isinstance(dtype, pd.ArrowDtype) and pa.types.is_decimal(dtype.pyarrow_dtype)):
        return np.fromiter(map(_number, series), dtype=np.float64, count=len(series))
    return series.to_numpy(dtype=np.float64, na_value=np.nan)


def _number(value: Any) -> float:
    """Return any real number as a float; what is larger than every float is an infinity, which keeps its rank."""
    if value is None or value is pd.NA or value is pd.NaT:
        return math.nan
    if hasattr(value, "total_seconds"):
        return float(value.total_seconds())
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _truths(series: pd.Series[Any]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return series.dropna().astype(bool).to_numpy()


def _labels(index: pd.Index[Any]) -> pd.Index[Any]:
    """Return level labels as plain texts; only values that are no texts (1, 1.0, b"a") need to be spelt out."""
    values = index.astype(object)
    if types.infer_dtype(values, skipna=False) == "string":
        return values
    mixed = any(isinstance(value, str) for value in values)
    return pd.Index([_label(value, mixed) for value in values], dtype=object)


def _label(value: Any, mixed: bool) -> str:
    if isinstance(value, str):
        return value
    whole = isinstance(value, float) and value.is_integer()
    text = str(int(value)) if whole else str(value)
    return f"{text} ({type(value).__name__})" if mixed else text


def _times(series: pd.Series[Any]) -> pd.Series[Any]:
    """Return the wall clock times that are present; a date beyond what pandas can hold is left out."""
    present = series.dropna()
    if isinstance(present.dtype, pd.PeriodDtype):
        return pd.Series(present.dt.to_timestamp())
    if isinstance(present.dtype, pd.ArrowDtype) and pa.types.is_date(present.dtype.pyarrow_dtype):
        present = present.astype("timestamp[us][pyarrow]")
    if present.dtype == object:
        present = pd.Series([_wall_clock(value) for value in present])
        return pd.to_datetime(present, errors="coerce").dropna()
    return present


def _wall_clock(value: Any) -> Any:
    return value.replace(tzinfo=None) if getattr(value, "tzinfo", None) is not None else value
