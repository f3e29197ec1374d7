"""What metric functions return: numbers, or reports and matrices that become numbers and a table."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Mapping
from typing import Any

SCALARS = ("_score", "_loss", "_error", "coef", "_deviance", "auc")
"""How the names of scikit-learn's metric functions end that return one number."""

REPORTS = frozenset(
    {
        "class_likelihood_ratios", "classification_report", "confusion_matrix", "homogeneity_completeness_v_measure",
        "multilabel_confusion_matrix", "pair_confusion_matrix", "precision_recall_fscore_support",
    }
)  # fmt: skip
FIELDS = {
    "class_likelihood_ratios": ("positive", "negative"),
    "homogeneity_completeness_v_measure": ("homogeneity", "completeness", "v_measure"),
    "precision_recall_fscore_support": ("precision", "recall", "f1-score", "support"),
}
"""What the items of a returned tuple are, in the words of `classification_report`."""

MAX_NUMBERS = 60
"""Of one report; a report with more classes has a table only."""

MAX_CELLS = 10_000
MAX_LABEL = 60


def is_metric(name: str) -> bool:
    """Say whether a function of `sklearn.metrics` returns a metric or a report of metrics."""
    return name.endswith(SCALARS) or name in REPORTS


def as_number(value: Any) -> float | None:
    """Return a real scalar as a float, or None for anything else."""
    try:
        if isinstance(value, bool) or getattr(value, "ndim", 0) != 0:
            return None
        number = float(value)
        return number if isinstance(value, int | float) or hasattr(value, "dtype") or math.isfinite(number) else None
    except Exception:  # noqa: BLE001 - the value may be any object of the user's
        return None


def numbers(name: str, value: Any, given: Mapping[str, Any]) -> dict[str, float]:
    """Return the numbers of a report by what each is, such as `macro avg.recall`; none when there are too many."""
    if name in REPORTS and name not in FIELDS and not isinstance(value, dict):
        return {}  # counts: a matrix is looked at, not searched
    found: dict[str, float] = {}
    for key, number in _leaves(value, FIELDS.get(name, ()), _labels(value, given)):
        found[key] = number
        if len(found) > MAX_NUMBERS:
            return {}
    return found


def table(name: str, value: Any, given: Mapping[str, Any]) -> tuple[str, bytes] | None:
    """Return a report as the ending of a file's name and its content; None for what needs no table."""
    if name not in REPORTS:
        return None
    if isinstance(value, str):
        return "txt", value.encode()
    content: dict[str, Any] = {"labels": _matrix_labels(value, given)} if hasattr(value, "tolist") else {}
    if getattr(value, "size", 0) > MAX_CELLS:
        return None
    if isinstance(value, tuple) and name in FIELDS:
        content |= {field: _plain(item) for field, item in zip(FIELDS[name], value, strict=False)}
    elif isinstance(value, dict):
        content |= value
    else:
        content["values"] = _plain(value)
    return "json", json.dumps(content, indent=1, default=_plain).encode()


def scorer_name(scorer: Any) -> str:
    """Return the name under which scikit-learn lists a scorer; else the name of its function, `neg_` when negated."""
    known = getattr(sys.modules.get("sklearn.metrics._scorer"), "_SCORERS", {})
    marks = _marks(scorer)
    if marks is None:
        return "score"
    listed = next((name for name, other in known.items() if _marks(other) == marks), None)
    function, sign = marks[:2]
    return listed or ("" if sign > 0 else "neg_") + str(getattr(function, "__name__", "score"))


def _marks(scorer: Any) -> tuple[Any, Any, Any, Any] | None:
    try:
        return scorer._score_func, scorer._sign, scorer._kwargs, str(scorer._response_method)
    except AttributeError:
        return None


def _leaves(value: Any, fields: tuple[str, ...], labels: list[str] | None) -> Iterator[tuple[str, float]]:
    """Yield the numbers in dicts, tuples and one-dimensional arrays, with what leads to each."""
    number = as_number(value)
    if number is not None:
        yield "", number
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from ((_joined(_text(key), rest), leaf) for rest, leaf in _leaves(item, (), labels))
    elif isinstance(value, tuple):
        for field, item in zip(fields, value, strict=False):
            # Of one class, in the order in which `classification_report` names them: the class, then the measure.
            yield from ((_joined(rest, field), leaf) for rest, leaf in _leaves(item, (), labels))
    elif getattr(value, "ndim", None) == 1 and len(value) <= MAX_NUMBERS:
        names = labels if labels is not None and len(labels) == len(value) else map(str, range(len(value)))
        for label, item in zip(names, value, strict=True):
            leaf = as_number(item)
            if leaf is not None:
                yield label, leaf


def _joined(first: str, second: str) -> str:
    return ".".join(part for part in (first, second) if part)


def _labels(value: Any, given: Mapping[str, Any]) -> list[str] | None:
    """Return the classes that a one-dimensional result counts over, when they were said or can be counted."""
    sizes = {len(part) for part in (value if isinstance(value, tuple) else (value,)) if getattr(part, "ndim", 0) == 1}
    if not sizes:
        return None
    try:
        return _classes(given)
    except Exception:  # noqa: BLE001 - continuous targets, say, have no classes; the places count instead
        return None


def _matrix_labels(value: Any, given: Mapping[str, Any]) -> list[str] | None:
    try:
        labels = _classes(given)
    except Exception:  # noqa: BLE001 - as above
        return None
    return labels if len(labels) == len(value) else None


def _classes(given: Mapping[str, Any]) -> list[str]:
    from sklearn.utils.multiclass import unique_labels  # the caller has scikit-learn already

    said = given.get("labels")
    return [_text(label) for label in (unique_labels(given["y_true"], given["y_pred"]) if said is None else said)]


def _text(label: Any) -> str:
    text = str(label.item() if hasattr(label, "item") else label)
    return "".join(character if character.isprintable() else "?" for character in text)[:MAX_LABEL]


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value
