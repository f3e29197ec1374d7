"""Gates as rules: what each kind says of a model, and that nothing makes one raise."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from support.gates import FEATURES
from trackbook.registry.gates import judge
from trackbook.registry.gates.context import Contender, GateContext
from trackbook.settings import (
    ChampionGate,
    DataGate,
    FairnessGate,
    LatencyGate,
    MetricGate,
    ReproducedGate,
    SignatureGate,
    SizeGate,
    SlicesGate,
)
from trackbook.store.events import DataUsed

ANY = st.floats(allow_nan=True, allow_infinity=True)
BOUND = st.floats(-1e6, 1e6)


HELD = {"data": "data:/held@1", "target": "y"}


def of_metrics(**metrics):
    return GateContext("m", Contender("models:/m/1", "d" * 64, "skops", 1, metrics), None, 5, None)


@given(ANY, BOUND, BOUND)
def test_a_metric_passes_exactly_within_its_bounds(value, one, other):
    low, high = sorted((one, other))
    result = judge.judge(MetricGate(metric="m", min=low, max=high), of_metrics(m=value))
    assert result.passed == (math.isfinite(value) and low <= value <= high)
    assert (result.judged_digest, result.time, result.stage) == ("d" * 64, 5, "production")
    assert "m is" in result.reason


def test_a_reason_never_shows_a_value_that_looks_like_its_bound():
    result = judge.judge(MetricGate(metric="r2", min=0.3), of_metrics(r2=0.3 - 1e-12))
    assert result.reason == "r2 is 0.299999999999, below the minimum 0.3"


def test_gates_are_chosen_by_stage_and_model():
    a, b, c = (
        MetricGate(metric="r2", min=0.0),
        MetricGate(metric="r2", min=0.0, stage="staging"),
        MetricGate(metric="r2", min=0.0, model="risk-*"),
    )
    assert judge.applicable([a, b, c], "risk-1", "production") == [a, c]
    assert judge.applicable([a, b, c], "RISK-1", "staging") == [b]


def test_a_result_speaks_for_what_was_judged_only():
    """Other bytes, another champion or other data void a result."""
    result = judge.judge(MetricGate(metric="r2", min=0.0), of_metrics(r2=1.0))
    assert judge.holds_for(result, "d" * 64, result.digests)
    assert not judge.holds_for(result, "e" * 64, result.digests)
    assert not judge.holds_for(result, "d" * 64, {"metric": "2.0"})


def test_gates_are_about_quality_fairness_or_speed():
    """`--about` asks a gate by its type, and a gate on a metric by the metric's name."""
    asked = [ChampionGate(**HELD), FairnessGate(**HELD, by="g", max=1.0), SizeGate(max_mb=1.0)]
    asked += [MetricGate("fit_seconds", max=1.0), MetricGate("parity_gap", max=1.0), MetricGate("r2", max=1.0)]
    assert list(map(judge.about, asked)) == ["quality", "fairness", "speed", "speed", "fairness", "quality"]


@pytest.mark.parametrize("metric", ["accuracy", "roc_auc", "f1", "neg_log_loss", "jaccard"])
def test_the_better_model_beats_the_champion_and_not_the_other_way_round(judged, world, metric):
    """The gate passes a candidate that is better by the metric, refuses the worse one, and shows intervals."""
    gate = ChampionGate(**HELD, metric=metric, resamples=200)
    better, worse = judged(gate), judged(gate, world.bad, world.good)
    assert better.passed, better.reason
    assert not worse.passed
    found = better.evidence["comparison"]
    assert found["low"] < found["difference"] < found["high"]
    assert json.loads(json.dumps(better.evidence)) == better.evidence
    assert "not better" in worse.reason


def test_what_is_not_shown_is_refused_with_the_rows_that_would_show_it(judged):
    """A difference that the rows cannot tell from the margin is a refusal that says about how many more would."""
    result = judged(ChampionGate(**HELD, margin=0.155))
    assert not result.passed
    assert "does not show whether it is better more than 0.155" in result.reason
    assert "more rows would decide" in result.reason
    assert result.evidence["comparison"]["rows_needed"] > 1200


def test_a_model_that_says_the_same_is_not_better(judged, world):
    result = judged(ChampionGate(**HELD), world.good, world.good)
    assert not result.passed
    assert "not better: both say the same" in result.reason


def test_the_first_version_has_nobody_to_beat(judged):
    for gate in (ChampionGate(**HELD), SlicesGate(**HELD, by=("group",)), SizeGate(max_ratio=1.0), SignatureGate()):
        result = judged(gate, champion=None)
        assert result.passed, result.reason
        assert "no version in production" in result.reason


def test_a_slice_that_got_worse_is_named(judged, world):
    """One slice of many in which the candidate is worse refuses, whatever the others say."""
    flipped = Flipped(world.good)
    gate = SlicesGate(**HELD, by=("group", "age"), edges={"age": (25.0, 70.0)}, min_size=100)
    result = judged(gate, flipped, world.good)
    assert not result.passed
    assert "group = y" in result.reason or "age < 25" in result.reason
    verdicts = {each["slice"]: each["verdict"] for each in result.evidence["slices"]}
    assert verdicts["age < 25"] == "worse"
    assert verdicts["25 <= age < 70"] == "not worse"
    small = judged(SlicesGate(**HELD, by=("age",), quantiles=60, min_size=100, small="refuse"))
    assert not small.passed


class Flipped:
    """A model that is wrong about the young."""

    def __init__(self, model):
        self.model, self.classes_ = model, model.classes_
        self.feature_names_in_ = model.feature_names_in_

    def predict(self, rows):
        return np.where(rows["age"] < 25, 1 - self.model.predict(rows), self.model.predict(rows))


def test_small_groups_are_named_and_refuse_or_are_left_out(judged):
    """A group below the minimum size refuses, or is left out by rule; either way the result names it."""
    refused = judged(FairnessGate(**HELD, by="group", max=0.5, min_size=500))
    assert not refused.passed
    assert "y (" in refused.reason
    alone = judged(FairnessGate(**HELD, by="group", max=0.5, min_size=500, small="ignore"))
    assert not alone.passed
    assert alone.evidence["too_small"] == {"y": 359}


def test_fairness_is_held_against_the_estimate_or_the_far_end_of_its_interval(judged):
    gate = {**HELD, "by": "group", "max": 0.09}
    estimate, bound = judged(FairnessGate(**gate)), judged(FairnessGate(**gate, on="bound"))
    assert estimate.passed
    assert not bound.passed
    assert "the far end of the interval" in bound.reason
    assert estimate.value == bound.value


@pytest.mark.parametrize(
    ("gate", "words"),
    [
        (ChampionGate(data="data:/gone@1", target="y"), "no dataset 'gone'"),
        (ChampionGate(data="data:/held@9", target="y"), "no version 9"),
        (ChampionGate(data="data:/held@1", target="yy"), "no column 'yy'"),
        (ChampionGate(data="data:/held@1", target="a"), "takes the target 'a' as an input"),
        (ChampionGate(**HELD, metric="acuracy"), "no scorer 'acuracy'; did you mean 'accuracy'"),
        (ChampionGate(**HELD, metric="no_such_module:score"), "no module 'no_such_module'"),
        (SlicesGate(**HELD, by=("nothing",)), "no column 'nothing'"),
        (
            ChampionGate(**HELD, metric="max_error", resamples=100),
            "no scorer 'max_error'; did you mean 'neg_max_error'",
        ),
        (FairnessGate(**HELD, by="group", max=0.1, positive="yes"), "no label of 'y'"),
        (FairnessGate(**HELD, by="group", max=0.1, measure="metric_ratio", metric="neg_log_loss"), "ratio is of"),
        (LatencyGate(data="data:/held@1", max_ms=1e-9), "more than 1e-09 ms"),
        (SizeGate(max_mb=0.0001), "more than 0.0001 MB"),
        (SignatureGate(), "is not known"),
        (DataGate(), "are not known"),
        (ReproducedGate(), "no source run"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_the_reason(judged, gate, words):
    result = judged(gate)
    assert not result.passed
    assert words in result.reason, result.reason


def test_what_every_kind_of_gate_says_is_kept_and_read_back(world, watched):
    """A check under all kinds of gates is one event, whose results come back with their evidence; the trail is sound."""
    gates = (
        MetricGate("accuracy", min=0.5),
        ChampionGate(**HELD),
        SlicesGate(**HELD, by=("group", "age"), edges={"age": (30.0,)}),
        FairnessGate(**HELD, by="group", max=0.5),
        LatencyGate(data="data:/held@1", max_ms=1e6, max_ratio=1e6),
        SizeGate(max_mb=1.0, max_ratio=10.0),
        SignatureGate(),
        DataGate(schema=world.snapshot(world.train, "train"), min_rows=1000, max_missing=0.0),
        ReproducedGate(),
    )
    plain = world.registry()
    plain.register(world.bad, "m", training=world.train)
    plain.promote("m", 1, "production")
    with watched() as run:
        run.log_data(DataUsed(run.run_id, "read", "data:/train@1", "dataset", "f" * 64, 1500))
        model = LogisticRegression().fit(world.train[FEATURES], world.train["y"])
    registry = world.registry(*gates)
    registry.register(model, "m", run_id=run.run_id, metrics={"accuracy": 0.8})
    results = registry.check("m", 2, "production")
    failed = [result.gate.type for result in results if not result.passed]
    assert failed == ["signature", "reproduced"], [result.reason for result in results]
    kept = registry.version("m", 2).gates
    assert [(each.gate, each.reason, each.evidence) for each in kept] == [
        (each.gate, each.reason, each.evidence) for each in results
    ]
    assert registry.verify().ok
    assert "it needs a, which the champion does not" in results[6].reason
    assert "run `trackbook reproduce" in results[8].reason
