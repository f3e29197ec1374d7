"""What changed between two frames: columns by name, rows by key or as a bag."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackbook.data import Datasets
from trackbook.data.differences import Retyped, frame_difference
from trackbook.errors import DataError, UsageError
from trackbook.store import Store


@pytest.fixture
def data(tmp_path):
    return Datasets(Store.open(tmp_path / ".trackbook"), "ada")


@pytest.fixture
def sales():
    return pd.DataFrame(
        {
            "id": [1, 2, 3],
            "price": [1.0, None, 3.0],
            "item": pd.Categorical(["tea", "ink", "tea"]),
            "tags": [["a"], [], ["b"]],
        }
    )


def test_columns_are_added_removed_and_retyped(sales):
    after = sales.drop(columns="price").assign(id=sales["id"].astype("float64"), new=1)
    found = frame_difference(sales, after)
    assert (found.columns_added, found.columns_removed) == (("new",), ("price",))
    assert found.columns_retyped == (Retyped("id", "int64", "float64"),)
    assert (found.rows_added, found.rows_removed) == (0, 0)
    assert not found.is_empty


def test_rows_are_known_again_by_their_key(sales):
    after = pd.DataFrame(
        {
            "id": [4, 3, 2],
            "price": [9.0, 3.5, None],
            "item": pd.Categorical(["tea", "tea", "ink"], ["ink", "tea"]),
            "tags": [[], ["c"], []],
        }
    )
    found = frame_difference(sales.drop(columns="item"), after.drop(columns="item"), ["id"])
    assert (found.rows_added, found.rows_removed, found.rows_changed) == (1, 1, 1)
    assert found.columns_changed == {"price": 1, "tags": 1}


def test_without_a_key_a_changed_row_is_one_removed_and_one_added(sales):
    after = sales.copy()
    after.loc[0, "price"] = 2.0
    found = frame_difference(sales, after)
    assert (found.rows_added, found.rows_removed, found.rows_changed) == (1, 1, None)


def test_the_same_rows_in_another_order_differ_by_that_alone(sales):
    found = frame_difference(sales, sales[::-1].reset_index(drop=True))
    assert (found.rows_added, found.rows_removed, found.reordered, found.is_empty) == (0, 0, True, False)


@pytest.mark.parametrize(
    ("key", "message"),
    [(["nothing"], "is no column of both"), (["item"], "a second time"), (["idd"], "did you mean 'id'")],
)
def test_a_key_that_tells_no_rows_apart_is_refused(sales, key, message):
    with pytest.raises(UsageError, match=message):
        frame_difference(sales, sales, key)


def test_an_index_counts_as_columns(sales):
    one = sales.set_index(pd.Index([1, 2, 9], name="id")).drop(columns="id")
    other = one.rename(index={9: 7})
    found = frame_difference(one, other, ["id"])
    assert (found.rows_added, found.rows_removed, found.rows_changed) == (1, 1, 0)


records = st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["a", "b", None])), max_size=12)


@settings(deadline=None)
@given(records, records)
def test_rows_are_counted_as_bags_of_rows(one, other):
    frames = [
        pd.DataFrame(
            {"a": pd.Series([a for a, _ in each], dtype="int64"), "b": pd.Series([b for _, b in each], dtype=object)}
        )
        for each in (one, other)
    ]
    found = frame_difference(*frames)
    assert found.rows_added == sum((Counter(other) - Counter(one)).values())
    assert found.rows_removed == sum((Counter(one) - Counter(other)).values())
    assert found.is_empty == (one == other)


@settings(deadline=None)
@given(st.dictionaries(st.integers(0, 9), st.floats(width=16)), st.dictionaries(st.integers(0, 9), st.floats(width=16)))
def test_rows_with_a_key_are_compared_one_by_one(one, other):
    frames = [
        pd.DataFrame({"k": pd.Series(list(each), dtype="int64"), "v": pd.Series(list(each.values()), dtype=float)})
        for each in (one, other)
    ]
    found = frame_difference(*frames, ["k"])
    assert (found.rows_added, found.rows_removed) == (len(other.keys() - one.keys()), len(one.keys() - other.keys()))
    changed = [key for key in one.keys() & other.keys() if not np.array_equal(one[key], other[key], equal_nan=True)]
    assert found.rows_changed == len(changed)


def test_frames_that_share_their_blocks_are_compared_without_reading_a_value(data, sales, monkeypatch):
    data.snapshot(sales, "sales")
    data.snapshot(sales.assign(new=1).drop(columns="tags"), "sales")
    monkeypatch.setattr(Datasets, "read_frame", None)
    found = data.diff("data:/sales@1", "data:/sales@2")
    assert (found.columns_added, found.columns_removed, found.rows_added, found.rows_after) == (
        ("new",),
        ("tags",),
        0,
        3,
    )
    assert data.diff("data:/sales@1", "data:/sales@1").is_empty


def test_a_version_is_compared_with_a_table_in_a_file(data, sales, tmp_path):
    plain = sales[["id", "price"]]
    data.snapshot(plain, "sales")
    pd.concat([plain, plain.assign(id=plain["id"] + 10)]).to_csv(tmp_path / "now.csv", index=False)
    found = data.diff("data:/sales", str(tmp_path / "now.csv"), ["id"])
    assert (found.rows_added, found.rows_removed, found.rows_changed) == (3, 0, 0)


def test_files_differ_or_they_do_not(data, tmp_path):
    for content in (b"one", b"other", b"one"):
        (tmp_path / "file").write_bytes(content)
        data.snapshot(tmp_path / "file", "file")
    found = data.diff("data:/file@1", "data:/file@2")
    assert (found.size_before, found.size_after, found.is_empty) == (3, 5, False)
    assert data.diff("data:/file@1", "data:/file@3").is_empty


@pytest.mark.parametrize("ending", ["parquet", "feather", "csv"])
def test_a_frame_is_restored_in_the_format_of_its_ending_and_what_that_loses_is_told(data, sales, tmp_path, ending):
    data.snapshot(sales, "sales")
    losses = data.restore("sales", tmp_path / f"sales.{ending}")
    again = getattr(pd, f"read_{ending}")(tmp_path / f"sales.{ending}")
    assert again["price"].equals(sales["price"])
    assert any(loss.startswith("item: category becomes") for loss in losses) == (ending == "csv")
    assert any(loss.startswith("tags") for loss in losses)  # lists come back as arrays, or as text


def test_a_format_that_cannot_hold_a_frame_says_so(data, sales, tmp_path):
    data.snapshot(sales.set_axis(["a", "a", "b", "c"], axis=1), "sales")
    with pytest.raises(DataError, match=r"\.parquet cannot hold this frame"):
        data.restore("sales", tmp_path / "sales.parquet")
    with pytest.raises(UsageError, match=r"ends in \.parquet, \.csv, \.feather"):
        data.restore("sales", tmp_path / "sales.xlsx")
    assert [each.name for each in tmp_path.iterdir()] == [".trackbook"]
