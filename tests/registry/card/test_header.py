"""The header of Hugging Face: YAML that PyYAML and `huggingface_hub` read as it was meant."""

from __future__ import annotations

import math

import pytest
import yaml

from support.cards import EVIL, card_of, hostile, read, run_of, version_of
from trackbook.registry.card.header import header


def loaded(card):
    text = header(card)
    assert text.startswith("---\n") and text.endswith("\n---")
    return yaml.safe_load(text[3:-3])


def test_a_header_names_library_tags_metrics_and_results():
    """What is known stands where Hugging Face looks for it."""
    run = run_of([read("frame")])
    found = loaded(card_of(version_of(metrics={"accuracy": 0.9}, tags={"license": "mit", "team": "a"}), run=run))
    assert found == {
        "model_name": "churn",
        "library_name": "sklearn",
        "license": "mit",
        "tags": ["trackbook", "skops", "tabular-classification", "license:mit", "team:a"],
        "metrics": ["accuracy"],
        "model-index": [
            {
                "name": "churn",
                "results": [
                    {
                        "task": {"type": "tabular-classification"},
                        "dataset": {"type": "trackbook", "name": "among the data that the run read: frame"},
                        "metrics": [{"type": "accuracy", "name": "accuracy", "value": 0.9}],
                    }
                ],
            }
        ],
    }


def test_what_is_not_known_is_left_out(bare):
    """No licence, metric or result is made up."""
    assert set(loaded(bare)) == {"model_name", "library_name", "tags"}


@pytest.mark.parametrize("value", [1e-5, 1e22, -0.0, 3.0, math.inf, -math.inf, 5e-324])
def test_numbers_are_read_as_the_numbers_they_are(value):
    """YAML 1.1 takes 1e-05 for a text; the header writes what it takes for a number."""
    (result,) = loaded(card_of(version_of(metrics={"r2": value})))["model-index"][0]["results"]
    assert result["metrics"][0]["value"] == value and result["task"] == {"type": "tabular-regression"}


def test_hostile_text_stays_in_its_quotes():
    """Line ends, quotes and document marks in stored text end no value."""
    found = loaded(hostile())
    shown = " ".join(EVIL.replace("\u202e", "\ufffd").replace("\u2066", "\ufffd").split())
    assert found["license"] == shown and found["metrics"] == [shown]


def test_hugging_face_reads_the_card():
    """`ModelCard` and `EvalResult` of huggingface_hub take the header as their own."""
    hub = pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed here")
    card = hub.ModelCard(card_of(version_of(metrics={"accuracy": 0.9, "recall": 0.5})).to_markdown())
    assert card.data.library_name == "sklearn"
    assert [(each.metric_type, each.metric_value) for each in card.data.eval_results] == [
        ("accuracy", 0.9),
        ("recall", 0.5),
    ]
