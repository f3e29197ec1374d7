"""Models over HTTP: listed, looked at, and taken step by step, with who is behind the request as who did it."""

from __future__ import annotations

import sqlite3
import time

import pandas as pd
import pytest
from sklearn.linear_model import Ridge

from trackbook.project import Project

GATE = '[[gates]]\nstage = "production"\nmetric = "r2"\nmin = 0.3\n'
APPROVALS = '[[approvals]]\napprovers = ["carol", "dan"]\ncount = 1\n'
VERSION = "models/diabetes/versions"


@pytest.fixture
def registered(workspace):
    """A model with one version that passes the gate of production and one that does not."""
    (workspace.root / "trackbook.toml").write_text(GATE)
    project = Project.open(workspace.root)
    for r2 in (0.2, 0.4):
        with project.tracker.start_run(f"r2 {r2}") as run:
            run.log_params({"alpha": r2})
        model = Ridge(alpha=r2).fit(pd.DataFrame({"age": [0.0, 1.0]}), [0.0, 1.0])
        project.registry.register(model, "diabetes", run_id=run.run_id, metrics={"r2": r2})
    return workspace


def _allow(workspace, text):
    (workspace.root / "trackbook.toml").write_text(text)


def _promote(workspace, version, stage, **more):
    return workspace.post(f"{VERSION}/{version}/promotions", {"stage": stage, **more})


def _stages(workspace):
    return {each["version"]: each["stage"] for each in workspace.get("models/diabetes").body["versions"]}


def test_a_project_without_a_store_has_no_models_and_that_is_no_error(workspace):
    assert workspace.get("models").body == {"models": [], "total": 0, "next_cursor": None}


def test_models_are_listed_page_by_page_with_where_they_stand(registered):
    project = Project.open(registered.root)
    for name in ("anxiety", "zeal"):
        project.registry.register(Ridge().fit([[0.0], [1.0]], [0.0, 1.0]), name)
    first = registered.get("models", limit=2).body
    rest = registered.get("models", limit=2, cursor=first["next_cursor"]).body
    assert [each["name"] for each in first["models"] + rest["models"]] == ["anxiety", "diabetes", "zeal"]
    assert (first["total"], rest["next_cursor"]) == (3, None)
    assert _promote(registered, 2, "production").status == 200
    (model,) = (each for each in registered.get("models").body["models"] if each["name"] == "diabetes")
    assert (model["production"]["version"], model["newest"]["version"], model["versions"]) == (2, 2, 2)
    assert model["production"]["gates"] == {"passed": 1, "failed": 0, "void": 0}
    assert model["aliases"] == {"champion": 2}
    _allow(registered, GATE.replace("0.3", "0.35"))
    (model,) = (each for each in registered.get("models").body["models"] if each["name"] == "diabetes")
    assert model["production"]["gates"] == {"passed": 0, "failed": 0, "void": 1}, "another policy voids results"


def test_a_model_tells_its_versions_and_who_asks(registered):
    model = registered.get("models/diabetes").body
    assert [each["version"] for each in model["versions"]] == [2, 1]
    assert model["versions"][0]["metrics"] == {"r2": 0.4}
    assert model["versions"][0]["unsafe"] is False
    assert not model["you"]["authenticated"]
    assert "not authenticated" in model["you"]["words"], "a shared token names nobody"
    assert registered.get("models/diabtes").body["error"]["code"] == "not_found"


def test_what_is_said_of_a_model_and_its_versions_is_edited(registered):
    edit = {"description": "<b>who</b> is ill", "tags": {"team": "blue"}, "limits": "adults"}
    model = registered.patch("models/diabetes", edit).body
    assert (model["description"], model["tags"], model["limits"]) == ("<b>who</b> is ill", {"team": "blue"}, "adults")
    model = registered.patch(f"{VERSION}/1", {"owner": "ann"}).body
    assert {each["version"]: each["owner"] for each in model["versions"]} == {1: "ann", 2: ""}
    assert registered.patch("models/diabetes", {"name": "x"}).status == 400


def test_what_a_version_lacks_is_known_before_it_is_promoted(registered):
    _allow(registered, GATE + APPROVALS)
    standing = registered.get(f"{VERSION}/1", stage="production").body["standing"]
    assert (standing["ready"], standing["gates"], standing["results"]) == (False, 1, [])
    assert "carol and dan" in " ".join(standing["sentences"])
    assert "advisory" in standing["advisory"]
    assert standing["tallies"][0]["open"] == ["carol", "dan"]
    (model,) = registered.get("models").body["models"]
    assert model["waiting"] == 1
    assert registered.get(f"{VERSION}/1", stage="prod").status == 400


def test_a_check_is_a_job_whose_results_are_kept(registered):
    answer = registered.post(f"{VERSION}/1/checks", {"stage": "production"})
    assert answer.status == 202, answer.body
    deadline, path = time.monotonic() + 60, f"checks/{answer.body['job_id']}"
    while (job := registered.get(path).body)["state"] in ("waiting", "running"):
        assert time.monotonic() < deadline, job
        time.sleep(0.1)
    assert job["state"] == "done", job
    (result,) = job["check"]["results"]
    assert (result["passed"], result["gate"]["settings"]["min"]) == (False, 0.3)
    (kept,) = registered.get(f"{VERSION}/1").body["standing"]["results"]
    assert (kept["passed"], kept["void"], kept["reason"]) == (False, None, result["reason"])
    assert registered.post(f"{VERSION}/9/checks", {}).status == 404


def test_who_has_no_say_cannot_approve(registered):
    """The name behind a shared token is that of the machine's login, who also made the version."""
    _allow(registered, GATE + APPROVALS)
    answer = registered.post(f"{VERSION}/2/approvals", {"approved": True, "comment": "fine"})
    assert (answer.status, answer.body["error"]["code"]) == (409, "gate_refused")
    assert "not authenticated" in answer.body["error"]["message"]


def test_a_promotion_answers_with_the_new_state_and_the_list_shows_it(registered):
    answer = _promote(registered, 2, "production")
    assert (answer.status, answer.body["stage"]) == (200, "production")
    assert _stages(registered) == {1: "none", 2: "production"}


def test_a_refused_promotion_says_which_gate_and_why_and_changes_no_stage(registered):
    answer = _promote(registered, 1, "production")
    assert (answer.status, answer.body["error"]["code"]) == (409, "gate_refused")
    assert "r2 is 0.2, below the minimum 0.3" in answer.body["error"]["message"]
    assert _stages(registered)[1] == "none"


def test_an_override_needs_a_reason_and_is_red_in_the_trail(registered):
    assert _promote(registered, 1, "production", override=True).status == 400
    answer = _promote(registered, 1, "production", override=True, reason="the old one is down")
    assert (answer.status, answer.body["override"]) == (200, "the old one is down")
    event = registered.get("audit-events", model="diabetes", limit=1).body["events"][0]
    assert (event["red"], event["stage"], event["version"]) == (True, "production", 1)
    assert event["why"] == "the old one is down"


def test_a_gate_that_is_made_stricter_guards_the_next_promotion_without_a_restart(registered):
    _stages(registered)
    _allow(registered, GATE.replace("0.3", "0.95"))
    assert _promote(registered, 2, "production").status == 409


@pytest.mark.parametrize(
    ("version", "stage", "status", "code"), [(9, "production", 404, "not_found"), (1, "prodction", 400, "usage")]
)
def test_wrong_versions_and_stages_are_told_apart(registered, version, stage, status, code):
    answer = _promote(registered, version, stage)
    assert (answer.status, answer.body["error"]["code"]) == (status, code)


def test_production_is_rolled_back_and_versions_are_deprecated_named_and_deleted(registered):
    _allow(registered, "")
    for version in (1, 2):
        assert _promote(registered, version, "production").status == 200
    back = registered.post("models/diabetes/rollbacks", {"reason": "too slow"})
    assert (back.body["version"], back.body["previous"]) == (1, 2)
    assert registered.post(f"{VERSION}/2/deprecation", {"reason": "slow"}).body["deprecated"] == "slow"
    assert registered.post(f"{VERSION}/2/deprecation", {"reason": None}).body["deprecated"] is None
    assert registered.put("models/diabetes/aliases/spare", {"version": 2}).body["aliases"] == ["spare"]
    assert registered.delete(f"{VERSION}/2").status == 409, "an alias holds it"
    assert registered.delete("models/diabetes/aliases/spare").body == {"deleted": "spare"}
    assert registered.delete(f"{VERSION}/2").body == {"deleted": 2}
    assert _stages(registered) == {1: "production"}


def test_two_versions_are_compared_and_each_has_a_lineage_and_a_card(registered):
    found = registered.get(f"{VERSION}/1/comparison/2").body
    (metric,) = (each for each in found["metrics"] if each["metric"] == "r2")
    assert (metric["one"], metric["other"]) == (0.2, 0.4)
    assert found["params"]["alpha"] == ["0.2", "0.4"]
    nodes = registered.get(f"{VERSION}/2/lineage").body["nodes"]
    assert {"run", "model_version"} <= {node["kind"] for node in nodes}
    card = registered.get(f"{VERSION}/2/card").body
    assert [each["title"] for each in card["sections"]][:2] == ["Summary", "Intended use"]
    assert card["markdown"].startswith("---\n")


def test_the_trail_of_a_model_comes_page_by_page_and_is_verified(registered):
    Project.open(registered.root).registry.register(Ridge().fit([[0.0], [1.0]], [0.0, 1.0]), "other")
    first = registered.get("audit-events", model="diabetes", limit=2).body
    rest = registered.get("audit-events", model="diabetes", limit=50, cursor=first["next_cursor"]).body
    events = first["events"] + rest["events"]
    assert {each["model"] for each in events} == {"diabetes"}
    assert [each["words"] for each in events] == ["registered", "registered", events[-1]["words"]]
    assert rest["next_cursor"] is None
    assert registered.get("audit-events", cursor="x").status == 400
    verdict = registered.get("audit-verdict").body
    assert (verdict["sound"], verdict["faults"]) == (True, [])


def test_a_trail_that_was_changed_by_hand_says_which_event_is_broken(registered):
    with sqlite3.connect(registered.root / ".trackbook/trackbook.db") as db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            db.execute(f'DROP TRIGGER "{name}"')
        db.execute("UPDATE audit_event SET actor = 'mallory' WHERE seq = 2")
    db.close()
    verdict = registered.get("audit-verdict").body
    assert not verdict["sound"]
    assert verdict["faults"][0].startswith("Event 2:")


def test_a_promotion_needs_a_post(registered):
    assert registered.get(f"{VERSION}/2/promotions").status == 405
    assert _stages(registered)[2] == "none"
