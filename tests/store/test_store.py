"""The store as its users see it: made once, opened by path, read in snapshots, migrated in order."""

import os
import sqlite3

import pytest

from trackbook.errors import NotFoundError
from trackbook.store import Store
from trackbook.store import events as event
from trackbook.store.database import applied_steps, is_ready, sqlite_version
from trackbook.store.migrations import migrations


@pytest.fixture
def store(tmp_path):
    return Store.open(tmp_path / ".trackbook")


def test_opening_twice_changes_nothing(store):
    (store.root / ".gitignore").write_text("mine\n")
    assert Store.open(store.root).root == store.root
    assert (store.root / ".gitignore").read_text() == "mine\n"


def test_a_store_that_is_not_there_is_not_found(tmp_path):
    with pytest.raises(NotFoundError, match="there is no store at"):
        Store.open(tmp_path / "none", create=False)


@pytest.mark.parametrize("name", ["with space", "perc%ent", "que?ry", "hash#tag", "ünï", "quo'te", "a&b=c"])
def test_any_folder_name_will_do(tmp_path, name):
    store = Store.open(tmp_path / name / ".trackbook")
    store.append(event.TagsSet("a" * 32, {"t": "x"}))
    with store.read() as db:
        assert db.execute("SELECT value FROM tag").fetchall() == [("x",)]
    assert (tmp_path / name / ".trackbook" / "trackbook.db").is_file()
    store.close()


def test_an_event_is_readable_at_once_and_the_journal_stays_while_its_process_lives(store):
    store.append(event.TagsSet("a" * 32, {"t": "x"}))
    with store.read() as db:
        assert db.execute("SELECT value FROM tag").fetchall() == [("x",)]
    assert len(list((store.root / "journal").glob("*.journal"))) == 1
    store.append(event.TagsSet("a" * 32, {"t": "y"}))
    with store.read() as db:
        assert db.execute("SELECT value FROM tag").fetchall() == [("y",)]
    store.close()
    assert list((store.root / "journal").iterdir()) == []
    with store.read() as db:
        assert db.execute("SELECT count(*) FROM journal").fetchone() == (0,)


def test_a_closed_store_can_be_used_again(store):
    for value in ("x", "y"):
        store.append(event.TagsSet("a" * 32, {"t": value}), durable=True)
        store.close()
    with store.read() as db:
        assert db.execute("SELECT value FROM tag").fetchall() == [("y",)]


def test_a_snapshot_does_not_change_while_it_is_read(store):
    with store.read() as db:
        assert db.execute("SELECT count(*) FROM dataset").fetchone() == (0,)
        with store.write() as writer:
            writer.execute("INSERT INTO dataset (name) VALUES ('new')")
        assert db.execute("SELECT count(*) FROM dataset").fetchone() == (0,)
    with store.read() as db:
        assert db.execute("SELECT count(*) FROM dataset").fetchone() == (1,)


def test_a_writer_sees_what_was_journalled_before(store):
    store.append(event.TagsSet("a" * 32, {"t": "x"}))
    with store.write() as db:
        assert db.execute("SELECT count(*) FROM run").fetchone() == (1,)


def test_every_table_is_strict_and_every_file_private(store):
    with store.read() as db:
        loose = [
            name
            for name, strict in db.execute(
                "SELECT name, strict FROM pragma_table_list WHERE type = 'table' AND schema = 'main'"
            )
            if not strict and not name.startswith(("sqlite_", "_sqlite"))
        ]
    assert loose == []
    store.append(event.TagsSet("a" * 32, {}))
    for path in store.root.rglob("*"):
        assert path.stat().st_mode & 0o077 == 0 or path.name == ".gitignore", path
    store.close()


def test_a_store_of_an_older_version_is_brought_up_to_date(store):
    store.root.mkdir(exist_ok=True)
    from sqlite_utils import Database

    old = Database(sqlite3.connect(store.database))
    first, second = (migration.name for migration in migrations().pending(old)[:2])
    migrations().apply(old, stop_before=second)
    old.execute("INSERT INTO run (run_id, status) VALUES ('old', 'FINISHED')")
    old.conn.commit()
    assert [applied.name for applied in migrations().applied(old)] == [first]
    old.close()
    with store.read() as db:
        assert db.execute("SELECT run_id FROM run").fetchall() == [("old",)]
        assert is_ready(db, store.database)
        assert applied_steps(db)[0] == first


def test_the_wal_does_not_grow_without_end(store):
    for number in range(40):
        with store.write() as db:
            db.execute("INSERT INTO dataset (name) VALUES (?)", [f"{number}" + "x" * 200_000])
    with store.read():
        pass
    wal = store.database.with_name("trackbook.db-wal")
    assert not wal.exists() or wal.stat().st_size < 20_000_000


def test_a_durable_event_is_synced_before_the_call_returns(store, monkeypatch):
    synced = []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda fd: (synced.append(fd), real(fd))[1])
    store.append(event.TagsSet("a" * 32, {"t": "x"}))
    synced.clear()
    store.append(event.TagsSet("a" * 32, {"t": "y"}), durable=True)
    assert len(synced) == 1
    store.close()


def test_what_was_appended_reaches_the_disk_within_a_second_by_itself(store, monkeypatch):
    import threading

    reached = threading.Event()
    real = os.fsync
    store.append(event.TagsSet("a" * 32, {"t": "x"}), durable=True)
    monkeypatch.setattr(os, "fsync", lambda fd: (reached.set(), real(fd))[1])
    store.append(event.TagsSet("a" * 32, {"t": "y"}))
    assert reached.wait(10)
    store.close()


def test_the_version_of_sqlite_is_told():
    assert sqlite_version() == sqlite3.sqlite_version
