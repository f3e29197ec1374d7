"""What scikit-learn did in a cell, whether it was imported before or after the extension."""

import textwrap

import pytest

SETUP = """
import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import cross_val_score, GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.metrics import accuracy_score, mean_squared_error, r2_score as r2, confusion_matrix
import sklearn.metrics as sm
x, y = np.arange(40.0).reshape(20, 2), np.arange(20.0)
labels = (y > 9).astype(int)
"""

LIBRARY = """
from sklearn.metrics import accuracy_score
from sklearn.linear_model import LogisticRegression
def evaluate(x, y):
    model = LogisticRegression().fit(x, y)
    return accuracy_score(y, model.predict(x)), model.score(x, y)
"""

USER_MODULE = """
from sklearn.metrics import accuracy_score
def judge(y):
    result = accuracy_score(y, y)
    return result
"""


@pytest.fixture(scope="module", params=["before", "after"])
def kernel(request, start_kernel, tmp_path_factory):
    """Kernels that import scikit-learn before the extension is loaded, and after."""
    packages = tmp_path_factory.mktemp("env") / "site-packages"
    packages.mkdir()
    (packages / "thirdparty.py").write_text(LIBRARY)
    kernel = start_kernel(PYTHONPATH=f"{packages}:{__import__('os').environ.get('PYTHONPATH', '')}")
    (kernel.root / "mine.py").write_text(USER_MODULE)
    load = "%load_ext trackbook\n%%track warm\n1"
    cells = (
        [SETUP, "%load_ext trackbook", "%%track warm\n1"]
        if request.param == "before"
        else ["%load_ext trackbook", "%%track warm\n1", SETUP]
    )
    assert load
    for cell in cells:
        assert kernel.run(cell).errors == []
    return kernel


@pytest.fixture
def tracked(kernel, experiment):
    def run(body):
        outcome = kernel.run(f"%%track {experiment}\n{textwrap.dedent(body)}")
        assert (outcome.errors, outcome.stderr) == ([], "")
        (cell,) = [run.summary for run in kernel.runs(experiment) if run.summary.kind == "cell"]
        return cell

    return run


def of_user(run):
    """Return the names of a run's metrics without those that every fit has."""
    return {name for name in run.metrics if not name.endswith(("fit_time", "training_score"))}


def test_the_params_of_a_fit_are_logged(tracked):
    found = tracked("model = Ridge(alpha=0.5).fit(x, y)")
    assert found.params["alpha"] == "0.5"
    assert found.params["fit_intercept"] == "True"
    assert found.tags == {"estimator": "Ridge"}
    assert found.metrics.keys() == {"fit_time", "training_score"}
    assert found.metrics["training_score"] > 0.9


def test_metrics_have_the_users_names_for_them(tracked):
    found = tracked("""
        model = Ridge().fit(x, y)
        my_r2 = r2(y, model.predict(x))
        error = sm.mean_squared_error(
            y,
            model.predict(x),
        )
        accuracy_score(labels, labels)
        print(accuracy_score(labels, 1 - labels))
    """)
    assert of_user(found) == {"my_r2", "error", "accuracy_score"}
    assert found.metrics["my_r2"] > 0.9
    assert found.metrics["accuracy_score"] == 0.0


def test_score_is_a_metric_under_its_name_or_the_users(tracked):
    found = tracked("model = Ridge().fit(x, y)\nmodel.score(x, y)\nfit_quality = model.score(x, y)")
    assert of_user(found) == {"score", "fit_quality"}


def test_a_name_is_given_only_to_the_very_value_that_a_metric_returned(tracked):
    """A metric under the name of a variable that holds something else would be a false record."""
    found = tracked("""
        p = Ridge().fit(x, y).predict(x) + 1.0
        rmse = mean_squared_error(y, p) ** 0.5
        gap = r2(y, y) - r2(y, p)
        scores = {"a": accuracy_score(labels, labels), "b": accuracy_score(labels, 1 - labels)}
        kept = round(float(sm.mean_absolute_error(y, p)), 3); also = sm.max_error(y, p)
        one, two = sm.median_absolute_error(y, p), sm.explained_variance_score(y, p)
    """)
    assert of_user(found) == {
        "mean_squared_error", "r2_score", "accuracy_score", "kept", "also", "one", "two",
    }  # fmt: skip
    assert found.metrics["mean_squared_error"] == pytest.approx(1.0, rel=1e-3)
    assert found.metrics["kept"] == pytest.approx(1.0, rel=1e-3)


def test_names_hold_where_lines_move(kernel, tracked, experiment):
    """Under `%%time`, after magics and after empty lines a metric still gets the name that its own line gives."""
    found = tracked("""
        %%time

        first = accuracy_score(labels, labels)
        second = accuracy_score(labels, 1 - labels)
    """)
    assert found.metrics == {"first": 1.0, "second": 0.0}


def test_under_track_on_empty_lines_at_the_top_move_no_names(kernel, experiment):
    kernel.run(f"import trackbook as tb\ntb.set_experiment({experiment!r})\n%track on")
    kernel.run("\n\nfirst = accuracy_score(labels, labels)\nx_ = !echo 1\nsecond = accuracy_score(labels, 1 - labels)")
    kernel.run("%track off\ntb.set_experiment('default')")
    assert kernel.only_run(experiment).summary.metrics == {"first": 1.0, "second": 0.0}


def test_pipelines_and_searches_have_scores(tracked):
    found = tracked("""
        pipe = make_pipeline(StandardScaler(), Ridge()).fit(x, y)
        of_pipe = pipe.score(x, y)
        of_search = GridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, cv=3).fit(x, y).score(x, y)
    """)
    assert of_user(found) == {"of_pipe", "of_search", "GridSearchCV.best_score"}


def test_what_scikit_learn_calls_inside_itself_is_not_recorded(tracked):
    """The folds, the candidates and the steps of a pipeline are no fits of the user's."""
    found = tracked("""
        search = GridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, cv=3).fit(x, y)
        pipe = make_pipeline(StandardScaler(), Ridge(alpha=7.0)).fit(x, y)
    """)
    assert found.tags == {"estimator": "GridSearchCV, Pipeline", "candidates": "2"}
    assert "alpha" not in found.params
    assert (found.params["estimator__alpha"], found.params["ridge__alpha"]) == ("1.0", "7.0")
    assert found.metrics.keys() == {"fit_time", "training_score", "best_score", "pipe.fit_time", "pipe.training_score"}


def test_a_search_has_a_child_run_for_each_candidate(kernel, tracked, experiment):
    """Each candidate is a run with its own params and scores; the parent has the best of them."""
    found = tracked("search = GridSearchCV(Ridge(), {'alpha': [0.1, 1.0, 9.0]}, cv=3).fit(x, y)")
    children = [run.summary for run in kernel.runs(experiment) if run.summary.kind == "candidate"]
    assert sorted(child.params["alpha"] for child in children) == ["0.1", "1.0", "9.0"]
    assert {child.parent_run_id for child in children} == {found.run_id}
    best = next(child for child in children if child.metrics["rank_test_score"] == 1)
    assert (found.params["best_alpha"], found.metrics["best_score"]) == (
        best.params["alpha"], best.metrics["mean_test_score"],
    )  # fmt: skip


def test_an_estimator_of_the_notebooks_goes_to_other_processes(kernel, tracked, experiment):
    """Its class is pickled by value; the worker processes fit it as they do without Trackbook."""
    found = tracked("""
        from sklearn.base import BaseEstimator, RegressorMixin
        class Constant(RegressorMixin, BaseEstimator):
            def __init__(self, level=0.0):
                self.level = level
            def fit(self, X, y):
                return self
            def predict(self, X):
                return np.full(len(X), self.level)
        search = GridSearchCV(Constant(), {"level": [0.0, 9.0]}, cv=3, n_jobs=2).fit(x, y)
    """)
    assert (found.params["best_level"], found.tags["candidates"]) == ("9.0", "2")


def test_cross_validation_is_one_fact(tracked):
    """Its folds are steps of one metric, with their mean and deviation; no fold is a fit."""
    found = tracked(
        "scores = cross_val_score(Ridge(alpha=3.0), x, y, cv=3)\nquality = cross_val_score(Ridge(alpha=3.0), x, y, cv=3).mean()"
    )
    assert found.metrics.keys() == {
        "scores", "mean_scores", "std_scores", "cross_val_score", "quality", "std_cross_val_score",
    }  # fmt: skip
    assert found.metrics["mean_scores"] == found.metrics["quality"]
    assert (found.params["alpha"], found.tags["estimator"]) == ("3.0", "Ridge")


def test_what_another_library_calls_is_not_recorded(tracked):
    found = tracked("import thirdparty\nanswer = thirdparty.evaluate(x, labels)")
    assert (found.metrics, found.tags) == ({}, {})


def test_what_the_users_own_functions_and_modules_call_is_recorded(tracked):
    found = tracked("""
        import mine
        def inner():
            return accuracy_score(labels, labels)
        mine.judge(labels)
        inner()
    """)
    assert found.metrics == {"accuracy_score": 1.0}


def test_metrics_that_are_no_numbers_are_left_out(tracked):
    assert tracked("matrix = confusion_matrix(labels, labels)").metrics == {}


def test_a_matrix_is_kept_as_a_table(kernel, tracked, experiment):
    run_id = tracked("matrix = confusion_matrix(labels, labels)").run_id
    artifacts = kernel.project().runs.get(run_id).artifacts
    assert [each.path for each in artifacts if each.path.endswith(".json")] == ["matrix.json"]


def test_two_fits_keep_their_params_apart(tracked):
    found = tracked("one = Ridge(alpha=1.0).fit(x, y)\nother = Ridge(alpha=2.0).fit(x, y)")
    assert found.params["alpha"] == "1.0"
    assert found.params["other.alpha"] == "2.0"
    assert {"training_score", "other.training_score"} <= found.metrics.keys()


def test_a_fit_that_fails_is_the_users_own_error(kernel, experiment):
    outcome = kernel.run(f"%%track {experiment}\nRidge().fit(x, y[:3])")
    assert [error["ename"] for error in outcome.errors] == ["ValueError"]
    assert "trackbook" not in outcome.traceback
    assert kernel.only_run(experiment).summary.status == "FAILED"


def test_outside_a_tracked_cell_nothing_is_recorded(kernel):
    before = len(kernel.project().runs.search(max_results=1000))
    assert kernel.run("Ridge().fit(x, y).score(x, y) > 0.5").results[0] in ("True", "np.True_")
    assert len(kernel.project().runs.search(max_results=1000)) == before


def test_an_estimator_of_the_users_own_is_recorded_even_an_odd_one(tracked):
    found = tracked("""
        from sklearn.base import BaseEstimator, RegressorMixin
        class Mean(RegressorMixin, BaseEstimator):
            def __init__(self, shift=0.0):
                self.shift = shift
            def fit(self, x, y):
                self.mean_ = np.mean(y) + self.shift
                return self
            def predict(self, x):
                return np.full(len(x), self.mean_)
        class Odd(Mean):
            def __init__(self, *rest):
                pass
            def fit(self, x, y):
                return self
        quality = Mean(shift=2.0).fit(x, y).score(x, y)
        odd = Odd().fit(x, y)
    """)
    assert found.params["shift"] == "2.0"
    assert "quality" in found.metrics
    assert found.tags["estimator"] == "Mean, Odd"


def test_classes_and_functions_keep_their_names_and_signatures(kernel):
    outcome = kernel.run(
        "import inspect, pickle\n"
        "assert list(inspect.signature(Ridge.fit).parameters)[:3] == ['self', 'X', 'y']\n"
        "assert Ridge.fit.__name__ == 'fit' and accuracy_score.__name__ == 'accuracy_score'\n"
        "assert pickle.loads(pickle.dumps(accuracy_score)) is accuracy_score\n"
        "assert pickle.loads(pickle.dumps(Ridge().fit(x, y))).alpha == 1.0\n"
        "from joblib import Parallel, delayed\n"
        "assert Parallel(n_jobs=2)(delayed(accuracy_score)([1], [1]) for _ in range(2)) == [1.0, 1.0]\n"
        "from sklearn.utils.validation import check_is_fitted\n"
        "assert 'fit' in Ridge.__dict__ and Ridge.fit.__doc__.startswith('Fit Ridge')\n"
        "check_is_fitted(Ridge().fit(x, y))"
    )
    assert outcome.errors == []


def test_the_model_that_was_fitted_is_fingerprinted(kernel, experiment):
    kernel.run(f"%%track {experiment}\nmodel = Ridge(alpha=0.25).fit(x, y)")
    (model,) = [each for each in kernel.only_run(experiment).data if each.name == "model"]
    assert (model.role, model.kind, len(model.fingerprint)) == ("written", "estimator", 64)


def test_a_model_registered_from_a_tracked_cell_has_the_rows_and_types_it_was_fitted_on(kernel, experiment):
    kernel.run("import trackbook as tb, pandas as pd\nframe = pd.DataFrame({'a': x[:, 0], 'b': range(20)})")
    assert kernel.run(f"%%track {experiment}\nmodel = Ridge().fit(frame, y)").errors == []
    assert kernel.run(f"%register model {experiment[:60]} --format skops").errors == []
    shown = kernel.run(
        f"loaded = tb.load_model('models:/{experiment[:60]}/latest')\n"
        "print(type(loaded).__name__, loaded.predict(frame).shape)\n"
        "loaded.predict(frame.assign(b='x'))"
    )
    assert shown.stdout == "Ridge (20,)\n"
    assert "column 'b' is string, and models:/" in shown.errors[0]["evalue"]
