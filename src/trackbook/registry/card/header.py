"""The header of a model card on Hugging Face: YAML that its `ModelCard` and `EvalResult` read.

Written as JSON values under block keys, which YAML takes as they are; stored text can therefore not leave its quotes.
Source of the fields: https://huggingface.co/docs/hub/model-cards#model-card-metadata
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator

from trackbook.registry.card.evidence import LESS
from trackbook.registry.card.values import Measure, ModelCard
from trackbook.tracking.names import is_automatic
from trackbook.tracking.words import printable

LIBRARIES = {
    "skops": "sklearn",
    "xgboost": "xgboost",
    "lightgbm": "lightgbm",
    "pytorch": "pytorch",
    "torch": "pytorch",
    "onnx": "onnx",
}
"""What Hugging Face calls the library that loads a format."""

CLASSIFIES = ("accuracy", "auc", "f1", "precision", "recall", "log_loss", "brier", "average_precision")
REGRESSES = ("r2", "mae", "mse", "rmse", "mean_absolute", "mean_squared", "median_absolute", "explained_variance")


def header(card: ModelCard) -> str:
    """Return the YAML between its two rules."""
    return "\n".join(["---", *_lines(card), "---"])


def _lines(card: ModelCard) -> Iterator[str]:
    yield f"model_name: {_text(card.name)}"
    if card.format in LIBRARIES:
        yield f"library_name: {LIBRARIES[card.format]}"
    if card.licence:
        yield f"license: {_text(card.licence)}"
    task = task_of(card)
    tags = [
        "trackbook",
        card.format,
        *([task] if task else []),
        *(f"{key}:{value}" for key, value in card.tags.items()),
    ]
    yield "tags:"
    yield from (f"- {_text(tag)}" for tag in dict.fromkeys(tags))
    measures = [each for each in card.measures if _is_of_the_model(each)]
    named = dict.fromkeys(each.metric for each in measures)
    if named:
        yield "metrics:"
        yield from (f"- {_text(name)}" for name in named)
    whole = [each for each in measures if each.slice is None and each.value is not None]
    if whole:
        yield "model-index:"
        yield f"- name: {_text(card.name)}"
        yield "  results:"
        for each in whole:
            yield from _result(card, each, task or "other")


def _is_of_the_model(measure: Measure) -> bool:
    """Say whether others would compare by it: not what every fit leaves, and no difference to another model."""
    return not is_automatic(measure.metric) and not measure.metric.endswith(LESS.format(""))


def task_of(card: ModelCard) -> str | None:
    """Return the task as its metrics tell it, None when they tell of none or of both."""
    names = [each.metric.lower() for each in card.measures]
    found = [any(part in name for name in names for part in parts) for parts in (CLASSIFIES, REGRESSES)]
    return {(True, False): "tabular-classification", (False, True): "tabular-regression"}.get((found[0], found[1]))


def _result(card: ModelCard, measure: Measure, task: str) -> Iterator[str]:
    yield f"  - task: {{type: {_text(task)}}}"
    yield f"    dataset: {{type: trackbook, name: {_text(_dataset(card, measure))}}}"
    yield "    metrics:"
    yield f"    - {{type: {_text(measure.metric)}, name: {_text(measure.metric)}, value: {_number(measure.value)}}}"


def _dataset(card: ModelCard, measure: Measure) -> str:
    if measure.data:
        return measure.data
    read = [each.uri or each.name for each in card.data]
    return f"among the data that the run read: {', '.join(read)}" if read else "not recorded"


def _text(text: str) -> str:
    return json.dumps(" ".join(printable(text).encode("utf-8", "replace").decode().split()), ensure_ascii=False)


def _number(value: float | None) -> str:
    if value is None or math.isnan(value):
        return ".nan"
    if math.isinf(value):
        return ".inf" if value > 0 else "-.inf"
    mantissa, sign, exponent = repr(float(value)).partition("e")  # YAML 1.1 knows no 1e-05, only 1.0e-05
    return f"{mantissa if '.' in mantissa else f'{mantissa}.0'}{sign}{exponent}"
