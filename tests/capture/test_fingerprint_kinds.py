"""Fingerprints of what is no pandas frame: polars, Arrow, sparse matrices, arrays, objects and what has none."""

import collections
import dataclasses
import datetime
import decimal
import fractions
import functools
import multiprocessing
import re
import threading

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.ensemble import GradientBoostingClassifier

from trackbook.capture.fingerprint.values import Fingerprinter, fingerprint, kind_of

quick = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
ARROW = {
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.uint8(): st.integers(0, 255),
    pa.float32(): st.floats(width=32),
    pa.float64(): st.floats(),
    pa.bool_(): st.booleans(),
    pa.large_string(): TEXT,
    pa.binary(): st.binary(max_size=5),
    pa.timestamp("us"): st.datetimes(datetime.datetime(1700, 1, 1), datetime.datetime(2200, 1, 1)),
    pa.date32(): st.dates(),
    pa.time64("us"): st.times(),
    pa.decimal128(12, 2): st.decimals(-(10**9), 10**9, places=2),
    pa.large_list(pa.int64()): st.lists(st.none() | st.integers(0, 9), max_size=3),
    pa.struct({"a": pa.int64(), "b": pa.string()}): st.fixed_dictionaries({"a": st.integers(0, 9), "b": TEXT}),
    pa.map_(pa.string(), pa.int64()): st.dictionaries(TEXT, st.integers(0, 9), max_size=3).map(
        lambda x: list(x.items())
    ),
    pa.dictionary(pa.int32(), pa.string()): st.sampled_from(["x", "y", "z"]),
    pa.null(): st.none(),
}


def digest(value):
    found = fingerprint(value)
    assert found.digest is not None, found.reason
    return found.digest


@st.composite
def arrow_arrays(draw):
    kind = draw(st.sampled_from(list(ARROW)))
    return pa.array(draw(st.lists(st.none() | ARROW[kind], max_size=8)), kind)


@quick
@given(arrow_arrays(), st.data())
def test_slices_and_chunks_of_every_arrow_type_do_not_count(array, data):
    same = digest(array)
    cut = data.draw(st.integers(0, len(array)))
    assert digest(pa.chunked_array([array.slice(0, cut), array.slice(cut)], type=array.type)) == same
    if not pa.types.is_dictionary(array.type):
        padded = pa.concat_arrays([array, array, array])
        assert digest(padded.slice(len(array), len(array))) == same
    assert digest(pa.array(array.to_pylist(), array.type)) == same


@quick
@given(arrow_arrays())
def test_what_differs_as_python_values_differs(array):
    values = array.to_pylist()
    if (
        len(values) > 1
        and repr(values[::-1]) != repr(values)
        and "nan" not in repr(values)
        and "0.0" not in repr(values)
    ):
        assert digest(pa.array(values[::-1], array.type)) != digest(array)
    longer = pa.array([*values, None], array.type)
    assert digest(longer) != digest(array)


def test_what_stands_behind_a_missing_value_does_not_count():
    valid = pa.py_buffer(bytes([0b101]))
    for kind, first, second in (
        (pa.int64(), np.array([1, 2, 3]), np.array([1, 9, 3])),
        (pa.float64(), np.array([1.0, 2, 3]), np.array([1, np.nan, 3])),
        (pa.timestamp("us"), np.array([1, 2, 3]), np.array([1, 2**62, 3])),
    ):
        arrays = [pa.Array.from_buffers(kind, 3, [valid, pa.py_buffer(values)]) for values in (first, second)]
        assert digest(arrays[0]) == digest(arrays[1])
    ends, hidden = np.array([0, 1, 3, 4], np.int32), pa.py_buffer(b"axxb")
    text = pa.Array.from_buffers(pa.string(), 3, [valid, pa.py_buffer(ends), hidden])
    assert digest(text) == digest(pa.array(["a", None, "b"]))


COLUMNS = {
    "a": [1, 2, 3],
    "b": ["x", None, "zé\0"],
    "c": [1.5, None, -0.0],
    "d": [True, False, None],
    "e": [datetime.datetime(2024, 1, 1), None, datetime.datetime(1969, 7, 20, 20, 17)],
    "f": [datetime.timedelta(1), None, datetime.timedelta(0, 1)],
}


def test_a_column_is_the_same_in_pandas_polars_and_arrow():
    frame = pd.DataFrame(COLUMNS).astype({"d": "boolean"})
    polars, arrow = pl.DataFrame(COLUMNS), pa.table(COLUMNS)
    seen = [fingerprint(each) for each in (frame, polars, arrow)]
    assert seen[0].columns == seen[1].columns == seen[2].columns
    assert [each.kind for each in seen] == ["frame", "table", "table"]
    assert seen[1].digest == seen[2].digest == digest(arrow.combine_chunks().to_batches()[0])
    assert digest(polars["b"]) == digest(arrow["b"]) == digest(pa.array(COLUMNS["b"]))
    assert seen[1].digest != digest(polars.select("b", "a", "c", "d", "e", "f"))


def test_a_lazy_frame_says_that_it_holds_no_data():
    assert "collect()" in fingerprint(pl.LazyFrame({"a": [1]})).reason


@pytest.mark.parametrize(
    ("values", "dtypes"),
    [
        (["a", None, "b\0c", "é"], ["object", "str", "string[python]", "string[pyarrow]"]),
        ([1, None, 3], ["object", "Int64", "int64[pyarrow]"]),
        ([None, None], ["str", "string[python]", "string[pyarrow]"]),
        ([decimal.Decimal("1.25"), None], ["object", pd.ArrowDtype(pa.decimal128(20, 2))]),
        ([datetime.date(2024, 1, 1), None], ["object", pd.ArrowDtype(pa.date32()), pd.ArrowDtype(pa.date64())]),
        ([b"a", None], ["object", pd.ArrowDtype(pa.binary()), pd.ArrowDtype(pa.large_binary())]),
    ],
)
def test_objects_and_backends_of_one_logical_type_agree(values, dtypes):
    assert len({digest(pd.Series(values, dtype=dtype)) for dtype in dtypes}) == 1


def test_long_columns_agree_across_blocks_and_backends():
    rows = 150_000
    words = np.array([f"w{number % 977}" for number in range(rows)], dtype=object)
    words[70_000] = None
    text = pd.Series(words, dtype=object)
    arrow = pa.array(words, pa.string())
    pieces = pa.chunked_array([arrow.slice(0, 65_537), arrow.slice(65_537)])
    assert digest(text) == digest(text.astype("str")) == digest(pd.Series(pieces, dtype=pd.ArrowDtype(pa.string())))
    numbers = pd.Series(np.arange(rows, dtype=float))
    numbers[131_072] = np.nan
    assert digest(numbers) == digest(numbers.astype("Float64")) == digest(numbers.astype("double[pyarrow]"))
    wide = pd.DataFrame(np.arange(3.0 * rows).reshape(-1, 3))
    assert digest(wide) == digest(pd.DataFrame({name: wide[name].to_numpy().copy() for name in wide}))


def test_a_range_is_the_numbers_in_it():
    for numbers in (range(5), range(3, 90, 7), range(10, 0, -3), range(0)):
        plain = pd.Index(np.array(list(numbers), dtype="int64"))
        assert digest(pd.RangeIndex(numbers)) == digest(plain)


@quick
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4), st.sampled_from([0.0, -0.0, 1.5, -2.0])), max_size=12))
def test_the_format_of_a_sparse_matrix_does_not_count(entries):
    rows, columns, values = ([entry[place] for entry in entries] for place in range(3))
    matrix = sparse.coo_matrix((np.array(values, float), (rows, columns)), shape=(4, 5))
    same = digest(matrix)
    dense = matrix.toarray()
    for form in ("csr", "csc", "coo", "lil", "dok", "bsr"):
        assert digest(sparse.csr_matrix(dense).asformat(form)) == same
    assert digest(sparse.csr_array(dense)) == same
    before = matrix.data.copy()
    fingerprint(matrix)
    assert np.array_equal(matrix.data, before)
    dense[3, 4] += 1
    assert digest(sparse.csr_matrix(dense)) != same
    assert digest(sparse.csr_matrix(dense[:, :4])) != same


def test_a_sparse_matrix_is_not_changed():
    matrix = sparse.csr_matrix((np.ones(3), np.array([2, 0, 2]), np.array([0, 3])), shape=(1, 3))
    digest(matrix)
    assert matrix.indices.tolist() == [2, 0, 2]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (np.zeros(3, [("a", "i1"), ("b", "f8")]), np.zeros(3, [("a", "i1"), ("c", "f8")])),
        (np.array([1, "a", None], object), np.array([1, "b", None], object)),
        (np.array(5), np.array([5])),
        (np.array(["ab"]), np.array(["ac"])),
        (np.array([1], "M8[s]"), np.array([2], "M8[s]")),
        (np.array(["a"], "T"), np.array(["b"], "T")),
        (pd.period_range("2024-01-01", periods=3, freq="D"), pd.period_range("2024-01-01", periods=3, freq="h")),
        (collections.deque([1]), collections.deque([2])),
        (collections.defaultdict(list, a=1), collections.defaultdict(int, a=1)),
        (functools.partial(int, base=2), functools.partial(int, base=3)),
        (fractions.Fraction(1, 3), fractions.Fraction(2, 3)),
        (re.compile("a"), re.compile("b")),
        (slice(1, 2), slice(1, 3)),
        (ValueError("a"), ValueError("b")),
        (pd.Timestamp(1), pd.Timestamp(2)),
        (np.datetime64("2024", "ns"), 1704067200000000000),
        (10**100_000, 10**100_000 + 1),
        ("x" * 1_000_000, "x" * 999_999 + "y"),
        ("\ud800", "\ud801"),
        ("a\0", "a"),
        ([[1, 2], 3], [[1], 2, 3]),
        (np.random.default_rng(1), np.random.default_rng(2)),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_values_of_every_kind_differ_where_their_content_does(one, other):
    assert digest(one) != digest(other)
    assert digest(one) == digest(one)


def test_padding_and_missing_fields_of_structured_arrays_do_not_count():
    kind = np.dtype([("a", "i1"), ("b", "f8")], align=True)
    first, second = np.zeros(4, kind), np.frombuffer(b"\xff" * 4 * kind.itemsize, kind).copy()
    second["a"], second["b"] = 0, 0
    assert digest(first) == digest(second)


class Plain:
    def __init__(self, value):
        self.value = value


class Slotted:
    __slots__ = ("left", "right")


@dataclasses.dataclass
class Record:
    name: str
    data: object


@dataclasses.dataclass(frozen=True, slots=True)
class Frozen:
    number: int


Pair = collections.namedtuple("Pair", "left right")


class Named(dict):
    pass


def test_an_object_is_its_class_and_its_state():
    assert digest(Plain([1, np.arange(3)])) == digest(Plain([1, np.arange(3)])) != digest(Plain([1, np.arange(4)]))
    assert digest(Record("a", pd.DataFrame({"x": [1]}))) == digest(Record("a", pd.DataFrame({"x": [1]})))
    assert digest(Frozen(1)) != digest(Frozen(2))
    assert digest(Pair(1, 2)) not in {digest(Pair(1, 3)), digest((1, 2))}
    assert digest(Named(a=1)) not in {digest(Named(a=2)), digest({"a": 1})}
    one, other = Slotted(), Slotted()
    one.left = other.left = 1
    assert digest(one) == digest(other)
    other.right = None
    assert digest(one) != digest(other)


def test_a_function_that_calls_itself_has_a_fingerprint():
    def make(step):
        def count(number):
            return 0 if number <= 0 else 1 + count(number - step)

        return count

    assert digest(make(1)) == digest(make(1)) != digest(make(2))


@pytest.mark.parametrize("name", ["kd_tree", "ball_tree"])
def test_to_ask_an_estimator_does_not_change_it(name):
    from sklearn.neighbors import KNeighborsClassifier

    points = np.arange(200.0).reshape(100, 2)
    model = KNeighborsClassifier(3, algorithm=name).fit(points, points[:, 0] > 50)
    before = fingerprint(model)
    assert before.digest
    model.predict(points)
    assert fingerprint(model) == before
    assert fingerprint(KNeighborsClassifier(3, algorithm=name).fit(points + 1, points[:, 0] > 50)) != before


def test_where_the_words_of_a_vectorizer_lie_does_not_count():
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizers = [TfidfVectorizer(stop_words=["the", word]).fit(["the cat", "a dog"]) for word in ("a", "a", "dog")]
    digests = [fingerprint(vectorizer).digest for vectorizer in vectorizers]
    assert digests[0] == digests[1] != digests[2]


def test_a_function_of_a_library_is_its_name_whoever_watches_it():
    from sklearn.metrics import accuracy_score, recall_score

    from trackbook.capture.estimators.observer import EstimatorObserver

    before = fingerprint({"metric": accuracy_score})
    assert before.digest != fingerprint({"metric": recall_score}).digest
    observer = EstimatorObserver()
    cell = accuracy_score.__closure__[accuracy_score.__code__.co_freevars.index("func")]
    original = cell.cell_contents
    try:
        cell.cell_contents = observer._watched_function("accuracy_score", object, original)
        assert fingerprint({"metric": accuracy_score}) == before
    finally:
        cell.cell_contents = original


def test_an_estimator_of_native_parts_has_a_fingerprint():
    x, y = np.arange(40.0).reshape(20, 2), np.arange(20) % 2
    model = GradientBoostingClassifier(n_estimators=2, random_state=0)
    assert digest(model.fit(x, y)) == digest(model.fit(x, y))


class Meta(type):
    def __getattribute__(cls, name):
        raise RuntimeError(name)

    def __hash__(cls):
        raise RuntimeError("hash")


class OfMeta(metaclass=Meta):
    pass


class Masked:
    @property
    def __class__(self):
        raise RuntimeError("class")


class Leaving:
    def __reduce_ex__(self, protocol):
        raise SystemExit(1)


class Touched:
    touched = False

    def __getattr__(self, name):
        Touched.touched = True
        raise RuntimeError(name)

    def __eq__(self, other):
        Touched.touched = True
        raise RuntimeError

    def __hash__(self):
        Touched.touched = True
        raise RuntimeError

    def __repr__(self):
        Touched.touched = True
        raise RuntimeError


REFUSED = {
    "generator": lambda: (number for number in range(3)),
    "lock": threading.Lock,
    "thread": threading.current_thread,
    "metaclass": OfMeta,
    "class property": Masked,
    "exit": Leaving,
    "memoryview": lambda: memoryview(b"x"),
    "bound builtin": lambda: [].append,
    "object": object,
    "polars objects": lambda: pl.DataFrame({"o": pl.Series([object()], dtype=pl.Object)}),
    "union": lambda: pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array([1])]),
    "masked fields": lambda: np.ma.masked_array(np.zeros(1, "i4,i4"), mask=[(True, False)]),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_has_no_fingerprint_says_why(kind):
    for value in (REFUSED[kind](), [REFUSED[kind]()], {"a": (REFUSED[kind](),)}):
        for found in (fingerprint(value), Fingerprinter().of(value)):
            assert found.digest is None
            assert found.reason


def test_no_method_of_the_user_is_called():
    assert fingerprint([Touched()]).digest
    assert fingerprint(pd.Series([Touched(), "a"], dtype=object)).digest
    assert not Touched.touched


def test_an_interrupt_passes(monkeypatch):
    def interrupt(value, hasher):
        raise KeyboardInterrupt

    monkeypatch.setattr("trackbook.capture.fingerprint.frames.data_digest", interrupt)
    with pytest.raises(KeyboardInterrupt):
        fingerprint(np.arange(3))


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (pd.DataFrame(), "frame"),
        (pl.DataFrame(), "table"),
        (pl.LazyFrame(), "table"),
        (pa.table({}), "table"),
        (pl.Series([1]), "column"),
        (pa.array([1]), "column"),
        (pa.chunked_array([[1]]), "column"),
        (sparse.eye(2), "sparse"),
        (sparse.eye_array(2), "sparse"),
        (np.ma.masked_array([1]), "array"),
        (pd.MultiIndex.from_tuples([(1, 2)]), "index"),
        (1, "value"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_every_kind_has_its_word(value, kind):
    assert kind_of(value) == fingerprint(value).kind == kind


def test_odd_column_names_become_distinct_texts_that_can_be_stored():
    names = [b"x", "b'x'", 10**30, 10**5000, "\ud800", "a\0", "y" * 1_000_000, ("t", 1), 2.5, Touched]
    found = fingerprint(pd.DataFrame([range(len(names))], columns=pd.Index(names, dtype=object, tupleize_cols=False)))
    assert found.digest, found.reason
    assert len(found.columns) == len(names)
    assert max(map(len, found.columns)) < 300
    assert all(label.encode() for label in found.columns)


def answer(queue, frame):
    queue.put(fingerprint(frame).digest)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="the system has no fork")
def test_a_child_process_can_hash_what_is_large_enough_for_threads():
    frame = pd.DataFrame({"x": np.arange(1_000_000)})
    expected = fingerprint(frame).digest
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=answer, args=(queue, frame))
    child.start()
    try:
        assert queue.get(timeout=30) == expected
    finally:
        child.kill()
        child.join()
