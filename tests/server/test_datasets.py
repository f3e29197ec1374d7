"""Dataset versions over HTTP."""

from __future__ import annotations

import pandas as pd
import pytest

from trackbook.project import Project
from trackbook.store import events


@pytest.fixture
def project(workspace) -> Project:
    """Two versions of a table, made by runs, and a file."""
    project = Project.open(workspace.root)
    frame = pd.DataFrame({"id": [1, 2, 3], "age": [30, 40, 50]})
    for number, data in enumerate((frame, frame.assign(age=[30.0, 40.0, 55.0], city="Graz").iloc[:2])):
        with project.tracker.start_run(f"made {number}") as run:
            project.data.snapshot(data, "people", run_id=run.run_id)
    (workspace.root / "notes.txt").write_text("hello")
    project.data.snapshot(workspace.root / "notes.txt", "notes")
    return project


@pytest.mark.usefixtures("project")
def test_datasets_are_listed_with_their_newest_version(workspace):
    listed = workspace.get("datasets").body["datasets"]
    assert [(each["name"], each["versions"], each["newest"]["version"]) for each in listed] == [
        ("notes", 1, 1),
        ("people", 2, 2),
    ]
    newest = listed[1]["newest"]
    assert (newest["rows"], newest["columns"], newest["run_name"], newest["kind"]) == (2, 3, "made 1", "frame")


@pytest.mark.usefixtures("project")
def test_versions_come_newest_first_each_with_its_schema(workspace):
    versions = workspace.get("datasets/people/versions").body["versions"]
    assert [each["version"] for each in versions] == [2, 1]
    assert [column["name"] for column in versions[0]["schema"]["columns"]] == ["id", "age", "city"]
    assert workspace.get("datasets/people/versions/1").body == versions[1]


@pytest.mark.usefixtures("project")
def test_a_difference_names_columns_and_counts_rows(workspace):
    body = workspace.get("datasets/people/versions/2/diff", against=1).body
    assert (body["same"], body["difference"]["kind"]) == (False, "frame")
    difference = body["difference"]
    assert difference["columns_added"] == ["city"]
    assert [column["name"] for column in difference["columns_retyped"]] == ["age"]
    assert (difference["rows_before"], difference["rows_after"], difference["rows_removed"]) == (3, 2, 1)
    keyed = workspace.get("datasets/people/versions/2/diff", against=1, key="id").body["difference"]
    assert (keyed["rows_removed"], keyed["rows_changed"]) == (1, 0)
    assert workspace.get("datasets/people/versions/1/diff", against=1).body["same"] is True


def test_lineage_leads_from_the_run_that_made_it_to_those_that_read_it_and_their_models(workspace, project):
    version = project.data.get("people", 2)
    with project.tracker.start_run("reader") as run:
        project.store.append(events.DataUsed(run.run_id, "read", "people", "DataFrame", version.fingerprint))
    graph = workspace.get("datasets/people/versions/2/lineage").body
    stages = {node["label"]: node["stage"] for node in graph["nodes"]}
    assert stages == {"made 1": 0, "people v2": 2, "reader": 3}
    assert len(graph["links"]) == 2


@pytest.mark.usefixtures("project")
def test_what_is_not_there_is_not_found_and_offers_the_nearest_name(workspace):
    answer = workspace.get("datasets/peple/versions")
    assert answer.status == 404
    assert "people" in answer.body["error"]["message"]
    assert workspace.get("datasets/people/versions/9").status == 404
    assert workspace.get("datasets/people/versions/9/lineage").status == 404
    for against in ("", "x", "1" * 12):
        assert workspace.get("datasets/people/versions/2/diff", against=against).status == 400
