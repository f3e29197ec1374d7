"""Blocks: equal stretches of a column are equal blocks, so that a change costs what changed."""

import struct
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackbook.data import blocks, cutting
from trackbook.errors import IntegrityError, NotFoundError
from trackbook.store import Objects

ROWS = 400_000

TYPES = st.sampled_from(
    [
        pa.int8(),
        pa.uint64(),
        pa.float32(),
        pa.float64(),
        pa.bool_(),
        pa.string(),
        pa.large_binary(),
        pa.decimal128(20, 3),
        pa.timestamp("us", "UTC"),
        pa.list_(pa.int16()),
        pa.list_(pa.list_(pa.string())),
        pa.struct([("a", pa.int32()), ("b", pa.list_(pa.bool_()))]),
        pa.map_(pa.string(), pa.float64()),
        pa.list_(pa.int32(), 2),
        pa.null(),
    ]
)


def values_of(kind):
    if pa.types.is_null(kind):
        return st.none()
    if pa.types.is_boolean(kind):
        value = st.booleans()
    elif pa.types.is_decimal(kind):
        value = st.decimals(min_value=-1000, max_value=1000, places=3)
    elif pa.types.is_floating(kind):
        value = st.floats(width=kind.bit_width)
    elif pa.types.is_integer(kind) or pa.types.is_timestamp(kind):
        value = st.integers(0, 127)
    elif pa.types.is_map(kind):
        value = st.dictionaries(st.text("ab", max_size=3), values_of(kind.item_type), max_size=3).map(
            lambda each: list(each.items())
        )
    elif pa.types.is_struct(kind):
        value = st.fixed_dictionaries({field.name: values_of(field.type) for field in kind})
    elif pa.types.is_fixed_size_list(kind):
        value = st.lists(values_of(kind.value_type), min_size=2, max_size=2)
    elif pa.types.is_list(kind):
        value = st.lists(values_of(kind.value_type), max_size=3)
    else:
        value = st.text("abc", max_size=12).map(str.encode if "binary" in str(kind) else str)
    return st.none() | value


arrays = TYPES.flatmap(lambda kind: st.lists(values_of(kind), max_size=40).map(lambda values: pa.array(values, kind)))


@pytest.fixture
def objects(tmp_path):
    return Objects(tmp_path)


@pytest.fixture(scope="module")
def table():
    random = np.random.default_rng(3)
    return pd.DataFrame(
        {
            "number": random.normal(size=ROWS),
            "whole": random.integers(0, 1000, ROWS),
            "flag": random.random(ROWS) < 0.5,
            "text": pd.Series(random.integers(0, 10**12, ROWS)).astype(str),
            "gaps": pd.array(np.where(random.random(ROWS) < 0.1, None, random.integers(0, 9, ROWS)), "Int64"),
            "kind": pd.Categorical(random.choice(["tea", "ink", "salt"], ROWS)),
        }
    )


def stored(objects):
    return sum(objects.size(digest) for digest in objects.digests())


@settings(deadline=None, max_examples=100)
@given(arrays, st.integers(0, 20), st.integers(0, 20))
def test_a_block_has_the_same_bytes_wherever_its_rows_stand_in_memory(array, before, behind):
    """A slice of a longer array, a copy, and an array joined from pieces give one and the same block."""
    expected = bytes(blocks.block_bytes(array))
    padding = array.take(pa.array([0] * before, pa.int64())) if len(array) else array
    longer = pa.concat_arrays([padding, array, padding.slice(0, min(behind, len(padding)))])
    assert bytes(blocks.block_bytes(longer.slice(len(padding), len(array)))) == expected
    half = len(array) // 2
    assert bytes(blocks.block_bytes(pa.concat_arrays([array.slice(0, half), array.slice(half)]))) == expected


@settings(deadline=None, max_examples=100)
@given(arrays, st.integers(0, 10))
def test_the_hash_of_a_row_does_not_depend_on_where_it_stands(array, skipped):
    array = blocks.with_gaps_empty(array)
    hashes = cutting.row_hashes(array)
    assert len(hashes) == len(array) == len(cutting.row_ends(array)) - 1
    text_like = pa.types.is_string(array.type) or pa.types.is_large_binary(array.type)
    if not text_like:  # of a text the bytes behind it count too
        np.testing.assert_array_equal(cutting.row_hashes(array.slice(skipped)), hashes[skipped:])


def test_what_lies_under_a_missing_value_does_not_count():
    one, other = (
        pa.Array.from_buffers(pa.int64(), 2, [pa.py_buffer(b"\1"), pa.py_buffer(struct.pack("<qq", 5, left))])
        for left in (7, 8)
    )
    assert bytes(blocks.block_bytes(one)) == bytes(blocks.block_bytes(other))


def test_a_long_column_is_cut_into_blocks_between_the_bounds():
    rows = cutting.cuts(pa.array(np.random.default_rng(0).normal(size=1_000_000)))
    sizes = np.diff(rows)[:-1] * 8
    assert (rows[0], rows[-1]) == (0, 1_000_000)
    assert sizes.min() >= cutting.MIN_BYTES
    assert sizes.max() <= cutting.MIN_BYTES + cutting.WINDOW_BYTES


@pytest.mark.parametrize(
    "value", [0.0, "x" * 100, None, [1, 2], "y" * 1_000_000], ids=["number", "text", "none", "list", "long"]
)
def test_a_column_of_one_value_is_cut_too(value):
    """Where all hashes are the same, the cuts come at the least distance; rows larger than a block stand alone."""
    array = pa.array([value] * (8 if isinstance(value, str) and len(value) > 1000 else 100_000))
    rows = cutting.cuts(array)
    assert rows == sorted(set(rows))
    assert rows[-1] == len(array)


def cost(objects, frame):
    before = stored(objects)
    digest, _ = blocks.write_frame(objects, frame)
    pd.testing.assert_frame_equal(blocks.read_frame(objects, digest), frame, check_exact=True)
    return stored(objects) - before


LAST_BLOCKS = 6 * (cutting.MIN_BYTES + cutting.WINDOW_BYTES)
"""What six columns cost when each has one block made anew."""


def test_appending_costs_what_is_appended_and_a_last_block(objects, table):
    whole = cost(objects, table)
    longer = pd.concat([table, table[:4000]], ignore_index=True)
    longer["kind"] = longer["kind"].astype("category")
    assert cost(objects, longer) < whole / 100 + LAST_BLOCKS


def test_inserting_costs_a_few_blocks_near_the_place(objects, table):
    whole = cost(objects, table)
    longer = pd.concat([table[:200_000], table[:100], table[200_000:]], ignore_index=True)
    assert cost(objects, longer) < min(whole / 2, 4 * LAST_BLOCKS)


def test_a_new_column_costs_itself(objects, table):
    cost(objects, table)
    wider = table.assign(new=np.arange(ROWS, dtype=float))
    assert cost(objects, wider) < 8 * ROWS * 1.05


def test_a_changed_value_costs_its_block(objects, table):
    cost(objects, table)
    changed = table.copy()
    changed.loc[123_456, "number"] = 0.0
    assert cost(objects, changed) < 2 * (cutting.MIN_BYTES + cutting.WINDOW_BYTES)


def test_a_small_frame_is_one_object(objects):
    blocks.write_frame(objects, pd.DataFrame({f"c{at}": range(100) for at in range(10)}))
    assert len(list(objects.digests())) == 1


@pytest.mark.parametrize("damage", ["cut", "changed", "gone"])
def test_a_broken_block_is_named(objects, table, damage):
    digest, manifest = blocks.write_frame(objects, table)
    broken = manifest.part(2)
    path = objects.locate(broken).path
    if damage == "gone":
        path.unlink()
    else:
        content = path.read_bytes()
        path.write_bytes(content[:-100] if damage == "cut" else content[:-100] + b"?" * 100)
    with pytest.raises(NotFoundError if damage == "gone" else IntegrityError, match=broken[:12]):
        blocks.read_frame(objects, digest)


def test_blocks_of_another_column_are_no_frame():
    """A manifest that somebody made up is refused, and never read past the end of a block."""
    with TemporaryDirectory() as folder:
        objects = Objects(Path(folder))
        _, manifest = blocks.write_frame(objects, pd.DataFrame({"a": [1, 2, 3]}))
        block = blocks.Block(4, inline=bytes(blocks.block_bytes(pa.array([1, 2, 3]))))
        stored = tuple(blocks.Stored(each.name, (block,)) for each in manifest.stored)
        digest = objects.put(msgspec.msgpack.encode(msgspec.structs.replace(manifest, stored=stored)))
        with pytest.raises(IntegrityError, match="has 3 rows, not 4"):
            blocks.read_frame(objects, digest)
