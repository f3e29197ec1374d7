"""What is seen of scikit-learn, and that scikit-learn is as it was."""

from __future__ import annotations

import inspect
import pickle
import random
import threading
import warnings
from pathlib import Path

import cloudpickle
import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, TransformerMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier
from sklearn.metrics import accuracy_score, classification_report, confusion_matrix, f1_score, get_scorer
from sklearn.metrics import precision_recall_fscore_support as prf
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_validate, learning_curve
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.utils.validation import check_is_fitted

from trackbook.capture.estimators.measures import numbers, scorer_name, table
from trackbook.capture.estimators.observer import WatchedMethod, observer
from trackbook.capture.estimators.params import MAX_PARAM_LENGTH, MAX_PARAMS, estimator_params, value_text
from trackbook.capture.estimators.searches import MAX_CANDIDATES, search_results
from trackbook.capture.estimators.training import training_score

X, Y = load_iris(return_X_y=True)


class Recorder:
    """Keeps what it is told."""

    def __init__(self):
        self.fits, self.measurements, self.validations = [], [], []

    def fitted(self, fit):
        self.fits.append(fit)

    def measured(self, measurement):
        self.measurements.append(measurement)

    def validated(self, validation):
        self.validations.append(validation)

    @property
    def names(self):
        return [type(fit.estimator).__name__ for fit in self.fits]


@pytest.fixture
def seen():
    recorder = Recorder()
    observer.start(recorder)
    yield recorder
    observer.stop(recorder)


class Mean(RegressorMixin, BaseEstimator):
    """An estimator of the user's own."""

    def __init__(self, shift=0.0):
        self.shift = shift

    def fit(self, X, y):
        """Take the mean."""
        self.mean_ = np.mean(y) + self.shift
        return self

    def predict(self, X):
        print("predicting")
        return np.full(len(X), self.mean_)


# -- what counts as a fit


@pytest.mark.parametrize(
    "estimator",
    [
        make_pipeline(StandardScaler(), LogisticRegression(max_iter=200)),
        HistGradientBoostingClassifier(max_iter=3, early_stopping=True),
        VotingClassifier([("a", LogisticRegression(max_iter=200)), ("b", KNeighborsClassifier())]),
        StackingClassifier([("a", KNeighborsClassifier())], LogisticRegression(max_iter=200), cv=2),
        CalibratedClassifierCV(KNeighborsClassifier(), cv=2),
        OneVsRestClassifier(LogisticRegression()),
        GridSearchCV(KNeighborsClassifier(), {"n_neighbors": [1, 3]}, cv=2),
        RandomForestClassifier(3, n_jobs=2),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_an_estimator_that_fits_others_is_one_fit(seen, estimator):
    """What runs inside, in this thread or in others, is not the user's."""
    estimator.fit(X, Y)
    assert seen.names == [type(estimator).__name__]


def test_every_way_to_fit_is_one_fit(seen):
    """`fit_predict`, `fit_transform` and `partial_fit` call `fit` inside, or not; each is said once."""
    KMeans(2, n_init=1).fit_predict(X)
    StandardScaler().fit_transform(X)
    SGDClassifier().partial_fit(X, Y, classes=[0, 1, 2])
    make_pipeline(StandardScaler(), KMeans(2, n_init=1)).fit_predict(X)
    assert [(name, fit.method) for name, fit in zip(seen.names, seen.fits, strict=True)] == [
        ("KMeans", "fit_predict"),
        ("StandardScaler", "fit_transform"),
        ("SGDClassifier", "partial_fit"),
        ("Pipeline", "fit_predict"),
    ]
    assert all(fit.seconds > 0 for fit in seen.fits)


def test_a_transformer_of_the_users_own_is_seen_through_scikit_learns_wrapper(seen):
    """scikit-learn wraps `fit_transform` of a new class itself."""

    class Double(TransformerMixin, BaseEstimator):
        def fit(self, X, y=None):
            return self

        def fit_transform(self, X, y=None):
            return X * 2

        def transform(self, X):
            return X * 2

        def get_feature_names_out(self, names=None):
            return names

    Double().set_output(transform="pandas").fit_transform(pd.DataFrame({"a": [1.0]}))
    assert seen.names == ["Double"]


def test_a_fit_that_raises_is_no_fit_and_its_traceback_has_one_more_hidden_frame(seen):
    with pytest.raises(ValueError, match="inconsistent") as caught:
        Ridge().fit(X, Y[:3])
    assert seen.fits == []
    ours = [
        entry.frame
        for entry in caught.traceback
        if "trackbook" in Path(entry.path).parts and "tests" not in Path(entry.path).parts
    ]
    assert len(ours) == 1 and ours[0].f_locals["__tracebackhide__"]
    Ridge().fit(X, Y)
    assert seen.names == ["Ridge"]


def test_threads_of_the_users_are_seen(seen):
    threads = [threading.Thread(target=Ridge().fit, args=(X, Y)) for _ in range(2)]
    for thread in threads:
        thread.start()
        thread.join()
    assert seen.names == []  # the thread calls the method itself: no code of the user's does
    thread = threading.Thread(target=lambda: Ridge().fit(X, Y))
    thread.start()
    thread.join()
    assert seen.names == ["Ridge"]


def test_code_of_the_users_that_scikit_learn_calls_is_inside(seen):
    """A scorer of the user's calls metrics in cross-validation; they are no results of the user's."""

    def scorer(estimator, x, y):
        return accuracy_score(y, estimator.predict(x))

    cross_validate(KNeighborsClassifier(), X, Y, cv=2, scoring=scorer)
    learning_curve(KNeighborsClassifier(), X, Y, cv=2, scoring=scorer, train_sizes=[0.9])
    cross_val_predict(KNeighborsClassifier(), X, Y, cv=2)
    GridSearchCV(KNeighborsClassifier(), {"p": [1]}, cv=2, scoring=scorer).fit(X, Y)
    assert (seen.measurements, seen.names) == ([], ["GridSearchCV"])
    assert [validation.name for validation in seen.validations] == ["cross_validate"]


# -- scikit-learn as it was


def test_classes_are_as_they_were():
    """On the class there is the method itself."""
    assert isinstance(inspect.getattr_static(Ridge, "fit"), WatchedMethod)
    assert inspect.isfunction(Ridge.fit) and "trackbook" not in inspect.getsourcefile(Ridge.fit)
    assert list(inspect.signature(Ridge().fit).parameters) == ["X", "y", "sample_weight"]
    assert Mean.fit.__doc__ == "Take the mean." and Mean().fit.__name__ == "fit"
    assert Ridge().get_metadata_routing() is not None
    assert Ridge().__sklearn_tags__().estimator_type == "regressor"
    assert not hasattr(make_pipeline(StandardScaler()), "fit_predict")
    assert hasattr(GridSearchCV(Ridge(), {}), "score")


def test_while_observed_too(seen):
    model = clone(Ridge(alpha=2.0)).fit(X, Y)
    check_is_fitted(model)
    assert list(inspect.signature(model.fit).parameters) == ["X", "y", "sample_weight"]
    assert model.fit.__self__ is model and pickle.loads(pickle.dumps(model.fit)).__self__.alpha == 2.0
    assert b"trackbook" not in pickle.dumps(model)
    assert not hasattr(make_pipeline(StandardScaler()), "fit_predict")


def test_a_class_that_is_pickled_by_value_holds_nothing_of_trackbook():
    """cloudpickle takes a class of the main module apart; what it finds must load where Trackbook is not."""
    source = inspect.getsource(Mean).replace("(RegressorMixin, BaseEstimator)", "(BaseEstimator)")
    namespace = {"BaseEstimator": BaseEstimator, "np": np, "__name__": "__main__"}
    exec(source, namespace)
    assert isinstance(namespace["Mean"].__dict__["fit"], WatchedMethod)
    data = cloudpickle.dumps(namespace["Mean"](2.0))
    assert b"trackbook" not in data
    assert pickle.loads(data).fit(X, Y).mean_ == 3.0


# -- params


def test_params_of_nested_estimators_have_scikit_learns_own_names():
    columns = ColumnTransformer([("scale", StandardScaler(with_mean=False), [0])])
    params = estimator_params(Pipeline([("columns", columns), ("model", LogisticRegression(C=0.5))]))
    assert params["model__C"] == "0.5"
    assert params["columns__scale__with_mean"] == "False"
    assert params["model"] == "LogisticRegression(C=0.5)"
    assert next(iter(params)) in {"memory", "steps"}  # the estimator's own come first
    many = VotingClassifier([(f"m{number}", RandomForestClassifier()) for number in range(30)])
    assert len(estimator_params(many)) == MAX_PARAMS


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"), (True, "True"), (0.1, "0.1"), ("l2", "l2"), (np.float64(0.5), "0.5"), (np.int64(3), "3"),
        (np.zeros(3), "array(shape=(3,), dtype=float64)"), (np.array(2), "2"), ((1, 2), "(1, 2)"), (np.mean, "mean"),
        ({"a": [1, "b"]}, "{'a': [1, 'b']}"), (np.random.RandomState(0), "<RandomState>"), (Ridge, "Ridge"),
        (KNeighborsClassifier(3), "KNeighborsClassifier(n_neighbors=3)"), (float("nan"), "nan"),
    ],
)  # fmt: skip
def test_values_have_short_texts(value, text):
    assert value_text(value) == text


def test_hostile_values_are_never_asked_for_their_text():
    class Hostile:
        def __repr__(self):
            raise AssertionError

        __str__ = __eq__ = __hash__ = __getattribute__ = __repr__

    recursive = []
    recursive.append(recursive)
    assert value_text(Hostile()) == "<Hostile>"
    assert value_text(recursive) == "[[[[…]]]]"
    assert len(value_text("x" * 10**6)) == len(value_text(["y" * 10**6])) == MAX_PARAM_LENGTH


@pytest.mark.parametrize("fault", [ValueError("no"), RecursionError(), KeyError("x")])
def test_an_estimator_that_cannot_name_its_params_has_none(fault):
    class Odd(Mean):
        def get_params(self, deep=True):
            raise fault

    assert estimator_params(Odd()) == {}


# -- the training score


def score_of(seen, estimator, *arguments, **keywords):
    estimator.fit(*arguments, **keywords)
    return training_score(seen.fits[-1])


def test_the_training_score_is_the_estimators_own(seen):
    model = LogisticRegression(max_iter=300)
    assert score_of(seen, model, X, Y).value == model.score(X, Y)
    weights = np.where(Y == 1, 9.0, 1.0)
    assert score_of(seen, model, X, Y, sample_weight=weights).value == model.score(X, Y, weights)
    frame, names = pd.DataFrame(X, columns=list("abcd")), pd.Series(Y, index=range(5, 155))
    assert score_of(seen, model, frame, y=names).value == model.score(frame, names)
    assert score_of(seen, Ridge(), X.tolist(), Y.tolist()).value == pytest.approx(Ridge().fit(X, Y).score(X, Y))


def test_what_has_no_targets_has_no_training_score(seen):
    assert score_of(seen, KMeans(2, n_init=1), X) == score_of(seen, StandardScaler(), X, Y)


def test_an_expensive_score_is_estimated_and_left_out(seen):
    x, y = np.random.default_rng(0).normal(size=(20_000, 20)), np.arange(20_000) % 3
    score = score_of(seen, KNeighborsClassifier(algorithm="brute"), x, y)
    assert score.value is None and score.skipped.startswith("it would take about")


def test_code_of_the_users_is_not_run_again(seen, capsys):
    """A prediction of the user's own may print, count or take its time."""
    assert "Mean is the user's own code" in score_of(seen, Mean(), X, Y).skipped
    own = make_pipeline(FunctionTransformer(lambda x: x), Ridge())
    assert "user's own code" in score_of(seen, own, X, Y).skipped
    assert "verbose" in score_of(seen, RandomForestClassifier(2, verbose=1), X, Y).skipped
    assert "predicting" not in capsys.readouterr().out


def test_generators_of_random_numbers_are_left_as_they_were(seen):
    """A stratified dummy predicts at random; so do others, from the global generator or from one of their own."""
    own = np.random.RandomState(3)
    for state in (None, own):
        model = DummyClassifier(strategy="stratified", random_state=state).fit(X, Y)
        np.random.seed(1)
        random.seed(1)
        before = (np.random.get_state()[1].copy(), own.get_state()[1].copy(), own.get_state()[2], random.getstate())
        assert training_score(seen.fits[-1]).value is not None
        after = (np.random.get_state()[1], own.get_state()[1], own.get_state()[2], random.getstate())
        assert all(
            np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b for a, b in zip(before, after, strict=True)
        )
        assert model is seen.fits[-1].estimator


def test_warnings_of_the_score_are_not_shown(seen):
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = Ridge().fit(frame, Y)
    fit = seen.fits[-1]
    del model.feature_names_in_  # predicting from a frame now warns
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        training_score(fit)
    assert caught == []


# -- metrics


def test_reports_become_numbers_by_class_and_measure(seen):
    predicted = np.where(Y == 2, 1, Y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report = classification_report(Y, predicted, output_dict=True)
        prf(Y, predicted)
    first, second = [numbers(each.name, each.value, each.given) for each in seen.measurements]
    assert first["macro avg.recall"] == report["macro avg"]["recall"] and first["1.precision"] == 0.5
    assert (second["1.precision"], second["2.recall"], second["0.support"]) == (0.5, 0.0, 50.0)


def test_tables(seen):
    confusion_matrix(["a", "b"], ["a", "a"])
    classification_report([0, 1], [0, 1])
    matrix, report = [table(each.name, each.value, each.given) for each in seen.measurements]
    assert matrix[0] == "json" and b'"a"' in matrix[1]
    assert report[0] == "txt" and b"macro avg" in report[1]


def test_many_classes_are_not_many_metrics(seen):
    many = np.arange(300)
    f1_score(many, many, average=None)
    classification_report(many, many, output_dict=True)
    assert [numbers(each.name, each.value, each.given) for each in seen.measurements] == [{}, {}]


def test_scorers_have_the_names_that_scikit_learn_lists_them_under(seen):
    model = LogisticRegression(max_iter=300).fit(X, Y)
    for name in ("f1_macro", "neg_log_loss", "roc_auc_ovr", "accuracy"):
        assert scorer_name(get_scorer(name)) == name
        get_scorer(name)(model, X, Y)
    assert [each.name for each in seen.measurements] == ["f1_macro", "neg_log_loss", "roc_auc_ovr", "accuracy"]
    assert seen.measurements[1].value < 0


# -- searches


def test_the_best_candidates_of_many_are_kept():
    search = GridSearchCV(Ridge(), {"alpha": np.linspace(0.1, 50, MAX_CANDIDATES + 20)}, cv=2).fit(X[::5], Y[::5])
    found = search_results(search)
    assert (found.tried, len(found.candidates)) == (MAX_CANDIDATES + 20, MAX_CANDIDATES)
    assert found.candidates[0].params == found.best_params == {"alpha": str(search.best_params_["alpha"])}
    assert found.candidates[0].metrics["mean_test_score"] == found.best_score
    assert all(candidate.seconds > 0 for candidate in found.candidates)


def test_a_search_under_several_metrics_without_refit_has_candidates_and_no_best():
    search = GridSearchCV(
        DummyClassifier(), {"strategy": ["prior", "uniform"]}, cv=2, scoring=["accuracy", "f1_macro"], refit=False
    )
    found = search_results(search.fit(X, Y))
    assert (found.best_params, found.best_score) == ({}, None)
    assert {"mean_test_accuracy", "rank_test_f1_macro"} <= found.candidates[0].metrics.keys()


def test_what_is_no_search_has_no_results():
    class Own(ClassifierMixin, BaseEstimator):
        cv_results_ = None

    assert search_results(Own()) is None and search_results(Ridge()) is None
