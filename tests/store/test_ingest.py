"""Events become tables: in any order between processes, in any cut into batches, the same."""

import math
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trackbook.store import Store, iso, now_ms
from trackbook.store import events as event
from trackbook.store.curves import read_curve
from trackbook.store.metrics import Point, Series, Summary, from_stored, summarise, to_stored

RUNS = ["a" * 32, "b" * 32]
run_ids = st.sampled_from(RUNS)
values = st.floats(allow_nan=True) | st.sampled_from([0.0, 1.0, math.nan, math.inf])

EVENTS = st.one_of(
    st.builds(
        event.RunStarted,
        run_id=run_ids,
        experiment=st.just("e"),
        run_name=st.just("n"),
        kind=st.just("python"),
        start_time=st.just(5),
        user=st.just("u"),
    ),
    st.builds(event.RunEnded, run_id=run_ids, status=st.just("FAILED"), end_time=st.just(9)),
    st.builds(event.CodeLocated, run_id=run_ids, git_commit=st.just("c"), git_branch=st.none()),
    st.builds(event.EnvironmentSeen, run_id=run_ids, digest=st.just("d"), content=st.just("{}") | st.none()),
    st.builds(event.ArtifactLogged, run_ids, st.just("p"), st.just("d"), st.just(1), st.just("m")),
    st.builds(event.DataUsed, run_ids, st.just("read"), st.just("x"), st.just("frame"), st.just("f")),
)
TABLES = ["run", "param", "metric", "tag", "artifact", "run_data", "environment"]


def tables(batches):
    """Return what a new store holds after it drained once for each batch."""
    with TemporaryDirectory() as folder:
        store = Store.open(Path(folder))
        for batch in batches:
            for each in batch:
                store.append(each)
            store.drain()
        with store.read() as db:
            found = {}
            for table in TABLES:
                columns = db.query("SELECT name FROM pragma_table_info(?)", [table])
                names = [
                    column["name"]
                    for column in columns
                    if column["name"] not in ("id", "run_id", "experiment_id", "key_id", "changed")
                ]
                key = "run.run_id" if table != "environment" else "''"
                join = (
                    f"[{table}] JOIN run ON run.id = [{table}].run_id"
                    if table not in ("run", "environment")
                    else f"[{table}]"
                )
                columns = ", ".join(f"[{table}].[{name}]" for name in names)
                found[table] = sorted(map(repr, db.execute(f"SELECT {key}, {columns} FROM {join}").fetchall()))
        store.close()
        return found


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(EVENTS, max_size=8), st.randoms(use_true_random=False))
def test_the_order_between_processes_does_not_count(events, random):
    shuffled = list(events)
    random.shuffle(shuffled)
    assert tables([events]) == tables([shuffled])


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        EVENTS | st.builds(event.MetricLogged, run_ids, st.just("m"), values, st.just(1), st.integers(0, 4)), max_size=8
    ),
    st.integers(0, 8),
)
def test_the_cut_into_batches_does_not_count(events, cut):
    assert tables([events]) == tables([events[:cut], events[cut:]])


points = st.builds(Point, st.integers(-3, 3), st.integers(0, 2), values)


def same(one: float | None, other: float | None) -> bool:
    return one == other or (one is not None and other is not None and math.isnan(one) and math.isnan(other))


@given(st.lists(points, min_size=1, max_size=12), st.integers(1, 11))
def test_a_summary_is_what_a_look_at_all_points_says(all_points, cut):
    whole = summarise(Series.of(all_points))
    first, rest = Series.of(all_points[:cut]), Series.of(all_points[cut:])
    piecewise = summarise(rest, summarise(first)) if len(rest) else summarise(first)
    for name in Summary.__struct_fields__:
        assert same(getattr(whole, name), getattr(piecewise, name)), name
    bounded = [point.value for point in all_points if not math.isnan(point.value)]
    assert (whole.min, whole.max) == (min(bounded, default=None), max(bounded, default=None))
    assert whole.count == len(all_points)
    top = max((point.step, point.time) for point in all_points)
    assert (whole.last_step, whole.last_time) == top
    assert same(whole.last, [point.value for point in all_points if (point.step, point.time) == top][-1])


@given(values)
def test_a_value_comes_back_from_what_is_stored(value):
    assert same(from_stored(to_stored(value)), value)


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1767323045678, "2026-01-02T03:04:05.678Z"),
        (None, None),
        (-1, "1969-12-31T23:59:59.999Z"),
    ],
)
def test_times_are_iso_in_utc(milliseconds, text):
    assert iso(milliseconds) == text


def test_now_is_in_milliseconds():
    import time

    assert abs(now_ms() - time.time() * 1000) < 5000


def test_metrics_of_two_processes_at_one_step_are_both_kept(tmp_path):
    one, other = Store.open(tmp_path), Store.open(tmp_path)
    one.append(event.MetricLogged(RUNS[0], "m", 1.0, 5, 0))
    other.append(event.MetricLogged(RUNS[0], "m", 2.0, 6, 0))
    with one.read() as db:
        assert list(read_curve(db, 1, 1).ordered()) == [(0, 5, 1.0), (0, 6, 2.0)]
        assert db.execute("SELECT last, count FROM metric").fetchall() == [(2.0, 2)]
    one.close()
    other.close()
