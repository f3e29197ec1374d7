"""Steps run side by side where that changes nothing, within their limits, and only those that were chosen."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support.pipelines import Bench
from trackbook.errors import PipelineError
from trackbook.pipeline.outcome import Noticed, RunStarted
from trackbook.pipeline.plan import read_plan
from trackbook.pipeline.running.groups import groups_of
from trackbook.pipeline.running.options import RunOptions
from trackbook.pipeline.running.preview import preview
from trackbook.pipeline.running.runner import Runner
from trackbook.settings import PipelineSettings, Settings, StepSettings
from trackbook.tracking import Runs

TWO = RunOptions(jobs=2)

BRANCHES = """
import os, time

def load(size):
    return list(range(size))

def left(values):
    values.append(os.getpid())
    time.sleep(0.3)
    return [v * 2 for v in values[:-1]], values[-1]

def right(values):
    time.sleep(0.3)
    return sum(values), os.getpid()

def join(doubled, total, one, other):
    print(doubled, total, one != other)
"""
MAIN = """values = load(params.size)
doubled, one = left(values)
total, other = right(values)
join(doubled, total, one, other)"""

SHARED = """
import random
seen = []

def a():
    seen.append("a")
    return 1

def b():
    seen.append("b")
    return len(seen)

def c():
    return random.random()

def d():
    return random.random()

def e(x, y, z, w):
    print(y, z != w)
"""
SHARED_MAIN = "x = a()\ny = b()\nz = c()\nw = d()\ne(x, y, z, w)"


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def steps(limits: dict[str, StepSettings]) -> Settings:
    return Settings(pipeline=PipelineSettings(steps=limits))


def groups(bench: Bench) -> list[list[str]]:
    plan = read_plan(bench.script)
    found: dict[int, list[str]] = {}
    for step, group in zip(plan.steps, groups_of(plan).of, strict=True):
        found.setdefault(group, []).append(step.name)
    return list(found.values())


def test_branches_run_side_by_side_each_with_its_own_copy_of_what_it_is_handed(bench: Bench) -> None:
    bench.write(BRANCHES.replace("values.append(os.getpid())", "values = [*values, os.getpid()]"), MAIN)
    assert groups(bench) == [["load"], ["left"], ["right"], ["join"]]
    result = bench.run(TWO)
    assert [step.status for step in result.steps] == ["executed"] * 4
    assert bench.printed() == "[0, 2, 4] 3 True\n"
    went = [(event.name, event.state) for event in bench.events if hasattr(event, "state")]
    assert went.index(("right", "started")) < went.index(("left", "executed"))
    parents = {run.parent_run_id for run in Runs(bench.store).search("", max_results=9) if run.kind == "step"}
    assert parents == {result.run_id}


def test_what_runs_side_by_side_is_kept_for_runs_one_by_one_and_the_other_way_round(bench: Bench) -> None:
    bench.write(BRANCHES.replace("values.append(os.getpid())", "values = [*values, 0]"), MAIN)
    bench.run(TWO)
    assert bench.statuses()[:3] == ["cached"] * 3
    bench.run(size=5)
    assert [step.status for step in bench.run(TWO, size=5).steps] == ["cached"] * 4


def test_steps_that_share_state_of_a_process_stay_in_one_in_their_order_and_it_is_said_what(bench: Bench) -> None:
    bench.write(SHARED, SHARED_MAIN)
    assert groups(bench) == [["a", "b"], ["c", "d"], ["e"]]
    bench.run(TWO)
    assert bench.printed() == "2 True\n"
    said = [event.text for event in bench.events if isinstance(event, Noticed)]
    assert said == [
        "a and b run in one process: they share seen",
        "c and d run in one process: they share random",
    ]


def test_state_that_a_later_step_sets_anew_is_foreseen_for_the_earlier_one_too(bench: Bench) -> None:
    body = """
import os
def one():
    os.environ["MODE"] = "a"
    return os.environ["MODE"]
def two():
    os.environ["MODE"] = "b"
    return os.environ["MODE"]
def show(x, y):
    print(x, y)
"""
    bench.write(body, "x = one()\ny = two()\nshow(x, y)")
    bench.run(TWO)
    assert bench.printed() == "a b\n"
    assert not [event for event in bench.events if isinstance(event, Noticed) and "after all" in event.text]


def test_an_argument_that_is_changed_in_place_is_changed_for_the_steps_after_it_alone(bench: Bench) -> None:
    body = """
def load():
    return [1]

def early(values):
    return len(values)

def change(values):
    values.append(2)

def late(values):
    return len(values)

def show(before, after):
    print(before, after)
"""
    main = "values = load()\nbefore = early(values)\nchange(values)\nafter = late(values)\nshow(before, after)"
    bench.write(body, main)
    assert ["change", "late"] in groups(bench)
    for options in (TWO, RunOptions()):
        bench.run(options)
        assert bench.printed() == "1 2\n"


def test_values_that_cannot_be_carried_to_another_process_keep_their_users_in_one(bench: Bench) -> None:
    body = """
import threading

def make():
    return threading.Lock()

def other():
    return 1

def use(lock, one):
    with lock:
        print("locked", one)
"""
    bench.write(body, "lock = make()\none = other()\nuse(lock, one)")
    assert bench.run(TWO).status == "FINISHED"
    assert bench.printed() == "locked 1\n"


def test_state_that_no_text_shows_makes_the_steps_run_one_after_the_other_and_says_so(bench: Bench) -> None:
    (bench.folder / "own.py").write_text("import os\ndef set_it():\n    os.environ['SEEN'] = 'yes'\n")
    body = """
import own

def change():
    own.set_it()
    return 1

def read():
    import os
    return os.environ.get("SEEN")

def show(x, y):
    print(y)
"""
    bench.write(body, "x = change()\ny = read()\nshow(x, y)")
    assert groups(bench) == [["change"], ["read"], ["show"]]
    bench.run(TWO)
    assert bench.printed() == "yes\n"
    (said,) = [event.text for event in bench.events if isinstance(event, Noticed)]
    assert said.startswith("the steps run one after the other after all: change changes os.environ['SEEN']")


def test_a_failing_branch_ends_the_run_and_what_was_done_beside_it_is_kept(bench: Bench) -> None:
    body = BRANCHES.replace("values.append(os.getpid())", "raise KeyError('no')").replace("total, os", "total, os")
    bench.write(body, MAIN)
    result = bench.run(TWO)
    assert result.status == "FAILED"
    assert [step.status for step in result.steps] == ["executed", "failed", "executed", "skipped"]
    bench.write(BRANCHES.replace("values.append(os.getpid())", "values = [*values, 0]"), MAIN)
    assert bench.statuses()[:3] == ["cached", "executed", "cached"]


FLAKY = """
from pathlib import Path
import time

def load():
    return [1]

def flaky(values):
    values.append(2)
    tries = Path("..") / "tries.txt"
    tries.write_text((tries.read_text() if tries.exists() else "") + "x")
    if len(tries.read_text()) < 3:
        raise OSError("not yet")
    return len(values)

def slow():
    time.sleep(60)

def greedy():
    block = bytearray(300_000_000)
    time.sleep(30)
    return len(block)

def show(count):
    print(count)
"""


def test_a_step_is_called_again_with_what_it_was_handed_as_it_was(bench: Bench, tmp_path: Path) -> None:
    bench = Bench(tmp_path / "project")
    bench.write(FLAKY, "values = load()\ncount = flaky(values)\nshow(count)")
    assert [step.status for step in bench.run().steps] == ["executed", "failed", "skipped"]
    bench.settings = steps({"flaky": StepSettings(retries=2, retry_seconds=0.01)})
    result = bench.run()
    assert (result.steps[1].status, result.steps[1].attempts, bench.printed()) == ("executed", 2, "2\n")
    (again,) = bench.steps("retrying")
    assert again.reason == "OSError: not yet; call 2 of 3"


@pytest.mark.parametrize(
    ("step", "limits", "said"),
    [
        ("slow", StepSettings(timeout_seconds=0.5), "TimeoutError: took longer than 0.5 s"),
        ("greedy", StepSettings(memory_mb=200), "MemoryError: needed more than 200 MB"),
    ],
)
def test_a_step_that_exceeds_its_limit_is_ended_and_says_which(
    bench: Bench, step: str, limits: StepSettings, said: str
) -> None:
    bench.settings = steps({step: limits})
    bench.write(FLAKY, f"x = {step}()")
    began = time.monotonic()
    result = bench.run()
    assert time.monotonic() - began < 20
    assert result.status == "FAILED"
    assert result.steps[0].reason.startswith(said)


THREE = """
def one(size):
    return size

def two(x):
    return x + 1

def three(y):
    print("three", y)
"""
THREE_MAIN = "x = one(params.size)\ny = two(x)\nthree(y)"


def test_only_runs_a_step_on_the_kept_results_of_the_others(bench: Bench) -> None:
    bench.write(THREE, THREE_MAIN)
    with pytest.raises(PipelineError, match="step 'two' needs what 'one' returns, and no result of it is kept: run 'o"):
        bench.run(RunOptions(only=("two",)))
    assert [s.status for s in bench.run(RunOptions(only=("one",))).steps] == ["executed", "skipped", "skipped"]
    assert [s.status for s in bench.run(RunOptions(only=("two",))).steps] == ["cached", "executed", "skipped"]
    assert [s.status for s in bench.run(RunOptions(only=("three",))).steps] == ["cached", "cached", "executed"]
    assert bench.printed() == "three 4\n"
    with pytest.raises(PipelineError, match="has no step 'thre'; did you mean 'three'"):
        bench.run(RunOptions(only=("thre",)))


def test_from_runs_a_step_and_what_follows_from_it_anew(bench: Bench) -> None:
    bench.write(f"{THREE}\ndef aside():\n    return 1\n", f"{THREE_MAIN}\nz = aside()")
    bench.run()
    result = bench.run(RunOptions(start="two"))
    assert [step.status for step in result.steps] == ["cached", "executed", "executed", "cached"]
    assert result.steps[1].why == "two and what follows from it run anew"


def test_it_is_said_why_a_step_ran(bench: Bench) -> None:
    (bench.folder / "own.py").write_text("X = 1")
    body = "import own\nBASE = 1\ndef helper():\n    return BASE\n" + THREE.replace(
        "return x + 1", "return x + helper() + own.X + len(open('data.txt').read())"
    )
    (bench.folder / "data.txt").write_text("a")

    def why(**params: int) -> list[str]:
        return [step.why for step in bench.run(**params).steps]

    bench.write(body, THREE_MAIN)
    assert why() == ["no result of it is kept"] * 3
    assert why() == ["", "", ""]
    assert why(size=4) == ["the param size changed", "x, of step one, changed", "y, of step two, changed"]
    bench.write(body.replace("BASE = 1", "BASE = 2"), THREE_MAIN)
    assert why()[:2] == ["", "BASE changed; x, of step one, changed"]
    assert why(size=5)[1] == "x, of step one, changed"
    (bench.folder / "own.py").write_text("X = 2")
    assert why(size=5)[1] == "own.py changed"
    (bench.folder / "data.txt").write_text("ab")
    assert why(size=5)[1] == "data.txt changed"
    bench.write(body.replace("BASE = 1", "BASE = 2").replace("x + helper()", "helper() + x"), THREE_MAIN)
    assert why(size=5)[1] == "its code changed"


def test_a_preview_says_what_would_become_of_each_step_and_runs_none(bench: Bench) -> None:
    bench.write(THREE, THREE_MAIN)

    def look(options: RunOptions = RunOptions(), **params: int) -> list[tuple[str, str]]:  # noqa: B008
        found = preview(bench.store, read_plan(bench.script), params, options, bench.folder)
        return [(step.state, step.why) for step in found]

    assert look() == [
        ("runs", "no result of it is kept"),
        ("depends", "runs if what one returns is another"),
        ("depends", "runs if what two returns is another"),
    ]
    bench.run()
    assert look() == [("cached", "")] * 3
    assert look(size=9)[0] == ("runs", "the param size changed")
    assert look(RunOptions(only=("two",)))[2] == ("skipped", "not chosen")
    assert look(RunOptions(start="three"))[2] == ("runs", "three and what follows from it run anew")
    assert len(Runs(bench.store).search("", max_results=99)) == 4


def test_the_time_that_the_steps_took_is_what_the_next_run_expects(bench: Bench) -> None:
    bench.write("import time\ndef wait(size):\n    time.sleep(0.2)\n    return size\n", "x = wait(params.size)")
    bench.run()
    bench.run(size=8)
    (started,) = bench.steps("started")
    (run,) = [event for event in bench.events if isinstance(event, RunStarted)]
    assert started.expected is not None
    assert 0.2 <= started.expected == run.expected < 5


KILLED = """
import sys, time
from pathlib import Path

def a():
    return 1

def b(x):
    return x + 1

def c(x):
    if Path("wait").exists():
        Path("reached").touch()
        time.sleep(60)
    return x + 2

def d(y, z):
    print(y, z)
"""


@pytest.mark.parametrize(("jobs", "strike"), [(1, signal.SIGKILL), (2, signal.SIGKILL), (2, signal.SIGINT)])
def test_a_run_that_is_killed_or_interrupted_goes_on_and_repeats_no_finished_step(
    tmp_path: Path, jobs: int, strike: signal.Signals
) -> None:
    bench = Bench(tmp_path)
    (tmp_path / "trackbook.toml").touch()
    bench.write(KILLED, "x = a()\ny = b(x)\nz = c(x)\nd(y, z)")
    (tmp_path / "wait").touch()
    code = "from trackbook.cli.main import main; main()"
    command = [sys.executable, "-c", code, "pipeline", "run", "p.py", "--jobs", str(jobs)]
    process = subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    end = time.monotonic() + 60
    while not ((tmp_path / "reached").exists() and len(kept(bench)) >= 2):
        assert time.monotonic() < end, process.communicate()
        time.sleep(0.02)
    process.send_signal(strike)
    _, errors = process.communicate(timeout=30)
    if strike == signal.SIGINT:
        assert process.returncode == 130
        assert "the same command goes on from there" in errors
    (tmp_path / "wait").unlink()
    assert bench.statuses() == ["cached", "cached", "executed", "executed"]
    if strike == signal.SIGINT:
        runs = Runs(bench.store).search("attributes.status = 'KILLED'", max_results=9)
        assert {run.kind for run in runs} == {"pipeline", "step"}


def kept(bench: Bench) -> list[str]:
    with bench.store.read() as db:
        return [row["step"] for row in db.query("SELECT step FROM step_cache")]


def test_a_misspelt_step_in_the_settings_is_named(bench: Bench) -> None:
    bench.write(THREE, THREE_MAIN)
    bench.settings = steps({"thre": StepSettings(retries=1), "another_pipelines_step": StepSettings()})
    with pytest.warns(UserWarning, match=r"\[pipeline.steps\] has 'thre'; did you mean 'three'"):
        bench.run()


def test_a_process_without_a_trace_serves_the_next_run_as_if_it_were_new(bench: Bench) -> None:
    """Modules of the project and of the script begin anew; a process that a step changed is not used again."""
    (bench.folder / "own.py").write_text("calls = []\n")
    body = """
import os, own
seen = []

def count(size):
    own.calls.append(size)
    print(os.getpid(), len(own.calls), len(seen))

def leave(size):
    seen.append(size)
"""
    runner = Runner(bench.store, bench.tracker)
    with runner.staying_warm(1):

        def printed(main: str, size: int) -> list[str]:
            bench.write(body, main)
            bench.output.clear()
            runner.run(read_plan(bench.script), {"size": size}, on_event=bench.hear)
            return bench.printed().split()

        first, second = printed("count(params.size)", 1), printed("count(params.size)", 2)
        third = printed("leave(params.size)\ncount(params.size)", 3)
        fourth = printed("count(params.size)", 4)
    assert first == second == [first[0], "1", "0"]
    assert third == [first[0], "1", "1"]
    assert fourth[0] != first[0]
