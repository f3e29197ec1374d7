"""A run that has ended goes on by its id."""

from __future__ import annotations

import pytest

from trackbook.errors import NotFoundError, UsageError
from trackbook.store import Store
from trackbook.tracking import Runs, Tracker


def test_what_is_logged_after_resuming_is_added(tracker: Tracker, runs: Runs) -> None:
    """Params stay, metrics count on, and the run ends anew."""
    with tracker.start_run("long") as run:
        run.log_param("depth", 3)
        run.log_metric("loss", 0.5)
    with tracker.resume_run(run.run_id[:10]) as again:
        again.log_param("depth", 3)
        again.log_param("width", 4)
        again.log_metric("loss", 0.4)
        assert runs.get(run.run_id).summary.status == "RUNNING"
    found = runs.get(run.run_id).summary
    assert (found.run_name, found.status) == ("long", "FINISHED")
    assert found.params == {"depth": "3", "width": "4"}
    assert [(point.step, point.value) for point in runs.metric_history(run.run_id, "loss")] == [(0, 0.5), (1, 0.4)]
    assert len(runs.search()) == 1


def test_a_param_of_before_cannot_become_another(tracker: Tracker) -> None:
    """Params are written once, also over a pause."""
    with tracker.start_run() as run:
        run.log_param("depth", 3)
    with tracker.resume_run(run.run_id) as again, pytest.raises(UsageError, match="depth"):
        again.log_param("depth", 4)


def test_a_failed_run_that_goes_on_forgets_its_error(tracker: Tracker, runs: Runs) -> None:
    """How it ended before is past when it ends well."""
    with pytest.raises(ZeroDivisionError), tracker.start_run() as run:
        1 / 0  # noqa: B018 - to fail
    assert runs.get(run.run_id).error is not None
    with tracker.resume_run(run.run_id):
        pass
    found = runs.get(run.run_id)
    assert (found.summary.status, found.error) == ("FINISHED", None)


def test_another_process_may_go_on_with_it(tracker: Tracker, store: Store, runs: Runs, python: object) -> None:
    """A script continues what another one began."""
    with tracker.start_run("shared") as run:
        run.log_metric("m", 1)
    python(  # type: ignore[operator]
        "import sys, trackbook as tb\nwith tb.start_run(run_id=sys.argv[1]):\n    tb.log_metric('m', 2)",
        run.run_id,
        TRACKBOOK_DIR=str(store.root),
    )
    assert [point.value for point in runs.metric_history(run.run_id, "m")] == [1.0, 2.0]


def test_wrong_ids_and_a_busy_tracker_are_said(tracker: Tracker) -> None:
    """An unknown run, and a run while another is active."""
    with pytest.raises(NotFoundError, match="no run"):
        tracker.resume_run("0" * 32)
    with tracker.start_run() as run, pytest.raises(UsageError, match="still active"):
        tracker.resume_run(run.run_id)
