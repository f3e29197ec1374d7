"""Forks while runs are tracked: no deadlock, no record lost or doubled, and what the children logged is kept."""

from __future__ import annotations

import pytest

from support.failpoints.records import check_sound
from trackbook.project import Project

pytestmark = pytest.mark.faults

HEAD = """
import multiprocessing, os, sys, threading, warnings
import trackbook as tb

# Python itself warns of forks beside threads: that they go well nevertheless is what is tested here.
warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
"""

JOBS = """
from joblib import Parallel, delayed

def work(number):
    import trackbook as tb
    with tb.start_run(f"job-{number}", nested=True) as run:
        run.log_params({"number": number})
        for step in range(50):
            run.log_metric("m", step * number, step=step)
    return number

if __name__ == "__main__":
    with tb.start_run("parent") as run:
        found = Parallel(n_jobs=3, backend=sys.argv[1])(delayed(work)(number) for number in range(12))
        run.log_metric("sum", sum(found))
"""

BESIDE_THREADS = """
def log(name):
    for step in range(300):
        tb.log_metric(name, step)
        if step % 50 == 0:
            tb.get_run(run.run_id)

def child(number):
    for step in range(100):
        tb.log_metric(f"child{number}", step)
    tb.log_artifact(b"%d" % number, f"{number}.txt")

fork = multiprocessing.get_context("fork")
with tb.start_run("parent") as run:
    threads = [threading.Thread(target=log, args=(f"thread{number}",)) for number in range(3)]
    for thread in threads:
        thread.start()
    children = []
    for number in range(10):
        children.append(fork.Process(target=child, args=(number,)))
        children[-1].start()
    for each in [*threads, *children]:
        each.join()
    assert [each.exitcode for each in children] == [0] * 10, children
"""

POOL = """
def child(number):
    with tb.start_run(f"child-{number}", nested=True) as run:
        run.log_metric("m", number)
    return os.getpid()

with tb.start_run("parent"):
    tb.log_metric("before", 1)
    with multiprocessing.get_context("fork").Pool(4) as pool:
        assert len(pool.map(child, range(40), chunksize=1)) == 40
    tb.log_metric("after", 1)
"""

LARGE_FILES = """
def child(number):
    with open(f"{number}.bin", "wb") as file:
        file.write(bytes([number]) * (2 << 20))
    tb.log_artifact(f"{number}.bin")
    tb.snapshot(f"{number}.bin", f"d{number}")

with tb.start_run("parent"):
    child(0)
    fork = multiprocessing.get_context("fork")
    children = [fork.Process(target=child, args=(number,), daemon=True) for number in (1, 2)]
    for each in children:
        each.start()
    for each in children:
        each.join(60)
    assert [each.exitcode for each in children] == [0, 0], children
"""


@pytest.fixture
def project_after(tmp_path, python):
    """Run code as a script in a new project, and return the project when it has ended well and without a word."""

    def run(code: str, *arguments: str) -> Project:
        (tmp_path / "trackbook.toml").touch()
        script = tmp_path / "script.py"
        script.write_text(HEAD + code)
        done = python("import runpy, sys; sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')",
                      str(script), *arguments, check=False)  # fmt: skip
        assert (done.returncode, done.stderr) == (0, "")
        project = Project.open(tmp_path)
        check_sound(project.store)
        return project

    return run


@pytest.mark.parametrize("backend", ["loky", "multiprocessing", "threading"])
def test_joblib_keeps_the_runs_of_all_its_workers(project_after, backend):
    project = project_after(JOBS, backend)
    found = {run.run_name: run for run in project.runs.search()}
    assert found.keys() == {"parent", *(f"job-{number}" for number in range(12))}
    for number in range(12):
        run = found[f"job-{number}"]
        assert (run.status, run.params, run.metrics) == ("FINISHED", {"number": str(number)}, {"m": 49.0 * number})
        assert len(project.runs.metric_history(run.run_id, "m")) == 50
    assert found["parent"].metrics == {"sum": 66.0}


def test_children_forked_beside_threads_that_log_keep_all_that_either_says(project_after):
    project = project_after(BESIDE_THREADS)
    (run,) = project.runs.search()
    assert run.status == "FINISHED"
    steps = {name: [point.step for point in project.runs.metric_history(run.run_id, name)] for name in run.metrics}
    assert steps == {
        **{f"thread{number}": list(range(300)) for number in range(3)},
        **{f"child{number}": list(range(100)) for number in range(10)},
    }
    artifacts = {each.path: project.store.objects.get(each.digest) for each in project.runs.get(run.run_id).artifacts}
    assert artifacts == {f"{number}.txt": b"%d" % number for number in range(10)}


def test_the_children_of_a_pool_have_runs_of_their_own_below_the_parents(project_after):
    project = project_after(POOL)
    found = {run.run_name: run for run in project.runs.search()}
    parent = found.pop("parent")
    assert (parent.status, parent.metrics) == ("FINISHED", {"before": 1.0, "after": 1.0})
    assert found.keys() == {f"child-{number}" for number in range(40)}
    for number in range(40):
        run = found[f"child-{number}"]
        assert (run.status, run.metrics, run.parent_run_id) == ("FINISHED", {"m": float(number)}, parent.run_id)


def test_children_hash_large_files_as_their_parent_did(project_after):
    """The threads that hashed for the parent do not live on in them."""
    project = project_after(LARGE_FILES)
    for number in range(3):
        assert project.data.load(f"data:/d{number}@1") == bytes([number]) * (2 << 20)
