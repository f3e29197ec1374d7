"""Runs over HTTP."""

from __future__ import annotations

import math
import time

from trackbook.project import Project


def _run(project, name, **params):
    with project.tracker.start_run(name) as run:
        run.log_params(params)
    return run.run_id


def test_a_project_without_a_store_has_no_runs_and_that_is_no_error(workspace):
    answer = workspace.get("runs")
    assert (answer.status, answer.body) == (200, {"runs": [], "next_cursor": None})


def test_a_run_is_listed_with_its_params_metrics_and_tags(workspace):
    project = Project.open(workspace.root)
    with project.tracker.start_run("first", experiment="diabetes") as run:
        run.log_param("alpha", 0.5)
        run.log_metric("r2", 0.4)
        run.log_metric("loss", math.nan)
        run.set_tag("team", "blue")
    (listed,) = workspace.get("runs").body["runs"]
    assert listed["run_id"] == run.run_id
    assert (listed["run_name"], listed["experiment"], listed["status"]) == ("first", "diabetes", "FINISHED")
    assert listed["params"] == {"alpha": "0.5"}
    assert listed["metrics"] == {"loss": "NaN", "r2": 0.4}
    assert listed["tags"]["team"] == "blue"
    assert listed["start_time"].endswith("Z")


def test_pages_follow_each_other_without_gap_or_repetition_while_new_runs_start(workspace):
    project = Project.open(workspace.root)
    ids = [_run(project, f"run {number}") for number in range(7)]
    first = workspace.get("runs", limit=3).body
    _run(project, "started meanwhile")
    second = workspace.get("runs", limit=3, cursor=first["next_cursor"]).body
    third = workspace.get("runs", limit=3, cursor=second["next_cursor"]).body
    listed = [run["run_id"] for page in (first, second, third) for run in page["runs"]]
    assert listed == ids[::-1]
    assert third["next_cursor"] is None


def test_a_filter_holds_on_every_page(workspace):
    project = Project.open(workspace.root)
    ids = [_run(project, "run", model="ridge" if number % 2 else "lasso") for number in range(6)]
    wanted = "params.model = 'ridge' or params.model = 'none'"
    first = workspace.get("runs", limit=2, filter=wanted).body
    second = workspace.get("runs", limit=2, filter=wanted, cursor=first["next_cursor"]).body
    assert [run["run_id"] for page in (first, second) for run in page["runs"]] == ids[1::2][::-1]


def test_a_filter_that_cannot_be_read_is_a_usage_error(workspace):
    Project.open(workspace.root)
    answer = workspace.get("runs", filter="metrics.r2 >")
    assert (answer.status, answer.body["error"]["code"]) == (400, "usage")


def test_limits_and_cursors_out_of_range_are_usage_errors(workspace):
    Project.open(workspace.root)
    for query in ({"limit": 0}, {"limit": "x"}, {"limit": 10_000}, {"cursor": "rubbish"}, {"cursor": "djE6eA"}):
        answer = workspace.get("runs", **query)
        assert (answer.status, answer.body["error"]["code"]) == (400, "usage"), query


def test_an_unchanged_list_is_a_304_and_a_changed_one_is_not(workspace):
    project = Project.open(workspace.root)
    _run(project, "first")
    path = f"runs?project={workspace.id}"
    etag = workspace.server.get(path).headers["Etag"]
    assert workspace.server.get(path, headers={"If-None-Match": etag}).status == 304
    _run(project, "second")
    assert len(workspace.server.get(path, headers={"If-None-Match": etag}).body["runs"]) == 2


def test_a_new_run_is_seen_within_two_seconds_of_its_end(workspace):
    project = Project.open(workspace.root)
    workspace.get("runs")
    _run(project, "quick")
    ended = time.monotonic()
    while not any(run["status"] == "FINISHED" for run in workspace.get("runs").body["runs"]):
        assert time.monotonic() - ended < 2
    assert time.monotonic() - ended < 2


def test_one_run_is_told_in_full_with_the_runs_that_it_started(workspace):
    project = Project.open(workspace.root)
    with project.tracker.start_run("parent") as parent:
        children = [_run_nested(project, name) for name in ("one", "two")]
    run = workspace.get(f"runs/{parent.run_id}").body
    assert run["run_id"] == parent.run_id
    assert [child["run_id"] for child in run["children"]] == children
    assert {"source", "notebook", "cell_id", "git_commit", "environment", "data", "artifacts", "error"} <= run.keys()
    assert run["environment"]["python"]


def _run_nested(project, name):
    with project.tracker.start_run(name, nested=True) as run:
        pass
    return run.run_id


def test_a_failed_run_says_why(workspace):
    project = Project.open(workspace.root)
    try:
        with project.tracker.start_run("failing") as run:
            raise ValueError("<b>no</b>")
    except ValueError:
        pass
    error = workspace.get(f"runs/{run.run_id}").body["error"]
    assert (error["type"], error["message"]) == ("ValueError", "<b>no</b>")


def test_a_run_that_does_not_exist_is_not_found(workspace):
    Project.open(workspace.root)
    answer = workspace.get("runs/" + "0" * 32)
    assert (answer.status, answer.body["error"]["code"]) == (404, "not_found")


def test_a_store_of_a_newer_trackbook_is_named_in_words(workspace):
    from trackbook.store.migrations import migrations  # noqa: F401 - the table of applied steps belongs to it

    project = Project.open(workspace.root)
    with project.store.write() as db:
        db.execute("INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('trackbook', 'm999', '')")
    answer = workspace.get("runs")
    assert (answer.status, answer.body["error"]["code"]) == (500, "store_version")
    assert "newer Trackbook" in answer.body["error"]["message"]
