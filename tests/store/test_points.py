"""Metric points come back from their chunks as they were logged, whatever they are and however they arrived."""

import math

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trackbook.errors import IntegrityError
from trackbook.store import Store
from trackbook.store.connection import Database
from trackbook.store.curves import add_points, read_curve, read_summary
from trackbook.store.metrics import Point, Series, summarise
from trackbook.store.points import CHUNK, decode, encode, encode_chunks

LOW, HIGH = -(2**63), 2**63 - 1
numbers = st.integers(LOW, HIGH) | st.integers(0, 10)
points = st.builds(Point, numbers, numbers, st.floats() | st.sampled_from([-0.0, 1e-310, math.inf]))


def bits(series: Series) -> tuple:
    """Return a series as something that tells NaN from NaN and -0.0 from 0.0."""
    return series.steps, series.times, [value.hex() for value in series.values]


@given(st.lists(points, min_size=1, max_size=30))
@example([Point(LOW, HIGH, math.nan), Point(HIGH, LOW, -math.inf), Point(LOW, 0, -0.0)])
def test_a_chunk_gives_back_every_bit(logged):
    series = Series.of(logged)
    assert bits(decode(encode(series))) == bits(series)


@given(st.lists(points, min_size=1, max_size=20))
def test_the_same_points_make_the_same_bytes(logged):
    assert encode(Series.of(logged)) == encode(Series.of(logged))


def test_only_the_last_chunk_is_less_than_full():
    series = Series.of(Point(step, step, float(step)) for step in range(2 * CHUNK + 5))
    assert [count for count, _ in encode_chunks(series)] == [CHUNK, CHUNK, 5]


def test_a_curve_of_a_long_training_takes_less_than_twelve_bytes_a_point():
    """The budget of the store: noisy values at uneven moments, which is the worst that a real curve does."""
    import random

    rng = random.Random(1)
    series, time = Series(), 1_700_000_000_000
    for step in range(10_000):
        time += rng.choice((3, 4, 5, 6, 900))
        series.add(step, time, rng.gauss(0, 1) * rng.choice((1e-3, 1, 1e3)))
    assert sum(len(content) for _, content in encode_chunks(series)) / len(series) < 10


@pytest.mark.parametrize(
    "content", [b"", b"\x00", b"\x09abc", b"\x01", b"\x01not zlib", encode(Series([1], [2], [3.0]))[:-3]]
)
def test_bytes_that_are_no_chunk_are_named_as_such(content):
    with pytest.raises(IntegrityError, match="chunk of metric points"):
        decode(content)


@pytest.fixture(scope="module")
def db(tmp_path_factory):
    store = Store.open(tmp_path_factory.mktemp("store"))
    with store.write() as db:
        db.execute("INSERT INTO key (id, name) VALUES (1, 'loss')")
    return store


run_numbers = iter(range(1, 1_000_000))


def add(db: Database, batches: list[Series]) -> int:
    run = next(run_numbers)
    db.execute("INSERT INTO run (id, run_id, status) VALUES (?, ?, 'RUNNING')", [run, f"{run:032x}"])
    for batch in batches:
        add_points(db, run, 1, batch)
    return run


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, CHUNK + 3), min_size=1, max_size=5))
def test_a_curve_does_not_depend_on_the_batches_it_came_in(db, sizes):
    """Points added in any cut read back as one series, with the summary of the whole, in chunks that are full."""
    total = sum(sizes)
    whole = Series.of(Point(step, 10 * step, math.sin(step)) for step in range(total))
    ends = [sum(sizes[: at + 1]) for at in range(len(sizes))]
    batches = [whole.part(start, end) for start, end in zip([0, *ends], ends, strict=False)]
    with db.write() as writer:
        run = add(writer, batches)
        assert bits(read_curve(writer, run, 1)) == bits(whole)
        assert read_summary(writer, run, 1) == summarise(whole)
        counts = [
            n for (n,) in writer.execute("SELECT count FROM metric_chunk WHERE run_id = ? ORDER BY number", [run])
        ]
    assert all(count == CHUNK for count in counts[:-1])
    assert sum(counts) == (total if total > 1 else 0)


def test_a_metric_with_one_value_needs_no_chunk(db):
    with db.write() as writer:
        run = add(writer, [Series([7], [8], [math.nan])])
        assert writer.execute("SELECT count(*) FROM metric_chunk WHERE run_id = ?", [run]).fetchone() == (0,)
        ((step, time, value),) = read_curve(writer, run, 1).ordered()
    assert (step, time) == (7, 8)
    assert math.isnan(value)


def test_a_curve_is_read_by_step_then_time_then_as_it_was_logged():
    series = Series([2, 1, 2, 2], [5, 9, 4, 5], [1.0, 2.0, 3.0, 4.0])
    assert list(series.ordered()) == [(1, 9, 2.0), (2, 4, 3.0), (2, 5, 1.0), (2, 5, 4.0)]
