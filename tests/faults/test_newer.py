"""A store that a newer Trackbook made: every command that reads or writes it says so and changes nothing."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import click
import google_crc32c
import msgspec
import pytest
from click.testing import CliRunner

from trackbook.cli import main
from trackbook.errors import StoreVersionError
from trackbook.store import events as event
from trackbook.store.events import FORMAT

pytestmark = pytest.mark.faults

RUN = "a" * 32
ARGUMENTS: dict[str, list[str]] = {
    "runs": [],
    "show": [RUN],
    "compare": [RUN, RUN],
    "edit": [RUN, "--note", "x"],
    "delete": [RUN],
    "undelete": [RUN],
    "reproduce": [RUN],
    "data list": [],
    "data show": ["x"],
    "data snapshot": ["table.csv", "x"],
    "data diff": ["data:/x@1", "data:/x@2"],
    "data restore": ["data:/x", "-o", "out"],
    "models list": [],
    "models show": ["x"],
    "models register": [f"runs:/{RUN}/model", "x"],
    "models check": ["x", "1"],
    "models promote": ["x", "1", "staging"],
    "models card": ["x", "1"],
    "models compare": ["x", "1", "2"],
    "models approve": ["x", "1"],
    "models reject": ["x", "1"],
    "models rollback": ["x"],
    "models alias": ["x", "live", "1"],
    "models edit": ["x", "--owner", "ann"],
    "models deprecate": ["x", "1", "--reason", "old"],
    "models delete": ["x", "1", "--yes"],
    "models verify": [],
    "pipeline run": ["p.py"],
    "pipeline kept": ["p.py"],
    "pipeline candidate": ["p.py"],
    "models dossier": ["x", "1"],
    "audit log": [],
    "audit export": ["heads.jsonl"],
    "audit key": [],
    "audit verify": [],
    "drift": ["data:/x@1", "data:/x@2"],
    "push": ["remote"],
    "pull": ["remote"],
    "backup": ["backup"],
    "gc": [],
    "fsck": [],
}
WITHOUT_STORE = {
    *("demo", "graph", "convert", "pipeline export", "pipeline schedule", "restore", "doctor", "export", "import")
}
"""Commands that make a store of their own, need none, or report it among other things (see below)."""


def commands(group: click.Group = main, path: str = "") -> Iterator[str]:
    """Yield the names of all commands, those of groups as `group command`."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from commands(command, f"{path}{name} ")
        else:
            yield path + name


@pytest.fixture
def newer(project):
    """The project, with a migration behind it that nobody knows yet; and the digest of its database."""
    with project.tracker.start_run("r"):
        pass
    project.runs.search()
    project.store.close()
    (project.root / "table.csv").write_text("a,b\n1,2\n")
    (project.root / "p.py").write_text("class Params:\n    pass\ndef f():\n    return 1\ndef main(p):\n    x = f()\n")
    assert CliRunner().invoke(main, ["push", "remote"]).exit_code == 0
    with closing(sqlite3.connect(project.store.database)) as db:
        with db:
            db.execute(
                "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('trackbook', 'm999', 'x')"
            )
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return project, digest(project)


def digest(project) -> str:
    return hashlib.sha256(project.store.database.read_bytes()).hexdigest()


def test_every_command_is_either_tried_or_known_to_need_no_store():
    assert set(commands()) - WITHOUT_STORE - set(ARGUMENTS) == set()


@pytest.mark.parametrize("name", sorted(set(commands()) & set(ARGUMENTS)))
def test_a_command_refuses_a_newer_store_and_says_what_to_do(newer, name):
    project, before = newer
    done = CliRunner().invoke(main, [*name.split(), *ARGUMENTS[name]])
    assert done.exit_code in (1, 2), done.output
    assert isinstance(done.exception, SystemExit), done.exception
    assert "pip install -U trackbook" in " ".join(done.output.split())
    assert digest(project) == before


def test_doctor_reports_it(newer):
    done = CliRunner().invoke(main, ["doctor"])
    assert done.exit_code == 1
    assert "pip install -U trackbook" in " ".join(done.output.split())


def test_what_is_logged_waits_for_the_newer_version(newer):
    """Logging goes on: the journal keeps it for whoever can read the store."""
    project, before = newer
    with project.tracker.start_run("waits") as run:
        run.log_metric("m", 1)
    assert digest(project) == before
    (journal,) = (project.store.root / "journal").glob("*.journal")
    assert run.run_id.encode() in journal.read_bytes()


def test_a_journal_of_a_newer_version_is_refused_and_stays(project):
    opened = event.JournalOpened(FORMAT + 1, 1, "host", 1)
    payload = msgspec.msgpack.encode(opened)
    frame = len(payload).to_bytes(4, "little") + google_crc32c.value(payload).to_bytes(4, "little") + payload
    journal = project.store.root / "journal" / "0-1-aa.journal"
    project.runs.search()
    journal.write_bytes(frame)
    with pytest.raises(StoreVersionError, match="newer Trackbook"):
        project.runs.search()
    for name in ("runs", "models list", "gc"):
        done = CliRunner().invoke(main, name.split())
        assert done.exit_code in (1, 2), (name, done.output)
        assert "pip install -U trackbook" in " ".join(done.output.split()), (name, done.output)
    assert journal.read_bytes() == frame
