"""Sketches of rows find the same rows again, whatever holds them."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from trackbook.capture import rows
from trackbook.capture.estimators.observer import Fit
from trackbook.capture.estimators.rows import TrainingRows
from trackbook.capture.rows import below, decode_sketch, merged, sketch_of


def shared(one, other):
    return len(np.intersect1d(one.distinct, other.distinct))


FRAME = pd.DataFrame({"a": [0.1, 2.0, -0.0, None], "b": [1, 2, 3, 4], "c": ["x", None, "z", "x"]})


@pytest.mark.parametrize(
    "other",
    [
        FRAME.astype({"a": "float32", "b": "int8"}),
        FRAME.astype({"b": "float64"}),
        FRAME.convert_dtypes(),
        FRAME.astype({"c": "category"}),
        FRAME.astype(object),
        FRAME.convert_dtypes(dtype_backend="pyarrow"),
        pl.from_pandas(FRAME),
        FRAME.assign(a=FRAME["a"] * (1 + 1e-12)),
    ],
)
def test_the_same_values_make_the_same_rows(other):
    """Number types, categories, libraries and noise far below what a model notices do not hide a row."""
    assert sketch_of(other).hashes == sketch_of(FRAME).hashes


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.floats(allow_nan=False, width=32), st.integers(-9, 9)), min_size=1, max_size=8))
def test_order_does_not_count_and_a_changed_row_does(values):
    frame = pd.DataFrame(values, columns=["a", "b"])
    sketch = sketch_of(frame)
    assert sketch_of(frame.iloc[::-1]).hashes == sketch.hashes
    assert len(sketch.distinct) == len({(a + 0.0, b) for a, b in values})
    assert shared(sketch_of(frame.assign(b=frame["b"] + 100)), sketch) == 0


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 1000))
def test_of_many_rows_both_sides_sample_the_same_ones(seed):
    """The share of rows that two samples have in common is about that of the rows themselves."""
    numbers = np.random.default_rng(seed).normal(size=(6000, 3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rows, "MAX_HASHES", 500)
        train = sketch_of(numbers[:5000])
    held = sketch_of(numbers[4000:])
    assert len(train.distinct) <= 500 < train.rows
    chosen = below(held.distinct, train.level)
    share = np.isin(held.distinct[chosen], train.distinct).mean()
    assert abs(share - 0.5) < 0.2
    assert decode_sketch(train.encode()) == train


def test_parts_become_the_whole():
    """A model that was fitted in parts has the sketch of all of them."""
    numbers = np.random.default_rng(0).normal(size=(100, 2))
    labels = np.arange(100) % 2
    parts = [sketch_of(numbers[at : at + 50], labels[at : at + 50]) for at in (0, 50)]
    assert merged(*parts) == sketch_of(numbers, labels)


def test_the_target_is_hashed_apart():
    one, other = (sketch_of(FRAME[["a"]], [label] * 4) for label in (0, 1))
    assert one.hashes == other.hashes
    assert one.labelled != other.labelled


def test_times_and_wide_integers_are_exact():
    """Times a second apart and neighbouring large numbers are different rows."""
    times = pd.DataFrame({"t": pd.date_range("2026-01-01", periods=100, freq="s")})
    wide = pd.DataFrame({"n": np.arange(2**40, 2**40 + 100)})
    assert len(sketch_of(times).distinct) == len(sketch_of(wide).distinct) == 100


@pytest.mark.parametrize("data", [np.zeros((0, 2)), np.zeros((2, 2, 2)), np.broadcast_to(0.0, (10**7, 3))])
def test_what_has_no_rows_or_too_many_is_no_sketch(data):
    with pytest.raises(ValueError, match=r"rows|hashed"):
        sketch_of(data)


NUMBERS = np.random.default_rng(0).normal(size=(60, 2))
LABELS = np.arange(60) % 2


def noted(known, model, method="fit", at=slice(None)):
    given = {"X": NUMBERS[at], "y": LABELS[at]}
    getattr(model, method)(*given.values(), **({"classes": [0, 1]} if method == "partial_fit" else {}))
    known.note(Fit(model, method, 0.1, given, None))
    return model


def test_a_fitted_model_is_known_with_its_rows():
    """The sketch is of the model that was fitted, and of the best one of a search; a copy is somebody else."""
    known = TrainingRows()
    model = noted(known, make_pipeline(StandardScaler(), LogisticRegression()))
    search = noted(known, GridSearchCV(LogisticRegression(), {"C": [0.1, 1]}, cv=2))
    for each in (model, search, search.best_estimator_):
        assert known.sketch(each) == sketch_of(NUMBERS, LABELS)
    assert known.sketch(LogisticRegression()) is None
    assert known.sketch("no model") is None


def test_a_fit_that_nobody_watched_makes_the_rows_unknown():
    """What is fitted again in the dark is no longer the model that was watched; watched again it is known anew."""
    known = TrainingRows()
    model = noted(known, make_pipeline(StandardScaler(), LogisticRegression()))
    model.fit(NUMBERS[:30], LABELS[:30])
    assert known.sketch(model) is None
    noted(known, model, at=slice(0, 30))
    assert known.sketch(model) == sketch_of(NUMBERS[:30], LABELS[:30])


def test_parts_of_a_fit_add_up():
    known, model = TrainingRows(), SGDClassifier()
    for at in (slice(0, 30), slice(30, 60)):
        noted(known, model, "partial_fit", at)
    assert known.sketch(model) == sketch_of(NUMBERS, LABELS)


def test_sketches_take_a_share_of_the_time_at_most(monkeypatch):
    """Who fits in a loop does not wait for sketches: once the share is spent, rows are not known."""
    monkeypatch.setattr("trackbook.capture.estimators.rows.FREE_SECONDS", -1.0)
    known = TrainingRows()
    assert known.sketch(noted(known, LogisticRegression())) is None
