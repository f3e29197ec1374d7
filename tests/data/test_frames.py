"""Frames as bytes and back: exact, or refused with the column's name."""

import datetime as dt
import io
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackbook.data import blocks, frames
from trackbook.errors import DataError
from trackbook.store import Objects

EXACT = {
    "small numbers": {"a": np.array([1, 2], "int8"), "b": np.array([1, 2**64 - 1], "uint64"), "c": np.array([1, 2], "float16")},
    "not finite": {"a": [1.0, np.nan, np.inf, -0.0]},
    "text": {"a": ["x", None], "b": pd.Series(["x", None], dtype=object), "c": pd.Series(["x", np.nan], dtype=object)},
    "text storages": {"a": pd.array(["a", None], pd.StringDtype("python")), "b": pd.array(["a", None], "string")},
    "categories": {"a": pd.Categorical(["x", None], categories=["y", "x"], ordered=True), "b": pd.Categorical([1, 3], [3, 2, 1])},
    "times": {"a": pd.to_datetime(["2020-01-01", None]), "b": pd.to_timedelta([1, 2], unit="s"), "c": [dt.date(2020, 1, 1)] * 2},
    "zones": {"a": pd.to_datetime(["2020-01-01", "2020-07-01"]).tz_localize("Europe/Berlin")},
    "fixed zone": {"a": [pd.Timestamp("2020-01-01", tz=dt.timezone(dt.timedelta(hours=2)))]},
    "seconds": {"a": pd.to_datetime(pd.Series(["2020-01-01"])).astype("datetime64[s]")},
    "periods": {"a": pd.period_range("2020", periods=2, freq="M"), "b": pd.interval_range(0, 2)},
    "nullable": {"a": pd.array([1, None], "Int64"), "b": pd.array([True, None], "boolean"), "c": pd.array([1.5, None], "Float32")},
    "nested arrow": {
        "list": pd.array([[1], [2, 3]], pd.ArrowDtype(pa.list_(pa.int64()))),
        "pair": pd.array([[1, 2], None], pd.ArrowDtype(pa.list_(pa.int32(), 2))),
        "record": pd.array([{"a": 1, "b": "x"}, None], pd.ArrowDtype(pa.struct([("a", pa.int8()), ("b", pa.string())]))),
        "records": pd.array([[{"a": 1}, {"a": None}], None], pd.ArrowDtype(pa.list_(pa.struct([("a", pa.int64())])))),
        "map": pd.array([[("k", 1)], None], pd.ArrowDtype(pa.map_(pa.string(), pa.int64()))),
        "words": pd.arrays.ArrowExtensionArray(pa.ListArray.from_arrays([0, 2, 3], pa.array(["a", "b", "a"]).dictionary_encode())),
    },
    "arrow": {
        "dictionary": pd.arrays.ArrowExtensionArray(pa.array(["a", None]).dictionary_encode()),
        "decimal": pd.array([Decimal("1.5"), None], pd.ArrowDtype(pa.decimal128(10, 2))),
        "large": pd.array(["a", None], pd.ArrowDtype(pa.large_string())),
        "time": pd.array([dt.time(1), None], pd.ArrowDtype(pa.time64("us"))),
        "zone": pd.array([dt.datetime(2020, 1, 1), None], pd.ArrowDtype(pa.timestamp("ns", "Europe/Berlin"))),
        "span": pd.array([dt.timedelta(1), None], pd.ArrowDtype(pa.duration("us"))),
        "bytes": pd.array([b"1", None], pd.ArrowDtype(pa.binary())),
        "nothing": pd.array([None, None], pd.ArrowDtype(pa.null())),
    },
    "categories of ranges": {"a": pd.cut([1, 9], 2), "b": pd.Categorical(pd.period_range("2020", periods=2, freq="M"))},
    "vectors": {"a": pd.Series([np.array([1.0, np.nan]), None]), "b": pd.Series([np.array([1], "int8"), np.array([], "int8")])},
    "records": {"a": [{"a": 1, "b": [1]}, {"a": 2, "b": []}]},
    "objects": {"a": pd.Series([True, None], dtype=object), "b": pd.Series([1, 2], dtype=object), "c": [Decimal("1.5"), None]},
    "bytes and lists": {"a": [b"x", b""], "b": [[1, 2], []]},
}  # fmt: skip

INDEXES = {
    "text": pd.Index(["q", "r"], name="id"),
    "range": pd.RangeIndex(4, 8, 2, name="n"),
    "categories": pd.CategoricalIndex(["a", "b"]),
    "daily": pd.date_range("2020", periods=2, freq="D", tz="UTC", name="day"),
    "hours": pd.timedelta_range("1h", periods=2, freq="h"),
    "levels": pd.MultiIndex.from_tuples([(1, "a"), (2, "b")], names=["u", None]),
    "repeated": pd.Index([1, 1]),
}


def assert_exact(frame: pd.DataFrame) -> None:
    with TemporaryDirectory() as folder:
        objects = Objects(Path(folder))
        digest, _ = blocks.write_frame(objects, frame)
        stored = blocks.read_frame(objects, digest)
        pd.testing.assert_frame_equal(stored, frame, check_exact=True, check_freq=True, check_column_type="exact")
        assert blocks.write_frame(objects, stored)[0] == digest


def old_file(frame: pd.DataFrame) -> bytes:
    """Return a frame as versions before there were blocks kept it: one Arrow IPC file, the plan in its metadata."""
    arrays, plan = frames.arrays_of(frame)
    schema = pa.schema([(name, array.type) for name, array in arrays.items()])
    schema = schema.with_metadata({b"trackbook": msgspec.json.encode(plan)})
    sink = io.BytesIO()
    with pa.ipc.new_file(sink, schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays(list(arrays.values()), schema=schema))
    return sink.getvalue()


@pytest.mark.parametrize("name", EXACT)
def test_columns_come_back_exactly(name):
    assert_exact(pd.DataFrame(EXACT[name]))


@pytest.mark.parametrize("name", EXACT)
def test_columns_without_rows_keep_their_types(name):
    assert_exact(pd.DataFrame(EXACT[name]).iloc[:0].reset_index(drop=True))


@pytest.mark.parametrize("name", INDEXES)
def test_indexes_and_column_labels_come_back_exactly(name):
    frame = pd.DataFrame([[1, 2.5], [3, 4.5]])
    assert_exact(frame.set_axis(INDEXES[name], axis=0))
    assert_exact(frame.set_axis(INDEXES[name], axis=1))


@pytest.mark.parametrize("name", [each for each in EXACT if each != "categories of ranges"])
def test_what_was_kept_before_there_were_blocks_comes_back_exactly(name):
    frame = pd.DataFrame(EXACT[name])
    pd.testing.assert_frame_equal(frames.decode(old_file(frame)), frame, check_exact=True, check_freq=True)


@settings(deadline=None)
@given(st.lists(st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"])))), st.integers(1, 3))
def test_any_text_comes_back(values, copies):
    frame = pd.DataFrame({f"c{at}": pd.Series(values, dtype=object) for at in range(copies)})
    assert_exact(frame)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, "x"], "column 'bad' mixes int and str; give it one type"),
        ([{"a": 1}, {"b": 2}], "values of column 'bad' would come back different"),
        ([(1, 2)], "column 'bad' holds tuple objects"),
        ([np.zeros(2), np.zeros(2, "int8")], "column 'bad' holds arrays of several dtypes"),
        ([object()], "column 'bad' holds object objects"),
        ([1j], "column 'bad' of dtype complex128 .* real and its imaginary part"),
        (pd.arrays.SparseArray([0, 1]), "column 'bad' is sparse.*to_dense"),
        (pd.Series([None, np.nan, "x"], dtype=object), "column 'bad' marks missing values with None and nan"),
        (pd.Series([pd.Timestamp("2020")], dtype=object), "column 'bad' holds Timestamp objects.*pd.to_datetime"),
        (pd.Series(["\ud800"], dtype=object), "column 'bad' of dtype object cannot be kept"),
        (pd.Series([2**70], dtype=object), "column 'bad' of dtype object cannot be kept"),
        (pd.Series([[1], ["x"]]), "column 'bad' of dtype object cannot be kept"),
    ],
)
def test_what_arrow_cannot_hold_names_the_column_and_the_remedy(values, message):
    with pytest.raises(DataError, match=message):
        frames.arrays_of(pd.DataFrame({"good": range(len(values)), "bad": values}))


def test_column_labels_of_mixed_types_are_refused():
    with pytest.raises(DataError, match="column labels mixes int and str"):
        frames.arrays_of(pd.DataFrame({1: [1], "a": [2]}))


@pytest.mark.parametrize(
    "damage", [b"", b"ARROW1", b"PK\x03\x04", pa.py_buffer(b"ARROW1\0\0" + b"\xff" * 64).to_pybytes()]
)
def test_bytes_that_are_no_frame_are_a_clear_error(damage):
    with pytest.raises(DataError, match=r"stored frame cannot be read.*fsck"):
        frames.decode(damage)
