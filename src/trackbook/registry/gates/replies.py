"""What a model says about held-out rows, asked once each way and replayed to scorers as often as they like."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np


class Replies:
    """The answers of one model to the rows `features`; raises what the model raises."""

    def __init__(self, model: Any, features: Any) -> None:
        self._model = model
        self._features = features

    @cached_property
    def labels(self) -> Any:
        """What `predict` says, one value a row."""
        return self._checked(self._model.predict(self._features), "predict")

    @cached_property
    def probabilities(self) -> Any:
        """What `predict_proba` says: (rows, classes)."""
        return self._checked(self._model.predict_proba(self._features), "predict_proba")

    @cached_property
    def decisions(self) -> Any:
        """What `decision_function` says."""
        return self._checked(self._model.decision_function(self._features), "decision_function")

    @cached_property
    def scores(self) -> Any:
        """One number a row, higher for the second of two classes: the decision function, else the probability."""
        if hasattr(self._model, "decision_function"):
            return np.asarray(self.decisions, dtype=float)
        return np.asarray(self.probabilities, dtype=float)[:, 1]

    @property
    def classes(self) -> Any:
        """The classes of a classifier in the order of its probabilities; None for other models."""
        return getattr(self._model, "classes_", None)

    @cached_property
    def replay(self) -> Any:
        """A model whose input is the places of rows, and whose answers are those that were given for them."""
        return _replayed(self._model)(self)

    def offers(self, method: str) -> bool:
        """Say whether the model has this method."""
        return hasattr(self._model, method)

    def _checked(self, answers: Any, method: str) -> Any:
        found, rows = np.asarray(answers), len(self._features)
        if found.ndim == 2 and found.shape[1] == 1:
            found = found.ravel()
        if len(found) != rows:
            raise ValueError(f"{method} gave {len(found)} answers to {rows} rows")
        if found.dtype.kind == "f" and not np.isfinite(found).all():
            raise ValueError(f"{method} gave {int((~np.isfinite(found)).sum())} values that are no finite numbers")
        return found


def _replayed(model: Any) -> type:
    """Return the class whose objects replay: of a classifier or regressor one, as scorers ask which it is."""
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, is_classifier, is_regressor

    try:
        kinds = [ClassifierMixin] * is_classifier(model) + [RegressorMixin] * is_regressor(model)
    except (AttributeError, TypeError):  # no estimator of scikit-learn's making
        kinds = [ClassifierMixin] if hasattr(model, "classes_") else []
    return type("Replayed", (_Replayed, *kinds, BaseEstimator), {})


_ANSWERS = {"predict": "labels", "predict_proba": "probabilities", "decision_function": "decisions"}


class _Replayed:
    """Answers for rows by their places; has the methods that the model has."""

    def __init__(self, replies: Replies) -> None:
        self.replies = replies
        self.fitted_ = True
        if replies.classes is not None:
            self.classes_ = replies.classes

    def __getattr__(self, name: str) -> Any:
        answers = _ANSWERS.get(name)
        if answers is None or not self.__dict__["replies"].offers(name):
            raise AttributeError(name)

        def answer(places: Any) -> Any:
            return getattr(self.replies, answers)[np.asarray(places).ravel()]

        answer.__name__ = name  # which scorers look at
        return answer
