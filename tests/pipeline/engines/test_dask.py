"""Steps run on a Dask cluster as they do here: the same results, files and states, and clear outcomes of faults."""

import os
import threading
import time
from pathlib import Path

import msgspec
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from support.clusters import Cluster
from support.pipelines import Bench
from support.s3 import Bucket
from support.sweeps import MAIN as TRAIN
from support.sweeps import STEPS, SweepBench
from trackbook.data import Datasets
from trackbook.errors import PipelineError
from trackbook.pipeline import Pipelines
from trackbook.pipeline.cache.cache import StepCache
from trackbook.pipeline.outcome import PipelineEvent, StepProgress
from trackbook.pipeline.plan import read_plan
from trackbook.pipeline.running.options import RunOptions
from trackbook.pipeline.running.runner import Runner
from trackbook.pipeline.sweeps.outcome import InTrial
from trackbook.settings import PipelineSettings, Settings, StepSettings

FRAMES = """
import json
import os
from pathlib import Path

import numpy as np
import pandas as pd

import own.scaling

def load(size):
    print("loads", size)
    frame = pd.read_csv("data/numbers.csv")
    return frame, frame["x"].to_numpy()

def left(frame):
    Path("out").mkdir(exist_ok=True)
    Path("out/mean.json").write_text(json.dumps(float(frame["x"].mean())))
    return own.scaling.scaled(frame)

def right(numbers):
    return np.linalg.svd(np.outer(numbers, numbers))[1]

def report(scaled, values):
    print(round(float(scaled["x"].sum() + values.sum()), 6), Path("out/mean.json").read_text())
    return os.getpid()
"""
MAIN = """
frame, numbers = load(params.size)
scaled = left(frame)
values = right(numbers)
pid = report(scaled, values)
"""


@pytest.fixture
def frames(bench: Bench) -> Bench:
    """A project with a module of its own and a file of data."""
    bench.write(FRAMES, MAIN.strip())
    (bench.folder / "own").mkdir()
    (bench.folder / "own" / "__init__.py").write_text("")
    (bench.folder / "own" / "scaling.py").write_text("def scaled(frame):\n    return frame * 2\n")
    (bench.folder / "data").mkdir()
    (bench.folder / "data" / "numbers.csv").write_text("x\n" + "\n".join(map(str, range(50))))
    return bench


def settings(**pipeline) -> Settings:
    return Settings(pipeline=PipelineSettings(**pipeline))


def signatures(bench: Bench) -> dict[str, tuple[str, ...]]:
    names = [step.name for step in read_plan(bench.script).steps]
    cache = StepCache(bench.store, bench.folder, names)
    entries = {name: cache.newest(name) for name in names}
    return {name: entry.signatures for name, entry in entries.items() if entry is not None}


def test_results_are_those_of_a_run_here_bit_for_bit(frames: Bench, options: RunOptions) -> None:
    """Values, what is printed, files that steps write, and the keys under which all that is kept."""
    there = frames.run(options)
    assert [step.status for step in there.steps] == ["executed"] * 4, frames.output
    printed, kept = frames.printed(), signatures(frames)
    data = Datasets(frames.store, user="u")
    assert data.load("data:/p.scaled")["x"].tolist() == list(range(0, 100, 2)), "lineage goes on from there"
    assert (frames.folder / "out" / "mean.json").read_text() == "24.5"
    assert frames.statuses() == ["cached"] * 4
    assert frames.printed() == printed
    frames.run(RunOptions(use_cache=False))
    again = signatures(frames)
    assert [again[name] for name in ("load", "left", "right")] == [kept[name] for name in ("load", "left", "right")]
    assert again["report"] != kept["report"], "it returns its process id: one ran elsewhere"
    assert [step.status for step in frames.run(options).steps] == ["cached"] * 4


LIGHT = """
import json
from pathlib import Path

import own

def load(size):
    print("loads", size)
    return [float(line) for line in Path("data/numbers.txt").read_text().split()]

def mean(numbers):
    Path("out").mkdir(exist_ok=True)
    Path("out/mean.json").write_text(json.dumps(own.mean(list(numbers))))

def report(numbers):
    print(sum(numbers), Path("out/mean.json").read_text())
"""


@pytest.fixture
def light(bench: Bench) -> Bench:
    """A project with a module of its own and a file of data, and nothing that is slow to import."""
    bench.write(LIGHT, "numbers = load(params.size)\nmean(numbers)\nreport(numbers)")
    (bench.folder / "own.py").write_text("def mean(numbers):\n    return sum(numbers) / len(numbers)\n")
    (bench.folder / "data").mkdir()
    (bench.folder / "data" / "numbers.txt").write_text("1 2 6")
    return bench


def test_workers_get_the_code_and_the_data_by_content(light: Bench, options: RunOptions) -> None:
    """A changed module and changed data are what the next run uses; workers never see the project's folder."""
    light.run(options)
    assert light.printed() == "loads 3\n9.0 3.0\n"
    (light.folder / "own.py").write_text("def mean(numbers):\n    return max(numbers)\n")
    (light.folder / "data" / "numbers.txt").write_text("1 4")
    light.run(options)
    assert light.printed() == "loads 3\n5.0 4.0\n"


STATE = """
import random
from pathlib import Path

def seed():
    random.seed(1)

def draw():
    return random.random()

def again(first):
    return [first, random.random()]

def apart():
    Path("old.txt").unlink()
    return 1
"""


def test_steps_that_share_state_stay_in_one_process(bench: Bench, options: RunOptions) -> None:
    """The random state goes on from step to step; a file that a step deletes is gone here too."""
    bench.write(STATE, "seed()\na = draw()\nb = again(a)\nc = apart()")
    (bench.folder / "old.txt").write_text("old")
    result = bench.run(options)
    assert [step.status for step in result.steps] == ["executed"] * 4, bench.output
    assert not (bench.folder / "old.txt").exists()
    kept = signatures(bench)
    (bench.folder / "old.txt").write_text("old")
    bench.run(RunOptions(use_cache=False))
    assert signatures(bench) == kept


def test_what_cannot_travel_runs_in_one_process(bench: Bench, options: RunOptions) -> None:
    """A value that cannot be pickled stays where it was made, and the steps that use it come there."""
    body = "def make():\n    return lambda x: x + 1\n\ndef use(f):\n    print(f(1))\n\ndef other():\n    return 2\n"
    bench.write(body, "f = make()\nuse(f)\nx = other()")
    assert bench.run(options).status == "FINISHED", bench.output
    assert bench.printed().endswith("2\n")


def test_a_step_that_raises_fails_as_it_does_here(bench: Bench, options: RunOptions) -> None:
    """Its traceback comes here, and so does what it printed."""
    bench.write(
        "def load(size):\n    print('before')\n    return 1 / 0\n\ndef other():\n    return 1",
        "a = load(params.size)\nb = other()",
    )
    result = bench.run(options)
    assert (result.status, result.steps[0].reason) == ("FAILED", "ZeroDivisionError: division by zero")
    assert ("stdout", "before\n") in bench.output
    assert "1 / 0" in "".join(text for stream, text in bench.output if stream == "stderr")


def test_a_script_that_cannot_be_imported_is_an_error(bench: Bench, options: RunOptions) -> None:
    """It says so once, with the name of what is missing."""
    bench.write(
        "import no_such_module_anywhere\ndef load():\n    return 1\n\ndef other():\n    return 2",
        "a = load()\nb = other()",
    )
    with pytest.raises(PipelineError, match=r"cannot be imported: ModuleNotFoundError: .*no_such_module_anywhere"):
        bench.run(options)


SLOW = """
import os
import time
from pathlib import Path

def first():
    return 1

def slow(folder):
    Path(folder, str(os.getppid())).write_text("")
    end = time.monotonic() + 60
    while not Path(folder, "go").exists():
        time.sleep(0.05)
        assert time.monotonic() < end
    return 2

def last(a, b):
    return a + b
"""


def wait_for(condition, seconds: float = 30.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def slow(bench: Bench, folder: Path) -> None:
    folder.mkdir()
    bench.write(SLOW, "a = first()\nb = slow(params.label)\nc = last(a, b)")


def test_a_worker_that_is_killed_in_the_middle_is_survived(
    bench: Bench, options: RunOptions, cluster: Cluster, tmp_path: Path
) -> None:
    """Its step runs again on another worker, and the run ends well."""
    slow(bench, tmp_path / "seen")
    bench.settings = settings(steps={"slow": StepSettings(resources={"DOOMED": 1})})
    doomed = cluster.add_worker({"DOOMED": 1})

    def kill() -> None:
        wait_for(lambda: any((tmp_path / "seen").iterdir()))
        doomed.kill()
        (tmp_path / "seen" / "go").write_text("")
        cluster.add_worker({"DOOMED": 1})

    killing = threading.Thread(target=kill)
    killing.start()
    result = bench.run(options, label=str(tmp_path / "seen"))
    killing.join()
    assert [step.status for step in result.steps] == ["executed"] * 3
    assert len([path for path in (tmp_path / "seen").iterdir() if path.name.isdigit()]) == 2


def test_an_interrupted_run_leaves_no_process_on_the_workers(
    bench: Bench, options: RunOptions, cluster: Cluster, tmp_path: Path
) -> None:
    """What is done stays kept; what goes on is ended."""
    slow(bench, tmp_path / "seen")

    ended = set[str]()

    def interrupt(event: PipelineEvent) -> None:
        if isinstance(event, StepProgress) and event.state == "executed":
            ended.add(event.name)
        if "first" in ended and any((tmp_path / "seen").iterdir()):
            raise KeyboardInterrupt

    runner = Runner(bench.store, bench.tracker, bench.settings)
    bench.script.write_text(bench.script.read_text().replace("time.sleep(0.05)", "time.sleep(0.05); print('.')"))
    with pytest.raises(KeyboardInterrupt):
        runner.run(read_plan(bench.script), {"label": str(tmp_path / "seen")}, options, on_event=interrupt)
    wait_for(lambda: not any(worker.steps() for worker in cluster.workers if worker.is_alive))
    (tmp_path / "seen" / "go").write_text("")
    assert bench.statuses(label=str(tmp_path / "seen")) == ["cached", "executed", "executed"]


def test_a_scheduler_that_does_not_answer_is_named(bench: Bench) -> None:
    """The error comes within seconds, before any step has run."""
    bench.write("def load():\n    return 1\n\ndef other():\n    return 2", "a = load()\nb = other()")
    began = time.monotonic()
    with pytest.raises(PipelineError, match=r"no Dask scheduler answers at tcp://127.0.0.1:9"):
        bench.run(RunOptions(engine="dask", scheduler="tcp://127.0.0.1:9"))
    assert time.monotonic() - began < 20


def test_a_scheduler_that_dies_in_the_middle_is_named(bench: Bench, tmp_path: Path) -> None:
    """What is done is kept, and no process stays."""
    slow(bench, tmp_path / "seen")
    cluster = Cluster(tmp_path / "cluster")
    try:
        cluster.add_worker()

        def kill() -> None:
            wait_for(lambda: any((tmp_path / "seen").iterdir()) and bench.steps("executed"))
            cluster.scheduler.kill()

        threading.Thread(target=kill).start()
        options = RunOptions(engine="dask", scheduler=cluster.address)
        with pytest.raises(PipelineError, match=f"{cluster.address} does not answer any more"):
            bench.run(options, label=str(tmp_path / "seen"))
    finally:
        cluster.close()
    (tmp_path / "seen" / "go").write_text("")
    assert bench.statuses(label=str(tmp_path / "seen"))[0] == "cached"


def test_resources_that_no_worker_has_are_an_error(bench: Bench, options: RunOptions) -> None:
    """A step would wait for ever otherwise."""
    bench.write("def load():\n    return 1\n\ndef other():\n    return 2", "a = load()\nb = other()")
    bench.settings = settings(steps={"load": StepSettings(resources={"GPU": 2})})
    with pytest.raises(PipelineError, match="step 'load' asks for GPU = 2, which no worker"):
        bench.run(options)


def test_another_version_of_what_a_step_imports_is_refused(
    bench: Bench, options: RunOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error has the name of the package and both versions, and nothing has run."""
    (tmp_path / "site" / "tiny-1.0.dist-info").mkdir(parents=True)
    (tmp_path / "site" / "tiny.py").write_text("")
    (tmp_path / "site" / "tiny-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: tiny\nVersion: 1.0\n"
    )
    (tmp_path / "site" / "tiny-1.0.dist-info" / "top_level.txt").write_text("tiny\n")
    monkeypatch.syspath_prepend(tmp_path / "site")
    (bench.folder / "own.py").write_text("import tiny\n")
    bench.write("import own\ndef load():\n    return own\n\ndef other():\n    return 2", "a = load()\nb = other()")
    with pytest.raises(PipelineError, match=r"tiny is 1.0 here and not installed on the worker tcp://"):
        bench.run(options)
    assert not bench.steps("executed")


def test_the_storage_may_be_s3(light: Bench, options: RunOptions, bucket: Bucket) -> None:
    """Workers take code, data and values from a real S3 server and put them there."""
    light.settings = settings(storage_options=bucket.options)
    result = light.run(msgspec.structs.replace(options, storage=bucket.url))
    assert [step.status for step in result.steps] == ["executed"] * 3, light.output
    assert light.printed() == "loads 3\n9.0 3.0\n"
    assert light.statuses() == ["cached"] * 3


def test_a_cluster_is_started_for_the_run(light: Bench) -> None:
    """Without an address the workers are processes here, in the project's folder; this process stays as it was."""
    before = dict(os.environ)
    result = light.run(RunOptions(engine="dask", workers=1))
    assert [step.status for step in result.steps] == ["executed"] * 3, light.output
    assert dict(os.environ) == before
    assert light.statuses() == ["cached"] * 3


PARALLEL = """
import threading

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.model_selection import cross_validate

class Mean(RegressorMixin, BaseEstimator):
    def fit(self, x, y):
        self.mean_, self.thread_ = float(np.mean(y)), threading.current_thread().name
        return self

    def predict(self, x):
        return np.full(len(x), self.mean_)

def where(estimator, x, y):
    return float("Dask" in estimator.thread_)

def score(jobs):
    x = np.arange(40.0).reshape(-1, 1)
    scoring = {"error": "neg_mean_squared_error", "where": where}
    found = cross_validate(Mean(), x, x[:, 0] % 7, cv=4, n_jobs=jobs, scoring=scoring)
    print(sum(found["test_where"]), "fits on the cluster")
    return found["test_error"]

def other():
    return 2
"""


def test_scikit_learns_inner_parallelism_is_work_of_the_cluster(bench: Bench, options: RunOptions) -> None:
    """Fits of a class of the script run in tasks of Dask while all threads run steps; the scores are those of here."""
    bench.write(PARALLEL, "a = score(params.size)\nb = other()")
    result = bench.run(options, size=4)
    assert [(step.status, step.reason) for step in result.steps] == [("executed", "")] * 2, bench.output
    assert bench.printed() == "4.0 fits on the cluster\n"
    kept = signatures(bench)["score"]
    bench.run(RunOptions(use_cache=False), size=1)
    assert bench.printed() == "0.0 fits on the cluster\n"
    assert signatures(bench)["score"] == kept


def test_the_trials_of_a_sweep_go_on_side_by_side(tmp_path: Path, cluster: Cluster) -> None:
    """On one connection, with warm processes, and shared steps once; no process stays, and what was kept counts here."""
    folder = tmp_path / "project"
    folder.mkdir()
    bench = SweepBench(folder)
    bench.write(STEPS, TRAIN)
    grid = bench.pipelines.grid(bench.script, {"size": ["1,2,3"]})
    options = RunOptions(engine="dask", scheduler=cluster.address)
    result = bench.pipelines.sweep(bench.script, grid, options, on_event=bench.heard.append)
    assert [trial.status for trial in result.trials] == ["finished"] * 3
    assert (folder / "loads.txt").read_text() == "x"
    wait_for(lambda: not any(worker.steps() for worker in cluster.workers if worker.is_alive), 90.0)
    assert bench.sweep(size=["1,2,3"]).status == "FINISHED"
    states = [e.happened.state for e in bench.heard if isinstance(e, InTrial) and isinstance(e.happened, StepProgress)]
    assert set(states) == {"started", "cached"}


def test_a_storage_that_workers_do_not_see_is_an_error(light: Bench, options: RunOptions) -> None:
    """It names the worker and the place before any step has run."""
    elsewhere = msgspec.structs.replace(options, storage="memory://only-here")
    with pytest.raises(PipelineError, match=r"the worker tcp://.* cannot read memory://only-here .*--storage URL"):
        light.run(elsewhere)
    assert not light.steps("executed")


def test_a_notebook_runs_by_way_of_its_script(bench: Bench, options: RunOptions) -> None:
    """The script is made for the run, and workers get it although it is none of the project's files."""
    cells = [new_code_cell("n = 4"), new_code_cell("values = list(range(n))"), new_code_cell("print(sum(values))")]
    for cell, tag in zip(cells, ("parameters", "step:load", "step:total"), strict=True):
        cell.metadata["tags"] = [tag]
    nbformat.write(new_notebook(cells=cells), bench.folder / "a.ipynb")
    pipelines = Pipelines(bench.store, bench.tracker, bench.folder, bench.settings)
    assert pipelines.run(bench.folder / "a.ipynb", {}, options).status == "FINISHED"
    assert [step.status for step in pipelines.run(bench.folder / "a.ipynb").steps] == ["cached"] * 2
