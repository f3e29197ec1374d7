"""Runs beside each other, and the course of their metrics, over HTTP."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trackbook.charts.colors import run_colors
from trackbook.project import Project
from trackbook.server.compare_views import labels_of, thin
from trackbook.tracking import MetricPoint, RunSummary

values = st.one_of(st.floats(allow_nan=False, width=32), st.just(math.nan))


def points_of(numbers: list[float]) -> list[MetricPoint]:
    return [MetricPoint(step, 10 * step, value) for step, value in enumerate(numbers)]


@given(st.lists(values, max_size=300), st.integers(4, 60))
def test_a_curve_that_is_thinned_out_keeps_its_ends_and_its_peaks(numbers, most):
    points = points_of(numbers)
    kept = list(thin(points, most))
    assert len(kept) <= max(most, 0)
    assert all(one.step < other.step for one, other in pairwise(kept))
    assert set(map(id, kept)) <= set(map(id, points))
    if points:
        assert (kept[0], kept[-1]) == (points[0], points[-1])
        finite = [value for value in numbers if math.isfinite(value)]
        if finite:
            shown = [point.value for point in kept if math.isfinite(point.value)]
            assert (min(shown), max(shown)) == (min(finite), max(finite))


@pytest.fixture
def runs(workspace) -> list[str]:
    project, ids = Project.open(workspace.root), []
    for number in range(3):
        with project.tracker.start_run("same", experiment="study") as run:
            run.log_params({"depth": number, "model": "forest"})
            for step in range(50):
                run.log_metric("loss", 1 / (step + number + 1), step=step)
            run.log_metric("final", number)
        ids.append(run.run_id)
    return ids


def test_a_comparison_holds_what_differs_in_the_order_asked_for(workspace, runs):
    body = workspace.get("runs/compare", ids=runs).body
    assert [run["run_id"] for run in body["runs"]] == runs
    assert body["colors"] == run_colors(3)
    assert body["params"] == {"depth": ["0", "1", "2"]}
    assert body["metrics"]["final"] == [0.0, 1.0, 2.0]
    assert body["environment"] == {}
    assert body["curves"] == ["loss"]
    assert [(each["against"], each["run_id"], each["lines"]) for each in body["code"]] == [
        (runs[0], runs[1], []),
        (runs[0], runs[2], []),
    ]


def test_curves_are_a_picture_that_vega_lite_5_draws(workspace, runs):
    for query in ({}, {"x": "time"}, {"log": "true", "smoothing": "0.9"}):
        spec = workspace.get("runs/compare/curves", ids=runs, keys="loss", **query).body["chart"]
        assert spec["$schema"].endswith("/v5.json")
        drawn = {row["run"] for rows in _rows(spec) for row in rows}
        assert drawn == {f"same {run_id[:6]}" for run_id in runs}
    assert workspace.get("runs/compare/curves", ids=runs, keys="nothing").body == {"chart": None}


def _rows(spec) -> list:
    """Return the values of every data set in a specification."""
    own = [*spec.get("datasets", {}).values()]
    own += [spec["data"]["values"]] if "values" in spec.get("data", {}) else []
    return own + [rows for part in (*spec.get("concat", ()), *spec.get("layer", ())) for rows in _rows(part)]


def test_a_finished_comparison_is_not_sent_twice(workspace, runs):
    path = f"runs/compare/curves?project={workspace.id}&ids={runs[0]}&keys=loss"
    etag = workspace.server.get(path).headers["Etag"]
    assert workspace.server.get(path, headers={"If-None-Match": etag}).status == 304


def test_params_and_metrics_side_by_side_need_two_runs_and_two_things_that_differ(workspace, runs):
    assert workspace.get("runs/compare/parallel", ids=runs).body["chart"]["$schema"].endswith("/v5.json")
    assert workspace.get("runs/compare/parallel", ids=runs[:1]).body == {"chart": None}


def test_the_course_of_metrics_comes_as_columns(workspace, runs):
    body = workspace.get(f"runs/{runs[1]}/metrics", keys=["loss"], points=10).body
    assert (body["run_id"], body["status"]) == (runs[1], "FINISHED")
    loss = body["metrics"]["loss"]
    assert len(loss["step"]) == len(loss["value"]) == len(loss["time"]) <= 10
    assert (loss["step"][0], loss["step"][-1]) == (0, 49)
    everything = workspace.get(f"runs/{runs[1]}/metrics").body["metrics"]
    assert {name: len(columns["step"]) for name, columns in everything.items()} == {"loss": 50, "final": 1}


def test_a_run_tells_which_of_its_metrics_have_curves(workspace, runs):
    assert workspace.get(f"runs/{runs[0]}").body["curves"] == ["loss"]


def test_wrong_questions_are_usage_errors(workspace, runs):
    for path, query in (
        ("runs/compare", {}),
        ("runs/compare", {"ids": [f"{number:032x}" for number in range(21)]}),
        ("runs/compare/curves", {"ids": runs}),
        ("runs/compare/curves", {"ids": runs, "keys": "loss", "x": "place"}),
        ("runs/compare/curves", {"ids": runs, "keys": "loss", "smoothing": "1"}),
        ("runs/compare/curves", {"ids": runs, "keys": "loss", "smoothing": "nan"}),
        ("runs/compare/curves", {"ids": runs, "keys": "loss", "log": "maybe"}),
        (f"runs/{runs[0]}/metrics", {"points": "3"}),
    ):
        answer = workspace.get(path, **query)
        assert (answer.status, answer.body["error"]["code"]) == (400, "usage"), (path, query)
    assert workspace.get("runs/compare", ids=["0" * 32]).status == 404


def test_runs_of_one_name_are_told_apart_in_pictures():
    named = zip("abc", "xyx", strict=True)
    runs = [RunSummary(letter * 32, "", name, "FINISHED", 0, 0, {}, {}, {}) for letter, name in named]
    assert labels_of(runs) == ["x aaaaaa", "y", "x cccccc"]
