"""Drift reports over HTTP."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from trackbook.monitoring import detect_drift
from trackbook.project import Project


@pytest.fixture
def reported(workspace):
    """A project with three reports, of which the last found drift in column `moved`."""
    random = np.random.default_rng(0)
    reference = pd.DataFrame({"still": random.normal(size=300), "moved": random.normal(size=300)})
    project = Project.open(workspace.root)
    for shift in (0.0, 0.0, 3.0):
        current = reference.assign(moved=reference["moved"] + shift)
        project.drift.record(detect_drift(reference, current), "last year", f"shifted by {shift:g}")
    return workspace


def test_a_project_without_a_store_has_no_reports_and_that_is_no_error(workspace):
    assert workspace.get("drift-reports").body == {"drift_reports": [], "next_cursor": None}


def test_reports_are_listed_newest_first_page_by_page(reported):
    first = reported.get("drift-reports", limit=2).body
    second = reported.get("drift-reports", limit=2, cursor=first["next_cursor"]).body
    listed = first["drift_reports"] + second["drift_reports"]
    assert [report["current"] for report in listed] == ["shifted by 3", "shifted by 0", "shifted by 0"]
    assert listed[0]["state"] == "drift"
    assert second["next_cursor"] is None


def test_one_report_holds_its_columns_and_a_picture_of_each(reported):
    report_id = reported.get("drift-reports", limit=1).body["drift_reports"][0]["report_id"]
    report = reported.get(f"drift-reports/{report_id}").body
    assert (report["report_id"], report["state"], report["n_reference"]) == (report_id, "drift", 300)
    assert report["columns"]["moved"]["state"] == "drift"
    assert report["columns"]["still"]["state"] in ("none", "negligible", "cannot_tell")
    assert {"method", "effect", "effect_low", "effect_high", "p_adjusted"} <= report["columns"]["moved"].keys()
    assert report["charts"].keys() == {"still", "moved"}
    assert "vega-lite/v5" in report["charts"]["moved"]["$schema"]


def test_a_report_that_does_not_exist_is_not_found(reported):
    answer = reported.get("drift-reports/" + "f" * 32)
    assert (answer.status, answer.body["error"]["code"]) == (404, "not_found")
