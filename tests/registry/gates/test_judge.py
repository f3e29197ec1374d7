"""Gates as pure rules."""

import math

from hypothesis import given
from hypothesis import strategies as st

from trackbook.registry.gates import judge
from trackbook.settings import MetricGate

ANY = st.floats(allow_nan=True, allow_infinity=True)
BOUND = st.floats(-1e6, 1e6)


@given(ANY, BOUND, BOUND)
def test_a_metric_passes_exactly_within_its_bounds(value, one, other):
    low, high = sorted((one, other))
    result = judge.judge(MetricGate(metric="m", min=low, max=high), {"m": value}, "d" * 64, 5)
    assert result.passed == (math.isfinite(value) and low <= value <= high)
    assert (result.judged_digest, result.time, result.stage) == ("d" * 64, 5, "production")
    assert "m is" in result.reason


def test_a_reason_never_shows_a_value_that_looks_like_its_bound():
    result = judge.judge(MetricGate(metric="r2", min=0.3), {"r2": 0.3 - 1e-12}, "d", 0)
    assert result.reason == "r2 is 0.299999999999, below the minimum 0.3"


def test_gates_are_chosen_by_stage_and_model():
    a, b, c = (
        MetricGate(metric="r2", min=0.0),
        MetricGate(metric="r2", min=0.0, stage="staging"),
        MetricGate(metric="r2", min=0.0, model="risk-*"),
    )
    assert judge.applicable([a, b, c], "risk-1", "production") == [a, c]
    assert judge.applicable([a, b, c], "RISK-1", "staging") == [b]


def test_a_result_speaks_for_the_judged_bytes_only():
    result = judge.judge(MetricGate(metric="r2", min=0.0), {"r2": 1.0}, "d", 0)
    assert judge.holds_for(result, "d")
    assert not judge.holds_for(result, "e")
