"""The line magics that read runs back: filters with quotes, errors in one piece."""

import pytest


@pytest.fixture(scope="module")
def searched(kernel):
    for name, depth, loss in (("low", 2, 0.1), ("middle", 10, 0.2), ("high man", 3, 0.3)):
        cell = f"%%track searched --name '{name}'\ndepth = {depth}\ntb.log_metric('loss', {loss})\ntb.log_param('kind', 'it\"s {name}')"
        assert kernel.run(cell).errors == []
    return kernel


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("experiment = 'searched'", ["high man", "middle", "low"]),
        ('experiment = "searched" and metrics.loss > 0.15', ["high man", "middle"]),
        ("run_name = 'high man'", ["high man"]),
        ("run_name IN ('low', 'high man') and experiment = 'searched'", ["high man", "low"]),
        ("experiment = 'searched' and NOT metrics.loss > -0.5 or params.depth = 10", ["middle"]),
        ("params.depth>2 and params.depth<10", ["high man"]),
        ("run_name LIKE 'm%' and metrics.loss >= .2", ["middle"]),
        ("experiment = 'searched' --order-by 'metrics.loss DESC' --limit 2", ["high man", "middle"]),
        ("experiment = 'searched' --order-by metrics.loss", ["low", "middle", "high man"]),
        ("params.kind = 'it\"s low'", ["low"]),
        ("", ["high man", "middle", "low"]),
    ],
)
def test_runs_takes_a_filter_as_it_is_written(searched, line, found):
    outcome = searched.run(f"table = %runs {line}\nfrom trackbook.ipython.display import *\ntable")
    assert (outcome.errors, outcome.stderr) == ([], "")
    shown = outcome.results[0]
    positions = {name: shown.find(name) for name in ("low", "middle", "high man")}
    assert sorted((name for name in positions if positions[name] >= 0), key=positions.get) == found


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("%runs metrics.loss <", "expected a value"),
        ("%runs statsu = 'x'", "did you mean 'status'"),
        ("%runs run_name = 'open", "No closing quotation"),
        ("%runs --limit x", "invalid int value"),
        ("%runs --limit 0", "at least 1"),
        ("%runs --bad", "unrecognized arguments"),
        ("%compare", "required: run"),
        ("%compare 0123456789abcdef", "there is no run"),
        ("%compare zzz", "is no run id"),
    ],
)
def test_a_wrong_line_is_a_usage_error_without_a_traceback(searched, line, words):
    outcome = searched.run(line)
    shown = outcome.stderr + outcome.traceback
    assert "UsageError" in shown
    assert words in shown
    assert "Traceback" not in shown


def test_compare_shows_what_differs(searched):
    ids = [run.run_id[:12] for run in searched.runs("searched")][:2]
    outcome = searched.run(f"%compare {' '.join(ids)}")
    assert "params.depth" in outcome.results[0]
    assert "metrics.loss" in outcome.results[0]
