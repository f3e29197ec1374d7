"""What hostile objects, texts and cells do to themselves, and not to the run: the user's own result is as without."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

HOSTILE = """
class Hostile:
    def __getattribute__(self, name): raise KeyboardInterrupt(name)
    def __eq__(self, other): raise SystemExit(1)
    def __hash__(self): raise ValueError
    def __bool__(self): raise ValueError
    def __len__(self): raise ValueError
    def __iter__(self): raise ValueError
    def __sizeof__(self): raise ValueError
    def __reduce_ex__(self, protocol): raise SystemExit(2)
    def __str__(self): raise SystemExit(3)
    def __repr__(self): return 'hostile'
class Mild:
    def __eq__(self, other): raise SystemExit(1)
    def __hash__(self): raise ValueError
    def __bool__(self): raise ValueError
    def __reduce_ex__(self, protocol): raise SystemExit(2)
    def __str__(self): raise SystemExit(3)
    def __repr__(self): return 'mild'
mild = Mild()
hostile = Hostile()
cycle = [hostile]; cycle.append(cycle)
"""


@pytest.fixture(scope="module")
def shared(kernel: Any) -> Any:
    """A kernel in which every cell is a run, and hostile objects stand."""
    assert kernel.run("%track on").errors == []
    outcome = kernel.run(HOSTILE)
    assert (outcome.errors, outcome.stderr) == ([], "")
    return kernel


def newest(kernel: Any) -> Any:
    """Return the newest run in full."""
    runs = kernel.project().runs
    return runs.get(runs.search(max_results=1)[0].run_id)


@pytest.mark.parametrize(
    ("source", "result"),
    [
        ("mild", "mild"),
        ("(mild, len(cycle))", "(mild, 2)"),
        ("other = [cycle, lambda: hostile, (i for i in cycle)]; len(other)", "3"),
        ("deep = []\nfor _ in range(100_000): deep = [deep]\nlen(deep)", "1"),
        ("name = 'nul \\0 \\ud800'; len(name)", "7"),
        ("big = 'x' * 1_000_000; len(big)", "1000000"),
        ("b = '" + "z" * 1_000_000 + "'; len(b)", "1000000"),
        ("n" * 50_000 + " = 5; 5", "5"),
        ("open('a\\nb', 'w').write('1') + open('\\udcff.bin', 'w').write('1')", "2"),
        ("tb.log_param('p', 'x' * 6_000); tb.log_metric('m', 1); 6", "6"),
        ("{(1, b'x'): {None: mild}}", "{(1, b'x'): {None: mild}}"),
        ("import sys, io\nkept, sys.stdout = sys.stdout, io.StringIO()\nprint('lost')\nsys.stdout = kept\n7", "7"),
        ("import gc, sys\nsys.excepthook = sys.unraisablehook = None\ngc.disable()\n8", "8"),
        ("import os\npid = os.fork()\nif not pid: os._exit(0)\nos.waitpid(pid, 0)[1]", "0"),
        ("%reset_selective -f nothing\nget_ipython().run_cell('inner = 9').result\ninner", "9"),
        (
            "import sys\nfor m in [m for m in sys.modules if m.startswith('trackbook.cap')]: del sys.modules[m]\n10",
            "10",
        ),
        ("import asyncio\nawait asyncio.sleep(0, 11)", "11"),
    ],
    ids=lambda value: value[:24].encode("ascii", "ignore").decode() if isinstance(value, str) else None,
)
def test_a_cell_shows_its_result_and_nothing_of_ours(shared: Any, source: str, result: str) -> None:
    """No warning, no error, the value as it is; and the run is there."""
    outcome = shared.run(source)
    assert (outcome.results, outcome.errors, outcome.stderr) == ([result], [], "")
    assert newest(shared).summary.status == "FINISHED"


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("class Own(BaseException): pass\nraise Own(cycle)", "Own"),
        ("raise MemoryError", "MemoryError"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("def again(): return again()\nagain()", "RecursionError"),
        ("open('nul\\0')", "ValueError"),
        ("x = 1\0", "SyntaxError"),
    ],
)
def test_an_exception_is_the_users_own(shared: Any, source: str, name: str) -> None:
    """One traceback of the type that was raised, and a run that failed or was killed."""
    outcome = shared.run(source)
    assert ([error["ename"] for error in outcome.errors], outcome.stderr) == ([name], "")
    assert "trackbook" not in outcome.traceback
    assert newest(shared).summary.status in ("FAILED", "KILLED")


def test_what_a_param_cannot_say_is_one_line(shared: Any) -> None:
    """`--param` names a variable whose text is an error that no `except Exception` sees."""
    outcome = shared.run("%%track hostile-param --param hostile\n'mine'")
    assert (outcome.results, outcome.errors) == (["'mine'"], [])
    assert len(outcome.stderr.splitlines()) == 1
    assert shared.only_run("hostile-param").summary.status == "FINISHED"


def test_replaced_builtins_and_clocks_cost_one_line_each_and_later_runs_nothing(shared: Any) -> None:
    """A cell that takes `open`, `print` or the clock away is warned of once, and the next one is a run in full."""
    for take, give in (
        ("import builtins\nkept = builtins.open, builtins.print\nbuiltins.open = builtins.print = None",
         "builtins.open, builtins.print = kept"),
        ("import time\nkept = time.perf_counter\ntime.perf_counter = None", "time.perf_counter = kept"),
        ("import os\nkept = os.getcwd\ndel os.getcwd", "os.getcwd = kept"),
    ):  # fmt: skip
        outcomes = [shared.run(source) for source in (f"{take}\n'taken'", "'without'", f"{give}\n'given'")]
        assert [outcome.results for outcome in outcomes] == [["'taken'"], ["'without'"], ["'given'"]]
        assert sum(outcome.stderr.count("Trackbook: ") for outcome in outcomes) <= 2
        shared.run("z = 1\nz")
        run = newest(shared)
        assert run.program[-1].source == "z = 1\nz"
        assert run.summary.status == "FINISHED"


def test_a_cell_in_a_deleted_folder_is_a_run(shared: Any) -> None:
    """The working directory is gone; the project of the kernel is not."""
    shared.run("import os, tempfile\nhome = os.getcwd()\nos.chdir(tempfile.mkdtemp())\nos.rmdir(os.getcwd())")
    outcome = shared.run("'nowhere'")
    shared.run("os.chdir(home)")
    assert (outcome.results, outcome.stderr) == (["'nowhere'"], "")


def test_an_interrupt_while_inputs_are_looked_at_interrupts_the_cell(shared: Any) -> None:
    """The user has pressed stop before the first line ran: then none runs, as if it had hit the first."""
    plant = """
import os, signal
from trackbook.project import current
capture = current.get().cells._capture
begin = capture.begin
def interrupted(*arguments):
    del capture.begin
    os.kill(os.getpid(), signal.SIGINT)
    return begin(*arguments)
capture.begin = interrupted
"""
    shared.run(plant, store_history=False)
    outcome = shared.run("must_not_run = 1")
    assert [error["ename"] for error in outcome.errors] == ["KeyboardInterrupt"]
    assert newest(shared).summary.status == "KILLED"
    assert shared.run("'must_not_run' in globals()").results == ["False"]


def test_an_interrupt_after_the_cell_leaves_its_value(shared: Any) -> None:
    """What was being recorded is given up; the run has ended, and the next one is in full."""
    plant = """
capture = current.get().cells._capture
end = capture.end
def interrupted(*arguments):
    del capture.end
    os.kill(os.getpid(), signal.SIGINT)
    return end(*arguments)
capture.end = interrupted
"""
    shared.run(plant, store_history=False)
    outcome = shared.run("'done'")
    assert (outcome.results, outcome.errors) == (["'done'"], [])
    assert outcome.stderr.endswith(": interrupted\n")
    assert newest(shared).summary.status == "FINISHED"
    outcome = shared.run("'next'")
    assert (outcome.results, outcome.stderr, len(newest(shared).program)) == (["'next'"], "", 1)


def test_a_full_disk_costs_one_warning_and_no_earlier_run(shared: Any) -> None:
    """Nothing can be written any more, then again: the cells go on, and what was there before is there."""
    shared.run("%%track before\nkept = 1\nkept")
    limit = "resource.setrlimit(resource.RLIMIT_FSIZE, ({}, resource.RLIM_INFINITY))"
    shared.run("import resource; " + limit.format(1), store_history=False)
    outcomes = [shared.run(f"{number} * 2") for number in (1, 2, 3)]
    shared.run(limit.format("resource.RLIM_INFINITY"), store_history=False)
    assert [outcome.results for outcome in outcomes] == [["2"], ["4"], ["6"]]
    assert [outcome.errors for outcome in outcomes] == [[], [], []]
    assert sum(len(outcome.stderr.splitlines()) for outcome in outcomes) == 1
    assert shared.run("%%track after\n'well'").results == ["'well'"]
    assert shared.only_run("before").summary.status == shared.only_run("after").summary.status == "FINISHED"


def test_a_wide_frame_is_repeated_as_a_notebook_shows_it(shared: Any) -> None:
    """pandas cuts frames to the width of a terminal, and a repeat is none."""
    shared.run("import pandas as pd\nwide = pd.DataFrame({f'a long name {n}': range(3) for n in range(15)})")
    shared.run("%%track wide\nwide")
    run = shared.only_run("wide")
    found = shared.project().reproductions.reproduce(run.run_id)
    assert found.verdict == "reproduced", found


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return the bytes and the times of all files below a folder, without what readers of a database leave.

    Nor what keeps the verdict: the database and its archive.
    """
    kept = (".trackbook/trackbook.db", ".trackbook/archive")
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file() and path.suffix not in (".pyc", ".lock") and not any(part in str(path) for part in kept)
    }


def test_a_repeat_of_a_program_that_writes_everywhere_changes_nothing(shared: Any) -> None:
    """It writes, deletes, registers, snapshots and goes elsewhere, in its own copies."""
    (shared.root / "precious.txt").write_text("precious")
    shared.run("%track off")
    shared.run(
        "%%track writes\nimport os, pathlib, shutil\npathlib.Path('out').mkdir(exist_ok=True)\n"
        "open('out/new.txt', 'a').write('more')\ntext = open('precious.txt').read()\n"
        "os.chdir('out')\nopen('../second.txt', 'w').write('2')\nos.chdir('..')\n"
        "from sklearn.linear_model import Ridge\nmodel = Ridge().fit([[1], [2]], [1, 2])\n"
        "tb.register_model(model, 'hostile-model')\ntb.snapshot(wide, 'hostile-data')\nlen(text)"
    )
    run = shared.only_run("writes")
    assert run.summary.status == "FINISHED", run.error
    models = shared.project().registry.models()
    before = contents(shared.root)
    found = shared.project().reproductions.reproduce(run.run_id)
    assert found.verdict == "reproduced", found
    assert contents(shared.root) == before
    assert shared.project().registry.models() == models
    assert [path.name for path in (shared.root / "out").iterdir()] == ["new.txt"]


def test_a_run_from_before_the_extension_was_loaded_has_no_program(start_kernel: Any) -> None:
    """What later cells record is not taken for its program, and the verdict says what was missing."""
    kernel = start_kernel()
    kernel.run("import trackbook as tb\nwith tb.start_run(experiment='early'):\n    tb.log_metric('m', 1)")
    kernel.run("%load_ext trackbook")
    kernel.run("%%track late\n1")
    run = kernel.only_run("early")
    assert run.program == ()
    found = kernel.project().reproductions.reproduce(run.run_id)
    assert found.verdict == "cannot_run"
    assert "%load_ext trackbook" in found.reason
