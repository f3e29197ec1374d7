"""Sketches of rows: what a model was fitted on, small enough to be kept and exact enough to find rows again.

A row has a 64-bit hash of its values, the same for every library and number type that holds them.  Of many rows those
with small hashes are kept, so that any two sketches keep the same rows and the share that they have in common can be
told.  Numbers count to single precision: noise that no model notices does not hide a row.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from trackbook.capture.fingerprint.kinds import kind_of

Hashes = np.ndarray[Any, np.dtype[np.uint64]]

MAX_HASHES = 100_000
MAX_CELLS = 20_000_000
"""Larger data is not hashed: a fit must not wait for it."""

_ODD = np.uint64(0x9E3779B97F4A7C15)
_FACTORS = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
_SHIFTS, _LAST_SHIFT = (np.uint64(30), np.uint64(27)), np.uint64(31)
_LARGE = 2.0**24
"""From here on whole numbers are not exact in single precision; they are taken as they are."""

BLOCK = 8192
"""Rows that are hashed at a time, so that they stay in the processor's cache."""


class RowSketch(msgspec.Struct, frozen=True):
    """The rows of some data.

    Of `rows` rows those are sampled whose hash is below ``2**(64 - level)``; `hashes` are the distinct ones, sorted,
    as bytes, `labelled` those of the same rows with their target, and `sampled` counts rows.  `names` are the columns
    in order, None for data without names, and `width` counts them.  `declared` rows, some or all, are those that
    somebody named, not those that were seen at a fit.
    """

    rows: int
    sampled: int
    level: int
    hashes: bytes
    labelled: bytes | None = None
    names: list[str] | None = None
    declared: bool = False
    width: int = 0

    def encode(self) -> bytes:
        """Return the sketch as bytes to be kept."""
        return msgspec.msgpack.encode(self)

    @property
    def distinct(self) -> Hashes:
        """The distinct hashes, sorted."""
        return np.frombuffer(self.hashes, dtype="<u8").astype(np.uint64)


def decode_sketch(content: bytes) -> RowSketch:
    """Return the sketch that was kept as bytes; raises ValueError for others."""
    return msgspec.msgpack.decode(content, type=RowSketch)


def sketch_of(features: Any, target: Any = None) -> RowSketch:
    """Return the sketch of rows, with their target where it is known.

    Raises ValueError for what has no rows and columns, or too many of them.
    """
    columns, names = _columns(features)
    rows = len(columns[0]) if columns else 0
    if not rows:
        raise ValueError("there are no rows")
    if rows * len(columns) > MAX_CELLS:
        raise ValueError(f"{rows * len(columns):,} values are more than the {MAX_CELLS:,} that are hashed at a fit")
    hashes = row_hashes(columns)
    labels = _columns(target)[0] if target is not None else []
    labelled = row_hashes(labels, hashes) if labels and len(labels[0]) == rows else None
    return msgspec.structs.replace(_sampled(rows, hashes, labelled, names, 0), width=len(columns))


def merged(one: RowSketch, other: RowSketch) -> RowSketch:
    """Return the sketch of the rows of both, as of parts that a model was fitted on one after the other.

    Raises ValueError when they have other columns.
    """
    if (one.names or other.names, one.width) != (other.names or one.names, other.width):
        raise ValueError(f"rows of {one.width} columns and of {other.width} others have no sketch in common")
    level = max(one.level, other.level)
    hashes = np.union1d(one.distinct, other.distinct)
    labelled = None
    if one.labelled is not None and other.labelled is not None:
        labelled = np.union1d(*(np.frombuffer(each.labelled or b"", dtype="<u8") for each in (one, other)))
    found = _sampled(one.rows + other.rows, hashes, None, one.names, level)
    kept = None if labelled is None else labelled.astype("<u8").tobytes()
    declared = one.declared or other.declared
    return msgspec.structs.replace(
        found, sampled=one.sampled + other.sampled, labelled=kept, declared=declared, width=one.width
    )


def row_hashes(columns: list[Any], start: Hashes | None = None) -> Hashes:
    """Return one hash for each row of the columns, in their order; `start` are hashes that these go on from."""
    prepared = [_prepared(column) for column in columns]
    rows = len(prepared[0])
    found = np.zeros(rows, dtype=np.uint64) if start is None else start.copy()
    with np.errstate(over="ignore", invalid="ignore"):
        for first in range(0, rows, BLOCK):
            part = found[first : first + BLOCK]
            for values in prepared:
                part *= _ODD
                part += _hashed(values[first : first + BLOCK])
                part += _ODD
                _mix(part)
    return found


def below(hashes: Hashes, level: int) -> Any:
    """Return which hashes a sketch of this level samples."""
    return hashes >> np.uint64(64 - level) == 0 if level else np.ones(len(hashes), dtype=bool)


def _sampled(rows: int, hashes: Hashes, labelled: Hashes | None, names: list[str] | None, level: int) -> RowSketch:
    chosen = below(hashes, level)
    distinct = _distinct(hashes[chosen])
    while len(distinct) > MAX_HASHES:
        level += 1
        distinct = distinct[below(distinct, level)]
    chosen = below(hashes, level)
    kept = None if labelled is None else _distinct(labelled[chosen]).astype("<u8").tobytes()
    return RowSketch(rows, int(chosen.sum()), level, distinct.astype("<u8").tobytes(), kept, names)


def _distinct(values: Hashes) -> Hashes:
    # `np.unique` takes three times as long.
    ordered = np.sort(values)
    return ordered[np.append(True, ordered[1:] != ordered[:-1])] if len(ordered) else ordered


def _mix(values: Hashes) -> Hashes:
    """Spread every bit over all others, in place: the end of splitmix64; source: Steele, Lea and Flood (2014)."""
    for shift, factor in zip(_SHIFTS, _FACTORS, strict=True):
        values ^= values >> shift
        values *= factor
    values ^= values >> _LAST_SHIFT
    return values


def _columns(data: Any) -> tuple[list[Any], list[str] | None]:
    """Return the columns of data as arrays or series, and their names where they have some."""
    kind = kind_of(data)
    if kind == "frame":
        return [data.iloc[:, at] for at in range(data.shape[1])], [str(name) for name in data.columns]
    if kind == "table":
        return _columns(data.to_pandas())
    if kind in ("series", "index"):
        return [data], None
    if kind == "column":
        return [np.asarray(data)], None
    if kind == "sparse":
        if data.shape[0] * data.shape[1] > MAX_CELLS:
            raise ValueError("a sparse matrix of this size is not hashed")
        data = data.toarray()
    array = np.asarray(data)
    if array.ndim not in (1, 2):
        raise ValueError(f"data of {array.ndim} dimensions has no rows and columns")
    return [array] if array.ndim == 1 else [array[:, at] for at in range(array.shape[1])], None


def _prepared(column: Any) -> Any:
    """Return a column as numbers that are still to be hashed, or as hashes."""
    import pandas as pd

    dtype = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        known = _hashed(_prepared(pd.Series(column.cat.categories)))
        return _coded(column.cat.codes.to_numpy(), known)
    kind = getattr(dtype, "kind", "O")
    if kind in "biuf":
        values = column.to_numpy(dtype=float, na_value=np.nan) if hasattr(column, "to_numpy") else column
        return np.asarray(values, dtype=np.float64)
    if kind in "mM":
        stamps = pd.to_datetime(column, utc=True) if kind == "M" else pd.to_timedelta(column)
        return _mix(np.asarray(pd.Series(stamps).astype("int64")).view(np.uint64).copy())
    codes, values = pd.factorize(np.asarray(column, dtype=object), use_na_sentinel=True)
    return _coded(codes, _text_hashes(list(values)))


def _hashed(values: Any) -> Hashes:
    """Return hashes, or those of numbers: to single precision, with one zero and one NaN, whole ones exactly."""
    if values.dtype == np.uint64:
        return np.asarray(values)
    short = values.astype(np.float32).astype(np.float64)
    np.copyto(short, values, where=np.abs(values) >= _LARGE)
    short += 0.0
    short[short != short] = np.nan
    return _mix(short.view(np.uint64))


def _coded(codes: Any, known: Hashes) -> Hashes:
    """Return the hash that each code stands for; -1 stands for a missing value."""
    found: Hashes = np.append(known, _text_hashes([None]))[codes]
    return found


def _text_hashes(values: list[Any]) -> Hashes:
    """Return hashes of values of any kind: of numbers as of numbers, of a missing one as of NaN, else of the text."""
    import pandas as pd

    numbers = [_as_number(value) for value in values]
    texts = np.array([str(value) for value in values], dtype=object)
    found = pd.util.hash_array(texts, categorize=False) if len(texts) else np.zeros(0, dtype=np.uint64)
    known = np.array([number is not None for number in numbers], dtype=bool)
    hashed = _hashed(np.array([number if number is not None else 0.0 for number in numbers], dtype=np.float64))
    return np.where(known, hashed, found)


def _as_number(value: Any) -> float | None:
    if value is None:
        return float("nan")
    if isinstance(value, bool | int | float | np.number | np.bool_):
        try:
            return float(value)
        except OverflowError:
            return None
    return None
