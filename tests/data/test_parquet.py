"""Parquet files as versions: what a later one has in common with the one before is found by the columns' places."""

from __future__ import annotations

import io

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from trackbook.data import Datasets, chunks
from trackbook.data.parquet import column_places
from trackbook.store import Store

ROWS = 200_000


@pytest.fixture
def store(tmp_path):
    return Store.open(tmp_path / ".trackbook")


@pytest.fixture
def data(store):
    return Datasets(store, "ada")


def table(rows: int = ROWS, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    return pd.DataFrame({f"x{at}": random.normal(size=rows) for at in range(8)})


def unbuffered(path):
    return path.open("rb", buffering=0)


def test_the_columns_of_each_row_group_lie_where_the_footer_says(tmp_path):
    path = tmp_path / "t.parquet"
    table(1000).to_parquet(path, row_group_size=400)
    with unbuffered(path) as file:
        found = column_places(file)
        assert file.tell() == 0
    footer = pq.read_metadata(path)
    assert len(found) == footer.num_row_groups * footer.num_columns + 1 == 3 * 8 + 1
    assert found[0] == 4  # behind the magic
    sizes = [footer.row_group(group).column(at).total_compressed_size for group in range(3) for at in range(8)]
    assert np.diff(found).tolist() == sizes


@pytest.mark.parametrize(
    "content", [b"", b"PAR", b"PAR1", b"PAR1PAR1", b"PAR1" + b"\xff" * 50 + b"PAR1", b"a,b\n1,2\n"]
)
def test_what_is_no_sound_parquet_file_has_no_columns(tmp_path, content):
    path = tmp_path / "t.parquet"
    path.write_bytes(content)
    with unbuffered(path) as file:
        assert column_places(file) == []
        assert file.read() == content


@pytest.mark.parametrize("change", ["column", "rows"])
def test_a_later_version_costs_what_changed(data, store, tmp_path, change):
    """A column in the midst of the others, or rows: the columns that are as they were are not stored again."""
    path = tmp_path / "t.parquet"
    before = table()
    before.to_parquet(path, row_group_size=ROWS)
    first = data.snapshot(path, "t")
    if change == "column":
        before.insert(4, "new", table(seed=1)["x0"])
    else:
        before = pd.concat([before, table(2000, seed=1)], ignore_index=True)
    before.to_parquet(path, row_group_size=ROWS)
    second = data.snapshot(path, "t")
    assert (first.format, second.format) == ("file", "chunks")
    new = sum(store.objects.size(digest) for digest in data.objects(second) - {first.digest, second.digest})
    assert new < 1.1 * first.size / 8 if change == "column" else new < 300_000
    assert data.load("t@2") == path.read_bytes()


def test_chunks_end_at_the_places_that_are_given_and_follow_them_alike():
    random = np.random.default_rng(0)
    same = random.bytes(10 << 20)
    cut = [0, 3 << 20, (3 << 20) + 1000, 7 << 20]
    ends = []
    for before in (b"", random.bytes(2_345_678)):
        places = [len(before) + place for place in cut]
        found = chunks.cut(io.BytesIO(before + same), places).chunks
        assert {3 << 20, 7 << 20} <= {chunk.start - len(before) for chunk in found}
        assert max(chunk.size for chunk in found) <= chunks.MIN_BYTES + chunks.WINDOW_BYTES + 8
        ends.append([(chunk.digest, chunk.size) for chunk in found if chunk.start >= len(before)])
    assert ends[0] == ends[1]
    assert b"".join(same[chunk.start :][: chunk.size] for chunk in chunks.cut(io.BytesIO(same), cut).chunks) == same
