"""Reports in the store: what was recorded is what comes back."""

import pandas as pd
import pytest

from trackbook.errors import NotFoundError, UsageError
from trackbook.monitoring import DriftReports, detect_drift
from trackbook.settings import DriftSettings
from trackbook.store import Store


@pytest.fixture
def reports(tmp_path):
    return DriftReports(Store.open(tmp_path / ".trackbook"), DriftSettings(alpha=0.01))


@pytest.fixture
def report():
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0], "k": ["a", "b", None]})
    return detect_drift(frame, frame)


def test_a_report_comes_back_as_it_was_under_its_id_or_its_beginning(reports, report):
    report_id = reports.record(report, "data:/a@1", "data:/a@2", run_id="r1")
    for name in (report_id, report_id[:8]):
        found = reports.get(name)
        assert (found.reference, found.current) == ("data:/a@1", "data:/a@2")
        assert found.columns == report.columns
    summary = reports.summary(report_id)
    assert (summary.report_id, summary.state, summary.run_id) == (report_id, "cannot_tell", "r1")
    assert summary.to_dict()["created_time"].endswith("Z")


def test_a_check_compares_under_the_settings_and_keeps_the_report(reports):
    frame = pd.DataFrame({"x": [1.0, 2.0, 3.0]})
    report = reports.check(frame, frame, names=("before", "after"))
    (kept,) = reports.list().reports
    assert reports.get(kept.report_id) == report
    assert (report.alpha, kept.reference, kept.current) == (0.01, "before", "after")


def test_pages_hold_every_report_once_the_newest_first(reports, report):
    recorded = [reports.record(report, "a", str(i)) for i in range(5)]
    listed, cursor = [], None
    while True:
        page = reports.list(limit=2, cursor=cursor)
        listed += [summary.report_id for summary in page.reports]
        cursor = page.cursor
        if cursor is None:
            break
    assert listed == recorded[::-1]


def test_an_unknown_report_and_a_bad_page_are_errors_that_help(reports, report):
    with pytest.raises(NotFoundError, match="no drift report 'nope'"):
        reports.get("nope")
    reports.record(report, "a", "b")
    with pytest.raises(NotFoundError):
        reports.get("")
    with pytest.raises(UsageError, match="no cursor"):
        reports.list(cursor="1; DROP TABLE")
    with pytest.raises(UsageError, match="at least one"):
        reports.list(limit=0)
