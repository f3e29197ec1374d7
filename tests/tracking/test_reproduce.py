"""`reproduce`: runs of a real notebook session, repeated in fresh processes, with the verdict kept."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from trackbook.errors import NotFoundError, UsageError
from trackbook.project import Project
from trackbook.store import events
from trackbook.tracking.reproduction.plan import Cell, Plan
from trackbook.tracking.reproduction.repeat import run_repeat
from trackbook.tracking.values import Progress


class Notebook:
    """A kernel with the extension loaded, and what its runs come to when they are repeated."""

    def __init__(self, kernel):
        self.kernel = kernel
        self.root = kernel.root

    def run(self, *cells):
        """Run cells; returns the run of the last one, whose experiment is its first word."""
        for cell in cells:
            self.kernel.run(cell)
        return self.kernel.only_run(cells[-1].split()[1])

    def reproduce(self, run, **options):
        return self.kernel.project().reproductions.reproduce(run.run_id, **options)

    def forget(self, run, name):
        """Take what a run read from the store, as `gc` does."""
        (digest,) = {used.fingerprint for used in run.data if Path(used.name).name == name}
        self.kernel.project().store.objects.path(digest).unlink()


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """A folder of installed packages with one distribution, version 1.0."""
    folder = tmp_path_factory.mktemp("env") / "site-packages"
    install(folder, "1.0", "def rate(): return 1")
    return folder


def install(folder, version, code):
    (folder / "tinylib").mkdir(parents=True, exist_ok=True)
    (folder / "tinylib" / "__init__.py").write_text(code)
    for old in folder.glob("*.dist-info"):
        (old / "METADATA").unlink()
        old.rmdir()
    (folder / f"tinylib-{version}.dist-info").mkdir()
    (folder / f"tinylib-{version}.dist-info" / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: tinylib\nVersion: {version}\n"
    )


@pytest.fixture(scope="module")
def notebook(start_kernel, library):
    notebook = Notebook(start_kernel(PYTHONPATH=str(library)))
    assert notebook.kernel.run("%load_ext trackbook\nimport trackbook as tb, random, os").status == "ok"
    return notebook


@pytest.fixture(autouse=True)
def same_libraries(library, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(library))
    monkeypatch.delenv("TRACKBOOK_DIR", raising=False)


def everything(root):
    """Return the bytes of all files of a project but its store."""
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file() and ".trackbook" not in path.parts}


def test_an_unchanged_run_is_reproduced_and_nothing_of_the_users_changes(notebook):
    (notebook.root / "in.txt").write_text("1 2 3")
    run = notebook.run(
        "numbers = [int(word) for word in open('in.txt').read().split()]",
        "%%track unchanged --param scale --seed 3\nscale = 2\ntotal = scale * sum(numbers) + random.random()\n"
        "tb.log_metric('total', total)\nprint('total', total)\nopen('out.txt', 'w').write(str(total))\n"
        "open('log.txt', 'a').write('one\\n')\nmodel = tb.snapshot('in.txt', 'numbers')\ntotal",
    )
    before, runs = everything(notebook.root), len(notebook.kernel.project().runs.search())
    steps: list[Progress] = []
    found = notebook.reproduce(run, on_progress=steps.append)
    assert (found.verdict, found.differences, found.causes) == ("reproduced", (), ()), found
    assert found.compared >= 6
    assert [(step.stage, step.position, step.total) for step in steps] == [
        ("files", 0, 0),
        *(("run", place + 1, len(run.program)) for place in range(len(run.program))),
        ("compare", 0, 0),
    ]
    project = notebook.kernel.project()
    assert everything(notebook.root) == before
    assert len(project.runs.search()) == runs
    assert project.data.get("numbers").version == 1
    assert project.runs.get(run.run_id).reproductions[0] == found


def test_a_changed_file_is_restored_where_it_was_kept_and_named_where_it_was_not(notebook):
    file = notebook.root / "data.csv"
    file.write_text("1\n2\n")
    run = notebook.run("%%track files\ntotal = sum(map(int, open('data.csv')))\ntb.log_metric('total', total)")
    file.write_text("5\n")
    restored = notebook.reproduce(run)
    assert restored.verdict == "reproduced"
    assert restored.notes == (f"{file} has changed since, and was restored from the store",)
    assert file.read_text() == "5\n"
    notebook.forget(run, "data.csv")
    changed = notebook.reproduce(run)
    assert changed.verdict == "differs"
    assert changed.differences[0].name == str(file)
    assert changed.causes[0] == f"{file} changed since the run, and the old content was not kept"
    file.unlink()
    gone = notebook.reproduce(run)
    assert (gone.verdict, gone.reason) == ("cannot_run", f"{file} is gone, and its content was not kept")
    file.write_text("1\n2\n")  # for the programs of later cells


def test_a_local_module_is_as_it_was(notebook):
    (notebook.root / "mine.py").write_text("def double(x):\n    return 2 * x\n")
    run = notebook.run("import mine", "%%track modules\nanswer = mine.double(21)\ntb.log_metric('answer', answer)")
    (notebook.root / "mine.py").write_text("def double(x):\n    return 3 * x\n")
    found = notebook.reproduce(run)
    assert (found.verdict, len(found.notes)) == ("reproduced", 1), found


def test_files_elsewhere_are_read_as_they_were_and_never_written(notebook, tmp_path):
    (tmp_path / "in.txt").write_text("old")
    up = os.path.relpath(tmp_path, notebook.root)
    run = notebook.run(
        f"%%track elsewhere\none = open({str(tmp_path / 'in.txt')!r}).read()\ntwo = open({up!r} + '/in.txt').read()\n"
        f"open({str(tmp_path / 'out.txt')!r}, 'w').write(one)\nprint(one, two)"
    )
    (tmp_path / "in.txt").write_text("new")
    (tmp_path / "out.txt").write_text("mine")
    found = notebook.reproduce(run)
    assert found.verdict == "reproduced", found
    assert ((tmp_path / "in.txt").read_text(), (tmp_path / "out.txt").read_text()) == ("new", "mine")


def test_a_path_into_the_project_made_while_it_runs_changes_nothing(project):
    folder, name = str(project.root).rsplit("/", 1)
    _, run = record(
        project.root,
        "%load_ext trackbook",
        f"%%track made\npath = '/'.join([{folder!r}, {name!r}, 'made.txt'])\nopen(path, 'w').write('x')",
    )
    (project.root / "made.txt").write_text("mine")
    found = project.reproductions.reproduce(run.run_id)
    assert found.verdict == "cannot_run"
    assert "made.txt, which is no copy" in found.reason
    assert (project.root / "made.txt").read_text() == "mine"


def test_another_version_of_a_library_is_the_likely_cause(notebook, library):
    run = notebook.run("import tinylib", "%%track versions\nrate = tinylib.rate()\ntb.log_metric('rate', rate)")
    try:
        install(library, "2.0", "def rate(): return 2")
        found = notebook.reproduce(run)
    finally:
        install(library, "1.0", "def rate(): return 1")
    assert found.verdict == "differs"
    assert (found.differences[0].name, found.differences[0].original, found.differences[0].repeated) == (
        "rate",
        "1.0",
        "2.0",
    )
    assert found.causes[0] == "another version of tinylib (1.0 → 2.0), which the program imports"
    assert "--env locked" in repr(found)


def test_randomness_without_a_seed_is_named_with_cell_and_line(notebook):
    run = notebook.run("%%track chance\n\nx = random.Random().random()\ntb.log_metric('x', x)")
    found = notebook.reproduce(run)
    assert found.verdict == "differs"
    place = f"cell [{run.execution_count}], line 3: random.Random"
    assert found.causes[0] == f"the program makes a random generator without a seed ({place})"
    assert "set a seed" in repr(found)


def test_what_lies_behind_a_link_or_outside_is_never_changed(project, tmp_path):
    (tmp_path / "shared").mkdir()
    (tmp_path / "shared" / "in.txt").write_text("1")
    (project.root / "data").symlink_to(tmp_path / "shared")
    reads = "%%track reads\nx = int(open('data/in.txt').read())\nx"
    writes = "%%track writes\nopen('data/in.txt', 'w').write('2')\nx = 2"
    home = f"%%track home\nname = 'out'\nopen({str(tmp_path)!r} + f'/{{name}}.txt', 'w').write('2')"
    project, _ = record(project.root, "%load_ext trackbook", reads, writes, home)
    (tmp_path / "out.txt").write_text("mine")
    (tmp_path / "shared" / "in.txt").write_text("1")
    verdicts = []
    for experiment in ("reads", "writes", "home"):
        (run,) = project.runs.search(experiment=experiment)
        verdicts.append(project.reproductions.reproduce(run.run_id).verdict)
    assert verdicts == ["reproduced", "reproduced", "cannot_run"]
    assert ((tmp_path / "shared" / "in.txt").read_text(), (tmp_path / "out.txt").read_text()) == ("1", "mine")


def test_a_project_that_was_moved_is_reproduced_as_it_was(project, tmp_path):
    (project.root / "in.txt").write_text("old")
    cell = f"%%track moved\nprint(open({str(project.root / 'in.txt')!r}).read(), open('in.txt').read())"
    _, run = record(project.root, "%load_ext trackbook", cell)
    (project.root / "in.txt").write_text("new")
    moved = Project.open(project.root.rename(tmp_path / "moved"))
    found = moved.reproductions.reproduce(run.run_id)
    assert found.verdict == "reproduced", found
    assert found.notes == (f"{project.root / 'in.txt'} has changed since, and was restored from the store",)


def test_chance_that_no_text_shows_is_found_by_repeating_once_more(project):
    _, run = record(
        project.root,
        "%load_ext trackbook",
        "%%track order\nprint([*map(id, [object() for _ in range(3)])], hash('a'))\nx = 1",
    )
    steps: list[Progress] = []
    found = project.reproductions.reproduce(run.run_id, on_progress=steps.append)
    assert found.verdict == "differs"
    assert found.causes == ("the program is not deterministic: two repeats differ in output stdout.txt",)
    assert "again" in {step.stage for step in steps}


def test_cells_that_ran_out_of_order_edited_and_twice(notebook):
    run = notebook.run(
        "n = 1",
        "def f(x):\n    return x + n",
        "broken = (",
        "n = 100",
        "n += 1",
        "n += 1",
        "def f(x):\n    return x * n",
        "raise ValueError('in between')",
        "%%track disorder\nanswer = f(2)\ntb.log_metric('answer', answer)\nanswer",
    )
    assert run.summary.metrics == {"answer": 204.0}
    found = notebook.reproduce(run)
    assert found.verdict == "reproduced", found


def test_a_tracked_failure_is_reproduced_by_the_same_exception(notebook):
    run = notebook.run("def fail(x):\n    return x['k']", "%%track failure\nprint('before')\nfail({})")
    assert run.summary.status == "FAILED"
    assert notebook.reproduce(run).verdict == "reproduced"


def test_magics_shell_lines_and_the_numbers_of_cells(notebook):
    count = notebook.kernel.run("20 + 1").execution_count
    run = notebook.run(
        "%matplotlib inline\nimport matplotlib.pyplot as plt",
        "%%bash\necho 7 > seven.txt",
        "%env TRACKBOOK_TEST=one\nimport asyncio",
        "2 * 21",
        f"%%track magics\nlines = !cat seven.txt\n%time answer = _ + Out[{count}]\nawait asyncio.sleep(0)\n"
        "plt.plot([1, 2, int(lines[0])])\nplt.show()\nprint(os.environ['TRACKBOOK_TEST'])\nanswer",
    )
    (notebook.root / "seven.txt").unlink()
    found = notebook.reproduce(run)
    assert found.verdict == "reproduced", found
    assert {"outputs/figure-1.png", "outputs/value.txt"} <= {artifact.path for artifact in run.artifacts}


def test_what_a_program_met_only_then_cannot_run(notebook):
    kernel, marker = notebook.kernel, notebook.root / "marker"
    dies = notebook.run("%%track dies\nif os.path.exists('marker'):\n    os._exit(7)\nx = 1")
    stays = notebook.run("%%track stays\nwhile os.path.exists('marker'):\n    pass\nx = 1")
    asks = notebook.run("%%track asks\nif os.path.exists('marker'):\n    input('name? ')\nx = 1")
    marker.write_text("")
    try:
        reasons = [notebook.reproduce(run, timeout=5 if run is stays else 60).reason for run in (dies, stays, asks)]
    finally:
        marker.unlink()
    cells = [f"cell [{run.execution_count}]" for run in (dies, stays, asks)]
    assert reasons[0] == f"in {cells[0]}, its process ended with status 7"
    assert reasons[1] == f"in {cells[1]}, it was still running after 5 s, the time it was given"
    assert reasons[2].startswith(f"{cells[2]}, line 3 raised StdinNotImplementedError")
    assert kernel.project().runs.get(asks.run_id).reproductions[0].verdict == "cannot_run"


def test_a_secret_that_is_not_kept_is_named(notebook):
    run = notebook.run("password = 'hunter22secret'", "%%track secret\nx = len(password)\nx")
    found = notebook.reproduce(run)
    assert found.verdict == "differs"
    assert found.causes[-1].endswith("held a secret, which is not kept: it ran with [redacted] in its place")


def test_what_a_repeat_raises_is_redacted(project):
    cell = "%%track tells\nimport os\nif os.path.exists('marker'):\n    raise FileNotFoundError('no password=' + 'hunter22')\nx = 1"
    _, run = record(project.root, "%load_ext trackbook", cell)
    (project.root / "marker").write_text("")
    found = project.reproductions.reproduce(run.run_id)
    assert found.reason == "cell [2], line 4 raised FileNotFoundError: no password=[redacted]"


def test_times_are_not_held_against_a_run(notebook):
    run = notebook.run(
        "%%track times\nimport time\nbegan = time.time()\nfor _ in range(3):\n    time.sleep(0.01)\n"
        "took = time.time() - began\ntb.log_metric('took', took)\nprint(f'took {took:.5f} s')"
    )
    found = notebook.reproduce(run)
    assert found.verdict == "reproduced", found
    assert any(note.startswith("times are not judged: ") and "took" in note for note in found.notes)


def record(root, *cells):
    """Run cells in a session of their own; returns the project and the run of the last cell."""
    plan = Plan(
        tuple(Cell(cell, place, None, False) for place, cell in enumerate(cells, 1)), str(root), (str(root),), (), {}
    )
    command = [sys.executable, "-P", "-m", "trackbook.tracking.reproduction.replay"]
    assert run_repeat(command, plan, {"IPYTHONDIR": str(root.parent / "ipython")}).finished
    project = Project.open(root)
    return project, project.runs.search()[0]


def append_run(project, *, end="FINISHED", error=None, kind="cell", sessions=""):
    run = project.tracker.start_run("made", kind=kind)
    for session in sessions:
        project.store.append(events.CellExecuted(session, 0, "x = 1", 1, 0.1, "ok"))
        project.store.append(events.ProgramFound(run.run_id, session, (0,)))
    if end is None:
        return run
    project.store.append(events.RunEnded(run.run_id, end, 1, error_type=error))
    return run


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"end": "KILLED", "error": "KeyboardInterrupt"}, "interrupted before its end"),
        ({"end": "KILLED"}, "interrupted before its end"),
        ({}, "its program was not recorded"),
        ({"kind": "pipeline"}, "trackbook pipeline run"),
        ({"sessions": "ab"}, "in several sessions"),
    ],
)
def test_a_run_that_cannot_be_repeated_says_why(project, options, words):
    run = append_run(project, **options)
    found = project.reproductions.reproduce(run.run_id)
    assert found.verdict == "cannot_run"
    assert words in found.reason
    assert project.runs.get(run.run_id).reproductions == (found,)


def test_wrong_calls_are_errors_and_keep_nothing(project):
    run = append_run(project, end=None)
    reproduce = project.reproductions.reproduce
    for arguments, error, words in (
        ({"run_id": "0" * 32}, NotFoundError, "there is no run"),
        ({"run_id": "../x"}, NotFoundError, "is no run id"),
        ({"run_id": None}, UsageError, "named by its id"),
        ({"run_id": run.run_id, "env": "lokced"}, UsageError, "did you mean 'locked'"),
        ({"run_id": run.run_id, "timeout": 0}, UsageError, "above 0"),
        ({"run_id": run.run_id}, UsageError, "still going on"),
    ):
        with pytest.raises(error, match=words):
            reproduce(**arguments)
    run.end()
    assert project.runs.get(run.run_id).reproductions == ()


def test_an_interrupt_ends_the_repeat_and_keeps_nothing(notebook, tmp_path):
    run = notebook.run(
        f"%%track wait\nimport time\nif os.path.exists({str(tmp_path / 'now')!r}):\n    open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n    time.sleep(60)\nx = 1"
    )
    (tmp_path / "now").write_text("")
    code = f"from trackbook.project import Project; Project.open().reproductions.reproduce({run.run_id!r})"
    asker = subprocess.Popen([sys.executable, "-c", code], cwd=notebook.root, stderr=subprocess.PIPE, text=True)
    for _ in range(200):
        if (tmp_path / "pid").exists() and (tmp_path / "pid").read_text():
            break
        time.sleep(0.1)
    asker.send_signal(signal.SIGINT)
    assert "KeyboardInterrupt" in asker.communicate(timeout=20)[1]
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)
    assert notebook.kernel.project().runs.get(run.run_id).reproductions == ()
