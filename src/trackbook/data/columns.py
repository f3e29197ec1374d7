"""One pandas column as one Arrow array and back, with the plan that says which pandas type it was."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa

from trackbook.errors import DataError

MISSING = {"None": None, "nan": np.nan, "NA": pd.NA, "NaT": pd.NaT}
KEPT_OBJECTS = (str, bytes, bool, int, float, Decimal, dt.date, dt.time, list, dict)


class Plan(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which pandas type an Arrow array becomes; `kind` is one of the words in `_DECODERS`."""

    kind: str
    dtype: str = ""
    missing: str | None = None
    ordered: bool = False
    categories: Plan | None = None


def encode(values: pd.Series[Any], what: str) -> tuple[pa.Array, Plan]:
    """Return `values` in Arrow; `what` names them in the DataError raised when Arrow cannot hold them."""
    dtype = values.dtype
    if isinstance(dtype, pd.SparseDtype):
        raise DataError(f"{what} is sparse, which cannot be kept; make it dense with `.sparse.to_dense()`")
    try:
        if isinstance(dtype, pd.CategoricalDtype):
            return _encode_categories(values, what)
        if pd.api.types.is_object_dtype(dtype):
            return _encode_objects(values, what)
        if isinstance(dtype, np.dtype):
            return pa.array(values.to_numpy(), from_pandas=False), Plan("numpy", str(dtype))
        return _one_chunk(pa.array(values)), _plan_extension(dtype)
    except (pa.ArrowException, TypeError, ValueError, OverflowError, NotImplementedError) as error:
        raise DataError(f"{what} of dtype {dtype} cannot be kept in Arrow ({error}); {_remedy(dtype)}") from error


def decode(column: pa.ChunkedArray, plan: Plan, index: pd.Index[Any] | None) -> pd.Series[Any]:
    """Return the column that `encode` was given, on `index`."""
    values: pd.Series[Any] = pd.Series(_DECODERS[plan.kind](column, plan), index=index, dtype=_dtype(plan, column.type))
    return values


def same(one: pd.Series[Any], other: pd.Series[Any]) -> bool:
    """Say whether two columns of one dtype hold the same values; missing equals missing, lists by their items."""
    if pd.api.types.is_object_dtype(one.dtype):
        gaps = one.isna().to_numpy()
        if not np.array_equal(gaps, other.isna().to_numpy()):
            return False
        return all(map(_same_item, one[~gaps], other[~gaps]))
    return bool(one.reset_index(drop=True).equals(other.reset_index(drop=True)))


def _same_item(one: object, other: object) -> bool:
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return one.dtype == other.dtype and one.tobytes() == other.tobytes()
    return type(one) is type(other) and bool(one == other)


def _encode_categories(values: pd.Series[Any], what: str) -> tuple[pa.Array, Plan]:
    categories, plan = encode(pd.Series(values.cat.categories), f"the categories of {what}")
    codes = values.cat.codes.to_numpy()
    indices = pa.array(codes, mask=codes < 0)
    return pa.DictionaryArray.from_arrays(indices, categories), Plan(
        "category", ordered=bool(values.cat.ordered), categories=plan
    )


def _encode_objects(values: pd.Series[Any], what: str) -> tuple[pa.Array, Plan]:
    gaps = values.isna().to_numpy()
    items = [None if gap else value for gap, value in zip(gaps, values, strict=True)]
    types = sorted({type(value).__name__ for value in items if value is not None})
    if len(types) > 1:
        raise DataError(
            f"{what} mixes {' and '.join(types)}; give it one type, for example with `.astype(str)`, or split it"
        )
    if types == ["ndarray"]:
        return _encode_arrays(items, values[gaps], what)
    strange = next((value for value in items if value is not None and type(value) not in KEPT_OBJECTS), None)
    if strange is not None:
        raise DataError(f"{what} holds {types[0]} objects, which cannot be kept exactly; {_remedy_object(strange)}")
    return pa.array(items, from_pandas=False), Plan("object", missing=_missing(values[gaps], what))


def _encode_arrays(items: list[Any], gaps: pd.Series[Any], what: str) -> tuple[pa.Array, Plan]:
    """Keep one-dimensional numpy arrays, such as embeddings, as lists."""
    dtypes = {item.dtype for item in items if item is not None}
    if len(dtypes) > 1 or any(item.ndim != 1 for item in items if item is not None):
        raise DataError(f"{what} holds arrays of several dtypes or dimensions; make them vectors of one dtype")
    return pa.array(items, from_pandas=False), Plan("arrays", str(dtypes.pop()), missing=_missing(gaps, what))


def _missing(gaps: pd.Series[Any], what: str) -> str | None:
    """Return the one word for how the column says "missing"."""
    words = {"None" if value is None else type(value).__name__ for value in gaps}
    words = {{"float": "nan", "NAType": "NA", "NaTType": "NaT"}.get(word, word) for word in words}
    if len(words) > 1:
        raise DataError(
            f"{what} marks missing values with {' and '.join(sorted(words))}; use one, for example "
            "`column.where(column.notna(), None)`"
        )
    return next(iter(words), None)


def _plan_extension(dtype: Any) -> Plan:
    if isinstance(dtype, pd.StringDtype):
        return Plan("string", dtype.storage, missing="NA" if dtype.na_value is pd.NA else "nan")
    if isinstance(dtype, pd.DatetimeTZDtype):
        return Plan("zone", f"datetime64[{dtype.unit}, {dtype.tz}]")
    return Plan("arrow") if isinstance(dtype, pd.ArrowDtype) else Plan("extension", str(dtype))


def _dtype(plan: Plan, stored: pa.DataType) -> Any:
    if plan.kind == "string":
        return pd.StringDtype(plan.dtype) if plan.missing == "NA" else pd.StringDtype(plan.dtype, na_value=np.nan)
    if plan.kind == "arrow":
        return pd.ArrowDtype(stored)
    if plan.kind == "category":
        return None
    return np.dtype(object) if plan.kind in ("object", "arrays") else pd.api.types.pandas_dtype(plan.dtype)


def _decode_numpy(column: pa.ChunkedArray, plan: Plan) -> Any:
    values = column.combine_chunks().to_numpy(zero_copy_only=False)
    # Arrow's buffers are read-only; a frame that was loaded is as writable as one that was made.
    return np.array(values, dtype=plan.dtype)


def _decode_objects(column: pa.ChunkedArray, plan: Plan) -> Any:
    missing = MISSING[plan.missing or "None"]
    values = np.empty(len(column), dtype=object)
    for at, value in enumerate(column.to_pylist()):
        values[at] = missing if value is None else value
    return values


def _decode_arrays(column: pa.ChunkedArray, plan: Plan) -> Any:
    missing = MISSING[plan.missing or "None"]
    values = np.empty(len(column), dtype=object)
    for at, value in enumerate(column):
        values[at] = np.array(value.values, dtype=plan.dtype) if value.is_valid else missing
    return values


def _decode_categories(column: pa.ChunkedArray, plan: Plan) -> Any:
    array = _one_chunk(column)
    codes = array.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    assert plan.categories is not None
    categories = decode(pa.chunked_array([array.dictionary]), plan.categories, None)
    return pd.Categorical.from_codes(codes, pd.Index(categories, dtype=categories.dtype), ordered=plan.ordered)


def _decode_string(column: pa.ChunkedArray, plan: Plan) -> Any:
    return _dtype(plan, column.type).__from_arrow__(column)


def _decode_zone(column: pa.ChunkedArray, plan: Plan) -> Any:
    return column.to_pandas().array


def _decode_extension(column: pa.ChunkedArray, plan: Plan) -> Any:
    return _dtype(plan, column.type).__from_arrow__(column)


_DECODERS = {
    "numpy": _decode_numpy,
    "object": _decode_objects,
    "arrays": _decode_arrays,
    "category": _decode_categories,
    "string": _decode_string,
    "zone": _decode_zone,
    "extension": _decode_extension,
    "arrow": _decode_extension,
}


def _one_chunk(array: Any) -> pa.Array:
    if not isinstance(array, pa.ChunkedArray):
        return array
    whole = array.combine_chunks()
    return whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole


def _remedy(dtype: Any) -> str:
    if getattr(dtype, "kind", "") == "c":
        return "split it into its real and its imaginary part"
    return "convert it with `.astype(...)` to numbers, text or dates"


def _remedy_object(value: object) -> str:
    if isinstance(value, dt.datetime):
        return "convert it with `pd.to_datetime`"
    if isinstance(value, np.generic):
        return f"convert it with `.astype({value.dtype.name!r})`"
    return "convert it to text, numbers, dates or lists"
