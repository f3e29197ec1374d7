"""Models over HTTP."""

from __future__ import annotations

import pytest
from sklearn.linear_model import Ridge

from trackbook.project import Project

GATE = '[[gates]]\nstage = "production"\nmetric = "r2"\nmin = 0.3\n'


@pytest.fixture
def registered(workspace):
    """A model with one version that passes the gate of production and one that does not."""
    (workspace.root / "trackbook.toml").write_text(GATE)
    project = Project.open(workspace.root)
    for r2 in (0.2, 0.4):
        model = Ridge(alpha=r2).fit([[0.0], [1.0]], [0.0, 1.0])
        project.registry.register(model, "diabetes", metrics={"r2": r2})
    return workspace


def _versions(workspace):
    (model,) = workspace.get("models").body["models"]
    return model, {version["version"]: version for version in model["versions"]}


def _promote(workspace, version, stage):
    path = f"models/diabetes/versions/{version}/promotions"
    return workspace.server.post(path, {"stage": stage}, project=workspace.id)


def test_a_project_without_a_store_has_no_models_and_that_is_no_error(workspace):
    assert workspace.get("models").body == {"models": []}


def test_models_are_listed_with_their_versions(registered):
    model, versions = _versions(registered)
    assert (model["name"], model["aliases"]) == ("diabetes", {})
    assert {number: version["metrics"] for number, version in versions.items()} == {1: {"r2": 0.2}, 2: {"r2": 0.4}}
    assert {version["stage"] for version in versions.values()} == {"none"}
    assert all(version["digest"] and version["created_by"] for version in versions.values())


def test_a_promotion_answers_with_the_new_state_and_the_list_shows_it(registered):
    answer = _promote(registered, 2, "production")
    assert (answer.status, answer.body["stage"]) == (200, "production")
    model, versions = _versions(registered)
    assert versions[2]["stage"] == "production"
    assert model["aliases"] == {"champion": 2}
    assert [gate["passed"] for gate in versions[2]["gates"]] == [True]


def test_a_refused_promotion_says_which_gate_and_why_and_changes_no_stage(registered):
    answer = _promote(registered, 1, "production")
    assert (answer.status, answer.body["error"]["code"]) == (409, "gate_refused")
    assert "r2 is 0.2, below the minimum 0.3" in answer.body["error"]["message"]
    _, versions = _versions(registered)
    assert versions[1]["stage"] == "none"
    assert [gate["passed"] for gate in versions[1]["gates"]] == [False]


def test_a_gate_that_is_made_stricter_guards_the_next_promotion_without_a_restart(registered):
    _versions(registered)
    (registered.root / "trackbook.toml").write_text(GATE.replace("0.3", "0.95"))
    assert _promote(registered, 2, "production").status == 409


@pytest.mark.parametrize(
    ("version", "stage", "status", "code"), [(9, "production", 404, "not_found"), (1, "prodction", 400, "usage")]
)
def test_wrong_versions_and_stages_are_told_apart(registered, version, stage, status, code):
    answer = _promote(registered, version, stage)
    assert (answer.status, answer.body["error"]["code"]) == (status, code)


def test_a_promotion_needs_a_post(registered):
    assert registered.get("models/diabetes/versions/2/promotions").status == 405
    assert _versions(registered)[1][2]["stage"] == "none"
