"""Frames as bytes and back: exact, or refused with the column's name."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackbook.data import frames
from trackbook.errors import DataError

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
    "nested arrow": {"a": pd.array([[1], [2, 3]], pd.ArrowDtype(pa.list_(pa.int64())))},
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
    data = frames.encode(frame)
    stored = frames.decode(data)
    pd.testing.assert_frame_equal(stored, frame, check_exact=True, check_freq=True, check_column_type="exact")
    assert frames.encode(stored) == data


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


@given(st.lists(st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"])))), st.integers(1, 3))
def test_any_text_comes_back(values, copies):
    frame = pd.DataFrame({f"c{at}": pd.Series(values, dtype=object) for at in range(copies)})
    assert_exact(frame)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, "x"], "column 'bad' mixes int and str; give it one type"),
        ([{"a": 1}, None], "column 'bad' holds dict objects"),
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
        frames.encode(pd.DataFrame({"good": range(len(values)), "bad": values}))


def test_column_labels_of_mixed_types_are_refused():
    with pytest.raises(DataError, match="column labels mixes int and str"):
        frames.encode(pd.DataFrame({1: [1], "a": [2]}))


@pytest.mark.parametrize(
    "damage", [b"", b"ARROW1", b"PK\x03\x04", pa.py_buffer(b"ARROW1\0\0" + b"\xff" * 64).to_pybytes()]
)
def test_bytes_that_are_no_frame_are_a_clear_error(damage):
    with pytest.raises(DataError, match=r"stored frame cannot be read.*fsck"):
        frames.decode(damage)
