"""What nobody needs any more goes, and nothing that anybody can reach."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression

from support.people import columns_naming_objects
from trackbook.project import Project
from trackbook.store import Store, now_ms
from trackbook.store.events import RunEdited
from trackbook.store.fsck import fsck
from trackbook.store.gc import DAY, collect
from trackbook.store.references import COLUMNS, references
from trackbook.tracking import Runs, Tracker

LATER = 30 * DAY


@pytest.fixture
def store(tmp_path):
    return Store.open(tmp_path / ".trackbook")


@pytest.fixture
def tracker(store, tmp_path):
    return Tracker(store, root=tmp_path, experiment="default", user="u")


def delete(store, run_id, when=None):
    when = now_ms() if when is None else when
    store.append(RunEdited(run_id, "deleted_time", str(when), when, "u"))


def collect_later(store, *, remove=True, grace=14 * DAY):
    """Collect as if it were a month from now."""
    return collect(store, grace=grace, remove=remove, now=time.time() + LATER)


def test_an_unused_object_goes_when_its_grace_is_over_and_not_before(store):
    digest = store.objects.put(b"unused")
    early = collect(store, grace=14 * DAY, remove=True)
    assert (early.objects, early.young, early.size) == ((), 1, 0)
    assert store.objects.exists(digest)
    late = collect_later(store)
    assert (late.objects, late.size, late.removed) == ((digest,), 6, True)
    assert not store.objects.exists(digest)


def test_without_a_word_to_remove_nothing_is_removed(store, tracker):
    with tracker.start_run("r") as run:
        kept = run.log_artifact(b"content", "a.txt")
    delete(store, run.run_id)
    unused = store.objects.put(b"unused")
    found = collect_later(store, remove=False)
    assert (found.runs, set(found.objects), found.removed) == ((run.run_id,), {kept, unused}, False)
    assert set(store.objects.digests()) == {kept, unused}
    assert Runs(store).get(run.run_id).artifacts[0].digest == kept
    again = collect_later(store, remove=True)
    assert (again.runs, set(again.objects), again.size) == (found.runs, set(found.objects), found.size)


def test_a_deleted_run_goes_with_all_that_is_its_own(store, tracker):
    runs = {}
    for name in ("gone", "kept"):
        with tracker.start_run(name, tags={"t": "x"}) as run:
            run.log_params({"p": 1})
            for step in range(3):
                run.log_metric("m", step)
            run.log_artifact(name.encode(), "own.txt")
            run.log_artifact(b"shared", "shared.txt")
        runs[name] = run.run_id
    delete(store, runs["gone"])
    collect_later(store)
    with store.read() as db:
        tables = [name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
        for table in tables:
            columns = [row[1] for row in db.execute(f"PRAGMA table_info([{table}])")]
            if "run_id" in columns and table not in ("run", "run_purged"):
                (count,) = db.execute(
                    f"SELECT count(*) FROM [{table}] WHERE run_id NOT IN (SELECT id FROM run UNION SELECT run_id FROM run)"
                ).fetchone()
                assert count == 0, table
    assert [found.run_name for found in Runs(store).search()] == ["kept"]
    assert {store.objects.get(digest) for digest in store.objects.digests()} >= {b"kept", b"shared"}
    assert b"gone" not in {store.objects.get(digest) for digest in store.objects.digests()}
    assert fsck(store) == []


def test_a_run_that_was_deleted_a_moment_ago_or_still_goes_on_stays(store, tracker):
    with tracker.start_run("fresh") as fresh:
        pass
    going = tracker.start_run("going")
    delete(store, fresh.run_id)
    delete(store, going.run_id, when=1)
    assert collect(store, grace=14 * DAY, remove=True).runs == ()
    going.end()
    assert collect(store, grace=14 * DAY, remove=True).runs == (going.run_id,)


def test_what_is_put_again_while_it_is_cleaned_up_is_there_afterwards(store, monkeypatch):
    """Somebody renews an object between the look at its age and its deletion."""
    from trackbook.store import objects as module

    digest = store.objects.put(b"wanted again")
    old = time.time() - LATER
    os.utime(store.objects.path(digest), (old, old))
    remove = module._remove_if_old

    def renewed_first(path, before):
        assert store.objects.put(b"wanted again") == digest
        return remove(path, before)

    monkeypatch.setattr(module, "_remove_if_old", renewed_first)
    found = collect(store, grace=14 * DAY, remove=True)
    assert (found.objects, found.young) == ((), 1)
    assert store.objects.get(digest) == b"wanted again"


def test_what_a_collection_that_was_killed_had_in_its_hands_comes_back(store):
    digest = store.objects.put(b"content")
    path = store.objects.path(digest)
    path.rename(path.with_name(f"{path.name}.tmp"))
    collect(store, grace=14 * DAY, remove=True)
    assert store.objects.get(digest) == b"content"


def test_what_killed_processes_left_behind_goes(store):
    old = time.time() - DAY
    for name in ("0123.tmp", "fetching-x.tmp"):
        path = store.objects.folder / name
        path.mkdir() if name.startswith("fetching") else path.write_bytes(b"half")
        os.utime(path, (old, old))
    assert {finding.id for finding in fsck(store)} == {"temporary-left"}
    assert collect(store, grace=14 * DAY, remove=True).leftovers == 2
    assert fsck(store) == []


def test_every_column_that_names_an_object_is_in_the_list(project, monkeypatch):
    """Digests of objects are looked for in all columns of all tables, after a use of everything that keeps objects."""
    frame = pd.DataFrame({"x": range(50_000), "y": [str(number) for number in range(50_000)]})
    with project.tracker.start_run("r") as run:
        run.log_artifact(b"content", "a.txt")
    project.data.snapshot(frame, "sales", run_id=run.run_id)
    project.registry.register(LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0]), "m", metrics={"r2": 1.0})
    project.registry.promote("m", 1, "production")
    found = columns_naming_objects(project)
    objects = set(project.store.objects.digests())
    with project.store.read() as db:
        used = {reference.digest for reference in references(db, project.store.objects)}
    assert found >= {("artifact", "digest"), ("dataset_version", "digest"), ("model_version", "digest")}
    assert found <= {(column.table, column.column) for column in COLUMNS}
    assert objects <= used


STEP = st.one_of(
    st.tuples(st.just("run"), st.integers(0, 5)),
    st.tuples(st.just("snapshot"), st.integers(0, 3)),
    st.tuples(st.just("put"), st.integers(0, 9)),
    st.tuples(st.just("delete"), st.integers(0, 9)),
    st.tuples(st.just("undelete"), st.integers(0, 9)),
    st.tuples(st.just("age"), st.just(0)),
    st.tuples(st.just("gc"), st.just(0)),
)


class Reachable:
    """A project, and beside it a model of all that must be readable in it."""

    def __init__(self, root):
        (root / "trackbook.toml").write_text("")
        self.project = Project.open(root)
        self.runs = []
        self.versions = []
        self.deleted = set()
        self.purged = set()
        self.clock = 0

    def run(self, number):
        with self.project.tracker.start_run("r") as run:
            run.log_artifact(f"artifact {number}".encode(), "a.txt")
        self.runs.append((run.run_id, number))

    def snapshot(self, number):
        version = self.project.data.snapshot(pd.DataFrame({"x": [number] * 3}), "data")
        self.versions.append((version.uri, number))

    def put(self, number):
        self.project.store.objects.put(f"loose {number}".encode())

    def delete(self, number):
        self._edit(number, "1000", self.deleted.add)

    def undelete(self, number):
        self._edit(number, None, self.deleted.discard)

    def _edit(self, number, value, note):
        self.clock += 1
        alive = [run_id for run_id, _ in self.runs if run_id not in self.purged]
        if alive:
            run_id = alive[number % len(alive)]
            self.project.store.append(RunEdited(run_id, "deleted_time", value, self.clock, "u"))
            note(run_id)

    def age(self, _):
        for digest in self.project.store.objects.digests():
            os.utime(self.project.store.objects.locate(digest).path, (1, 1))

    def gc(self, _):
        garbage = collect(self.project.store, grace=DAY, remove=True)
        assert set(garbage.runs) == self.deleted - self.purged
        self.purged |= self.deleted
        for run_id, number in self.runs:
            if run_id not in self.purged:
                assert self.project.runs.artifact(run_id, "a.txt") == f"artifact {number}".encode()
        for uri, number in self.versions:
            assert self.project.data.load(uri)["x"].tolist() == [number] * 3
        assert [finding for finding in fsck(self.project.store) if finding.severity == "error"] == []


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(STEP, max_size=12))
def test_whatever_was_done_all_that_can_be_reached_is_there(tmp_path_factory, steps):
    """After each collection, everything of the model can be read, and only what was deleted is gone."""
    reachable = Reachable(tmp_path_factory.mktemp("gc"))
    for what, number in [*steps, ("age", 0), ("gc", 0)]:
        getattr(reachable, what)(number)


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
            run.log_artifact(b"again and again %d" % (number % 5), "a.txt")
            run.log_artifact(b"only once %d" % number, "b.txt")
            run.add_artifact("c.txt", b"in the journal %d" % (number % 7))
        number += 1
    print(number)
""")


@pytest.mark.faults
def test_a_collection_beside_writers_in_other_processes_takes_nothing_from_them(store):
    """Two processes put old contents again and new ones, while collections with a short grace run without a pause."""
    for number in range(5):
        digest = store.objects.put(b"again and again %d" % number)
        os.utime(store.objects.path(digest), (1, 1))
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(store.root), "6"], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    collections = 0
    while any(writer.poll() is None for writer in writers):
        collect(store, grace=1.5, remove=True)
        collections += 1
        for digest in list(store.objects.digests())[:20]:
            found = store.objects.locate(digest)
            if found is not None and collections % 3 == 0:
                os.utime(found.path, (1, 1)) if _is_settled(store, digest) else None
    written = sum(int(writer.communicate()[0]) for writer in writers)
    assert all(writer.returncode == 0 for writer in writers)
    assert written > 10
    assert len(Runs(store).search(max_results=100_000)) == written
    assert [finding for finding in fsck(store) if finding.severity == "error"] == []
    print(f"{collections} collections beside {written} runs")


def _is_settled(store, digest):
    """Say whether a row refers to an object already, so that its age does not matter any more."""
    with store.read() as db:
        return db.execute("SELECT 1 FROM artifact WHERE digest = ?", [digest]).fetchone() is not None
