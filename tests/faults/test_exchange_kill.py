"""SIGKILL at random moments of push, pull, gc, backup and rebuild: what is there is whole, and doing it again completes."""

from __future__ import annotations

import os
import random
import shutil
import time
from pathlib import Path

import pandas as pd
import pytest

from support.operations import Operation
from support.people import full_run, known, known_runs, model, person
from trackbook.project import Project
from trackbook.store.backup import read_backup, verify
from trackbook.store.events import RunEdited
from trackbook.store.fsck import fsck
from trackbook.store.records import unpack
from trackbook.store.remote import Remote
from trackbook.store.transfer import name_of

pytestmark = pytest.mark.faults

KILLS = 10
RUNS = 16


@pytest.fixture
def ada(tmp_path, monkeypatch):
    """A project with runs, data and a model, which shares the folder `shared`."""
    monkeypatch.delenv("TRACKBOOK_DIR", raising=False)
    project = person(tmp_path / "ada", str(tmp_path / "shared"))
    fill(project, RUNS)
    project.data.snapshot(pd.DataFrame({"x": range(50_000), "y": [str(n) for n in range(50_000)]}), "sales")
    model(project)
    return project


def fill(project, count):
    for number in range(count):
        full_run(project, f"run {number}")


def finish(project, what, folder=None):
    return Operation(project.root, what, folder).finish()


def kill(project, what, seconds, folder=None):
    return Operation(project.root, what, folder).kill(seconds)


def moments(seconds, seed):
    draw = random.Random(seed)
    return [draw.uniform(0, seconds) for _ in range(KILLS)]


def errors(project):
    return [finding for finding in fsck(project.store) if finding.severity == "error"]


def check_remote(url):
    """Every record that is there is whole, and so is every object that it names."""
    remote = Remote(url)
    for name in remote.names("runs"):
        _, run_id, digest = name.split("/")
        record = unpack(remote.read(name, 1 << 28), run_id, digest)
        assert all(remote.exists(name_of(each)) for each in record.objects())


def test_a_push_that_is_killed_leaves_a_valid_place_and_the_next_one_completes_it(ada, tmp_path):
    whole = finish(ada, "push")
    shutil.rmtree(tmp_path / "shared")
    with ada.store.write() as db:
        db.execute("DELETE FROM run_record")
    killed = 0
    for seconds in moments(whole, 1):
        killed += kill(ada, "push", seconds)
        if (tmp_path / "shared").exists():
            check_remote(str(tmp_path / "shared"))
        if random.Random(seconds).random() < 0.3:  # begin anew now and then, or all would be there after a few
            shutil.rmtree(tmp_path / "shared", ignore_errors=True)
    finish(ada, "push")
    bob = person(tmp_path / "bob", str(tmp_path / "shared"))
    assert bob.exchange.pull().refused == ()
    assert known(bob) == known(ada)
    print(f"{killed} of {KILLS} pushes killed")


def test_a_pull_that_is_killed_takes_runs_whole_or_not_and_the_next_one_completes_it(ada, tmp_path):
    ada.exchange.push()
    whole = finish(person(tmp_path / "carl", str(tmp_path / "shared")), "pull")
    expected = known_runs(ada)
    killed = 0
    for number, seconds in enumerate(moments(whole, 2)):
        bob = person(tmp_path / f"bob{number % 4}", str(tmp_path / "shared"))
        killed += kill(bob, "pull", seconds)
        assert known_runs(bob).items() <= expected.items()
        assert errors(bob) == []
    for number in range(4):
        bob = person(tmp_path / f"bob{number}", str(tmp_path / "shared"))
        finish(bob, "pull")
        assert known(bob) == known(ada)
        assert bob.exchange.pull().is_nothing
        assert bob.registry.verify().ok
    print(f"{killed} of {KILLS} pulls killed")


def test_a_collection_that_is_killed_takes_nothing_that_is_needed(ada):
    killed = 0
    doomed_ones = set()
    for seconds in moments(0.3, 3):
        old = time.time() - 7200
        doomed = min(known_runs(ada))
        doomed_ones.add(doomed)
        ada.store.append(RunEdited(doomed, "deleted_time", str(int(old * 1000)), int(time.time() * 1000), "u"))
        for digest in ada.store.objects.digests():
            os.utime(ada.store.objects.locate(digest).path, (old, old))
        killed += kill(ada, "gc", seconds)
        assert errors(ada) == []
    finish(ada, "gc")
    assert errors(ada) == []
    left = known_runs(ada)
    assert len(left) == RUNS - len(doomed_ones)
    for run_id in left:
        assert ada.runs.artifact(run_id, "deep/report.txt").startswith(b"report of run")
    print(f"{killed} of {KILLS} collections killed")


def test_a_backup_that_is_killed_leaves_the_one_before_it_whole(ada, tmp_path):
    folder = tmp_path / "backup"
    whole = finish(ada, "backup", folder)
    killed = 0
    for number, seconds in enumerate(moments(whole, 4)):
        full_run(ada, f"later {number}")
        killed += kill(ada, "backup", seconds, folder)
        assert RUNS <= verify(folder).rows["run"] <= RUNS + number + 1
    finish(ada, "backup", folder)
    assert read_backup(folder).rows["run"] == RUNS + KILLS
    print(f"{killed} of {KILLS} backups killed")


def test_a_rebuild_that_is_killed_loses_nothing_and_the_next_one_completes_it(ada):
    expected = known(ada)
    ada.store.close()
    ada.store.drain()
    whole = finish(ada, "rebuild")
    killed = 0
    for seconds in moments(whole, 5):
        killed += kill(ada, "rebuild", seconds)
        if killed % 3 == 0:  # as somebody would who only looks
            Project.open(ada.root).runs.search()
    finish(ada, "rebuild")
    again = Project.open(Path(ada.root))
    assert known(again) == expected
    assert errors(again) == []
    assert again.registry.verify().ok
    print(f"{killed} of {KILLS} rebuilds killed")
