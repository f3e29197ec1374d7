"""Lists of runs over HTTP: orders, places, counts, keys, groups."""

from __future__ import annotations

import pytest

from trackbook.project import Project

COLORS = ("red", "green", "green")


@pytest.fixture
def project(workspace) -> Project:
    """Six runs in two experiments; every third has no metric."""
    project = Project.open(workspace.root)
    for number in range(6):
        with project.tracker.start_run(f"run {number}", experiment=("odd" if number % 2 else "even")) as run:
            run.log_params({"color": COLORS[number % 3], "depth": number})
            if number % 3:
                run.log_metric("r2", number / 10)
            run.set_tag("team", "blue")
    return project


def names(answer) -> list[str]:
    assert answer.status == 200, answer.body
    return [run["run_name"] for run in answer.body["runs"]]


@pytest.mark.usefixtures("project")
def test_an_order_holds_over_all_pages_and_runs_without_the_metric_come_last(workspace):
    first = workspace.get("runs", order_by="metrics.r2 DESC", limit=4)
    second = workspace.get("runs", order_by="metrics.r2 DESC", limit=4, cursor=first.body["next_cursor"])
    assert names(first) + names(second) == ["run 5", "run 4", "run 2", "run 1", "run 3", "run 0"]
    assert second.body["next_cursor"] is None


@pytest.mark.usefixtures("project")
def test_rows_can_be_left_out_from_the_top_and_from_a_cursor(workspace):
    assert names(workspace.get("runs", skip=4)) == ["run 1", "run 0"]
    cursor = workspace.get("runs", limit=1).body["next_cursor"]
    assert names(workspace.get("runs", limit=2, cursor=cursor, skip=2)) == ["run 2", "run 1"]


@pytest.mark.usefixtures("project")
def test_a_cursor_belongs_to_the_list_that_it_came_from(workspace):
    cursor = workspace.get("runs", limit=1).body["next_cursor"]
    answer = workspace.get("runs", limit=1, cursor=cursor, order_by="params.depth")
    assert (answer.status, answer.body["error"]["code"]) == (400, "usage")


@pytest.mark.usefixtures("project")
def test_counts_are_those_of_the_lists(workspace):
    for query in ({}, {"experiment": "odd"}, {"filter": "metrics.r2 > 0.15"}, {"experiment": "none"}):
        assert workspace.get("runs/count", **query).body == {"count": len(names(workspace.get("runs", **query)))}


def test_keys_are_those_that_runs_have(workspace, project):
    keys = workspace.get("runs/keys").body
    assert (keys["params"], keys["metrics"], keys["experiments"]) == (["color", "depth"], ["r2"], ["even", "odd"])
    assert "team" in keys["tags"]
    assert {"name": "start_time", "numeric": True} in keys["attributes"]
    with project.tracker.start_run("other", experiment="third") as run:
        run.log_param("only_here", 1)
    assert "only_here" not in workspace.get("runs/keys", experiment="odd").body["params"]


@pytest.mark.usefixtures("project")
def test_every_attribute_can_be_filtered_sorted_and_grouped_by(workspace):
    for attribute in workspace.get("runs/keys").body["attributes"]:
        name = attribute["name"]
        value = "0" if attribute["numeric"] else "'x'"
        assert workspace.get("runs", filter=f"{name} != {value}").status == 200, name
        assert workspace.get("runs", order_by=f"{name} DESC").status == 200, name
        assert workspace.get("runs/groups", by=name).status == 200, name


@pytest.mark.usefixtures("project")
def test_groups_count_runs_and_tell_the_spread_of_a_metric(workspace):
    answer = workspace.get("runs/groups", by="params.color", metric="r2").body
    assert answer["groups"] == [
        {"value": "green", "runs": 4, "metric": {"min": 0.1, "mean": pytest.approx(0.3), "max": 0.5}},
        {"value": "red", "runs": 2, "metric": None},
    ]
    assert answer["more"] == 0


@pytest.mark.usefixtures("project")
def test_groups_are_those_of_the_filter_and_of_the_experiment(workspace):
    answer = workspace.get("runs/groups", by="experiment", filter="metrics.r2 > 0.15").body
    assert {group["value"]: group["runs"] for group in answer["groups"]} == {"even": 2, "odd": 1}
    answer = workspace.get("runs/groups", by="metrics.r2")
    assert (answer.status, answer.body["error"]["code"]) == (400, "usage")


def test_runs_without_the_key_are_a_group_of_their_own(workspace, project):
    with project.tracker.start_run("plain"):
        pass
    groups = workspace.get("runs/groups", by="params.color").body["groups"]
    assert {"value": None, "runs": 1, "metric": None} in groups
    assert names(workspace.get("runs", filter="params.color IS NULL")) == ["plain"]


@pytest.mark.usefixtures("project")
def test_wrong_numbers_and_flags_are_usage_errors(workspace):
    for path, query in (
        ("runs", {"skip": "x"}),
        ("runs", {"skip": "-1"}),
        ("runs", {"deleted": "yes"}),
        ("runs", {"order_by": "metrics."}),
        ("runs/groups", {}),
        ("runs/count", {"filter": "nonsense ="}),
    ):
        answer = workspace.get(path, **query)
        assert (answer.status, answer.body["error"]["code"]) == (400, "usage"), (path, query)


def test_a_project_without_a_store_has_nothing_and_that_is_no_error(workspace):
    assert workspace.get("runs/count").body == {"count": 0}
    assert workspace.get("runs/keys").body["params"] == []
    assert workspace.get("runs/groups", by="status").body["groups"] == []
    assert workspace.get("datasets").body == {"datasets": []}
