"""What a run takes, what it refuses, and how it ends."""

import math
import os
import threading
from enum import Enum

import numpy as np
import pytest

from trackbook.errors import NotFoundError, UsageError
from trackbook.tracking.names import MAX_LENGTH


def test_a_run_holds_what_was_logged(tracker, runs, tmp_path):
    (tmp_path / "report.html").write_text("<p>")
    with tracker.start_run("first", experiment="churn", tags={"team": "a"}) as run:
        run.log_params({"depth": 3, "rate": 0.1, "name": "x"})
        run.log_metrics({"loss": 0.5, "r2": 0.25}, step=7)
        run.set_tag("team", "b")
        digest = run.log_artifact(tmp_path / "report.html")
        run.log_artifact(b"bytes", "deep/data.bin")
    found = runs.get(run.run_id)
    summary = found.summary
    assert (summary.run_name, summary.experiment, summary.status) == ("first", "churn", "FINISHED")
    assert summary.params == {"depth": "3", "rate": "0.1", "name": "x"}
    assert summary.metrics == {"loss": 0.5, "r2": 0.25}
    assert summary.tags == {"team": "b"}
    assert summary.start_time <= summary.end_time
    assert [(each.path, each.size, each.media_type) for each in found.artifacts] == [
        ("deep/data.bin", 5, "application/octet-stream"),
        ("report.html", 3, "text/html"),
    ]
    assert found.artifacts[1].digest == digest
    assert runs.artifact(run.run_id, "report.html") == b"<p>"
    assert found.user == "ada"
    assert found.environment["distributions"]["numpy"] == np.__version__


@pytest.mark.parametrize(
    ("error", "status"),
    [(None, "FINISHED"), (ValueError("no"), "FAILED"), (KeyboardInterrupt(), "KILLED"), (SystemExit(1), "KILLED")],
)
def test_how_a_block_ends_is_the_status_of_its_run(tracker, runs, error, status):
    try:
        with tracker.start_run() as run:
            if error is not None:
                raise error
    except BaseException as raised:  # noqa: BLE001 - the very exception that was put in
        assert raised is error
    found = runs.get(run.run_id)
    assert found.summary.status == status
    assert (found.error.type if found.error else None) == (type(error).__name__ if error else None)
    assert tracker.active is None


def test_a_run_is_visible_while_it_is_going_on(tracker, runs):
    with tracker.start_run() as run:
        run.log_metric("m", 1.0)
        (found,) = runs.search()
        assert (found.status, found.end_time, found.metrics) == ("RUNNING", None, {"m": 1.0})


def test_an_exception_that_cannot_be_shown_is_kept_as_far_as_it_can(tracker, runs):
    class Hostile(Exception):
        def __str__(self):
            raise RuntimeError("no")

    with pytest.raises(Hostile), tracker.start_run() as run:
        raise Hostile
    assert "cannot be shown" in runs.get(run.run_id).error.message


def test_an_endless_traceback_is_cut(tracker, runs):
    def recurse(number):
        return recurse(number + 1) + number

    with pytest.raises(RecursionError), tracker.start_run() as run:
        recurse(0)
    with pytest.raises(ValueError, match="xxx"), tracker.start_run() as other:
        raise ValueError("x" * 1_000_000)
    assert runs.get(run.run_id).error.type == "RecursionError"
    assert len(runs.get(other.run_id).error.message) <= 20_000


def test_a_second_run_needs_nested_and_becomes_a_child(tracker, runs):
    with tracker.start_run("parent") as parent:
        with pytest.raises(UsageError, match=r"'parent'.*still active.*nested=True"):
            tracker.start_run("second")
        with tracker.start_run("child", nested=True) as child:
            assert tracker.active is child
        assert tracker.active is parent
    assert runs.get(parent.run_id).children == (child.run_id,)
    assert runs.get(child.run_id).summary.parent_run_id == parent.run_id


def test_within_a_tracked_cell_a_run_is_a_child_without_asking(tracker, runs):
    with tracker.start_run("cell", kind="cell") as cell, tracker.start_run("mine") as mine:
        pass
    assert runs.get(mine.run_id).summary.parent_run_id == cell.run_id


def test_ending_a_parent_before_its_child_leaves_the_child_active(tracker):
    parent = tracker.start_run("parent")
    child = tracker.start_run("child", nested=True)
    parent.end()
    assert tracker.active is child
    child.end()
    assert tracker.active is None


def test_a_run_ended_in_another_thread_is_no_longer_active(tracker):
    run = tracker.start_run()
    thread = threading.Thread(target=run.end)
    thread.start()
    thread.join()
    assert tracker.active is None
    with tracker.start_run("next"):
        pass


def test_threads_find_the_run_of_the_process_and_have_runs_of_their_own(tracker, runs):
    with tracker.start_run("main") as main:

        def work():
            assert tracker.active is main
            with tracker.start_run("own", nested=True) as own:
                assert tracker.active is own
                own.log_metric("m", 1)
            assert tracker.active is main

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert {run.run_name: run.parent_run_id for run in runs.search()} == {"main": None, "own": main.run_id}


def test_a_param_is_written_once(tracker, runs):
    with tracker.start_run("r") as run:
        run.log_param("depth", 3)
        run.log_param("depth", "3")
        with pytest.raises(UsageError, match=r"'depth' of run 'r' is already '3' and cannot become '4'"):
            run.log_params({"new": 1, "depth": 4})
    assert runs.search()[0].params == {"depth": "3"}


def test_a_second_end_is_ignored_and_a_wrong_status_refused(tracker, runs):
    run = tracker.start_run()
    with pytest.raises(UsageError, match="did you mean 'FINISHED'"):
        run.end("FINISHD")
    run.end("FAILED")
    run.end("FINISHED")
    assert runs.search()[0].status == "FAILED"


def test_metrics_count_their_steps_and_the_highest_step_is_the_value(tracker, runs):
    with tracker.start_run() as run:
        run.log_metric("a", 1.0)
        run.log_metric("a", 2.0)
        run.log_metric("a", 10.0, step=10)
        run.log_metric("a", 3.0)
        run.log_metric("a", 5.0, step=5)
        run.log_metrics({"a": 4.0, "b": 1.0})
        run.log_metric("c", 1.0, step=-3)
        run.log_metric("c", 2.0, step=np.int64(-4))
    points = runs.metric_history(run.run_id, "a")
    assert [(point.step, point.value) for point in points] == [(0, 1), (1, 2), (5, 5), (10, 10), (11, 3), (12, 4)]
    assert runs.search()[0].metrics == {"a": 4.0, "b": 1.0, "c": 1.0}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -0.0, 5e-324, 1.7976931348623157e308, 2**53 + 1])
def test_every_float_comes_back(tracker, runs, value):
    with tracker.start_run() as run:
        run.log_metric("m", value)
        run.log_metric("m", value)
    (found,) = runs.search()
    for back in (found.metrics["m"], runs.metric_history(run.run_id, "m")[1].value):
        assert back == float(value) or (math.isnan(back) and math.isnan(value))
    with runs._store.read() as db:
        low, high, count = db.execute("SELECT min, max, count FROM metric").fetchone()
    assert count == 2
    assert (low, high) == ((None, None) if math.isnan(value) else (float(value), float(value)))


@pytest.mark.parametrize("value", [np.float32(0.5), np.float64(0.5), np.array(0.5), True, "0.5", np.int8(1)])
def test_whatever_is_a_number_is_a_metric(tracker, runs, value):
    with tracker.start_run() as run:
        run.log_metric("m", value)
    assert runs.search()[0].metrics["m"] == float(value)


@pytest.mark.parametrize("value", [None, "x", [1.0], np.array([1.0, 2.0]), 1j, object(), 10**400])
def test_what_is_no_number_is_refused_with_its_name(tracker, value):
    with tracker.start_run() as run, pytest.raises(UsageError, match="metric 'm' needs a number"):
        run.log_metric("m", value)


@pytest.mark.parametrize("name", ["", " ", "a\nb", "a\0b", "x" * (MAX_LENGTH + 1), 5, None, b"x", "\ud800"])
def test_a_name_that_cannot_be_shown_is_refused_everywhere(tracker, name):
    with pytest.raises(UsageError):
        tracker.set_experiment(name)
    with tracker.start_run() as run:
        for log in (run.log_param, run.log_metric, run.set_tag):
            with pytest.raises(UsageError):
                log(name, 1)
        with pytest.raises(UsageError):
            run.log_metrics({name: 1}, step=1)


@pytest.mark.parametrize(
    "name", ["ä", "日本語", "a b", "a/b.c", "'; DROP TABLE run; --", "😀", np.str_("np"), "x" * MAX_LENGTH]
)
def test_any_printable_name_will_do(tracker, runs, name):
    with tracker.start_run(str(name), experiment=name) as run:
        run.log_param(name, name)
        run.log_metric(name, 1)
        run.log_metric(name, 2)
        run.set_tag(name, name)
    (found,) = runs.search(experiment=str(name))
    assert found.params == {name: name}
    assert found.metrics == {name: 2.0}
    assert found.tags == {name: name}


def test_a_text_of_a_subclass_is_its_text(tracker, runs):
    class Colour(str, Enum):  # noqa: UP042 - whose str() is not its text
        RED = "red"

    with tracker.start_run() as run:
        run.log_param(Colour.RED, 1)
    assert runs.search()[0].params == {"red": "1"}


@pytest.mark.parametrize("path", ["", "/etc/passwd", "../x", "a/../../x", "a\\b", "x\0y"])
def test_an_artifact_stays_inside_its_run(tracker, path):
    with tracker.start_run() as run, pytest.raises(UsageError, match="cannot name an artifact"):
        run.log_artifact(b"x", path)


def test_a_missing_artifact_is_reported_with_the_nearest_name(tracker, runs, tmp_path):
    (tmp_path / "model.pkl").touch()
    with tracker.start_run() as run:
        with pytest.raises(NotFoundError, match=r"did you mean 'model\.pkl'"):
            run.log_artifact(tmp_path / "modl.pkl")
        run.log_artifact(tmp_path / "model.pkl")
    with pytest.raises(NotFoundError, match=r"did you mean 'model\.pkl'"):
        runs.artifact(run.run_id, "modl.pkl")


def test_a_run_can_be_found_by_what_it_wrote(tracker, runs):
    from trackbook.capture.cell import CellCapture
    from trackbook.capture.session import Session
    from trackbook.tracking.autolog import Autolog
    from trackbook.tracking.cells import CellEnd, CellRequest, CellTracker
    from trackbook.tracking.versioning import InputVersions

    objects = runs._store.objects
    inputs = InputVersions(tracker.append, objects, 0, "ada")
    autolog = Autolog(tracker, lambda model: b"")
    cells, session = CellTracker(tracker, CellCapture(1000), autolog, objects, 0, inputs), Session()
    namespace: dict = {}
    running = session.begin("frame = make()", namespace)
    cell = cells.start(CellRequest(source="frame = make()"), running, namespace)
    session.start(running)
    namespace["frame"] = np.arange(5)
    session.stop(running)
    assert cells.finish(cell, session, running, namespace, CellEnd()) == []
    assert runs.writer_of(np.arange(5)) == cell.run.run_id
    assert runs.writer_of(np.arange(6)) is None
    assert runs.writer_of(object()) is None


def test_a_hundred_thousand_metrics_are_all_there(tracker, runs):
    with tracker.start_run() as run:
        for step in range(100_000):
            run.log_metric("loss", 1 / (step + 1))
    history = runs.metric_history(run.run_id, "loss")
    assert [point.step for point in history] == list(range(100_000))
    assert runs.search()[0].metrics["loss"] == 1 / 100_000


def test_the_fluent_functions_log_to_the_active_run_or_start_one_that_ends_with_the_process(python, tmp_path):
    code = """
import trackbook as tb
tb.set_experiment("auto")
tb.log_param("depth", 3)
tb.log_metric("m", 1.0)
assert tb.active_run().experiment == "auto"
tb.log_metrics({"m": 2.0})
tb.set_tags({"a": "b"})
tb.end_run()
assert tb.active_run() is None
tb.end_run()
tb.set_tag("left", "open")
"""
    assert python(code, TRACKBOOK_DIR=str(tmp_path / "store")).stderr == ""
    from trackbook.store import Store
    from trackbook.tracking import Runs

    left, first = Runs(Store.open(tmp_path / "store")).search(experiment="auto")
    assert (first.status, first.params, first.metrics, first.tags) == (
        "FINISHED",
        {"depth": "3"},
        {"m": 2.0},
        {"a": "b"},
    )
    assert (left.status, left.tags) == ("FINISHED", {"left": "open"})


def test_a_script_that_fails_leaves_a_failed_run(python, tmp_path):
    code = """
import trackbook as tb
with tb.start_run("r"):
    raise ValueError("password='hunter2'")
"""
    assert python(code, check=False, TRACKBOOK_DIR=str(tmp_path / "store")).returncode == 1
    from trackbook.store import Store
    from trackbook.tracking import Runs

    runs = Runs(Store.open(tmp_path / "store"))
    found = runs.get(runs.search()[0].run_id)
    assert (found.summary.status, found.error.type) == ("FAILED", "ValueError")
    assert "hunter2" not in found.error.message + found.error.traceback


def test_autolog_logs_the_users_fits_and_metrics_and_stops_when_told(python, tmp_path):
    code = """
import trackbook as tb, numpy as np
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
x, y = np.arange(20.0).reshape(10, 2), np.arange(10.0)
tb.autolog()
with tb.start_run("on"):
    r2_score(y, Ridge(alpha=0.5).fit(x, y).predict(x))
tb.autolog(disable=True)
with tb.start_run("off"):
    Ridge().fit(x, y)
"""
    python(code, TRACKBOOK_DIR=str(tmp_path / "store"))
    from trackbook.store import Store
    from trackbook.tracking import Runs

    found = {run.run_name: run for run in Runs(Store.open(tmp_path / "store")).search()}
    assert found["on"].params["alpha"] == "0.5"
    assert found["on"].metrics["r2_score"] > 0.9
    assert found["on"].tags == {"estimator": "Ridge"}
    assert found["off"].params == {}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_steps_and_names_survive_a_fork(tracker, runs):
    with tracker.start_run() as run:
        run.log_metric("m", 0)
        child = os.fork()
        if child == 0:
            run.log_metric("m", 1)
            os._exit(0)
        os.waitpid(child, 0)
    assert [point.step for point in runs.metric_history(run.run_id, "m")] == [0, 1]


def test_a_run_that_has_ended_stays_as_it_was(tracker, runs, tmp_path):
    with tracker.start_run("done") as run:
        run.log_metric("m", 1)
    for log in (
        lambda: run.log_param("late", 1),
        lambda: run.log_metric("m", 2),
        lambda: run.log_metrics({"m": 2}),
        lambda: run.set_tag("late", 1),
        lambda: run.log_artifact(b"x", "late.txt"),
        run.__enter__,
    ):
        with pytest.raises(UsageError, match=r"run 'done' .* has ended as FINISHED; start another"):
            log()
    found = runs.get(run.run_id)
    assert (found.summary.params, found.summary.metrics, found.summary.tags) == ({}, {"m": 1.0}, {})
    assert found.artifacts == ()


class Mute:
    def __str__(self):
        raise RuntimeError("no")

    __repr__ = __str__


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda run: run.log_params(["depth"]), "params are a mapping"),
        (lambda run: run.log_params(None), "params are a mapping"),
        (lambda run: run.log_metrics([1]), "metrics are a mapping"),
        (lambda run: run.log_metrics([1], step=1), "metrics are a mapping"),
        (lambda run: run.set_tags("a"), "tags are a mapping"),
        (lambda run: run.set_tags(dict), "tags are a mapping"),
        (lambda run: run.log_param("depth", Mute()), "param 'depth': a Mute has no text"),
        (lambda run: run.log_metric("m", Mute()), "metric 'm' needs a number, not Mute"),
        (lambda run: run.log_metric([], 1), "the name of a metric is a text, not list"),
        (lambda run: run.log_artifact(None), "an artifact is the path of a file, or bytes, not NoneType"),
        (lambda run: run.log_artifact("."), "'.' is a folder"),
        (lambda run: run.log_artifact(b"x", 3), "the path of an artifact is a text, not int 3"),
        (lambda run: run.end("RUNNING"), "does not end as 'RUNNING'; use one of FINISHED"),
        (lambda run: run.end("finished"), "did you mean 'FINISHED'"),
        (lambda run: run.end(None), "does not end as None"),
    ],
)
def test_a_wrong_argument_is_named_and_changes_nothing(tracker, runs, call, says):
    run = tracker.start_run()
    with pytest.raises(UsageError) as error:
        call(run)
    assert says in str(error.value)
    run.end()
    (found,) = runs.search()
    assert (found.status, found.params, found.metrics, found.tags) == ("FINISHED", {}, {}, {})


def test_wrong_tags_start_no_run(tracker, runs):
    with pytest.raises(UsageError, match="tags are a mapping"):
        tracker.start_run(tags=["a"])
    assert tracker.active is None
    assert runs.search() == []


@pytest.mark.parametrize(
    ("crash", "status", "error"),
    [("", "FINISHED", None), ("1 / 0", "FAILED", "ZeroDivisionError"), ("raise KeyboardInterrupt", "KILLED", None)],
)
def test_runs_that_a_script_leaves_open_end_with_it(python, tmp_path, crash, status, error):
    code = f"import trackbook as tb\ntb.start_run('outer')\ntb.start_run('inner', nested=True)\n{crash}"
    python(code, check=False, TRACKBOOK_DIR=str(tmp_path / "store"))
    from trackbook.store import Store
    from trackbook.tracking import Runs

    runs = Runs(Store.open(tmp_path / "store"))
    assert {run.run_name: run.status for run in runs.search()} == {"outer": status, "inner": status}
    for run in runs.search():
        kept = runs.get(run.run_id).error
        assert error is None or (kept is not None and kept.type == error)


def test_a_file_is_logged_into_a_folder_of_the_run_as_in_mlflow(python, tmp_path):
    (tmp_path / "model.txt").write_text("x")
    code = f"""
import pathlib, trackbook as tb
with tb.start_run():
    tb.log_artifact({str(tmp_path / "model.txt")!r})
    tb.log_artifact(pathlib.Path({str(tmp_path / "model.txt")!r}), "plots/all")
    tb.log_artifact(b"y", "plots/raw.bin")
"""
    python(code, TRACKBOOK_DIR=str(tmp_path / "store"))
    from trackbook.store import Store
    from trackbook.tracking import Runs

    runs = Runs(Store.open(tmp_path / "store"))
    found = runs.get(runs.search()[0].run_id)
    assert [artifact.path for artifact in found.artifacts] == ["model.txt", "plots/all/model.txt", "plots/raw.bin"]
