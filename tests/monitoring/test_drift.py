"""What detect_drift says about frames: states, reasons, and that nothing in a column can break it."""

import copy
import datetime as dt
import math
from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trackbook.errors import DataError, UsageError
from trackbook.monitoring import DriftReport, detect_drift
from trackbook.settings import DriftSettings

SHARED = Path(__file__).parents[3] / "shared" / "data"


def shared(name):
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"the shared data file {name} is not beside this checkout")
    return path


def one(reference, current, **options):
    """Compare two columns."""
    frames = [pd.DataFrame({"x": values}) for values in (reference, current)]
    return detect_drift(*frames, **options).columns["x"]


def normal(n, shift=0.0, scale=1.0, seed=0):
    return np.random.default_rng(seed).normal(shift, scale, n)


def assert_sound(report):
    """Every number is one, states and intervals agree with each other, and every column says why."""
    assert DriftReport.from_json(report.to_json()) == report
    for column in report.columns.values():
        for check in (column, *column.checks):
            numbers = (
                check.statistic,
                check.effect,
                check.effect_low,
                check.effect_high,
                check.p_value,
                check.p_adjusted,
            )
            assert all(math.isfinite(number) for number in numbers)
            assert 0 <= check.effect_low <= check.effect <= check.effect_high <= 1
            assert 0 <= check.p_value <= check.p_adjusted <= 1
            assert check.reason.endswith(".")
            assert check.state != "drift" or check.p_adjusted < report.alpha


def test_half_a_standard_deviation_is_found_in_500_rows():
    found = [one(normal(500, seed=s), normal(500, 0.5, seed=100 + s)).state for s in range(20)]
    assert found.count("drift") == 20


def test_a_wider_spread_and_another_shape_are_found_in_1000_rows():
    assert one(normal(1000), normal(1000, scale=1.6, seed=1)).state == "drift"
    two_humps = np.where(np.arange(1000) % 2, 1.0, -1.0) * 1.0 + normal(1000, scale=0.3, seed=2)
    assert one(normal(1000), two_humps).state == "drift"


def test_without_drift_at_most_five_percent_of_reports_raise_an_alarm():
    alarms = 0
    rng = np.random.default_rng(3)
    for _ in range(100):
        frames = [
            pd.DataFrame(
                {
                    **{f"x{i}": rng.normal(size=n) for i in range(5)},
                    "ties": rng.poisson(1, n),
                    "level": rng.choice(list("abcdef"), n),
                    "gaps": np.where(rng.random(n) < 0.1, np.nan, 1.0),
                }
            )
            for n in (300, 200)
        ]
        report = detect_drift(*frames)
        alarms += report.state == "drift"
    assert alarms <= 5


@pytest.mark.parametrize("n", [1, 5, 29])
def test_few_rows_are_never_called_no_drift(n):
    frames = [pd.DataFrame({"x": normal(n, seed=s), "k": ["a"] * n, "b": [True] * n, "z": [0.0] * n}) for s in (0, 1)]
    report = detect_drift(*frames)
    assert_sound(report)
    assert {column.state for column in report.columns.values()} == {"cannot_tell"}


def test_a_large_sample_turns_a_trifle_into_negligible():
    found = one(normal(100_000), normal(100_000, 0.05, seed=1))
    assert found.state == "negligible"
    assert "real" in found.reason


def test_many_rows_of_the_same_are_no_drift():
    report = detect_drift(pd.DataFrame({"x": normal(2000)}), pd.DataFrame({"x": normal(2000, seed=1)}))
    assert report.state == "none"
    assert "ruled out" in report.columns["x"].reason


def test_missing_values_are_tested_apart():
    values = normal(1000)
    gaps = np.where(np.arange(1000) % 4 == 0, np.nan, normal(1000, seed=1))
    found = one(values, gaps)
    assert (found.state, found.method) == ("drift", "two_shares")
    assert (found.missing_reference, found.missing_current, found.n_current) == (0, 250, 750)
    assert found.check("values").state != "drift"
    assert found.effect == pytest.approx(0.25)


def test_new_categories_are_tested_apart():
    found = one(["a", "b"] * 5000, ["a", "b"] * 4800 + ["c"] * 400)
    unseen = found.check("unseen")
    assert (found.state, unseen.state) == ("drift", "drift")
    assert "'c'" in unseen.reason
    assert found.check("values").state == "negligible"


def test_one_outlier_changes_nothing():
    values = normal(500, 0.5, seed=1)
    without = one(normal(500), values)
    for outlier in (1e6, 1e300, math.inf, -math.inf):
        found = one(normal(500), np.append(values[:-1], outlier))
        assert found.state == without.state
        assert found.effect == pytest.approx(without.effect, abs=0.005)


def test_order_scale_and_backend_do_not_matter():
    reference, current = normal(300).round(2), normal(300, 0.3, seed=1).round(2)
    want = one(reference, current)
    rng = np.random.default_rng(4)
    same = [
        one(rng.permutation(reference), rng.permutation(current)),
        one(pd.array(reference, "Float64"), pd.array(current, "Float64")),
        one(pd.array(reference, "double[pyarrow]"), pd.array(current, "double[pyarrow]")),
        one([Decimal(str(v)) for v in reference], [Decimal(str(v)) for v in current]),
        one(list(reference.astype(object)), current),
        one(np.exp(reference), np.exp(current)),
        one(1e6 + 1024 * reference, 1e6 + 1024 * current),
    ]
    for found in same:
        assert verdict(found) == verdict(want)


def test_the_order_of_levels_and_how_they_are_stored_do_not_matter():
    rng = np.random.default_rng(5)
    reference, current = rng.choice(list("abcd"), 400), rng.choice(list("abcd"), 300, p=[0.4, 0.3, 0.2, 0.1])
    want = one(reference, current)
    for make in (
        lambda v: pd.Categorical(v),
        lambda v: pd.Categorical(v, categories=list("dcbae")),
        lambda v: pd.Series(v, dtype="string"),
        lambda v: pd.Series(v, dtype=object),
        lambda v: pd.Series(v, dtype=pd.ArrowDtype(pa.string())),
        lambda v: pd.Series(list(v), dtype=pd.ArrowDtype(pa.dictionary(pa.int8(), pa.string()))),
    ):
        assert verdict(one(make(reference), make(current))) == verdict(want)


def verdict(column):
    return column.state, column.method, column.statistic, column.effect, column.effect_low, column.p_value


def test_large_samples_agree_with_their_own_exact_counts():
    reference, current = normal(15_000), normal(15_000, 0.1, seed=1)
    exact = one(reference[:10_000], current[:10_000])
    coarse = one(reference, current)
    assert coarse.effect == pytest.approx(exact.effect, abs=0.02)
    assert coarse.state == exact.state


def test_inputs_are_never_modified():
    frame = pd.DataFrame({"x": [3.0, 1.0, np.nan], "k": pd.Categorical(["b", "a", "b"]), "o": [[1], {}, None]})
    before = copy.deepcopy(frame)
    detect_drift(frame, frame)
    pd.testing.assert_frame_equal(frame, before)
    assert list(frame["k"].cat.categories) == list(before["k"].cat.categories)


ODD = {
    "missing": [None] * 6,
    "nan": [math.nan] * 6,
    "constant": [7] * 6,
    "infinite": [math.inf, -math.inf, math.inf, 1.0, 2.0, 3.0],
    "all infinite": [math.inf] * 6,
    "decimal": [Decimal("1.5"), Decimal("NaN"), Decimal("Infinity"), Decimal("1e400"), Decimal(2), None],
    "huge": [10**400, 1, 2, 3, 4, -(10**400)],
    "mixed": [1, "1", 2.0, None, b"x", (1,)],
    "numbers and text": [1, "a", 2.5, "b", True, None],
    "nested": [[1], {"a": 1}, None, [2], [3], np.array([1, 2])],
    "truth": [True, False, None, True, True, False],
    "dates": [dt.date(2020, 1, 1), dt.date(9999, 1, 1), None, *[dt.date(2021, 2, 3)] * 3],
    "zones": [dt.datetime(2020, 1, 1, 5, tzinfo=dt.UTC), dt.datetime(2020, 1, 1)] * 3,
    "stamps": pd.date_range("2020-01-01", periods=6, freq="7h", tz="Europe/Paris"),
    "spans": pd.to_timedelta([1, 2, 3, 4, 5, None], unit="s"),
    "periods": pd.period_range("2020-01", periods=6, freq="M"),
    "intervals": pd.interval_range(0, 6),
    "complex": [1j, 2j, 3j, 1 + 1j, 0j, 2j],
    "clock": [dt.time(1, 2)] * 6,
    "bytes": [b"a", b"b", None, b"a", b"a", b"c"],
    "empty category": pd.Categorical([None] * 6, categories=["a"]),
    "numbered category": pd.Categorical([1, 2, 1, 2, 3, None]),
    "ids": list(range(6)),
    "nullable": pd.array([1, None, 3, 4, 5, 6], dtype="Int64"),
    "nullable truth": pd.array([True, None] * 3, dtype="boolean"),
    "sparse": pd.arrays.SparseArray([0, 0, 1, 0, 0, 2]),
    "arrow list": pd.array([[1], [2], None, [3], [], [1]], dtype=pd.ArrowDtype(pa.list_(pa.int64()))),
    "arrow decimal": pd.array([Decimal("1.1")] * 6, dtype=pd.ArrowDtype(pa.decimal128(5, 2))),
    "arrow date": pd.array([dt.date(2020, 1, 1)] * 6, dtype=pd.ArrowDtype(pa.date32())),
    "arrow span": pd.array([dt.timedelta(seconds=3)] * 6, dtype=pd.ArrowDtype(pa.duration("ms"))),
    "arrow null": pd.array([None] * 6, dtype=pd.ArrowDtype(pa.null())),
    "arrow stamp": pd.array([dt.datetime(2020, 1, 1, 3)] * 6, dtype=pd.ArrowDtype(pa.timestamp("us", "UTC"))),
}


@pytest.mark.parametrize("left", ODD)
def test_odd_columns_get_a_state_and_a_reason_against_every_other(left):
    reference = pd.DataFrame({right: pd.Series(ODD[left]) for right in ODD})
    current = pd.DataFrame({right: pd.Series(values) for right, values in ODD.items()})
    report = detect_drift(reference, current)
    assert_sound(report)
    assert not {c.state for c in report.columns.values()} & {"none", "negligible"}


values = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.decimals(), st.datetimes(), st.binary(max_size=3),
    st.lists(st.integers(), max_size=2), st.complex_numbers(), st.timedeltas(), st.dates(),
)  # fmt: skip
columns = st.one_of(
    st.lists(values, min_size=1, max_size=12),
    st.lists(st.floats(), min_size=1, max_size=40),
    st.lists(st.integers(-3, 3), min_size=1, max_size=40),
    st.lists(st.sampled_from(["a", "b", None]), min_size=1, max_size=40),
)


@given(columns, columns)
@settings(deadline=None, max_examples=100)
def test_nothing_that_a_column_can_hold_breaks_it(reference, current):
    frames = [pd.DataFrame({"x": pd.Series(values, dtype=object)}) for values in (reference, current)]
    assert_sound(detect_drift(*frames))


def test_columns_of_one_side_and_of_another_type_cannot_be_told():
    report = detect_drift(pd.DataFrame({"old": [1.0], "t": [1.0]}), pd.DataFrame({"new": [1.0], "t": ["1"]}))
    assert_sound(report)
    assert list(report.columns) == ["old", "t", "new"]
    assert {c.state for c in report.columns.values()} == {"cannot_tell"}
    assert "current frame has no such column" in report.columns["old"].reason
    assert "reference frame has no such column" in report.columns["new"].reason
    assert (report.columns["new"].n_reference, report.columns["new"].n_current) == (0, 1)


def test_columns_with_one_name_are_compared_by_position():
    frame = pd.DataFrame(np.column_stack([normal(500), normal(500, 3, seed=1)]), columns=["a", "a"])
    report = detect_drift(frame, frame)
    assert list(report.columns) == ["a", "a.2"]
    assert report.columns["a.2"].state == "none"


def test_labels_that_are_no_texts_are_shown_as_texts():
    frame = pd.DataFrame([[1, 2, 3]], columns=[1, ("a", "b"), None])
    assert list(detect_drift(frame, frame).columns) == ["1", "('a', 'b')", "None"]


def test_an_identifier_is_left_out_with_a_reason():
    ids, words = np.arange(1000), [f"user {i}" for i in range(1000)]
    report = detect_drift(pd.DataFrame({"id": ids, "w": words}), pd.DataFrame({"id": ids + 1000, "w": words}))
    assert {c.state for c in report.columns.values()} == {"cannot_tell"}
    assert "identifier" in report.columns["id"].reason


def test_dates_move_on_without_being_drift():
    stamps = pd.date_range("2020-01-01", periods=4000, freq="h")
    found = one(stamps[:1992], stamps[1992:3984])
    assert (found.state, found.kind) == ("none", "time (hour)")
    weekends = pd.bdate_range("2021-01-01", periods=600)
    assert one(pd.date_range("2020-01-01", periods=600), weekends).state == "drift"


def test_a_frame_without_rows_is_an_error_that_names_it():
    full, empty = pd.DataFrame({"x": [1.0]}), pd.DataFrame({"x": []})
    with pytest.raises(DataError, match=r"current frame has no rows.*check"):
        detect_drift(full, empty)
    with pytest.raises(DataError, match="reference frame has no rows"):
        detect_drift(empty, full)
    with pytest.raises(DataError, match="list, not a table"):
        detect_drift([1, 2], full)


def test_a_frame_without_columns_cannot_be_told():
    report = detect_drift(pd.DataFrame(index=[1, 2]), pd.DataFrame(index=[1]))
    assert report.state == "cannot_tell"
    assert report.columns == {}


def test_wrong_options_are_errors_that_help():
    frame = pd.DataFrame({"price": [1.0], "size": [2]})
    with pytest.raises(UsageError, match="did you mean 'price'"):
        detect_drift(frame, frame, columns=["prise"])
    with pytest.raises(UsageError, match="alpha"):
        detect_drift(frame, frame, alpha=5)
    assert list(detect_drift(frame, frame, columns=["size"]).columns) == ["size"]
    assert list(detect_drift(frame, frame, columns="size").columns) == ["size"]


def test_tables_of_arrow_and_a_series_are_taken():
    table = pa.table({"x": [1.0, 2.0]})
    assert list(detect_drift(table, table).columns) == ["x"]
    assert list(detect_drift(pd.Series([1.0], name="y"), pd.Series([1.0], name="y")).columns) == ["y"]


def test_floors_and_alpha_come_from_the_settings():
    frames = [pd.DataFrame({"x": normal(2000, shift, seed=s)}) for s, shift in ((0, 0), (1, 0.5))]
    assert detect_drift(*frames).state == "drift"
    high = DriftSettings(numeric_floor=0.3, relevant=0.4, alpha=0.01)
    report = detect_drift(*frames, settings=high)
    assert (report.state, report.alpha) == ("negligible", 0.01)


def test_the_patients_over_60_differ_from_those_under_50():
    from sklearn.datasets import load_diabetes

    patients = load_diabetes(as_frame=True, scaled=False).frame
    report = detect_drift(patients[patients.age < 50], patients[patients.age > 60])
    assert report.state == "drift"
    assert {c.name for c in report.with_state("drift")} >= {"age", "bp", "s5"}


def test_bicycle_hire_grows_while_the_calendar_stays():
    hours = pd.read_csv(shared("bike_sharing_hour.csv"))
    report = detect_drift(hours[hours.yr == 0], hours[hours.yr == 1])
    assert report.columns["cnt"].state == "drift"
    calendar = {report.columns[name].state for name in ("season", "mnth", "hr", "holiday", "weekday", "workingday")}
    assert calendar == {"none"}


def test_a_later_census_raises_no_false_alarm():
    reference = pd.read_parquet(shared("employment_ma_reference.parquet"))
    current = pd.read_parquet(shared("employment_ma_analysis.parquet"))
    report = detect_drift(reference, current)
    assert [column.name for column in report.with_state("drift")] == ["year"]
