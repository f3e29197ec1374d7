"""Measures of fairness are fairlearn's."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from trackbook.registry.gates.judge import judge
from trackbook.registry.gates.statistics import groups
from trackbook.settings import FairnessGate

MEASURES = [f"{family}_{kind}" for family in ("demographic_parity", "equalized_odds", "equal_opportunity")
            for kind in ("difference", "ratio")]  # fmt: skip


@settings(deadline=None, max_examples=6)
@given(st.integers(0, 100_000), st.integers(2, 5))
def test_every_measure_is_the_one_of_fairlearn(seed, count):
    """Differences and ratios over any groups are equal to fairlearn's to 1e-12."""
    fairlearn = pytest.importorskip("fairlearn.metrics")
    rng = np.random.default_rng(seed)
    true, selected, group = rng.random(120) < 0.5, rng.random(120) < 0.5, rng.integers(0, count, 120)
    counts = np.stack([groups.counts_of(selected[group == each], true[group == each]) for each in range(count)])
    assume(all((groups.hits_and_rows(rate, counts)[1] > 0).all() for rate in groups.NEEDED["equalized_odds"]))
    for name in MEASURES:
        expected = getattr(fairlearn, name)(true.astype(int), selected.astype(int), sensitive_features=group)
        assert float(groups.measure_of(name, counts)) == pytest.approx(expected, abs=1e-12), name


@pytest.mark.parametrize("measure", [*MEASURES, "metric_difference", "metric_ratio"])
def test_a_gate_measures_what_fairlearn_measures(world, measure):
    """From stored model and data to the number in the result, nothing differs; the interval holds it."""
    fairlearn = pytest.importorskip("fairlearn.metrics")
    from sklearn.metrics import accuracy_score

    gate = FairnessGate(data="data:/held@1", target="y", by="group", measure=measure, min=-1.0, max=5.0, resamples=200)
    result = judge(gate, world.context(world.contender(world.good, world.train), None, world.good))
    said = world.good.predict(world.held[world.good.feature_names_in_])
    given = {"y_true": world.held["y"], "y_pred": said, "sensitive_features": world.held["group"]}
    if measure.startswith("metric"):
        frame = fairlearn.MetricFrame(metrics=accuracy_score, **given)
        expected = frame.difference() if measure == "metric_difference" else frame.ratio()
    else:
        expected = getattr(fairlearn, measure)(given.pop("y_true"), given.pop("y_pred"), **given)
    assert result.value == pytest.approx(expected, abs=1e-12)
    estimate = result.evidence["estimate"]
    assert estimate["low"] <= estimate["value"] <= estimate["high"]
    assert [row["rows"] for row in result.evidence["groups"]] == [841, 359]
