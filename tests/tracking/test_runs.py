"""Runs read back: by prefix, compared, and as a frame."""

import math

import msgspec
import pandas as pd
import pytest

import trackbook as tb
from trackbook.errors import NotFoundError, UsageError
from trackbook.store import events


def make(tracker, name, params=(), metrics=(), **keywords):
    with tracker.start_run(name, **keywords) as run:
        run.log_params(dict(params))
        run.log_metrics(dict(metrics), step=0)
    return run.run_id


def test_a_run_is_found_by_any_prefix_that_is_its_own(tracker, runs):
    ids = [make(tracker, f"r{number}") for number in range(20)]
    for run_id in ids:
        others = [other for other in ids if other != run_id]
        for length in range(1, 33):
            prefix = run_id[:length]
            if any(other.startswith(prefix) for other in others):
                with pytest.raises(NotFoundError, match="more than one run begins with"):
                    runs.get(prefix)
            else:
                assert runs.resolve(prefix) == run_id
                break
        assert runs.get(run_id).run_id == run_id


@pytest.mark.parametrize("run_id", ["", "x", "%", "_", "*", "F" * 32, "a" * 33, "' OR 1=1", "a b", "a\n"])
def test_what_is_no_run_id_is_not_found(tracker, runs, run_id):
    make(tracker, "r")
    with pytest.raises(NotFoundError, match=r"is no run id|there is no run"):
        runs.get(run_id)


def test_an_unknown_id_is_not_found(runs):
    with pytest.raises(NotFoundError, match="there is no run '0123'"):
        runs.get("0123")


def test_compare_names_what_differs_and_only_that(tracker, runs):
    one = make(tracker, "one", {"depth": 3, "same": 1}, {"loss": 0.5, "acc": 1})
    other = make(tracker, "other", {"depth": 4, "same": 1, "more": 2}, {"loss": 0.5, "acc": 0.5})
    assert runs.compare([one, other[:12]]) == {
        "params": {"depth": ["3", "4"], "more": [None, "2"]},
        "metrics": {"acc": [1.0, 0.5]},
        "environment": {},
    }
    assert runs.compare([one, one]) == {"params": {}, "metrics": {}, "environment": {}}
    assert runs.compare([]) == {"params": {}, "metrics": {}, "environment": {}}


def test_compare_names_the_distributions_whose_versions_differ(tracker, runs, store):
    ids = [make(tracker, name) for name in ("one", "other")]
    changed = runs.get(ids[1]).environment | {"python": "3.99.0", "distributions": {"numpy": "0.1"}}
    store.append(events.EnvironmentSeen(ids[1], "f" * 64, msgspec.json.encode(changed).decode()))
    different = runs.compare(ids)["environment"]
    assert different["python"][1] == "3.99.0"
    assert different["numpy"][1] == "0.1"
    assert different["pandas"][1] is None


def test_two_nans_do_not_differ(tracker, runs):
    ids = [make(tracker, name, {}, {"m": math.nan}) for name in ("one", "other")]
    assert runs.compare(ids)["metrics"] == {}


def test_a_child_is_listed_with_its_parent(tracker, runs):
    with tracker.start_run("parent") as parent:
        children = [make(tracker, f"c{number}", nested=True) for number in range(3)]
    assert list(runs.get(parent.run_id).children) == children


def test_experiments_are_listed_by_name(tracker, runs):
    for name in ("b", "a", "b"):
        make(tracker, "r", experiment=name)
    assert runs.experiments() == ["a", "b"]


def test_a_metric_that_was_never_logged_has_no_history(tracker, runs):
    assert runs.metric_history(make(tracker, "r"), "nothing") == []


def test_the_json_form_holds_the_documented_keys_with_iso_times(tracker, runs):
    make(tracker, "r", {"a": 1}, {"m": 1.0})
    found = runs.search()[0].to_dict()
    assert {
        "run_id",
        "experiment",
        "run_name",
        "status",
        "start_time",
        "end_time",
        "params",
        "metrics",
        "tags",
    } <= found.keys()
    assert pd.Timestamp(found["start_time"]).tz is not None
    assert found["start_time"].endswith("Z")
    assert {"source", "environment", "data", "artifacts", "children"} <= runs.get(found["run_id"]).to_dict().keys()


def test_search_runs_is_a_frame_with_the_documented_columns_newest_first(project):
    for number in range(3):
        with tb.start_run(f"r{number}", tags={"t": "x"}):
            tb.log_params({"b": number, "a": 1})
            tb.log_metric("loss", number)
    frame = tb.search_runs()
    assert list(frame.columns) == [
        "run_id", "experiment", "run_name", "status", "start_time", "end_time",
        "params.a", "params.b", "metrics.loss", "tags.t",
    ]  # fmt: skip
    assert list(frame["run_name"]) == ["r2", "r1", "r0"]
    assert list(frame["metrics.loss"]) == [2.0, 1.0, 0.0]
    assert str(frame["start_time"].dt.tz) == "UTC"
    assert list(tb.search_runs("metrics.loss > 0", order_by="metrics.loss", max_results=1)["run_name"]) == ["r1"]
    assert list(tb.search_runs(experiment="none").columns) == list(frame.columns[:6])
    assert tb.get_run(frame["run_id"][0][:10]).summary.run_name == "r2"


def test_runs_without_a_value_have_a_gap_in_the_frame(project):
    with tb.start_run("with"):
        tb.log_metric("m", math.inf)
        tb.log_param("p", "x")
    with tb.start_run("without"):
        pass
    frame = tb.search_runs().set_index("run_name")
    assert frame["metrics.m"].to_dict()["with"] == math.inf
    assert math.isnan(frame["metrics.m"]["without"])
    assert pd.isna(frame["params.p"]["without"])


def test_a_running_run_has_no_end_in_the_frame(project):
    with tb.start_run("r"):
        assert pd.isna(tb.search_runs()["end_time"][0])


def test_a_filter_that_cannot_be_read_is_a_usage_error(project):
    with pytest.raises(UsageError, match=r"\^"):
        tb.search_runs("metrics.loss <")


def test_log_figure_keeps_what_the_ending_says_and_refuses_the_rest(project):
    import altair
    from matplotlib.figure import Figure

    with tb.start_run("figures") as run:
        tb.log_figure(Figure(), "plot.png")
        tb.log_figure(Figure(), "plot.svg")
        tb.log_figure(altair.Chart(pd.DataFrame({"a": [1]})).mark_point().encode(x="a:Q"), "chart.json")
        with pytest.raises(UsageError, match=r"Figure cannot be saved as 'plot\.docx'"):
            tb.log_figure(Figure(), "plot.docx")
    assert project.runs.artifact(run.run_id, "plot.png").startswith(b"\x89PNG")
    assert b"<svg" in project.runs.artifact(run.run_id, "plot.svg")


@pytest.mark.parametrize("value", [3, None, b"abc", ["a"]])
def test_a_run_is_asked_for_by_a_text(runs, value):
    with pytest.raises(UsageError, match="a run is named by its id, a text"):
        runs.get(value)


@pytest.mark.parametrize(
    ("keywords", "says"),
    [
        ({"filter": 3}, "a filter is a text"),
        ({"order_by": [3]}, "order_by is a list of texts"),
        ({"max_results": "5"}, "max_results is a whole number"),
        ({"max_results": 10**30}, "max_results is a whole number"),
    ],
)
def test_a_search_with_arguments_of_a_wrong_type_says_which(runs, keywords, says):
    with pytest.raises(UsageError, match=says):
        runs.search(**keywords)


def test_no_filter_and_no_order_may_be_none(runs):
    assert runs.search(None, None) == []


def test_what_the_user_measured_stands_before_what_every_fit_leaves(tracker, runs):
    metrics = {"fit_time": 0.1, "forest.training_score": 0.9, "training_score": 0.8, "r2": 0.5, "error": 44.0}
    make(tracker, "fitted", metrics=metrics)
    assert list(runs.search()[0].metrics) == ["r2", "error", "fit_time", "forest.training_score", "training_score"]
