"""Signatures and examples: taken by themselves, kept without secrets, and checked at the calls of a loaded model."""

import copy
import pickle
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.base import clone
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from trackbook.capture.estimators.observer import observer
from trackbook.capture.fingerprint.values import fingerprint
from trackbook.data.examples import read_example, write_example
from trackbook.errors import DataError, GateError, ModelWarning, RegistryError
from trackbook.registry.formats import table
from trackbook.registry.signature import check_call
from trackbook.settings import Settings, SignatureGate
from trackbook.tracking.fits import FitLog


@pytest.fixture
def loaded(registry, ridge, diabetes):
    registry.register(ridge, "risk", example=diabetes[0].head(3))
    return registry.load("models:/risk/1")


def test_a_loaded_model_is_the_plain_one_and_leaves_no_trace_in_copies(loaded, ridge, diabetes):
    frame = diabetes[0].head()
    assert type(loaded) is Ridge
    assert vars(loaded).keys() == vars(ridge).keys()
    assert fingerprint(loaded).digest == fingerprint(ridge).digest
    assert skops.io.dumps(loaded)
    for other in (copy.deepcopy(loaded), pickle.loads(pickle.dumps(loaded)), clone(loaded).fit(*diabetes)):
        assert np.array_equal(other.predict(frame), ridge.predict(frame))
    assert Ridge.predict.__name__ == "predict"
    assert np.array_equal(loaded.predict(X=frame), ridge.predict(frame))


def test_a_missing_column_is_named_with_its_type_and_the_nearest(loaded, diabetes):
    with pytest.raises(
        DataError, match=r"column 'bmi' \(float\) is missing; did you mean 'bmi_'\?; models:/risk/1 was"
    ):
        loaded.predict(diabetes[0].rename(columns={"bmi": "bmi_"}))


def test_a_column_of_another_type_is_named_with_both_types(loaded, diabetes):
    frame = diabetes[0].head().assign(bmi="high")
    with pytest.raises(DataError, match="column 'bmi' is string, and models:/risk/1 was made for float there"):
        loaded.predict(frame)
    with pytest.raises(DataError, match=r"the shape rows × 9, and models:/risk/1 was made for rows × 10"):
        loaded.predict(np.zeros((2, 9)))


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_a_model_that_is_fitted_anew_is_asked_no_more(loaded, diabetes):
    frame, target = diabetes
    with pytest.raises(DataError):
        loaded.predict(frame[["age"]])
    assert len(loaded.fit(frame[["age"]], target).predict(frame[["age"]])) == len(frame)


def test_a_pipeline_checks_too_and_other_models_of_the_class_do_not(registry, diabetes):
    frame, target = diabetes
    registry.register(make_pipeline(StandardScaler(), LinearRegression()).fit(frame, target), "line", example=frame)
    with pytest.raises(DataError, match="column 'sex'"):
        registry.load("models:/line/1").predict(frame.drop(columns="sex"))
    assert LinearRegression().fit(frame[["age"]], target).predict(frame[["age"]]).shape == (len(frame),)


INPUTS = [{"name": "n", "type": "integer"}, {"name": "t", "type": "string"}, {"name": "x", "type": "float"}]
GOOD = pd.DataFrame({"n": [1, 2], "t": ["a", "b"], "x": [0.5, 1.5]})


@pytest.mark.parametrize(
    ("column", "values"),
    [("x", [1, 2]), ("x", [True, False]), ("n", [1.0, np.nan]), ("t", pd.Categorical(["a", "b"])), ("t", [None, None]),
     ("n", pd.array([1, None], "Int8")), ("x", pd.array([1.0, None], "Float32"))],
)  # fmt: skip
def test_what_holds_nothing_new_is_taken(column, values):
    check_call(INPUTS, GOOD.assign(**{column: values}), "models:/m/1")


@pytest.mark.parametrize(
    ("column", "values"),
    [("x", ["1", "2"]), ("n", [1.5, 2.0]), ("t", [1, 2]), ("n", pd.to_datetime(["2020-01-01"] * 2)), ("x", [1j, 2j])],
)
def test_what_would_lose_something_is_refused_with_its_name(column, values):
    with pytest.raises(DataError, match=f"column '{column}' is "):
        check_call(INPUTS, GOOD.assign(**{column: values}), "models:/m/1")


def test_columns_of_one_name_extra_columns_and_lists_are_left_to_the_model():
    check_call(INPUTS, pd.concat([GOOD, GOOD], axis=1), "models:/m/1")
    check_call(INPUTS, GOOD.assign(more=1), "models:/m/1")
    check_call(INPUTS, [[1, "a", 0.5]], "models:/m/1")


# -- examples


def test_an_observed_fit_gives_example_signature_and_outputs(registry, tracker, diabetes):
    frame, target = diabetes
    with tracker.start_run() as run:
        log = FitLog(run)
        observer.start(log)
        try:
            model = Ridge().fit(frame, target)
            search = GridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, cv=2).fit(frame, target)
        finally:
            observer.stop(log)
    assert registry.register(search.best_estimator_, "best").example is not None
    version = registry.register(model, "risk")
    assert version.signature["inputs"][2] == {"name": "bmi", "type": "float"}
    assert version.signature["outputs"] == [{"name": None, "type": "float64", "shape": [None]}]
    assert version.libraries.keys() == {"scikit-learn", "numpy", "scipy", "skops"}
    kept = registry.example("risk", 1)
    pd.testing.assert_frame_equal(kept, frame.head(5), check_index_type=False)
    again = registry.register("models:/risk/1", "other")
    assert (again.example, again.signature) == (version.example, version.signature)


def test_the_rows_beside_a_model_of_a_run_become_its_example(registry, tracker, ridge, diabetes):
    frame = diabetes[0]
    with tracker.start_run() as run:
        run.log_artifact(skops.io.dumps(ridge), "model/model.skops")
        run.log_artifact(write_example(frame), "model/model.example.parquet")
    version = registry.register(f"runs:/{run.run_id}/model/model.skops", "risk")
    assert version.signature["inputs"][0] == {"name": "age", "type": "float"}
    assert len(registry.example("risk", 1)) == 5
    given = registry.register(f"runs:/{run.run_id}/model/model.skops", "risk", example=frame[::-1])
    assert registry.example("risk", 2)["age"][0] == frame["age"].iloc[-1]
    assert given.digest == version.digest


def test_arrays_have_their_width_for_a_signature(registry):
    model = Ridge().fit(np.zeros((4, 3)), np.arange(4.0))
    assert registry.register(model, "risk").signature == {"inputs": [{"name": None, "type": None, "shape": [None, 3]}]}
    with pytest.raises(DataError, match="rows × 2"):
        registry.load("models:/risk/1").predict(np.zeros((4, 2)))
    assert registry.example("risk", 1) is None


@pytest.mark.parametrize("shape", [(3, 2), (4, 2, 3), (9, 1)])
def test_an_array_comes_back_as_its_first_rows(shape):
    array = np.arange(np.prod(shape), dtype="float32").reshape(shape)
    back = read_example(write_example(array))
    assert back.dtype == array.dtype
    assert np.array_equal(back, array[:5])


def test_secrets_are_taken_out_of_the_rows_that_are_kept():
    frame = pd.DataFrame({
        "token": ["abcdefgh12345678"], "note": ["password=hunter2hunter2"], "n": [1],
        "kind": pd.Categorical(["a"]), "link": pd.Categorical(["https://ann:hunter2hunter2@example.org"]),
    })  # fmt: skip
    data = write_example(frame)
    assert b"hunter2" not in data
    assert b"abcdefgh12345678" not in data
    assert read_example(data)["kind"].dtype == "category"
    assert write_example([1, 2]) is None
    assert write_example(pd.DataFrame({"mixed": [1, "x", object()]})) is None


def test_libraries_with_other_versions_are_named_at_loading(registry, ridge, monkeypatch):
    monkeypatch.setattr(table.metadata, "version", lambda name: "0.1")
    registry.register(ridge, "risk")
    monkeypatch.undo()
    with pytest.warns(ModelWarning, match=r"models:/risk/1 was made with .*scikit-learn 0\.1 \(here \d"):
        registry.load("models:/risk/1")
    registry.register(ridge, "risk")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        registry.load("models:/risk/2")


# -- formats in the registry


def test_a_folder_is_registered_and_loaded_as_a_copy(registry, tmp_path):
    source = tmp_path / "net"
    source.mkdir()
    (source / "weights.bin").write_bytes(b"w" * 1000)
    version = registry.register(source, "net")
    assert (version.format, version.signature) == ("opaque", None)
    path = registry.load("models:/net/1")
    assert (path / "weights.bin").read_bytes() == b"w" * 1000
    assert registry.register("models:/net/1", "net").digest == version.digest


def test_an_artifact_that_is_no_model_is_registered_as_a_file(registry, tracker):
    with tracker.start_run() as run:
        run.log_artifact(b"GGUF", "weights.gguf")
    uri = f"runs:/{run.run_id}/weights.gguf"
    with pytest.raises(RegistryError, match="format='opaque'"):
        registry.register(uri, "llm")
    assert registry.register(uri, "llm", format="opaque").run_id == run.run_id
    assert registry.load("models:/llm/1").read_bytes() == b"GGUF"
    assert registry.load("models:/llm/1").name == "weights.gguf"


def test_a_pickle_is_registered_only_where_the_project_allows_it_and_is_marked(registry, store, ridge):
    from trackbook.registry import Registry
    from trackbook.settings import ModelSettings, Settings
    from trackbook.tracking import Runs

    with pytest.raises(RegistryError, match="allow_pickle = true"):
        registry.register(ridge, "risk", format="pickle")
    assert registry.models() == ()
    allowing = Registry(store, Settings(models=ModelSettings(allow_pickle=True)), "ada", Runs(store))
    version = allowing.register(ridge, "risk", format="pickle")
    assert (version.format, version.dangerous) == ("pickle", True)
    assert version.to_dict()["dangerous"] is True
    assert allowing.summaries()[0].latest.dangerous
    assert allowing.listed()[0]["versions"][0]["dangerous"] is True
    assert type(allowing.load("models:/risk/1")) is Ridge
    with pytest.raises(RegistryError, match="allow_pickle = true"):
        registry.load("models:/risk/1")


def test_a_model_that_changes_when_it_is_stored_is_not_registered(registry, ridge, diabetes, monkeypatch):
    chosen = table.FORMATS["skops"]

    def forgetful(model, policy, example=None):
        content, again = chosen.dump(model, policy, example)
        again.intercept_ += 1
        return content, again

    monkeypatch.setitem(table.FORMATS, "skops", replace(chosen, dump=forgetful))
    monkeypatch.setattr(table.skops, "FORMAT", table.FORMATS["skops"])
    with pytest.raises(RegistryError, match="does not predict the same"):
        registry.register(ridge, "risk", example=diabetes[0].head(3))


def test_an_array_whose_type_is_not_known_fits_one_of_the_same_width(open_registry):
    registry = open_registry(Settings(gates=(SignatureGate(stage="production"),)))
    rows = np.arange(12.0).reshape(4, 3)
    registry.register(Ridge().fit(rows, rows[:, 0]), "m")
    registry.promote("m", 1, "production")
    registry.register(Ridge().fit(rows, rows[:, 1]), "m", example=rows)
    assert registry.promote("m", 2, "production").stage == "production"
    registry.register(Ridge().fit(rows[:, :2], rows[:, 1]), "m")
    with pytest.raises(GateError, match=r"it needs input 0 of \[2\], which the champion does not"):
        registry.promote("m", 3, "production")
