"""A backup counts when it could be restored; what it restores is what was there."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap

import pandas as pd
import pytest

from support.people import full_run, known_runs, model
from trackbook.errors import IntegrityError, NotFoundError, RegistryError, StoreError, StoreVersionError, UsageError
from trackbook.project import Project
from trackbook.store import Store
from trackbook.store.backup import back_up, read_backup, restore, verify
from trackbook.store.fsck import fsck
from trackbook.tracking import Runs, Tracker


@pytest.fixture
def filled(project):
    """A project with a run, a dataset version and a model."""
    run_id = full_run(project)
    project.data.snapshot(pd.DataFrame({"x": range(20_000), "y": [f"text {n}" for n in range(20_000)]}), "sales")
    model(project, run_id=run_id)
    return project


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "backup"


def changed(store, digest):
    path = store.objects.locate(digest).path
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_what_is_restored_is_what_was_backed_up(filled, folder, tmp_path):
    made = back_up(filled.store, folder)
    assert made.verified_time is not None
    assert (made.rows["run"], made.rows["dataset_version"], made.rows["model_version"]) == (1, 1, 1)
    other = tmp_path / "other"
    other.mkdir()
    (other / "trackbook.toml").write_text("")
    assert restore(folder, other / ".trackbook") is None
    again = Project.open(other)
    assert known_runs(again) == known_runs(filled)
    assert again.data.load("data:/sales").equals(filled.data.load("data:/sales"))
    assert again.registry.load("models:/churn/1").predict([[3.0]])[0] == pytest.approx(6)
    assert again.registry.verify().ok
    assert again.registry.verify().anchored
    assert fsck(again.store) == []


def test_the_key_of_the_audit_trail_is_kept_only_when_that_is_asked_for(filled, folder, tmp_path):
    """A backup has no private key; one with it can go on signing elsewhere, one without where the key still is."""
    back_up(filled.store, folder)
    assert not list(folder.rglob("*.pem"))
    there = tmp_path / "there" / ".trackbook"
    shutil.copytree(filled.store.root, there, ignore=shutil.ignore_patterns("journal"))
    assert restore(folder, there) is not None
    assert Project.open(there.parent).registry.set_alias("churn", "again", 1)
    restore(folder, tmp_path / "elsewhere" / ".trackbook")
    with pytest.raises(RegistryError, match="is not in the store"):
        Project.open(tmp_path / "elsewhere").registry.set_alias("churn", "again", 1)
    back_up(filled.store, folder, with_key=True)
    restore(folder, tmp_path / "elsewhere" / ".trackbook")
    assert Project.open(tmp_path / "elsewhere").registry.set_alias("churn", "more", 1)
    back_up(filled.store, folder)
    assert not list(folder.rglob("*.pem"))


def test_a_second_backup_copies_what_is_new(filled, folder, tmp_path):
    back_up(filled.store, folder)
    objects = folder / "store" / "objects"
    before = {path: path.stat().st_mtime_ns for path in objects.glob("??/*")}
    full_run(filled, "second")
    made = back_up(filled.store, folder)
    after = {path: path.stat().st_mtime_ns for path in objects.glob("??/*")}
    assert made.rows["run"] == 2
    assert before.items() <= after.items()
    assert after.keys() > before.keys()
    assert not list(folder.rglob("*.tmp"))
    assert all(path.stat().st_nlink == 1 for path in after)


@pytest.mark.parametrize("then", [verify, lambda folder: restore(folder, folder.parent / "again")])
def test_a_backup_that_was_killed_between_its_description_and_its_database_is_completed(filled, folder, then):
    back_up(filled.store, folder)
    database = folder / "store" / "trackbook.db"
    before = database.read_bytes()
    full_run(filled)
    back_up(filled.store, folder)
    database.rename(f"{database}.tmp")
    database.write_bytes(before)
    then(folder)
    assert verify(folder).rows["run"] == 2


def test_the_store_that_was_there_is_set_aside(filled, folder):
    back_up(filled.store, folder)
    later = full_run(filled, "later")
    filled.store.close()
    aside = restore(folder, filled.store.root)
    assert [run.run_name for run in Project.open(filled.root).runs.search()] == ["full"]
    assert Runs(Store.open(aside)).get(later).summary.run_name == "later"


def test_an_object_that_changed_in_the_store_makes_no_backup(filled, folder):
    (digest,) = [each.digest for each in filled.runs.get(known_runs(filled).popitem()[0]).artifacts]
    changed(filled.store, digest)
    with pytest.raises(IntegrityError, match=rf"object-changed {digest[:12]}.*does not count"):
        back_up(filled.store, folder)
    assert read_backup(folder).verified_time is None


def test_an_object_that_changed_in_the_backup_is_found_and_copied_again(filled, folder):
    back_up(filled.store, folder)
    copy = Store.open(folder / "store")
    digest = next(copy.objects.digests())
    changed(copy, digest)
    with pytest.raises(IntegrityError, match=digest[:12]):
        verify(folder)
    with pytest.raises(IntegrityError):
        restore(folder, filled.root / "elsewhere")
    assert not (filled.root / "elsewhere").exists()
    assert back_up(filled.store, folder).verified_time is not None
    assert verify(folder).verified_time is not None


def test_a_database_that_changed_in_the_backup_is_found(filled, folder):
    back_up(filled.store, folder)
    database = folder / "store" / "trackbook.db"
    content = bytearray(database.read_bytes())
    content[5000] ^= 0xFF
    database.write_bytes(content)
    with pytest.raises(IntegrityError, match="database"):
        verify(folder)


def test_a_run_that_went_on_has_ended_in_what_is_restored(filled, folder, tmp_path):
    with filled.tracker.start_run("going") as run:
        run.log_metric("m", 1.0)
        back_up(filled.store, folder)
        with pytest.raises(UsageError, match="end the kernels"):
            restore(folder, filled.store.root)
        restore(folder, tmp_path / "restored")
    found = Runs(Store.open(tmp_path / "restored")).get(run.run_id)
    assert (found.summary.status, found.summary.metrics) == ("KILLED", {"m": 1.0})


def test_a_folder_that_is_no_place_for_a_backup_is_refused(filled, tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("")
    for place, reason in (("file", "is a file"), ("full", "holds something else"), (filled.store.root / "x", "itself")):
        with pytest.raises(UsageError, match=reason):
            back_up(filled.store, tmp_path / place)
    with pytest.raises(NotFoundError, match="trackbook backup"):
        verify(tmp_path / "nothing")


def test_a_backup_of_a_newer_version_is_refused(filled, folder):
    back_up(filled.store, folder)
    file = folder / "backup.json"
    file.write_text(file.read_text().replace('"format": 1', '"format": 2'))
    with pytest.raises(StoreVersionError, match="newer"):
        verify(folder)


def test_only_one_works_on_a_backup_at_a_time(filled, folder):
    from filelock import FileLock

    back_up(filled.store, folder)
    with FileLock(folder / "lock"), pytest.raises(StoreError, match="another process"):
        back_up(filled.store, folder)


WRITER = textwrap.dedent("""
    import sys, time
    from pathlib import Path
    from trackbook.store import Store
    from trackbook.tracking import Tracker

    store = Store.open(Path(sys.argv[1]))
    tracker = Tracker(store, root=Path(sys.argv[1]).parent, experiment="e", user="u")
    end = time.monotonic() + float(sys.argv[2])
    number = 0
    while time.monotonic() < end:
        with tracker.start_run(f"r{number}") as run:
            run.log_metric("m", number)
            run.log_artifact(b"artifact %d" % number, "a.txt")
        number += 1
""")


@pytest.mark.faults
def test_backups_beside_a_writer_are_whole_and_grow(tmp_path, folder):
    """Each backup that is made while another process writes can be restored, and no run in it is half there."""
    store = Store.open(tmp_path / ".trackbook")
    Tracker(store, root=tmp_path, experiment="e", user="u").start_run("first").end()
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(store.root), "5"])
    counts = []
    while writer.poll() is None or not counts:
        counts.append(back_up(store, folder).rows["run"])
    assert writer.returncode == 0
    counts.append(back_up(store, folder).rows["run"])
    assert counts == sorted(counts)
    restore(folder, tmp_path / "restored")
    runs = Runs(Store.open(tmp_path / "restored")).search(max_results=100_000)
    assert len(runs) == counts[-1] == len(Runs(store).search(max_results=100_000))
    print(f"{len(counts)} backups beside {counts[-1]} runs: {counts}")
