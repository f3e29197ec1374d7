"""What gates kept as evidence, as metrics with intervals, by slice and by group."""

from __future__ import annotations

import pytest

from support.cards import card_of, version_of
from trackbook.registry.compare import Side, compare
from trackbook.registry.gates.result import GateResult
from trackbook.settings import ChampionGate, FairnessGate, LatencyGate, SlicesGate

HELD_OUT = {"data": "data:/people@2", "target": "y"}
DIGEST, CHAMPION = "d" * 64, "c" * 64
COMPARED = {"rows": 200, "candidate": 0.9, "champion": 0.85, "difference": 0.05, "low": 0.01, "high": 0.09,
            "own_low": 0.85, "own_high": 0.93}  # fmt: skip


def result(gate, evidence, digest=DIGEST):
    return GateResult(gate, "production", True, "said", None, digest, 0, evidence, {"champion": CHAMPION})


def numbers(measure):
    return measure.metric, measure.slice, measure.rows, measure.value, measure.low, measure.high


CHAMPION_RESULT = result(
    ChampionGate(metric="accuracy", **HELD_OUT), {"n": 200, "candidate": 0.9, "comparison": COMPARED}
)
SLICES_RESULT = result(
    SlicesGate(metric="roc_auc", by=("sex",), **HELD_OUT),
    {"slices": [{"slice": "sex = f", **COMPARED}, {"slice": "sex = m", "rows": 3, "verdict": "too small"}]},
)


def test_a_comparison_gives_the_metric_and_what_it_is_more_than_the_champions():
    """The metric has its own interval; the difference has that of the paired test."""
    card = card_of(version_of(gates=(CHAMPION_RESULT,)))
    (recorded, accuracy), (less,) = card.measures, card.differences
    assert numbers(recorded) == ("accuracy", None, None, 0.9, None, None)
    assert numbers(accuracy) == ("accuracy", None, 200, 0.9, 0.85, 0.93)
    assert accuracy.data == "data:/people@2" and accuracy.source == "gate champion"
    assert numbers(less) == ("accuracy less the champion's", None, 200, 0.05, 0.01, 0.09)
    assert less.confidence == pytest.approx(0.9), "each limit is 0.95 sure, so both together are 0.9"


def test_slices_stand_one_by_one():
    """A slice that is too small has no number."""
    card = card_of(version_of(metrics={}, gates=(SLICES_RESULT,)))
    assert [numbers(each) for each in (*card.measures, *card.differences)] == [
        ("roc_auc", "sex = f", 200, 0.9, 0.85, 0.93),
        ("roc_auc", "sex = m", 3, None, None, None),
        ("roc_auc less the champion's", "sex = f", 200, 0.05, 0.01, 0.09),
    ]
    assert (
        "| roc\\_auc | sex = f | 0.9 | 0.85 to 0.93 (0.9 confidence) | 200 | data:/people&#64;2 | gate slices |"
        in card.to_markdown()
    )


def test_fairness_is_a_table_by_group():
    """The measure with its limits, the rates of each group, and groups that are too small to be measured."""
    gate = FairnessGate(by="sex", max=0.1, **HELD_OUT)
    evidence = {
        "n": 200,
        "estimate": {"value": 0.05, "low": 0.01, "high": 0.08, "group": None},
        "groups": [{"group": "f", "rows": 90, "positive": 40, "selection_rate": [0.4, 0.3, 0.5]}],
        "too_small": {"x": 4},
    }
    (table,) = card_of(version_of(gates=(result(gate, evidence),))).fairness
    assert table.title == "demographic_parity_difference by sex on data:/people@2"
    assert [numbers(each) for each in table.measures] == [
        ("demographic_parity_difference", None, 200, 0.05, 0.01, 0.08),
        ("selection rate", "f", 90, 0.4, 0.3, 0.5),
        ("too few rows to measure", "x", 4, None, None, None),
    ]


def test_what_was_measured_of_other_bytes_is_not_told():
    """Evidence about another model is no metric of this one, and evidence that was changed by hand breaks no card."""
    other = result(ChampionGate(**HELD_OUT), {"candidate": 0.9}, digest="0" * 64)
    odd = result(LatencyGate(data="data:/people@2", max_ms=5), {"candidate_ms": "x"})
    assert [each.value for each in card_of(version_of(metrics={}, gates=(other, odd))).measures] == [None]


def test_two_versions_that_a_gate_compared_have_the_interval_of_their_difference():
    """Only the comparison with exactly this version counts, of all rows and of each slice."""
    one = Side(version_of(version=2, digest=CHAMPION, metrics={}))
    other = Side(version_of(metrics={}, gates=(CHAMPION_RESULT, SLICES_RESULT)))
    pairs = [(each.metric, each.slice, each.change, each.low, each.high) for each in compare(one, other).metrics]
    assert pairs == [
        ("accuracy", None, 0.05, 0.01, 0.09),
        ("roc_auc", "sex = f", 0.05, 0.01, 0.09),
        ("roc_auc", "sex = m", None, None, None),
    ]
    stranger = Side(version_of(version=2, digest="0" * 64, metrics={}))
    assert {each.low for each in compare(stranger, other).metrics} == {None}
