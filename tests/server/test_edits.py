"""Runs that are renamed, noted, tagged, deleted and brought back over HTTP."""

from __future__ import annotations

import pytest

from trackbook.project import Project


@pytest.fixture
def run_id(workspace) -> str:
    with Project.open(workspace.root).tracker.start_run("first") as run:
        run.set_tags({"team": "blue", "old": "1"})
    return run.run_id


def test_an_edit_answers_with_the_run_as_it_is_then(workspace, run_id):
    edit = {"run_name": "second", "note": "<b>look</b>", "tags": {"team": "green", "old": None, "new": "2"}}
    answer = workspace.patch(f"runs/{run_id}", edit)
    assert answer.status == 200, answer.body
    (listed,) = workspace.get("runs").body["runs"]
    for run in (answer.body, listed):
        assert (run["run_name"], run["note"]) == ("second", "<b>look</b>")
        assert run["tags"]["team"] == "green"
        assert run["tags"]["new"] == "2"
        assert "old" not in run["tags"]


def test_a_note_that_is_null_or_empty_goes_and_what_is_left_out_stays(workspace, run_id):
    for nothing in (None, ""):
        workspace.patch(f"runs/{run_id}", {"note": "look"})
        answer = workspace.patch(f"runs/{run_id}", {"note": nothing}).body
        assert (answer["note"], answer["run_name"]) == (None, "first")


def test_wrong_edits_are_usage_errors_and_change_nothing(workspace, run_id):
    for edit in ({}, {"run_name": ""}, {"status": "FAILED"}, {"tags": {"team": 3}}, {"note": 4}):
        answer = workspace.patch(f"runs/{run_id}", edit)
        assert (answer.status, answer.body["error"]["code"]) == (400, "usage"), edit
    assert workspace.get(f"runs/{run_id}").body["run_name"] == "first"


def test_a_deleted_run_leaves_the_lists_and_comes_back(workspace, run_id):
    assert workspace.delete(f"runs/{run_id}").body == {"deleted": [run_id]}
    assert workspace.get("runs").body["runs"] == []
    assert workspace.get("runs/count").body == {"count": 0}
    (deleted,) = workspace.get("runs", deleted="true").body["runs"]
    assert deleted["run_id"] == run_id
    assert workspace.post(f"runs/{run_id}/restore", {}).body == {"restored": [run_id]}
    assert len(workspace.get("runs").body["runs"]) == 1


def test_what_cannot_be_deleted_or_restored_says_why(workspace, run_id):
    project = Project.open(workspace.root)
    with project.tracker.start_run("going") as going:
        answer = workspace.delete(f"runs/{going.run_id}")
        assert (answer.status, answer.body["error"]["code"]) == (400, "usage")
        assert "still going on" in answer.body["error"]["message"]
    assert workspace.post(f"runs/{run_id}/restore", {}).status == 400
    assert workspace.delete("runs/" + "0" * 32).status == 404
    assert workspace.patch("runs/" + "0" * 32, {"note": "x"}).status == 404


def test_a_change_that_another_site_sends_is_refused(workspace, run_id):
    server = workspace.server
    for method, path in (("DELETE", f"runs/{run_id}"), ("PATCH", f"runs/{run_id}"), ("POST", f"runs/{run_id}/restore")):
        headers = {"Origin": "http://elsewhere.example"}
        answer = server.request(method, f"trackbook/api/{path}?project={workspace.id}", b"{}", headers)
        assert answer.status in (403, 404), method
    assert workspace.get("runs/count").body == {"count": 1}
