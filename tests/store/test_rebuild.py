"""A database that is lost or damaged is made again, as far as journals, archive and its own rest reach."""

from __future__ import annotations

import sqlite3

import msgspec
import pandas as pd
import pytest
from msgspec.structs import astuple

from support.people import edit, full_run, known_runs, model
from trackbook.project import Project
from trackbook.registry.audit.chain import GENESIS, AuditEvent, seal
from trackbook.store import Store, database, migrations, now_ms
from trackbook.store.archive import TABLES, Archive
from trackbook.store.fsck import fsck
from trackbook.store.gc import collect
from trackbook.store.guards import AUDIT_GUARDS
from trackbook.store.run_rows import DETAILS

REBUILT = {
    *DETAILS, *TABLES,
    "run", "experiment", "key", "cell_execution",  # from the journals
    "model", "model_version", "model_alias", "model_policy", "gate_result", "approval",  # from the audit events
}  # fmt: skip
EXPENDABLE = {
    "journal", "run_writer", "counter", "outbox",  # how far the journals are drained, and into what
    "run_record", "received",  # what an exchange need not look at again
    "step_cache",  # made again by running the step
    "pipeline_script",  # git has the notebook too, and a script knows its digest
}  # fmt: skip


@pytest.fixture
def filled(project):
    """A project with two runs, two dataset versions, a promoted model, and an edit."""
    run_id = full_run(project)
    full_run(project, "second")
    project.data.snapshot(pd.DataFrame({"x": [1, 2]}), "sales", run_id=run_id)
    project.data.snapshot(pd.DataFrame({"x": [1, 2, 3]}), "sales")
    model(project, run_id=run_id)
    project.registry.promote("churn", 1, "production")
    project.registry.set_alias("churn", "best", 1)
    edit(project, run_id, "note", "the one", time=now_ms())
    project.store.close()
    project.store.drain()
    return project


def all_of(project):
    """Return all that a project knows, but for the numbers that only its tables have."""
    runs = known_runs(project)
    return runs, [
        msgspec.json.encode(value)  # in which a NaN is the same as another
        for value in (
            project.data.list(),
            project.registry.models(),
            project.registry.audit_events().events,
            [project.runs.get(run_id) for run_id in runs],
        )
    ]


def lose_database(project):
    for suffix in ("", "-wal", "-shm"):
        project.store.database.with_name(f"trackbook.db{suffix}").unlink(missing_ok=True)


def test_every_table_is_rebuilt_or_can_be_done_without(filled):
    with filled.store.read() as db:
        tables = {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    assert {name for name in tables if not name.startswith(("sqlite", "_sqlite"))} == REBUILT | EXPENDABLE


def test_a_deleted_database_is_made_again_whole(filled):
    before = all_of(filled)
    lose_database(filled)
    rebuilt = filled.rebuild()
    assert (rebuilt.aside, rebuilt.runs, rebuilt.lost) == (None, 2, ())
    assert all_of(filled) == before
    assert filled.registry.verify().ok
    assert fsck(filled.store) == []
    assert filled.data.load("data:/sales@2")["x"].tolist() == [1, 2, 3]


def test_a_database_that_was_deleted_is_missed(filled):
    """A new, empty one is made by whoever looks next; that nothing is in it any more is an error."""
    lose_database(filled)
    assert filled.runs.search() == []
    (finding,) = [finding for finding in fsck(filled.store) if finding.severity == "error"]
    assert (finding.id, "2 runs" in finding.message) == ("runs-lost", True)
    filled.rebuild()
    assert fsck(filled.store) == []


def test_a_rebuild_that_was_killed_is_noted_and_its_database_is_still_made_use_of(filled):
    import shutil

    before = known_runs(filled)
    shutil.rmtree(filled.store.root / "archive")
    damaged = filled.store.root / "damaged"
    damaged.mkdir()
    filled.store.database.rename(damaged / "first-trackbook.db")
    (filled.store.root / "rebuilding").write_text("first-trackbook.db")
    assert "rebuild-unfinished" in {finding.id for finding in fsck(filled.store)}
    filled.rebuild()
    assert known_runs(filled) == before
    assert fsck(filled.store) == []


def test_what_a_living_process_has_in_its_journal_is_there_too(filled):
    with filled.tracker.start_run("going") as run:
        run.log_metric("m", 1.0)
        filled.runs.get(run.run_id)
        lose_database(filled)
        filled.rebuild()
        run.log_metric("m", 2.0)
    assert [point.value for point in filled.runs.metric_history(run.run_id, "m")] == [1.0, 2.0]
    assert filled.runs.get(run.run_id).summary.status == "FINISHED"


@pytest.mark.parametrize("damage", ["header", "middle", "garbage", "truncated"])
def test_a_damaged_database_is_set_aside_and_made_again(filled, damage):
    before = all_of(filled)
    with sqlite3.connect(filled.store.database) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    content = bytearray(filled.store.database.read_bytes())
    if damage == "header":
        content[:16] = b"\0" * 16
    elif damage == "middle":
        content[4096 * 3 : 4096 * 20] = b"\xa5" * 4096 * 17
    elif damage == "garbage":
        content[:] = b"no database at all" * 1000
    else:
        del content[len(content) // 2 :]
    filled.store.database.write_bytes(content)
    assert "error" in {finding.severity for finding in fsck(filled.store)}
    rebuilt = filled.rebuild()
    assert rebuilt.aside is not None
    assert all_of(filled) == before
    assert [finding for finding in fsck(filled.store) if finding.severity == "error"] == []


def test_twice_is_as_good_as_once(filled):
    before = all_of(filled)
    for _ in range(2):
        filled.rebuild()
    assert all_of(filled) == before
    assert fsck(filled.store) == []


def test_a_run_that_was_removed_for_good_stays_away(filled):
    run_id = next(iter(known_runs(filled)))
    edit(filled, run_id, "deleted_time", "1000", time=now_ms() + 1)
    assert collect(filled.store, grace=60, remove=True).runs == (run_id,)
    lose_database(filled)
    filled.rebuild()
    assert run_id not in known_runs(filled)
    assert len(known_runs(filled)) == 1


def test_without_an_archive_the_old_database_is_all_there_is(filled):
    """As for a store from before there was an archive, whose database still opens."""
    import shutil

    before = known_runs(filled)
    shutil.rmtree(filled.store.root / "archive")
    rebuilt = filled.rebuild()
    assert rebuilt.salvaged > 2
    assert known_runs(filled) == before
    assert len(filled.data.list()) == 2
    assert filled.registry.verify().ok


def test_what_cannot_be_had_is_named(filled):
    """Neither archive nor database: a damaged sealed journal is named, and so is a damaged file of rows."""
    archive = Archive(filled.store.root)
    (log,) = archive.logs()
    log.write_bytes(log.read_bytes()[:-5])
    sealed = archive.journals()[0]
    content = bytearray(sealed.read_bytes())
    content[len(content) // 2] ^= 0xFF
    sealed.write_bytes(content)
    ids = {finding.id: finding.severity for finding in fsck(filled.store)}
    assert ids["archive-damaged"] == "warning"
    lose_database(filled)
    rebuilt = filled.rebuild()
    assert any(log.name in each for each in rebuilt.lost)
    assert any(sealed.name in each for each in rebuilt.lost)


def test_the_outbox_is_empty_after_every_change_and_misses_none_that_was_not_archived(filled, monkeypatch):
    """A row whose archive could not be written is archived by the next change."""

    def fail(self, frames):
        raise OSError("no space left")

    with monkeypatch.context() as broken:
        broken.setattr(Archive, "_append", fail)
        filled.data.snapshot(pd.DataFrame({"x": [9]}), "later")
        with filled.store.read() as db:
            assert db.execute("SELECT count(*) FROM outbox").fetchone()[0] > 0
    filled.data.snapshot(pd.DataFrame({"x": [8]}), "last")
    with filled.store.read() as db:
        assert db.execute("SELECT count(*) FROM outbox").fetchone() == (0,)
    lose_database(filled)
    filled.rebuild()
    assert {version.name for version in filled.data.list()} == {"sales", "later", "last"}


def test_a_frame_of_rows_that_was_cut_off_hides_nothing_that_follows(filled):
    (log,) = Archive(filled.store.root).logs()
    with log.open("ab") as file:
        file.write(b"\x10\0\0\0half")
    filled.data.snapshot(pd.DataFrame({"x": [8]}), "last")
    lose_database(filled)
    filled.rebuild()
    assert {version.name for version in filled.data.list()} == {"sales", "last"}


def test_artifacts_travelled_in_the_journal_and_are_not_kept_twice(project):
    with project.tracker.start_run("inline") as run:
        run.add_artifact("printed.txt", b"0123456789" * 500)
    project.store.close()
    Store.open(project.store.root).drain()
    (sealed,) = Archive(project.store.root).journals()
    assert sealed.stat().st_size < 40_000
    lose_database(project)
    project.rebuild()
    assert Project.open(project.root).runs.artifact(run.run_id, "printed.txt") == b"0123456789" * 500


def test_long_curves_that_can_still_be_read_come_back_whole(project):
    """The archive holds them thinned; the old database, where it opens, still has every point."""
    with project.tracker.start_run("long") as run:
        for step in range(30_000):
            run.log_metric("m", step / 7, step=step)
    project.store.close()
    project.store.drain()
    before = known_runs(project)
    rebuilt = project.rebuild()
    assert known_runs(project) == before
    assert (rebuilt.salvaged, rebuilt.lost) == (1, ())
    lose_database(project)
    assert "thinned" in project.rebuild().lost[0]
    assert 1000 <= len(project.runs.metric_history(run.run_id, "m")) < 3000


def test_a_trail_that_was_changed_by_hand_is_as_it_was_written_after_a_rebuild(filled):
    """The archive has every event as it was first, and the guards of the trail are in place again."""
    before = filled.registry.audit_events().events
    db = sqlite3.connect(filled.store.database)
    for guard in AUDIT_GUARDS:
        db.execute(f"DROP TRIGGER {guard}")
    db.execute("UPDATE audit_event SET actor = 'eve' WHERE seq = 3")
    db.execute("DELETE FROM audit_event WHERE seq = 2")
    db.commit()
    db.close()
    assert not filled.registry.verify().ok
    filled.rebuild()
    assert filled.registry.audit_events().events == before
    assert filled.registry.verify().ok


def test_a_store_of_before_the_guards_keeps_its_events_and_gets_them(project, monkeypatch):
    """An event that an older Trackbook wrote holds after the update, and can be changed no more."""
    monkeypatch.setattr(migrations, "STEPS", migrations.STEPS[: migrations.STEPS.index(migrations.m016_audit)])
    monkeypatch.setattr(database, "STEPS", migrations.STEPS)
    old = AuditEvent(1, 5, "ada", "model_created", "models:/m", '{"description":""}', GENESIS, "")
    with project.store.write() as db:
        columns = "seq, time, actor, action, subject, payload, previous, hash"
        db.execute(f"INSERT INTO audit_event ({columns}) VALUES (?,?,?,?,?,?,?,?)", [*astuple(old)[:7], seal(old)])
        db.execute("INSERT INTO model (name, description, created_time) VALUES ('m', '', 5)")
    monkeypatch.undo()
    assert project.registry.verify().ok
    (event,) = project.registry.audit_events().events
    assert (event.hash, event.authority) == (seal(old), "")
    with pytest.raises(sqlite3.IntegrityError, match="never changed"), sqlite3.connect(project.store.database) as db:
        db.execute("UPDATE audit_event SET actor = 'eve'")
    db.close()
    model(project)
    verdict = project.registry.verify()
    assert (verdict.ok, verdict.signed) == (True, verdict.events)
