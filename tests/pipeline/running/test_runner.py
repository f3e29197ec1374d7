"""A plan runs as a run with child runs, in a fresh process, and skips what need not run again."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from support.pipelines import Bench
from trackbook.errors import PipelineError
from trackbook.tracking import Runs

THREE = """
SCALE = 10

def load(size):
    values = list(range(size))
    print("loaded", size)
    return values, len(values)

def scale(values, factor):
    scaled = [v * factor * SCALE for v in values]
    return scaled

def report(scaled, count):
    print("sum", sum(scaled), "of", count)
"""
MAIN = "values, count = load(params.size)\nscaled = scale(values, params.factor)\nreport(scaled, count)"


def test_a_second_run_repeats_no_step_with_a_result_and_prints_the_same(bench: Bench) -> None:
    bench.write(THREE, MAIN)
    first = bench.run()
    assert [(step.name, step.status) for step in first.steps] == [
        ("load", "executed"),
        ("scale", "executed"),
        ("report", "executed"),
    ]
    assert first.status == "FINISHED"
    assert bench.printed() == "loaded 3\nsum 60.0 of 3\n"
    assert bench.statuses() == ["cached", "cached", "cached"]
    assert bench.printed() == "loaded 3\nsum 60.0 of 3\n"


def test_only_what_depends_on_a_change_runs_again(bench: Bench) -> None:
    bench.write(THREE, MAIN)
    bench.run()
    assert bench.statuses(factor="3") == ["cached", "executed", "executed"]
    assert bench.statuses(size=4) == ["executed", "executed", "executed"]
    bench.write(THREE.replace("SCALE = 10", "SCALE = 11"), MAIN)
    assert bench.statuses() == ["cached", "executed", "executed"]
    bench.write(THREE.replace('print("loaded", size)', 'print("LOADED", size)  # and more'), MAIN)
    assert bench.statuses() == ["executed", "cached", "cached"], "the same values leave the later step valid"


def test_the_run_has_a_child_run_for_each_step_with_its_seconds_and_status(bench: Bench) -> None:
    bench.write(THREE, MAIN)
    bench.run()
    result = bench.run(label="x")
    runs = {run.run_id: run for run in Runs(bench.store).search(max_results=100)}
    parent = runs[result.run_id]
    children = [run for run in runs.values() if run.parent_run_id == result.run_id]
    assert (parent.kind, parent.status) == ("pipeline", "FINISHED")
    assert parent.params == {"size": "3", "factor": "2.0", "label": "x"}
    assert {(run.run_name, run.kind, run.status, run.tags["step.status"]) for run in children} == {
        ("load", "step", "FINISHED", "cached"),
        ("scale", "step", "FINISHED", "cached"),
        ("report", "step", "FINISHED", "cached"),
    }
    assert all("seconds" in run.metrics for run in children)


def test_a_step_that_raises_ends_the_run_and_the_next_run_resumes_after_the_finished_steps(bench: Bench) -> None:
    bench.write(THREE.replace("scaled = [", "scaled = [][1] or ["), MAIN)
    result = bench.run()
    assert result.status == "FAILED"
    assert [(step.status, step.reason) for step in result.steps][1:] == [
        ("failed", "IndexError: list index out of range"),
        ("skipped", "not reached"),
    ]
    (failed,) = bench.steps("failed")
    assert (failed.position, failed.total, failed.run_id) == (2, 3, result.steps[1].run_id)
    assert "IndexError" in failed.traceback
    trace = "".join(text for stream, text in bench.output if stream == "stderr")
    assert "in scale" in trace
    assert "worker.py" not in trace
    run = Runs(bench.store).get(result.run_id)
    assert run.summary.status == "FAILED"
    bench.write(THREE, MAIN)
    assert bench.statuses() == ["cached", "executed", "executed"]


def test_a_file_that_a_step_reads_belongs_to_its_key(bench: Bench) -> None:
    data = bench.folder / "data.csv"
    data.write_text("1")
    bench.write("def load():\n    with open('data.csv') as f:\n        return f.read()", "text = load()")
    assert [bench.statuses(), bench.statuses()] == [["executed"], ["cached"]]
    os.utime(data, (1, 1))
    assert bench.statuses() == ["cached"], "only the content counts"
    data.write_text("2")
    assert [bench.statuses(), bench.statuses()] == [["executed"], ["cached"]]


def test_a_file_that_was_not_there_and_the_names_in_a_folder_belong_to_the_key(bench: Bench) -> None:
    (bench.folder / "parts").mkdir()
    body = """
import os

def look():
    try:
        return open("maybe.txt").read()
    except FileNotFoundError:
        return ""

def names():
    return sorted(os.listdir("parts"))
"""
    bench.write(body, "text = look()\nfound = names()")
    assert [bench.statuses(), bench.statuses()] == [["executed"] * 2, ["cached"] * 2]
    (bench.folder / "parts" / "a").touch()
    assert bench.statuses() == ["cached", "executed"]
    (bench.folder / "maybe.txt").touch()
    assert bench.statuses() == ["executed", "cached"]


def test_a_module_of_the_project_belongs_to_the_code(bench: Bench) -> None:
    (bench.folder / "own.py").write_text("import deep\ndef f():\n    return deep.X\n")
    (bench.folder / "deep.py").write_text("X = 1\n")
    bench.write("import own\ndef a():\n    return own.f()\ndef b():\n    return 1", "x = a()\ny = b()")
    assert [bench.statuses(), bench.statuses()] == [["executed"] * 2, ["cached"] * 2]
    (bench.folder / "deep.py").write_text("X = 2  # longer\n")
    assert bench.statuses() == ["executed", "cached"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("def f():\n    open('p.log', 'a').close()\n    return 1", "changes the file p.log, which was there before"),
        ("def f():\n    return lambda: 1", "its output x cannot be kept: a function cannot be pickled"),
        (
            "import subprocess, sys\ndef f():\n    return subprocess.run([sys.executable, '-V']).returncode",
            "starts other processes",
        ),
        ("import os\ndef f():\n    os.environ['A_NAME'] = 'x'\n    return 1", "changes os.environ['A_NAME']"),
        ("SEEN = []\ndef f():\n    SEEN.append(1)\n    return 1", "changes the global SEEN"),
        ("SEEN = []\ndef f():\n    return SEEN", "its outputs share parts with earlier values"),
    ],
)
def test_a_step_whose_result_alone_is_not_the_whole_runs_every_time_and_says_why(
    bench: Bench, body: str, reason: str
) -> None:
    (bench.folder / "p.log").touch()
    bench.write(body, "x = f()")
    for _ in range(2):
        step = bench.run().steps[0]
        assert step.status == "executed"
        assert reason in step.reason


def test_a_step_that_changed_the_process_runs_always_and_is_part_of_the_keys_after_it(bench: Bench) -> None:
    body = "import os\ndef f(size):\n    os.environ['A_NAME'] = str(size)\n    return 1\ndef g():\n    return os.environ['A_NAME']"
    bench.write(body, "x = f(params.size)\ny = g()")
    assert [bench.statuses(), bench.statuses()] == [["executed", "executed"], ["executed", "cached"]]
    assert bench.statuses(size=5) == ["executed", "executed"]


def test_values_changed_in_place_are_never_mixed_up(bench: Bench) -> None:
    body = """
def load():
    return [3, 1, 2]

def sort(rows):
    rows.sort()
    return rows

def lazy_sort(rows):
    rows.append(0)

# %% [step:show] cache=off
def show(rows):
    print(rows)
"""
    bench.write(body, "rows = load()\nrows = sort(rows)\nshow(rows)")
    assert [bench.statuses(), bench.statuses()] == [["executed"] * 3, ["cached", "cached", "executed"]]
    assert bench.printed() == "[1, 2, 3]\n"
    bench.write(body, "rows = load()\nagain = sort(rows)\nshow(rows)")
    for _ in range(2):
        assert bench.statuses() == ["cached", "executed", "executed"]
        assert bench.printed() == "[1, 2, 3]\n"
    bench.write(body, "rows = load()\nlazy_sort(rows)\nrows = sort(rows)\nshow(rows)")
    assert bench.statuses() == ["cached", "executed", "executed", "executed"]
    assert bench.statuses() == ["cached", "executed", "cached", "executed"]
    assert bench.printed() == "[0, 1, 2, 3]\n"


def test_a_whole_argument_inside_an_output_is_still_the_same_object_when_taken_from_the_cache(bench: Bench) -> None:
    body = """
def load():
    return [1]

def wrap(rows):
    return {"rows": rows}

def change(rows):
    rows.append(2)

# %% [step:show] cache=off
def show(box):
    print(box)
"""
    bench.write(body, "rows = load()\nbox = wrap(rows)\nchange(rows)\nshow(box)")
    assert bench.statuses() == ["executed"] * 4
    assert bench.printed() == "{'rows': [1, 2]}\n"
    assert bench.statuses() == ["cached", "cached", "executed", "executed"]
    assert bench.printed() == "{'rows': [1, 2]}\n"


def test_random_numbers_go_on_where_a_cached_step_left_them(bench: Bench) -> None:
    body = """
import random
import numpy as np

def seed(size):
    random.seed(size)
    np.random.seed(size)
    return np.random.rand()

def draw(first, size):
    return np.random.rand() + random.random()

# %% [step:show] cache=off
def show(first, second):
    print(first, second, np.random.rand())
"""
    bench.write(body, "first = seed(params.size)\nsecond = draw(first, params.size)\nshow(first, second)")
    bench.run()
    expected = bench.printed()
    assert bench.statuses() == ["cached", "cached", "executed"], bench.output
    assert bench.printed() == expected
    bench.write(
        body.replace("return np.random.rand()", "return np.random.rand(2)[1]", 1),
        "first = seed(params.size)\nsecond = draw(first, params.size)\nshow(first, second)",
    )
    assert bench.statuses() == ["executed", "executed", "executed"]


def test_frames_arrays_models_and_classes_of_the_script_are_kept(bench: Bench) -> None:
    body = """
import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression

class Box:
    def __init__(self, inside):
        self.inside = inside

def load(size):
    frame = pd.DataFrame({"x": range(size), "name": ["a"] * size, "none": [None] * size})
    return frame, frame["x"].to_numpy() * np.nan

def fit(frame):
    return LinearRegression().fit(frame[["x"]], frame["x"]), Box({1, 2})

# %% [step:show] cache=off
def show(frame, gaps, model, box):
    print(frame.shape, gaps.tolist(), round(float(model.coef_[0]), 6), box.inside)
"""
    bench.write(body, "frame, gaps = load(params.size)\nmodel, box = fit(frame)\nshow(frame, gaps, model, box)")
    bench.run()
    expected = bench.printed()
    assert bench.statuses() == ["cached", "cached", "executed"]
    assert bench.printed() == expected == "(3, 3) [nan, nan, nan] 1.0 {1, 2}\n"


def test_a_kept_result_changed_on_disk_is_never_unpickled(bench: Bench) -> None:
    bench.write(THREE, MAIN)
    bench.run()
    for path in (bench.store.root / "objects").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert bench.statuses() == ["executed"] * 3
    assert bench.printed() == "loaded 3\nsum 60.0 of 3\n"


def test_params_are_read_by_their_types(bench: Bench) -> None:
    bench.write(
        "def f(size, factor, label):\n    print(repr((size, factor, label)))",
        "f(params.size, params.factor, params.label)",
    )
    bench.run(size="7", factor="1e3", label="None")
    assert bench.printed() == "(7, 1000.0, None)\n"
    with pytest.raises(PipelineError, match="has no parameter 'sise'; did you mean 'size'"):
        bench.run(sise="1")
    with pytest.raises(PipelineError, match="'size' is of type int; 'many' is not"):
        bench.run(size="many")


def test_a_script_that_cannot_be_imported_is_a_clear_error(bench: Bench) -> None:
    bench.write("import no_such_module\ndef f():\n    pass", "f()")
    with pytest.raises(PipelineError, match=r"p\.py cannot be imported: ModuleNotFoundError: No module named"):
        bench.run()


SLOW = """
import os, time

def first():
    return os.getpid()

def second(first):
    open("second.pid", "w").write(str(os.getpid()))
    while not os.path.exists("go"):
        time.sleep(0.02)
    return 2
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_after_an_interrupt_or_kill_the_next_run_resumes_and_no_process_stays(bench: Bench, number: int) -> None:
    bench.write(SLOW, "a = first()\nb = second(a)")
    code = (
        "import sys; from pathlib import Path; from trackbook.store import Store; from trackbook.tracking import Tracker\n"
        "from trackbook.pipeline.running.runner import Runner; from trackbook.pipeline.plan import read_plan\n"
        "folder = Path(sys.argv[1]); store = Store.open(folder / '.trackbook')\n"
        "Runner(store, Tracker(store, root=folder, experiment='e', user='u')).run(read_plan(folder / 'p.py'))"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(bench.folder)], stderr=subprocess.DEVNULL)
    pid = bench.folder / "second.pid"
    while not pid.exists() or not pid.read_text():
        time.sleep(0.02)
    process.send_signal(number)
    assert process.wait(20) != 0
    deadline = time.monotonic() + 10
    while psutil.pid_exists(int(pid.read_text())) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not psutil.pid_exists(int(pid.read_text()))
    (bench.folder / "go").touch()
    assert bench.statuses() == ["cached", "executed"]


def test_an_edit_of_the_same_size_in_the_same_second_is_never_taken_for_compiled_code(bench: Bench) -> None:
    (bench.folder / "own.py").write_text("X = 1\n")
    body = "import own\nY = 1\ndef f():\n    return own.X, Y\n# %% [step:g] cache=off\ndef g(x):\n    print(x)"
    bench.write(body, "x = f()\ng(x)")
    times = (1_700_000_000, 1_700_000_000)
    os.utime(bench.folder / "own.py", times)
    os.utime(bench.script, times)
    bench.run()
    bench.write(body.replace("Y = 1", "Y = 2"), "x = f()\ng(x)")
    (bench.folder / "own.py").write_text("X = 2\n")
    os.utime(bench.folder / "own.py", times)
    os.utime(bench.script, times)
    bench.run()
    assert bench.printed() == "(2, 2)\n"


def test_a_run_in_which_nothing_changed_imports_nothing_that_takes_long(bench: Bench) -> None:
    bench.write(THREE, MAIN)
    bench.run()
    code = "import sys; from trackbook.cli.main import main; main(['pipeline', 'run', 'p.py'], standalone_mode=False)"
    slow = "{'numpy', 'pandas', 'psutil', 'rich', 'asyncio', 'wrapt', 'importlib.metadata', 'trackbook.cells.graph'}"
    code = f"{code}; print(sorted({slow} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], cwd=bench.folder, capture_output=True, text=True, check=True)
    assert done.stdout.count("cached") >= 3
    assert done.stdout.splitlines()[-1] == "[]"
