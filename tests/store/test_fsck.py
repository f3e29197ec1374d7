"""`fsck` names every broken thing, and changes nothing."""

import sqlite3

import pytest

from trackbook.store import Store
from trackbook.store.fsck import fsck, worst
from trackbook.tracking import Tracker


@pytest.fixture
def store(tmp_path):
    store = Store.open(tmp_path / ".trackbook")
    with Tracker(store, root=tmp_path, experiment="default", user="u").start_run("r") as run:
        run.log_artifact(b"content", "a.txt")
    store.close()
    return store


def ids(store):
    return [finding.id for finding in fsck(store)]


def artifact(store):
    (digest,) = store.objects.digests()
    return store.objects.path(digest)


def test_a_sound_store_has_no_findings(store):
    assert fsck(store) == []
    assert worst([]) is None


def test_a_missing_object_is_named_with_its_owner(store):
    artifact(store).unlink()
    (finding,) = fsck(store)
    assert (finding.id, finding.severity) == ("object-missing", "error")
    assert "a.txt" in finding.message


def test_a_changed_object_is_named(store):
    artifact(store).write_bytes(b"tampered")
    assert ids(store) == ["object-changed"]


def test_a_temporary_file_that_was_left_is_a_remark(store):
    artifact(store).with_name("x.tmp").touch()
    (finding,) = fsck(store)
    assert (finding.id, finding.severity) == ("temporary-left", "info")


def test_a_row_that_points_nowhere_is_named(store):
    with sqlite3.connect(store.database) as db:
        db.execute("PRAGMA foreign_keys = OFF")
        db.execute("INSERT INTO tag VALUES (999, 'k', 'v')")
    db.close()
    assert ids(store) == ["row-orphaned"]


def test_the_worst_severity_counts(store):
    artifact(store).with_name("x.tmp").touch()
    artifact(store).unlink()
    assert worst(fsck(store)) == "error"


def test_nothing_is_changed_by_looking(store):
    artifact(store).write_bytes(b"tampered")
    store.drain()
    store.drain()
    before = {path: path.read_bytes() for path in store.root.rglob("*") if path.is_file() and "-" not in path.name}
    fsck(store)
    assert {
        path: path.read_bytes() for path in store.root.rglob("*") if path.is_file() and "-" not in path.name
    } == before
