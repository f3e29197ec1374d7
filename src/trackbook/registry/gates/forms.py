"""Scorers of scikit-learn in forms that a bootstrap draws quickly; `measures` proves each against the scorer itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from trackbook.registry.gates.replies import Replies
from trackbook.registry.gates.statistics.measured import Cells, Floats, Ints, Means, Measured, Weighted

MAX_LABELS = 24

Form = Callable[[Any, Sequence[Replies], Ints], Measured | None]
"""Takes all true values, the replies of the models and the places of the rows to measure; None where it cannot."""


def _rows(of: Callable[[Any, Replies], Any], truth: Any, replies: Sequence[Replies], places: Ints) -> Measured:
    return Means(np.stack([of(truth, each)[places] for each in replies], axis=1), lambda means: means)


def _absolute(truth: Any, replies: Replies) -> Any:
    return -np.abs(truth.astype(float) - replies.labels)


def _squared(truth: Any, replies: Replies) -> Any:
    return -((truth.astype(float) - replies.labels) ** 2)


def _log(truth: Any, replies: Replies) -> Any:
    chances = np.asarray(replies.probabilities, dtype=float)
    edge = np.finfo(chances.dtype).eps
    return np.log(np.clip(_of_truth(truth, replies, chances), edge, 1 - edge))


def _brier(truth: Any, replies: Replies) -> Any:
    if len(replies.classes) != 2:
        raise ValueError("of two classes only")
    return -((1 - _of_truth(truth, replies, np.asarray(replies.probabilities, dtype=float))) ** 2)


def _of_truth(truth: Any, replies: Replies, chances: Any) -> Any:
    classes = np.asarray(replies.classes)
    places = np.searchsorted(classes, truth)
    if (places >= len(classes)).any() or (classes[np.minimum(places, len(classes) - 1)] != truth).any():
        raise ValueError("a true value is none of the classes")
    return chances[np.arange(len(truth)), places]


def _root_squared(truth: Any, replies: Sequence[Replies], places: Ints) -> Measured:
    squares = np.stack([_squared(truth, each)[places] for each in replies], axis=1)
    return Means(squares, lambda means: -np.sqrt(-means))


def _r2(truth: Any, replies: Sequence[Replies], places: Ints) -> Measured:
    known = truth.astype(float)[places]
    known = known - known.mean()  # as numbers far from 0 lose their digits when they are squared
    squares = [-_squared(truth, each)[places] for each in replies]
    columns = np.stack([known, known**2, *squares], axis=1)

    def of(means: Floats) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(1 - means[..., 2:] / (means[..., 1:2] - means[..., 0:1] ** 2))

    return Means(columns, of)


def _confused(
    of: Callable[[Floats, Any], Any], truth: Any, replies: Sequence[Replies], places: Ints
) -> Measured | None:
    """Measure by tables of true and predicted labels: `of` takes tables (…, true, predicted) and the labels."""
    known = [truth[places], *(each.labels[places] for each in replies)]
    labels, codes = np.unique(np.concatenate(known), return_inverse=True)
    if len(labels) > MAX_LABELS:
        return None
    coded = codes.reshape(len(known), -1)
    cells, counts = np.unique(coded, axis=1, return_counts=True)
    size = len(labels)
    tables = np.zeros((len(replies), cells.shape[1], size * size))
    for at in range(len(replies)):
        tables[at, np.arange(cells.shape[1]), cells[0] * size + cells[at + 1]] = 1

    def measure(found: Floats) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            shape = (*found.shape[:-1], size, size)
            return np.stack([of((found @ table).reshape(shape), labels) for table in tables], axis=-1)

    return Cells(counts, measure)


def _accuracy(table: Floats, labels: Any) -> Any:
    return np.trace(table, axis1=-2, axis2=-1) / table.sum(axis=(-2, -1))


def _balanced(table: Floats, labels: Any) -> Any:
    hits, true = np.diagonal(table, axis1=-2, axis2=-1), table.sum(axis=-1)
    shares = np.where(true > 0, hits / np.where(true > 0, true, 1), 0)
    return shares.sum(axis=-1) / (true > 0).sum(axis=-1)


def _matthews(table: Floats, labels: Any) -> Any:
    rows, hits = table.sum(axis=(-2, -1)), np.trace(table, axis1=-2, axis2=-1)
    true, said = table.sum(axis=-1), table.sum(axis=-2)
    spread = (rows**2 - (true**2).sum(axis=-1)) * (rows**2 - (said**2).sum(axis=-1))
    above = hits * rows - (true * said).sum(axis=-1)
    return np.where(spread > 0, above / np.sqrt(np.where(spread > 0, spread, 1)), 0)


def _averaged(kind: str, average: str, table: Floats, labels: Any) -> Any:
    hits = np.diagonal(table, axis1=-2, axis2=-1)
    true, said = table.sum(axis=-1), table.sum(axis=-2)
    above, below = {"precision": (hits, said), "recall": (hits, true), "f1": (2 * hits, true + said)}[kind]
    if average == "micro":
        return above.sum(axis=-1) / below.sum(axis=-1)
    values = np.where(below > 0, above / np.where(below > 0, below, 1), 0)
    if average == "binary":
        return values[..., list(labels).index(1)]
    weights = true if average == "weighted" else (true + said > 0).astype(float)
    return (values * weights).sum(axis=-1) / weights.sum(axis=-1)


def _ranked(of: Callable[[Floats, Floats], Any], truth: Any, replies: Sequence[Replies], places: Ints) -> Measured:
    """Measure by ranks: `of` takes the weights of positive and of all rows by threshold, the highest first."""
    classes = replies[0].classes
    if classes is None or len(classes) != 2:
        raise ValueError("of two classes only")
    positive = (truth[places] == classes[1]).astype(float)
    plans = []
    for each in replies:
        scores = each.scores[places]
        order = np.argsort(-scores, kind="stable")
        starts = np.flatnonzero(np.r_[True, np.diff(scores[order]) != 0])
        plans.append((order, starts if len(starts) < len(order) else None, positive[order]))

    def measure(weights: Floats) -> Floats:
        found = []
        for order, starts, positives in plans:
            every = weights.take(order)
            hits = every * positives
            if starts is not None:  # several rows at one threshold
                every, hits = np.add.reduceat(every, starts), np.add.reduceat(hits, starts)
            found.append(of(hits, every))
        return np.array(found)

    return Weighted(len(places), measure)


def _area(hits: Floats, every: Floats) -> float:
    above = np.cumsum(hits)
    total = above[-1] * (every.sum() - above[-1])
    above -= hits / 2
    return float((above * (every - hits)).sum() / total) if total > 0 else float("nan")


def _precision(hits: Floats, every: Floats) -> float:
    found, said = np.cumsum(hits), np.cumsum(every)
    total = found[-1]
    np.divide(found, said, out=found, where=said > 0)  # where nothing is said, nothing is hit
    return float((hits * found).sum() / total) if total > 0 else float("nan")


FORMS: dict[str, Form] = {
    "neg_mean_absolute_error": partial(_rows, _absolute),
    "neg_mean_squared_error": partial(_rows, _squared),
    "neg_log_loss": partial(_rows, _log),
    "neg_brier_score": partial(_rows, _brier),
    "neg_root_mean_squared_error": _root_squared,
    "r2": _r2,
    "accuracy": partial(_confused, _accuracy),
    "balanced_accuracy": partial(_confused, _balanced),
    "matthews_corrcoef": partial(_confused, _matthews),
    "roc_auc": partial(_ranked, _area),
    "average_precision": partial(_ranked, _precision),
    **{
        kind if average == "binary" else f"{kind}_{average}": partial(_confused, partial(_averaged, kind, average))
        for kind in ("f1", "precision", "recall")
        for average in ("binary", "macro", "micro", "weighted")
    },
}
