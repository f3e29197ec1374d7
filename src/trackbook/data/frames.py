"""A pandas frame as Arrow arrays and back, exact in values, dtypes, labels and index.

Arrow's own pandas metadata loses duplicate labels, object dtypes, string storages and some categories.  So columns
are stored by position (``c0``, ``c1``, …; index levels ``i0``, …), and a small plan beside them says how each is built
again.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import Any

import msgspec
import pandas as pd
import pyarrow as pa
import pyarrow.ipc

from trackbook.data import columns
from trackbook.data.names import clip
from trackbook.errors import DataError

FORMAT = "arrow"
_PLAN = b"trackbook"


class Index(msgspec.Struct, frozen=True, omit_defaults=True):
    """How an index is built again: from a range, or from one stored column a level."""

    names: tuple[Any, ...]
    levels: tuple[columns.Plan, ...] = ()
    multi: bool = False
    freq: str | None = None
    range: tuple[int, int, int] | None = None


class Plan(msgspec.Struct, frozen=True):
    """How a frame is built again; `labels` is its column index, itself encoded as an index of a frame."""

    columns: tuple[columns.Plan, ...]
    index: Index
    labels: str | None = None


def arrays_of(frame: pd.DataFrame) -> tuple[dict[str, pa.Array], Plan]:
    """Return the columns and index levels of `frame` by the names that they are stored under, and its plan.

    `frame.attrs` are not kept.  Raises DataError that names the column which Arrow cannot hold exactly, and what to
    do about it: each array has been decoded again, and compared.
    """
    arrays, plan = _arrays(frame, labels_of(frame.columns))
    table = {name: pa.chunked_array([array]) for name, array in arrays.items()}
    if not _same_index(frame.index, index := _build_index(plan.index, table.__getitem__)):
        raise _inexact(f"its index would come back as {clip(index)}")
    if not _same_index(frame.columns, labels := _build_labels(plan)):
        raise _inexact(f"its column labels would come back as {clip(labels)}")
    return arrays, plan


def frame_of(column: Callable[[str], pa.ChunkedArray], plan: Plan) -> pd.DataFrame:
    """Return the frame of `plan`, whose stored columns `column` gives by their names."""
    index = _build_index(plan.index, column)
    values = {at: columns.decode(column(f"c{at}"), each, index) for at, each in enumerate(plan.columns)}
    frame = pd.DataFrame(values, index=index)
    frame.columns = _build_labels(plan)
    return frame


def decode(data: bytes) -> pd.DataFrame:
    """Return the frame in an Arrow IPC file, the format of versions before there were blocks.

    Raises DataError when the bytes are none that Trackbook wrote.
    """
    try:
        table = pa.ipc.open_file(pa.BufferReader(data)).read_all()
        plan = msgspec.json.decode(table.schema.metadata[_PLAN], type=Plan)
    except (pa.ArrowException, KeyError, TypeError, OSError, msgspec.DecodeError) as error:
        raise DataError(f"the stored frame cannot be read ({error}); run `trackbook fsck`") from error
    return frame_of(table.column, plan)


def _arrays(frame: pd.DataFrame, labels: str | None, what: str = "the index") -> tuple[dict[str, pa.Array], Plan]:
    arrays: dict[str, pa.Array] = {}
    plans = []
    for at, label in enumerate(frame.columns):
        arrays[f"c{at}"], plan = _proved(frame.iloc[:, at], f"column {clip(label)}")
        plans.append(plan)
    index, levels = _plan_index(frame.index, what)
    return arrays | levels, Plan(tuple(plans), index, labels)


def _proved(values: pd.Series[Any], what: str) -> tuple[pa.Array, columns.Plan]:
    """Encode a column, and decode it again: nothing is trusted to be exact."""
    array, plan = columns.encode(values, what)
    stored = columns.decode(pa.chunked_array([array]), plan, None)
    if values.dtype != stored.dtype:
        raise _inexact(f"{what} of dtype {values.dtype} would come back as {stored.dtype}")
    if not columns.same(values, stored):
        raise _inexact(f"values of {what} would come back different")
    return array, plan


def _inexact(difference: str) -> DataError:
    return DataError(f"the frame cannot be kept exactly: {difference}; convert it to a plain dtype first")


def labels_of(labels: pd.Index[Any]) -> str | None:
    """Return the column labels as the index of a frame without columns, in base64; None for no labels at all."""
    if labels.empty:
        return None
    arrays, plan = _arrays(pd.DataFrame(index=labels), None, "the list of column labels")
    batch = pa.RecordBatch.from_arrays(list(arrays.values()), names=list(arrays))
    batch = batch.replace_schema_metadata({_PLAN: msgspec.json.encode(plan)})
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, batch.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_batch(batch)
    return base64.b64encode(sink.getvalue()).decode()


def _build_labels(plan: Plan) -> pd.Index[Any]:
    return pd.RangeIndex(0) if plan.labels is None else decode(base64.b64decode(plan.labels)).index


def _plan_index(index: pd.Index[Any], what: str) -> tuple[Index, dict[str, pa.Array]]:
    names = tuple(_name(name) for name in index.names)
    if isinstance(index, pd.RangeIndex):
        # A range is three numbers; one null column keeps the number of rows in a frame without columns.
        whole = (int(index.start), int(index.stop), int(index.step))
        return Index(names, range=whole), {"rows": pa.nulls(len(index))}
    arrays: dict[str, pa.Array] = {}
    levels = []
    for at in range(index.nlevels):
        values = pd.Series(index.get_level_values(at))
        arrays[f"i{at}"], plan = columns.encode(values, what)
        levels.append(plan)
    freq = getattr(index, "freqstr", None) if isinstance(index, pd.DatetimeIndex | pd.TimedeltaIndex) else None
    return Index(names, tuple(levels), isinstance(index, pd.MultiIndex), freq), arrays


def _build_index(plan: Index, column: Callable[[str], pa.ChunkedArray]) -> pd.Index[Any]:
    names = [tuple(name) if isinstance(name, list) else name for name in plan.names]
    if plan.range is not None:
        return pd.RangeIndex(*plan.range, name=names[0])
    levels = [columns.decode(column(f"i{at}"), each, None) for at, each in enumerate(plan.levels)]
    if plan.multi:
        return pd.MultiIndex.from_arrays(levels, names=names)
    index: pd.Index[Any] = pd.Index(levels[0], dtype=levels[0].dtype, name=names[0])
    if plan.freq is None:
        return index
    timed = pd.DatetimeIndex if isinstance(index, pd.DatetimeIndex) else pd.TimedeltaIndex
    return timed(index, freq=plan.freq).rename(names[0])


def _name(name: Any) -> Any:
    if name is None or isinstance(name, str | bool) or (isinstance(name, int) and name.bit_length() < 64):
        return name
    if isinstance(name, tuple):
        return tuple(_name(part) for part in name)
    raise DataError(f"the index is named {clip(name)}, which cannot be kept; name it with text")


def _same_index(one: pd.Index[Any], other: pd.Index[Any]) -> bool:
    same_dtypes = one.dtype == other.dtype and getattr(one, "freq", None) == getattr(other, "freq", None)
    if isinstance(one, pd.MultiIndex) and isinstance(other, pd.MultiIndex):
        same_dtypes = list(one.dtypes) == list(other.dtypes)
    return type(one) is type(other) and same_dtypes and one.names == other.names and one.equals(other)
