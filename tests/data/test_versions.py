"""Dataset versions in a real store: exact, proved, never written twice."""

import json
import os
import sqlite3
from pathlib import Path

import pandas as pd
import pytest

from trackbook.data import Datasets
from trackbook.errors import DataError, IntegrityError, NotFoundError, UsageError
from trackbook.store import Store

HOSTILE = [
    "",
    "../x",
    "a/b",
    "x'; DROP TABLE dataset; --",
    'a"b',
    "näme",
    "a b",
    "-rf",
    ".hidden",
    "x\n",
    "a\x00b",
    "n" * 10_240,
]


@pytest.fixture
def store(tmp_path):
    return Store.open(tmp_path / ".trackbook")


@pytest.fixture
def data(store):
    return Datasets(store, "ada")


@pytest.fixture
def sales():
    return pd.DataFrame(
        {
            "price": [1.5, None],
            "item": pd.Categorical(["tea", "ink"]),
            "when": pd.to_datetime(["2024-01-01"] * 2, utc=True),
        },
        index=pd.Index([7, 9], name="id"),
    )


def tamper(store: Store, sql: str) -> None:
    with sqlite3.connect(store.database) as db:
        db.execute(sql)
    db.close()


def test_a_frame_comes_back_exactly_with_its_dtypes_and_index(data, sales):
    version = data.snapshot(sales, "sales")
    assert (version.uri, version.rows, version.columns, version.created_by) == ("data:/sales@1", 2, 3, "ada")
    for uri in ("data:/sales", "data:/sales@1", "sales", "sales@1", "data:/sales@latest"):
        pd.testing.assert_frame_equal(data.load(uri), sales, check_exact=True)


def test_a_loaded_frame_can_be_written_to(data, sales):
    sales["count"] = pd.array([1, None], "Int64")
    data.snapshot(sales, "sales")
    loaded = data.load("sales")
    loaded.loc[7, "price"] = 2.0
    loaded.loc[7, "count"] = 5
    loaded.loc[7, "when"] = pd.Timestamp("2025-01-01", tz="UTC")
    assert loaded.loc[7].tolist() == [2.0, "tea", pd.Timestamp("2025-01-01", tz="UTC"), 5]


def test_the_schema_is_kept_with_every_version(data, sales):
    assert data.snapshot(sales, "sales").to_dict()["schema"] == {
        "columns": [
            {"name": "price", "type": "float", "dtype": "float64", "nulls": 1},
            {"name": "item", "type": "category", "dtype": "category", "nulls": 0},
            {"name": "when", "type": "datetime", "dtype": str(sales["when"].dtype), "nulls": 0},
        ],
        "index": [{"name": "id", "type": "integer", "dtype": "int64", "nulls": 0}],
    }


def test_the_same_content_is_the_same_version(data, sales):
    first = data.snapshot(sales, "sales", run_id="r1")
    assert data.snapshot(sales.copy(), "sales", run_id="r2") == first
    changed = data.snapshot(sales.assign(price=3.0), "sales")
    back = data.snapshot(sales, "sales")
    assert [each.version for each in (first, changed, back)] == [1, 2, 3]
    assert back.digest == first.digest


def test_another_dtype_of_the_same_values_is_another_version(data):
    data.snapshot(pd.DataFrame({"a": [1, 2]}), "n")
    assert data.snapshot(pd.DataFrame({"a": pd.array([1, 2], "Int64")}), "n").version == 2
    assert str(data.load("n@1")["a"].dtype) == "int64"


def test_listing_shows_every_version_newest_first_and_needs_no_bytes(data, sales, store):
    data.snapshot(sales, "b")
    data.snapshot(sales, "a")
    newest = data.snapshot(sales.iloc[:1], "a")
    store.objects.locate(newest.digest).path.unlink()
    assert [each.uri for each in data.list()] == ["data:/a@2", "data:/a@1", "data:/b@1"]
    assert [each.uri for each in data.list("b")] == ["data:/b@1"]
    assert json.loads(json.dumps(newest.to_dict()))["created_time"].endswith("Z")


def test_a_file_is_kept_whole(data, tmp_path):
    path = tmp_path / "raw.bin"
    path.write_bytes(b"\x00\xff\r\n" * 1000)
    version = data.snapshot(path, "raw")
    path.unlink()
    assert (version.format, version.source, version.size, version.rows) == ("file", "raw.bin", 4000, None)
    assert data.load("data:/raw@1") == b"\x00\xff\r\n" * 1000


def test_a_missing_file_is_named_with_its_nearest_neighbour(data, tmp_path):
    (tmp_path / "sales.csv").write_text("a\n1\n")
    with pytest.raises(NotFoundError, match=r"salse\.csv; did you mean 'sales\.csv'"):
        data.snapshot(tmp_path / "salse.csv", "x")


@pytest.mark.parametrize("make", [Path.mkdir, Path.touch, os.mkfifo])
def test_a_folder_or_file_of_nothing_and_a_pipe_are_refused_by_name(data, tmp_path, make):
    make(tmp_path / "thing")
    with pytest.raises(DataError, match=r"thing is (a pipe|empty)"):
        data.snapshot(str(tmp_path / "thing"), "x")


@pytest.mark.parametrize("frame", [pd.DataFrame(index=[1, 2]), pd.DataFrame()])
def test_a_frame_without_columns_is_refused(data, frame):
    with pytest.raises(DataError, match=r"frame for dataset 'nothing' has no columns; check the filter"):
        data.snapshot(frame, "nothing")
    assert data.list() == ()


def test_a_frame_without_rows_is_an_exact_version(data, sales):
    """A filter that leaves nothing today is a fact that a run may depend on."""
    assert data.snapshot(sales.iloc[:0], "sales").rows == 0
    pd.testing.assert_frame_equal(data.load("sales"), sales.iloc[:0], check_exact=True)


def test_other_values_are_refused_with_what_to_do(data):
    with pytest.raises(DataError, match=r"from a list; give a pandas DataFrame"):
        data.snapshot([1, 2], "x")


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_refused_before_anything_is_written(data, sales, name, store):
    with pytest.raises(UsageError, match="is no dataset name") as caught:
        data.snapshot(sales, name)
    assert len(str(caught.value)) < 400
    assert list(store.objects.digests()) == []
    with pytest.raises((UsageError, NotFoundError)):
        data.load(f"data:/{name}")


def test_unknown_names_and_versions_are_told_what_there_is(data, sales):
    data.snapshot(sales, "sales")
    with pytest.raises(NotFoundError, match="no dataset 'sale'; did you mean 'sales'"):
        data.load("data:/sale")
    with pytest.raises(NotFoundError, match="no version 2; the newest is 1"):
        data.load("data:/sales@2")
    with pytest.raises(UsageError, match="no version number"):
        data.load("data:/sales@two")


def test_changed_bytes_are_found_on_load(data, sales, store):
    path = store.objects.locate(data.snapshot(sales, "sales").digest).path
    path.write_bytes(path.read_bytes()[:-9] + b"X" * 9)
    with pytest.raises(IntegrityError):
        data.load("sales")


def test_a_row_that_points_to_other_bytes_is_found_on_load(data, sales, store):
    data.snapshot(sales, "sales")
    other = data.snapshot(sales.assign(price=0.0), "sales")
    tamper(store, f"UPDATE dataset_version SET digest = '{other.digest}' WHERE version = 1")
    with pytest.raises(IntegrityError, match=r"data:/sales@1 was stored with the fingerprint"):
        data.load("sales@1")


def test_a_format_from_the_future_is_refused(data, sales, store):
    data.snapshot(sales, "sales")
    tamper(store, "UPDATE dataset_version SET format = 'lance'")
    with pytest.raises(DataError, match=r"format 'lance'.*update"):
        data.load("sales")
