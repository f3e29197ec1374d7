"""Autolog outside cells: which run what scikit-learn does belongs to, and under which names."""

from __future__ import annotations

import linecache

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.metrics import accuracy_score, confusion_matrix, mean_squared_error
from sklearn.model_selection import GridSearchCV

from trackbook.capture.rows import decode_sketch
from trackbook.data.examples import read_example
from trackbook.registry.formats.skops import dump_model, load_model
from trackbook.tracking.autolog import Autolog
from trackbook.tracking.fits import MAX_PARAM_SETS, MAX_TABLES
from trackbook.tracking.labels import Labels

X, Y = load_iris(return_X_y=True)

IMPORTS = """
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import cross_val_score, cross_validate
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier
"""


@pytest.fixture
def autolog(tracker):
    autolog = Autolog(tracker, dump_model)
    autolog.enable()
    yield autolog
    autolog.disable()


@pytest.fixture
def script(autolog):
    """Run code as a script does: at the top of a module that has its text."""

    def run(source):
        name = f"<script {id(source)}>"
        linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
        namespace = {"__name__": "__main__", "X": X, "Y": Y}
        exec(IMPORTS, namespace)
        exec(compile(source, name, "exec"), namespace)

    return run


def all_of(runs):
    """Return the runs in full, oldest first."""
    return [runs.get(run.run_id) for run in reversed(runs.search())]


# -- whose run


def test_a_fit_goes_to_the_active_run(autolog, tracker, runs):
    with tracker.start_run("mine"):
        Ridge(alpha=0.5).fit(X, Y)
    (run,) = runs.search()
    assert (run.run_name, run.params["alpha"], run.tags["estimator"]) == ("mine", "0.5", "Ridge")
    assert run.metrics.keys() == {"fit_time", "training_score"}


def test_without_one_each_fit_has_a_run_that_has_ended_and_the_metrics_that_follow_it(autolog, tracker, runs):
    for alpha in (1.0, 2.0):
        model = Ridge(alpha=alpha).fit(X, Y)
        assert tracker.active is None
        mean_squared_error(Y, model.predict(X))
        mean_squared_error(Y, model.predict(X))
    first, second = all_of(runs)
    assert (first.summary.status, first.summary.params["alpha"]) == ("FINISHED", "1.0")
    assert (second.summary.status, second.summary.params["alpha"]) == ("FINISHED", "2.0")
    assert [point.step for point in runs.metric_history(first.run_id, "mean_squared_error")] == [0, 1]


def test_a_metric_before_any_fit_has_a_run_too(autolog, runs):
    accuracy_score(Y, Y)
    assert [run.metrics for run in runs.search()] == [{"accuracy_score": 1.0}]


def test_a_fit_that_raises_leaves_nothing(autolog, tracker, runs):
    with tracker.start_run(), pytest.raises(ValueError, match="inconsistent"):
        Ridge().fit(X, Y[:3])
    with pytest.raises(ValueError, match="inconsistent"):
        Ridge().fit(X, Y[:3])
    assert [(run.params, run.metrics, run.tags) for run in runs.search()] == [({}, {}, {})]


def test_when_it_is_off_nothing_is_logged(autolog, runs):
    autolog.disable()
    Ridge().fit(X, Y)
    assert runs.search() == []


def test_the_users_own_params_come_first_whenever_they_are_logged(autolog, tracker, runs):
    with tracker.start_run() as run:
        run.log_param("alpha", "low")
        Ridge().fit(X, Y)
        run.log_param("solver", "mine")
    (found,) = runs.search()
    assert (found.params["alpha"], found.params["solver"]) == ("low", "mine")


# -- names


def test_several_estimators_of_a_run_have_names_of_their_own(script, tracker, runs):
    """The first has the bare names; the others are called as the user calls them."""
    with tracker.start_run():
        script(
            "scaler = StandardScaler()\nZ = scaler.fit_transform(X)\n"
            "small = DecisionTreeClassifier(max_depth=1).fit(Z, Y)\n"
            "deep = DecisionTreeClassifier(max_depth=3)\ndeep.fit(Z, Y)\n"
            "deep.set_params(max_depth=4).fit(Z, Y)\n"
            "models = [DecisionTreeClassifier(max_depth=5).fit(Z, Y)]\n"
        )
    (run,) = runs.search()
    depths = {name: value for name, value in run.params.items() if name.endswith("max_depth")}
    assert depths == {
        "max_depth": "1", "deep.max_depth": "3", "DecisionTreeClassifier.max_depth": "4",
        "DecisionTreeClassifier_2.max_depth": "5",
    }  # fmt: skip
    assert run.params["with_mean"] == "True"
    assert run.metrics.keys() == {
        "scaler.fit_time", "fit_time", "training_score", "deep.fit_time", "deep.training_score",
        "DecisionTreeClassifier.fit_time", "DecisionTreeClassifier.training_score",
    }  # fmt: skip


def test_one_variable_for_models_of_several_classes_is_not_one_estimator():
    labels = Labels()
    assert [labels.label("model", kind) for kind in ("Ridge", "Lasso", "Ridge", "SVC")] == [
        "model",
        "Lasso",
        "model",
        "SVC",
    ]
    assert [labels.label(None, "Lasso"), labels.label(None, "Lasso")] == ["Lasso_2", "Lasso_2"]


def test_metrics_have_the_names_of_a_script_and_of_its_functions(script, tracker, runs):
    with tracker.start_run():
        script(
            "model = Ridge().fit(X, Y)\n"
            "def judge(model):\n    quality = r2_score(Y, model.predict(X))\n    return quality\n"
            "for _ in range(3):\n    judge(model)\n"
            "print(f'{r2_score(Y, Y):.2f}')\n"
            "spread = cross_val_score(model, X, Y, cv=3).std()\n"
            "typical = cross_val_score(model, X, Y, cv=3).mean()\n"
            "both = cross_validate(model, X, Y, cv=3, scoring=['r2'])\n"
        )
    (run,) = runs.search()
    assert {
        "quality",
        "r2_score",
        "typical",
        "std_cross_val_score",
        "both.test_r2",
        "both.mean_fit_time",
    } <= run.metrics.keys()
    assert "spread" not in run.metrics and "both.fit_time" not in run.metrics
    assert len(runs.metric_history(run.run_id, "quality")) == 3


# -- limits and hostile input


def test_a_loop_of_fits_has_steps_and_few_params(autolog, tracker, runs):
    with tracker.start_run():
        for number in range(MAX_PARAM_SETS + 5):
            Ridge(alpha=float(number)).fit(X[:10], Y[:10] * 1.0 + X[:10, 0])
    (run,) = runs.search()
    assert len([name for name in run.params if name.endswith("alpha")]) == MAX_PARAM_SETS
    assert "params_left_out" in run.tags
    assert len(runs.metric_history(run.run_id, "fit_time")) == MAX_PARAM_SETS + 5


def test_partial_fits_of_one_estimator_are_said_once(autolog, tracker, runs):
    with tracker.start_run():
        model = SGDClassifier(alpha=0.5)
        for _ in range(3):
            model.partial_fit(X, Y, classes=[0, 1, 2])
    (run,) = runs.search()
    assert (run.params["alpha"], run.metrics) == ("0.5", {})


def test_tables_have_a_limit(autolog, tracker, runs):
    with tracker.start_run() as run:
        for _ in range(MAX_TABLES + 2):
            confusion_matrix(Y, Y)
    found = runs.get(run.run_id)
    assert len(found.artifacts) == MAX_TABLES and "tables_left_out" in found.summary.tags
    assert {"confusion_matrix.json", "confusion_matrix_2.json"} <= {each.path for each in found.artifacts}


def test_metrics_that_are_not_finite_and_numbers_of_numpy(autolog, tracker, runs):
    class Odd(RegressorMixin, BaseEstimator):
        def score(self, X, y):
            return X

    odd = Odd()
    with tracker.start_run():
        for value in (np.float32(0.5), np.array(2), np.int64(3), float("nan"), np.inf):
            odd.score(value, None)
        odd.score("text", None)
        odd.score(True, None)
    (run,) = runs.search()
    assert [point.value for point in runs.metric_history(run.run_id, "score")] == [
        0.5,
        2.0,
        3.0,
        pytest.approx(np.nan, nan_ok=True),
        np.inf,
    ]


def test_a_hostile_estimator_costs_the_user_nothing(autolog, tracker, runs, capsys):
    class Hostile(RegressorMixin, BaseEstimator):
        def __init__(self, password="hunter22"):
            self.password = password

        def fit(self, X, y):
            return self

        def get_params(self, deep=True):
            return {"password": self.password, "odd\n": 1, "me": self, "big": "\ud800" + "x" * 10**6}

        def __repr__(self):
            raise RecursionError

        def __getattr__(self, name):
            raise RuntimeError(name)

        score = predict = __repr__

    Hostile.__name__ = Hostile.__qualname__ = "no\nname"
    with tracker.start_run():
        model = Hostile()
        assert model.fit(X, Y) is model
        Ridge().fit(X, Y)
    (run,) = runs.search()
    assert "hunter22" not in str(run.params)
    assert "alpha" in run.params
    assert capsys.readouterr().err == ""


def test_candidates_of_a_search_are_children_with_times(autolog, tracker, runs):
    GridSearchCV(LogisticRegression(max_iter=300), {"C": [0.1, 1.0]}, cv=2).fit(X, Y)
    parent, *children = sorted(all_of(runs), key=lambda run: run.summary.kind == "candidate")
    assert {child.summary.parent_run_id for child in children} == {parent.run_id}
    assert {child.summary.run_name for child in children} == {"C=0.1", "C=1.0"}
    assert all(child.summary.end_time >= child.summary.start_time for child in children)
    assert set(parent.children) == {child.run_id for child in children}
    assert parent.summary.params["best_C"] in {"0.1", "1.0"}


# -- models


def test_no_model_is_kept_unless_asked(autolog, tracker, runs, store):
    with tracker.start_run() as run:
        Ridge().fit(X, Y)
    assert runs.get(run.run_id).artifacts == ()
    autolog.enable(log_models=True)
    with tracker.start_run() as run:
        model = Ridge().fit(X, Y)
    kept = {each.path: store.objects.get(each.digest) for each in runs.get(run.run_id).artifacts}
    assert decode_sketch(kept["model/model.rows"]).rows == len(X)
    assert np.array_equal(load_model(kept["model/model.skops"]).coef_, model.coef_)
    assert np.array_equal(read_example(kept["model/model.example.parquet"]), X[:5])


def test_a_model_that_cannot_be_kept_says_why(autolog, tracker, runs):
    class Own(RegressorMixin, BaseEstimator):
        def fit(self, X, y):
            return self

        def predict(self, X):
            return X

    autolog.enable(log_models=True)
    with tracker.start_run():
        Own().fit(X, Y)
    (run,) = runs.search()
    assert "Own" in run.tags["model_not_kept"]


def test_a_script_needs_one_line(python):
    """`tb.autolog()` before scikit-learn is imported; no run is started by hand."""
    python(
        "import trackbook as tb\ntb.autolog()\n"
        "from sklearn.linear_model import Ridge\n"
        "model = Ridge(alpha=3.0).fit([[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0])\n"
        "model.score([[0.0], [1.0]], [0.0, 1.0])\n"
        "runs = tb.search_runs('params.alpha = 3 and tags.estimator = \"Ridge\"')\n"
        "assert len(runs) == 1 and runs['metrics.score'][0] > 0 and runs['status'][0] == 'FINISHED'\n"
    )
