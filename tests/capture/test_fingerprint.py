"""Fingerprints: the same for the same content however it is held, another for any change."""

import datetime
import json
import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.preprocessing import FunctionTransformer

from trackbook.capture.fingerprint.values import fingerprint

quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

LENGTHS = st.integers(0, 12)
VALUES = {
    "int64": st.integers(-(2**63), 2**63 - 1),
    "float64": st.floats(allow_nan=False),
    "bool": st.booleans(),
    "string": st.text(st.characters(exclude_categories=["Cs"]), max_size=6),
    "datetime64[ns]": st.datetimes(datetime.datetime(1700, 1, 1), datetime.datetime(2200, 1, 1)),
    "timedelta64[ns]": st.timedeltas(datetime.timedelta(-9999), datetime.timedelta(9999)),
}


@st.composite
def columns(draw, length):
    kind = draw(st.sampled_from(sorted(VALUES)))
    values = draw(st.lists(VALUES[kind], min_size=length, max_size=length))
    return pd.Series(values, dtype="object" if kind == "string" else kind).astype("str" if kind == "string" else kind)


@st.composite
def frames(draw, smallest=0):
    length = draw(st.integers(smallest, 8))
    names = draw(st.lists(st.text("abcxyz", min_size=1, max_size=3), unique=True, min_size=1, max_size=4))
    return pd.DataFrame({name: draw(columns(length)) for name in names})


def digest(value):
    found = fingerprint(value)
    assert found.digest is not None, found.reason
    return found.digest


@quick
@given(frames())
def test_copies_have_the_same_fingerprint(frame):
    assert fingerprint(frame) == fingerprint(frame.copy(deep=True))
    assert fingerprint(frame) == fingerprint(frame[list(frame.columns)])
    assert fingerprint(frame) == fingerprint(pd.concat([frame.iloc[:0], frame]).astype(frame.dtypes))


@quick
@given(frames(), st.data())
def test_chunking_and_slicing_do_not_count(frame, data):
    arrow = pa.Table.from_pandas(frame, preserve_index=False)
    cut = data.draw(st.integers(0, len(frame)))
    pieces = pa.concat_tables([arrow.slice(0, cut), arrow.slice(cut)])
    whole = arrow.combine_chunks().to_pandas(types_mapper=pd.ArrowDtype)
    assert fingerprint(pieces.to_pandas(types_mapper=pd.ArrowDtype)).columns == fingerprint(whole).columns
    padded = pd.concat([frame, frame], ignore_index=True).astype(frame.dtypes)
    assert digest(padded.iloc[len(frame) :].reset_index(drop=True)) == digest(frame)


@quick
@given(frames())
def test_the_backend_of_a_logical_type_does_not_count(frame):
    arrow = pa.Table.from_pandas(frame, preserve_index=False).to_pandas(types_mapper=pd.ArrowDtype)
    assert fingerprint(arrow).columns == fingerprint(frame).columns
    nullables = {"int64": "Int64", "float64": "Float64", "bool": "boolean", "str": "string[python]"}
    kinds = {name: nullables.get(str(kind), kind) for name, kind in frame.dtypes.items()}
    nullable = frame.astype(kinds)
    assert fingerprint(nullable).columns == fingerprint(frame).columns


@pytest.mark.parametrize(
    ("values", "dtypes"),
    [
        ([1, 2, None], ["Int64", "int64[pyarrow]"]),
        ([1.5, None, 2.5], ["float64", "Float64", "double[pyarrow]"]),
        ([True, None, False], ["boolean", "bool[pyarrow]", "object"]),
        (["a", None, "bc"], ["object", "str", "string[python]", "string[pyarrow]"]),
        ([1, 2, 3], ["int32", "Int32", "int32[pyarrow]"]),
        ([], ["float64", "Float64", "double[pyarrow]"]),
        ([], ["str", "string[python]", "string[pyarrow]"]),
    ],
)
def test_missing_values_are_the_same_in_every_backend(values, dtypes):
    assert len({digest(pd.Series(values, dtype=dtype)) for dtype in dtypes}) == 1


@quick
@given(frames(smallest=1), st.data())
def test_one_changed_cell_changes_the_frame_and_its_column_alone(frame, data):
    row = data.draw(st.integers(0, len(frame) - 1))
    name = data.draw(st.sampled_from(list(frame.columns)))
    changed = frame.copy()
    old = changed[name].iloc[row]
    kind = changed[name].dtype
    if kind.kind == "b":
        new = not old
    elif kind.kind in "if":
        new = type(old)(1 if old == 0 else 0)
    elif kind.kind in "mM":
        new = old + pd.Timedelta(1, "ns")
    else:
        new = old + "x"
    changed.iloc[row, list(frame.columns).index(name)] = new
    before, after = fingerprint(frame), fingerprint(changed)
    assert before.digest != after.digest
    assert {column for column in frame.columns if before.columns[column] != after.columns[column]} == {name}


@quick
@given(frames(smallest=1))
def test_index_names_and_order_count(frame):
    same = digest(frame)
    assert digest(frame.set_axis(range(1, len(frame) + 1))) != same
    assert digest(frame.rename(columns={frame.columns[0]: "other"})) != same
    assert digest(frame.rename_axis("index")) != same
    assert digest(frame.iloc[:-1]) != same
    if frame.shape[1] > 1:
        assert digest(frame[list(frame.columns)[::-1]]) != same
    assert digest(frame.set_axis(list(range(len(frame))))) == same


def test_moving_a_value_between_rows_or_columns_is_seen():
    frame = pd.DataFrame({"a": ["x", "yz"], "b": ["xy", "z"]})
    assert digest(frame) != digest(frame.assign(a=["xy", "z"]))
    assert digest(pd.Series([None, 0.0])) != digest(pd.Series([0.0, None]))
    assert digest(pd.Series(["", None])) != digest(pd.Series([None, ""]))


def test_every_nan_is_one_nan_and_minus_zero_is_zero():
    payloads = np.array([0x7FF8000000000000, 0x7FF8000000000001, 0xFFF8000000000000], np.uint64).view(float)
    assert len({digest(np.array([payload, 1.0])) for payload in payloads}) == 1
    assert len({digest(pd.Series([payload, 1.0])) for payload in payloads}) == 1
    assert len({digest(float(payload)) for payload in payloads}) == 1
    for make in (np.array, pd.Series, list):
        assert digest(make([-0.0, 1.0])) == digest(make([0.0, 1.0]))
    assert digest(np.array([complex(-0.0, payloads[1])])) == digest(np.array([complex(0.0, payloads[0])]))
    assert digest(np.array([complex(np.nan, 1)])) != digest(np.array([complex(np.nan, 2)]))


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_the_unit_of_times_does_not_count(unit):
    moments = pd.Series(pd.to_datetime(["2024-01-01 00:00:01", None, "1969-07-20 20:17:00"])).astype("datetime64[ns]")
    assert digest(moments.astype(f"datetime64[{unit}]")) == digest(moments)
    spans = pd.Series(pd.to_timedelta([1, None, -86400], "s")).astype("timedelta64[ns]")
    assert digest(spans.astype(f"timedelta64[{unit}]")) == digest(spans)


def test_time_zones_count_and_far_times_have_fingerprints():
    utc = pd.Series(pd.to_datetime(["2024-01-01"])).dt.tz_localize("UTC")
    assert digest(utc) != digest(utc.dt.tz_convert("Europe/Berlin"))
    assert digest(utc) != digest(utc.dt.tz_localize(None))
    far = pd.Series(np.array(["9999-12-31", "0001-01-01"], "datetime64[s]"))
    assert digest(far) != digest(far[::-1].reset_index(drop=True))


def test_categories_and_their_order_count():
    one = pd.Series(pd.Categorical(["a", "b"], categories=["a", "b"]))
    assert digest(one) == digest(one.copy())
    assert digest(one) != digest(pd.Series(pd.Categorical(["a", "b"], categories=["a", "b"], ordered=True)))
    assert digest(one) != digest(one.cat.add_categories(["c"]))
    assert digest(one) != digest(one.astype("str"))


@quick
@given(st.dictionaries(st.text(max_size=5), st.integers() | st.none() | st.lists(st.booleans()), max_size=6))
def test_the_order_of_a_dict_or_set_does_not_count(value):
    assert digest(dict(reversed(value.items()))) == digest(value)
    backwards = list(value)[::-1]
    assert digest(set(backwards)) == digest(set(value))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, True), (1, 1.0), ("1", 1), ("a", b"a"), ([1, 2], (1, 2)), ([], ()), ({}, set()), ([[1], []], [[], [1]]),
        ({"a": 1}, {"a": 2}), (np.int8([1]), np.int16([1])), (np.zeros((2, 3)), np.zeros((3, 2))), (None, "None"),
        (np.array(["a", 1], object), np.array(["a", "1"], object)), (pd.Series([1], name="a"), pd.Series([1], name="b")),
        (datetime.timedelta(1), datetime.timedelta(2)), (range(3), range(4)),
        (pd.Index([1, 2]), pd.Index([1, 2], name="n")), (pd.Series([1]), pd.Series([1.0])),
    ],
)  # fmt: skip
def test_values_that_differ_have_other_fingerprints(one, other):
    assert digest(one) != digest(other)


@quick
@given(st.lists(st.floats(allow_nan=True), min_size=1, max_size=30))
def test_the_memory_layout_of_an_array_does_not_count(values):
    array = np.array([values, values])
    same = digest(array)
    assert digest(np.asfortranarray(array)) == same
    assert digest(array.astype(">f8")) == same
    assert digest(np.repeat(array, 2, axis=1)[:, ::2]) == same


def test_numpy_scalars_are_the_values_they_stand_for():
    assert digest([np.float64(1.5), np.int64(2), np.str_("x")]) == digest([1.5, 2, "x"])


def test_a_search_is_what_it_found_and_not_how_long_it_took():
    from sklearn.datasets import load_iris
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import GridSearchCV

    features, target = load_iris(return_X_y=True)
    first, second, third = (
        GridSearchCV(Ridge(), {"alpha": [1, alpha]}, cv=2).fit(features, target) for alpha in (2, 2, 3)
    )
    assert fingerprint(first) == fingerprint(second)
    assert fingerprint(first) != fingerprint(third)


def test_an_estimator_is_its_params_and_what_it_learnt():
    x, y = np.arange(12.0).reshape(6, 2), np.arange(6.0)
    assert digest(Ridge().fit(x, y)) == digest(Ridge().fit(x.copy(), y.copy()))
    assert len({digest(each) for each in (Ridge(), Ridge(alpha=2), Ridge().fit(x, y), LinearRegression())}) == 4


def test_a_function_is_its_code_its_defaults_and_what_it_encloses():
    def make(factor, inner=1):
        def outer(value, *, scale=inner):
            return (lambda each: each * factor)(value) * scale

        return outer

    assert digest(FunctionTransformer(make(2))) == digest(FunctionTransformer(make(2)))
    assert digest(make(2)) != digest(make(3))
    assert digest(make(2)) != digest(make(2, inner=5))
    one, other = (lambda rows: [row + 1 for row in rows]), (lambda rows: [row + 2 for row in rows])
    other.__qualname__ = one.__qualname__
    assert digest(one) != digest(other)


CODE = """
import json, sys, numpy as np, pandas as pd
from trackbook.capture.fingerprint.values import fingerprint
from sklearn.linear_model import Ridge
frame = pd.DataFrame({"n": [1, 2, None], "t": ["a", "é", None], "d": pd.to_datetime(["2024-01-01", None, "2025-01-01"]),
                      "c": pd.Categorical(["x", "y", "x"]), "l": [[1], [], None], "m": [1, "a", 2.5]})
values = [frame, frame["t"], frame.index, np.arange(5), {"b", "a", "c"}, {"x": {1.5, 2}}, Ridge().fit([[1], [2]], [1, 2])]
print(json.dumps([fingerprint(value).digest for value in values]))
"""


def test_other_processes_with_other_hash_seeds_agree():
    answers = {
        subprocess.run(
            [sys.executable, "-c", CODE],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(answers) == 1
    assert None not in json.loads(answers.pop())


class Hostile:
    """Raises at every touch."""

    def __getattribute__(self, name):
        raise RuntimeError(name)

    def __eq__(self, other):
        raise RuntimeError("eq")

    __hash__ = None

    def __reduce_ex__(self, protocol):
        raise RuntimeError("reduce")

    def __repr__(self):
        raise RuntimeError("repr")


class Nameless:
    __module__ = 5


HOSTILE = {
    "object": Hostile,
    "list": lambda: [Hostile()],
    "dict": lambda: {"a": Hostile()},
    "frame": lambda: pd.DataFrame({"a": [object()]}),
    "class without a module": Nameless,
    "iterator": lambda: iter([1]),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_what_has_no_canonical_form_says_so_and_never_raises(kind):
    found = fingerprint(HOSTILE[kind]())
    assert found.digest is None
    assert found.reason


def test_cycles_depth_and_size_have_an_end():
    cycle: list = []
    cycle.append(cycle)
    deep: list = []
    for _ in range(5000):
        deep = [deep]
    for value, words in ((cycle, "contains itself"), (deep, "levels deep"), ([[0]] * 300_000, "Python objects")):
        found = fingerprint(value)
        assert found.digest is None
        assert words in found.reason


def test_of_masked_arrays_the_mask_and_what_it_leaves_count():
    def digest(values, mask, **options):
        return fingerprint(np.ma.masked_array(values, mask=mask, **options)).digest

    first = digest([1, 2, 3], [True, False, False])
    assert first is not None
    assert digest([9, 2, 3], [True, False, False], fill_value=7) == first
    assert (
        len(
            {
                first,
                digest([1, 2, 3], False),
                digest([1, 9, 3], [True, False, False]),
                digest([2, 1, 3], [False, True, False]),
            }
        )
        == 4
    )
    assert digest([None, "a"], [True, False], dtype=object) == digest([{1}, "a"], [True, False], dtype=object)
    fields = np.ma.masked_array([(1, 2.0)], mask=[(True, False)], dtype=[("a", int), ("b", float)])
    assert "with fields" in (fingerprint(fields).reason or "")


def test_a_fitted_grid_search_has_a_fingerprint():
    from sklearn.linear_model import Ridge
    from sklearn.model_selection import GridSearchCV

    search = GridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, cv=2).fit(np.arange(20.0).reshape(10, 2), np.arange(10.0))
    seen = fingerprint(search)
    assert (seen.kind, seen.reason) == ("estimator", None)
    assert fingerprint(search) == seen


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame(),
        pd.DataFrame({"a": []}),
        pd.DataFrame(index=[1, 2]),
        pd.DataFrame([[1, 2, 3]], columns=["a", "a", "a"]),
        pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])),
        pd.DataFrame({1: [1], "1": [2], None: [3], 2.5: [4]}),
        pd.DataFrame({"a": [1, 2]}, index=pd.MultiIndex.from_tuples([("x", 1), ("y", 2)])),
        pd.DataFrame({"a": pd.period_range("2024", periods=3, freq="M"), "b": pd.interval_range(0, 3)}),
        pd.DataFrame({"a": pd.arrays.SparseArray([0, 0, 1])}),
        pd.DataFrame({"a": [1 + 2j, 3]}),
    ],
    ids=[
        "nothing",
        "no rows",
        "no columns",
        "twins",
        "levels",
        "odd names",
        "levels of rows",
        "periods",
        "sparse",
        "complex",
    ],
)
def test_odd_frames_have_a_fingerprint_and_their_rows_counted(frame):
    found = fingerprint(frame)
    assert found.digest, found.reason
    assert found.digest == digest(frame.copy())
    assert found.rows == len(frame)
    assert len(found.columns) == frame.shape[1]
