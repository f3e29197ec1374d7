"""A fault in Trackbook is one visible warning; the user's cell is as it would be without."""

import pytest


def broken(target: str, exception: str = "RuntimeError('planted')") -> str:
    return f"""
from trackbook.project import current
def planted(*arguments, **keywords):
    raise {exception}
project = current.get()
saved = {target}
{target} = planted
"""


@pytest.mark.parametrize(
    "target",
    [
        "project.cells.start",
        "project.cells.finish",
        "project.cells._capture.begin",
        "project.cells._capture.end",
        "project.tracker.start_run",
        "project.store._journal.append",
        "project.tracker._environment.read",
        "project.tracker._git.read",
    ],
)
@pytest.mark.parametrize("exception", ["RuntimeError('planted')", "MemoryError('planted')"])
def test_a_service_that_raises_is_one_line_and_the_cell_runs(start_kernel, shared, target, exception):
    exception = exception.replace("planted", f"planted in {target}")  # a warning is said once
    assert shared.run(broken(target, exception), store_history=False).errors == []
    outcome = shared.run(f"%%track {target}\nprint('mine')\n6 * 7")
    shared.run(f"{target} = saved", store_history=False)
    assert (outcome.results, outcome.stdout, outcome.errors) == (["42"], "mine\n", [])
    assert len(outcome.stderr.splitlines()) == 1
    assert outcome.stderr.startswith("Trackbook: ")
    assert "planted" in outcome.stderr
    # Whatever was broken, the next cell is a run of its own that ends.
    name = f"after-{target}-{exception[:3]}"
    assert shared.run(f"%%track {name}\n'well'").results == ["'well'"]
    found = shared.only_run(name).summary
    assert (found.status, found.parent_run_id) == ("FINISHED", None)


@pytest.fixture(scope="module")
def shared(start_kernel):
    kernel = start_kernel()
    kernel.run("%load_ext trackbook")
    return kernel


def test_a_fault_while_the_cell_fails_leaves_its_traceback_alone(shared):
    shared.run(broken("project.cells.finish"), store_history=False)
    outcome = shared.run("%%track x\n1 / 0")
    shared.run("project.cells.finish = saved", store_history=False)
    assert [error["ename"] for error in outcome.errors] == ["ZeroDivisionError"]
    assert outcome.stderr.count("Trackbook: ") <= 1
    assert "planted" not in outcome.traceback


def test_a_metric_that_cannot_be_recorded_does_not_break_the_users_call(shared):
    shared.run(
        "from sklearn.metrics import accuracy_score\n" + broken("project.tracker.start_run.__self__._append"),
        store_history=False,
    )
    shared.run("project.tracker._append = saved", store_history=False)
    shared.run(
        "%%track metric --name kept\nrun = tb.active_run() if 'tb' in globals() else __import__('trackbook').active_run()\n"
        "run._append = planted\nscore = accuracy_score([1, 0], [1, 0])\nrun._append = project.tracker._append\nprint(score)"
    )
    outcome = shared.run("score")
    assert outcome.results == ["1.0"]


def test_a_store_that_cannot_be_written_is_exactly_one_warning_and_the_cells_run(start_kernel, tmp_path):
    (tmp_path / "file").touch()
    kernel = start_kernel(TRACKBOOK_DIR=str(tmp_path / "file" / "store"))
    assert kernel.run("%load_ext trackbook").errors == []
    first = kernel.run("%%track x\n'runs'")
    assert (first.results, first.errors) == (["'runs'"], [])
    assert len(first.stderr.splitlines()) == 1
    assert "file/store cannot be written" in first.stderr
    assert "TRACKBOOK_DIR" in first.stderr
    second = kernel.run("%%track x\n'too'")
    assert (second.results, second.stderr) == (["'too'"], "")


def test_wrong_settings_are_one_warning_and_the_cells_run(start_kernel, tmp_path):
    (tmp_path / "trackbook.toml").write_text("experimnt = 'x'")
    kernel = start_kernel(tmp_path)
    kernel.run("%load_ext trackbook")
    outcome = kernel.run("%%track x\n'runs'")
    assert outcome.results == ["'runs'"]
    assert len(outcome.stderr.splitlines()) == 1
    assert "experimnt" in outcome.stderr
    (tmp_path / "trackbook.toml").write_text("experiment = 'x'")
    kernel.run("%%track\n1")
    assert len(kernel.runs("x")) == 1


def test_a_store_of_a_newer_version_does_not_stop_cells_and_is_named_when_it_is_read(start_kernel):
    import sqlite3

    kernel = start_kernel()
    kernel.run("%load_ext trackbook")
    kernel.run("%%track x\n1\n")
    store = kernel.project().store
    with store.read():
        pass
    with sqlite3.connect(store.database) as db:
        db.execute("INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('trackbook', 'm999', 'x')")
    db.close()
    assert kernel.run("%%track x\n'runs'").results == ["'runs'"]
    outcome = kernel.run("%runs")
    assert "UsageError" in outcome.stderr + outcome.traceback
    assert "pip install -U trackbook" in outcome.stderr + outcome.traceback


def test_a_store_that_is_deleted_costs_one_warning_and_then_works_again(start_kernel):
    import shutil

    kernel = start_kernel()
    kernel.run("%load_ext trackbook")
    kernel.run("%%track x\n1")
    shutil.rmtree(kernel.root / ".trackbook")
    outcome = kernel.run("%%track x --name lost\n'runs'")
    assert outcome.results == ["'runs'"]
    assert len(outcome.stderr.splitlines()) == 1
    assert kernel.run("%%track x --name kept\n'runs'").stderr == ""
    assert [run.summary.run_name for run in kernel.runs("x")] == ["kept"]


def test_warnings_as_errors_in_the_kernel_change_nothing(start_kernel):
    kernel = start_kernel(PYTHONWARNINGS="error::DeprecationWarning:trackbook,error::ResourceWarning")
    assert kernel.run("%load_ext trackbook").stderr == ""
    outcome = kernel.run(
        "%%track x\nfrom sklearn.linear_model import Ridge\nmodel = Ridge().fit([[1], [2]], [1, 2])\nprint('ok')"
    )
    assert (outcome.stdout, outcome.stderr, outcome.errors) == ("ok\n", "", [])
