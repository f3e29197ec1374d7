"""A copy of a store: it knows what the original knows, and what happens in it stays in it."""

import pytest
from sklearn.linear_model import Ridge

from trackbook.project import Project
from trackbook.registry import Registry
from trackbook.settings import Settings
from trackbook.store import Store
from trackbook.store.copying import copy_store
from trackbook.tracking import Runs, Tracker


@pytest.fixture
def store(tmp_path):
    store = Store.open(tmp_path / "original")
    with Tracker(store, root=tmp_path, experiment="e", user="ada").start_run("first") as run:
        run.log_artifact(b"old", "a.txt")
    return store


def test_a_copy_knows_what_the_original_knows(store, tmp_path):
    copy = copy_store(store, tmp_path / "copy")
    (run,) = Runs(copy).search()
    assert Runs(copy).artifact(run.run_id, "a.txt") == b"old"
    assert (copy.database.stat().st_mode & 0o777, copy.root.stat().st_mode & 0o777) == (0o600, 0o700)


def test_what_happens_in_a_copy_stays_in_it(store, tmp_path):
    before = set(store.objects.digests())
    copy = copy_store(store, tmp_path / "copy")
    with Tracker(copy, root=tmp_path, experiment="e", user="ada").start_run("second") as run:
        new = run.log_artifact(b"new", "b.txt")
        old = run.log_artifact(b"old", "a.txt")
    assert len(Runs(copy).search()) == 2
    assert [found.run_name for found in Runs(store).search()] == ["first"]
    assert set(store.objects.digests()) == before == {old}
    assert list(copy.objects.digests()) == [new]


def test_a_copy_of_a_copy_reads_the_first(store, tmp_path):
    digest = store.objects.put(b"first")
    again = copy_store(copy_store(store, tmp_path / "one"), tmp_path / "two")
    assert Store.open(again.root).objects.get(digest) == b"first"


def test_a_change_of_models_in_the_copy_is_signed_and_stays_there(tmp_path):
    """The key goes along, for its owner alone, so that a program that registers a model can be repeated."""
    project = Project.open(tmp_path)
    project.registry.register(Ridge().fit([[0.0], [1.0]], [0.0, 1.0]), "m")
    copy = copy_store(project.store, tmp_path / "copy")
    registry = Registry(copy, Settings(), "ada", Runs(copy))
    assert registry.register("models:/m/1", "m").version == 2
    assert registry.verify().ok
    assert len(project.registry.get("m").versions) == 1
    assert (copy.root / "audit-key.pem").stat().st_mode & 0o077 == 0
