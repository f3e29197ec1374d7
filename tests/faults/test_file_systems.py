"""Real file systems that are read-only or full, and one that says it is shared over a network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from click.testing import CliRunner

from support.failpoints.records import check_sound
from trackbook.cli import main
from trackbook.project import Project
from trackbook.store import filesystem

pytestmark = pytest.mark.faults


def may_mount() -> bool:
    """Say whether this user may mount file systems in a namespace of its own, where nobody else sees them."""
    if shutil.which("unshare") is None:
        return False
    return (
        subprocess.run(["unshare", "-m", "mount", "-t", "tmpfs", "none", "/mnt"], capture_output=True).returncode == 0
    )


mounts = pytest.mark.skipif(not may_mount(), reason="mounting file systems takes root and a namespace of its own")


@pytest.fixture
def mounted(tmp_path):
    """Run code in a fresh process that sees something else mounted on a folder of the test's; returns its output."""

    def run(options: str, folder: Path, code: str) -> str:
        script = tmp_path / "script.py"
        script.write_text(textwrap.dedent(code))
        (tmp_path / "tmp").mkdir(exist_ok=True)
        shell = f'mount {options} "$1" && cd "$1" && exec "$2" -W error "$3"'
        done = subprocess.run(
            ["unshare", "-m", "sh", "-c", shell, "sh", folder, sys.executable, script],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env=os.environ | {"TMPDIR": str(tmp_path / "tmp")},
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


READ_ONLY = """
import json, warnings
from pathlib import Path
from click.testing import CliRunner
import trackbook as tb
from trackbook.cli import main

try:
    Path("written").touch()
except OSError as error:
    assert error.strerror == "Read-only file system", error
else:
    raise SystemExit("it can be written")

run_id = tb.search_runs().run_id[0]
for command in (["runs"], ["show", run_id], ["compare", run_id, run_id], ["data", "list"], ["models", "list"], ["fsck"]):
    found = CliRunner().invoke(main, command)
    assert found.exit_code == 0, (command, found.output, found.exception)
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    with tb.start_run("spooled") as run:
        run.log_metric("m", 2)
assert len(said) == 1 and "cannot write its store" in str(said[0].message), said
assert CliRunner().invoke(main, ["data", "snapshot", "trackbook.toml", "x"]).exit_code != 0
print(json.dumps([run_id, list(tb.search_runs().run_name)]))
"""


@mounts
def test_a_read_only_mount_can_be_read_by_every_command_and_what_is_logged_comes_back(tmp_path, mounted, monkeypatch):
    root = tmp_path / "project"
    root.mkdir()
    (root / "trackbook.toml").touch()
    project = Project.open(root)
    with project.tracker.start_run("before") as run:
        run.log_metric("m", 1)
    project.store.close()
    run_id, names = json.loads(mounted(f"-o bind,ro '{root}'", root, READ_ONLY))
    assert (run_id, names) == (run.run_id, ["before"])
    # Once the store can be written, the next command has it all.
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    found = {each.run_name: each for each in Project.open(root).runs.search()}
    assert found["spooled"].metrics == {"m": 2.0}
    assert found["spooled"].status == "FINISHED"
    assert list((tmp_path / "tmp").glob("trackbook-*")) == []
    check_sound(project.store)


FULL = """
import json, os, warnings
from pathlib import Path
import trackbook as tb
from trackbook.errors import StoreError
from trackbook.project import current
from trackbook.store.fsck import fsck

Path("trackbook.toml").touch()
with tb.start_run("before") as run:
    run.log_metric("m", 1)
assert len(tb.search_runs()) == 1
filler = os.open("filler", os.O_WRONLY | os.O_CREAT)
size = 1 << 20
while size:
    try:
        os.write(filler, b"x" * size)
    except OSError:
        size //= 2
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    with tb.start_run("full") as run:
        for step in range(1000):
            run.log_metric("m", step)
        run.log_params({"text": "x" * 10000})
    try:
        tb.snapshot("filler", "never")
    except StoreError as error:
        assert "No space left" in str(error), error
    else:
        raise SystemExit("a full disk took a snapshot")
    names = list(tb.search_runs().run_name)
assert "before" in names, names
assert sum("cannot write its store" in str(each.message) for each in said) <= 1, said
os.close(filler)
os.unlink("filler")
found = tb.search_runs().set_index("run_name")
assert found.loc["full", "status"] == "FINISHED", found
assert found.loc["full", "metrics.m"] == 999
store = current.get().store
assert [each for each in fsck(store) if each.severity != "info"] == []
print(len(current.get().runs.metric_history(found.loc["full", "run_id"], "m")))
"""


@mounts
def test_a_disk_that_fills_up_costs_nothing_that_was_logged(tmp_path, mounted):
    """A file system of 4 MB is filled to its last byte, used, and freed again."""
    root = tmp_path / "small"
    root.mkdir()
    assert mounted("-t tmpfs -o size=4m none", root, FULL) == "1000\n"


@pytest.fixture
def shared(monkeypatch):
    """Every folder says that it lies on a network file system."""
    monkeypatch.setattr(filesystem, "file_system", lambda path: "nfs4")


def test_a_store_on_a_network_says_so_once_and_works_without_a_wal(tmp_path, monkeypatch, shared):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "trackbook.toml").touch()
    project = Project.open(tmp_path)
    with project.tracker.start_run("first") as run:
        run.log_metric("m", 1)
    with pytest.warns(UserWarning, match="shared over a network.*TRACKBOOK_DIR"):
        assert len(project.runs.search()) == 1
    with project.tracker.start_run("second"):
        pass
    assert len(Project.open(tmp_path).runs.search()) == 2  # without a word, or this test fails
    with project.store.read() as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert not project.store.database.with_name("trackbook.db-wal").exists()
    (line,) = [
        check
        for check in json.loads(CliRunner().invoke(main, ["doctor", "--json"]).output)
        if check["name"] == "file system"
    ]
    assert "nfs4" in line["value"]
    assert "without a write-ahead log" in line["value"]
    assert line["ok"] is True
    check_sound(project.store)


def test_a_writer_killed_on_a_network_is_set_right_by_the_next_reader(tmp_path):
    """Its rollback journal is hot: only who may write can roll it back, and a reader sees to that."""
    code = """
    import os, signal, sys
    from pathlib import Path
    from trackbook.project import Project
    from trackbook.store import filesystem
    filesystem.file_system = lambda path: "nfs4"
    project = Project.open(Path(sys.argv[1]))
    with project.tracker.start_run("kept"):
        pass
    project.runs.search()
    with project.store.write() as db:
        db.execute("PRAGMA cache_size = 1")  # so that pages reach the file before the transaction ends
        db.executemany("INSERT INTO dataset (name) VALUES (?)", [(f"{n}" * 300,) for n in range(2000)])
        os.kill(os.getpid(), signal.SIGKILL)
    """
    (tmp_path / "trackbook.toml").touch()
    killed = subprocess.run([sys.executable, "-c", textwrap.dedent(code), tmp_path], capture_output=True, check=False)
    assert killed.returncode == -9, killed.stderr
    project = Project.open(tmp_path)
    assert project.store.database.with_name("trackbook.db-journal").exists()
    assert [run.run_name for run in project.runs.search()] == ["kept"]
    with project.store.read() as db:
        assert db.execute("SELECT count(*) FROM dataset").fetchone() == (0,)
    check_sound(project.store)
