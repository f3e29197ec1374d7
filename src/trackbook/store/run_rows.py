"""Runs between the tables and records: read out whole, joined with what is here, deleted with all that is theirs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import Any, Literal

import msgspec

from trackbook.errors import IntegrityError
from trackbook.store import events
from trackbook.store.connection import Database
from trackbook.store.curves import add_points, read_curve
from trackbook.store.ingest import RUNNING, Ingester
from trackbook.store.metrics import Series
from trackbook.store.objects import Objects
from trackbook.store.records import FORMAT, NAME, Attempt, Core, Curve, Edit, RunRecord, merge

Outcome = Literal["new", "changed", "same", "going_on", "purged"]

DETAILS = ("param", "metric", "metric_chunk", "tag", "run_data", "artifact", "run_program", "run_fact", "run_edit")
"""The tables whose rows belong to one run, by its number in their `run_id`; beside them stands `reproduction`."""

_GOING_ON = "SELECT 1 FROM run_writer JOIN run ON run.id = run_writer.run_id WHERE run.id = ? AND status = ?"
_EXPERIMENT = "(SELECT name FROM experiment WHERE id = experiment_id) AS experiment"


REFUSED = (IntegrityError, sqlite3.IntegrityError, sqlite3.DataError, OverflowError, UnicodeError, ValueError)
"""What a record raises that says what no table can hold; it was crafted."""


@contextmanager
def savepoint(db: Database) -> Iterator[None]:
    """Undo what a `with` block did when it raises, and nothing else of the transaction."""
    db.execute("SAVEPOINT record")
    try:
        yield
    except BaseException:
        db.execute("ROLLBACK TO record")
        raise
    finally:
        db.execute("RELEASE record")


def read_record(db: Database, run_id: str) -> RunRecord:
    """Return all that is known of the run with this full id, which must be there."""
    row = next(db.query(f"SELECT *, {_EXPERIMENT} FROM run WHERE run_id = ?", [run_id]))  # noqa: S608 - ours
    edits = {
        field: Edit(time, value, user)
        for field, value, time, user in db.execute(
            "SELECT field, value, time, user FROM run_edit WHERE run_id = ?", [row["id"]]
        )
    }
    tags = dict(db.execute("SELECT key, value FROM tag WHERE run_id = ?", [row["id"]]).fetchall())
    return RunRecord(
        FORMAT,
        run_id,
        core=(*_life(row), *_logged(db, row["id"], run_id), *_program(db, row["id"], run_id)),
        name=None if NAME in edits else row["run_name"],
        tags={key: value for key, value in tags.items() if f"tags.{key}" not in edits},
        edits=edits,
        attempts=_attempts(db, run_id),
    )


def receive(db: Database, objects: Objects, record: RunRecord, digest: str) -> Outcome:
    """Join a record with what is known of its run here, inside the caller's transaction; its objects are here already.

    A run that a process of this store is writing stays as that process has it, apart from what people say of it.
    """
    if db.execute("SELECT 1 FROM run_purged WHERE run_id = ?", [record.run_id]).fetchone():
        outcome: Outcome = "purged"
    else:
        outcome = _receive(db, objects, record)
    if outcome != "going_on":
        db.execute("INSERT OR IGNORE INTO received (digest) VALUES (?)", [digest])
    return outcome


def delete_details(db: Database, run: int) -> None:
    """Delete all rows that belong to the run with this number, but not its own."""
    for table in DETAILS:
        db.execute(f"DELETE FROM {table} WHERE run_id = ?", [run])  # noqa: S608 - ours


def delete_run(db: Database, run: int, run_id: str) -> None:
    """Delete the run with this number and id, with all rows that are its own."""
    delete_details(db, run)
    db.execute("DELETE FROM run_writer WHERE run_id = ?", [run])
    db.execute("DELETE FROM run_record WHERE run_id = ?", [run])
    db.execute("DELETE FROM reproduction WHERE run_id = ?", [run_id])
    db.execute("DELETE FROM run WHERE id = ?", [run])


def _receive(db: Database, objects: Objects, record: RunRecord) -> Outcome:
    found = db.execute("SELECT id FROM run WHERE run_id = ?", [record.run_id]).fetchone()
    if found is None:
        _write(db, objects, record)
        return "new"
    mine = read_record(db, record.run_id)
    merged = merge(mine, record)
    if merged.encode() == mine.encode():
        return "same"
    is_going_on = db.execute(_GOING_ON, [*found, RUNNING]).fetchone() is not None
    is_ahead = not merged.has_core_of(mine)
    if is_going_on or not is_ahead:
        _write(db, objects, msgspec.structs.replace(merged, core=(), tags={} if is_ahead else merged.tags))
        if merged.name is not None and not is_ahead:
            db.execute("UPDATE run SET run_name = ? WHERE id = ?", [merged.name, *found])
        return "going_on" if is_ahead else "changed"
    delete_details(db, found[0])
    _forget_life(db, found[0])
    _write(db, objects, merged)
    return "changed"


def _write(db: Database, objects: Objects, record: RunRecord) -> None:
    """Add all of a record to what is there of its run; nothing of the run's history in other runs is replaced."""
    Ingester(db, objects).apply(event for event in record.events() if not _is_known(db, event))
    run = db.execute("SELECT id FROM run WHERE run_id = ?", [record.run_id]).fetchone()
    for curve in record.curves():
        db.execute("INSERT OR IGNORE INTO key (name) VALUES (?)", [curve.key])
        (key,) = db.execute("SELECT id FROM key WHERE name = ?", [curve.key]).fetchone()
        add_points(db, run[0], key, Series(curve.steps, curve.times, curve.values))
    db.executemany(
        "INSERT OR REPLACE INTO reproduction (reproduction_id, run_id, verdict, content, start_time, end_time, user)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(key, record.run_id, *msgspec.structs.astuple(attempt)) for key, attempt in record.attempts.items()],
    )


def _is_known(db: Database, event: events.Event) -> bool:
    """Say whether an execution stands in a history here with another text: it is not for others to change."""
    if not isinstance(event, events.CellExecuted):
        return False
    found = db.execute(
        "SELECT source FROM cell_execution WHERE session = ? AND number = ?", [event.session, event.number]
    ).fetchone()
    return found is not None and found[0] != event.source


def _forget_life(db: Database, run: int) -> None:
    columns = "run_name kind start_time end_time parent_run_id user source notebook cell_id execution_count git_commit"
    columns += " git_branch git_remote git_patch environment error_type error_message traceback note deleted_time"
    gone = ", ".join(f"[{name}] = NULL" for name in columns.split())
    db.execute(f"UPDATE run SET status = ?, {gone} WHERE id = ?", [RUNNING, run])  # noqa: S608 - ours


def _life(row: dict[str, Any]) -> Iterator[Core]:
    """Yield how a run began and ended, and what it ran in."""
    if row["start_time"] is not None and row["experiment"] is not None:
        yield events.RunStarted(**_fields(events.RunStarted, row) | {"run_name": ""})
    if row["status"] != RUNNING:
        yield events.RunEnded(**_fields(events.RunEnded, row) | {"end_time": row["end_time"] or 0})
    if any(row[name] is not None for name in ("git_commit", "git_branch", "git_remote", "git_patch")):
        yield events.CodeLocated(**_fields(events.CodeLocated, row))
    if row["environment"] is not None:
        yield events.EnvironmentSeen(row["run_id"], row["environment"])


def _fields(kind: type[events.Event], row: dict[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in kind.__struct_fields__}


def _logged(db: Database, run: int, run_id: str) -> Iterator[Core]:
    params = db.execute("SELECT name, value FROM param JOIN key ON key.id = key_id WHERE run_id = ?", [run]).fetchall()
    if params:
        yield events.ParamsLogged(run_id, dict(sorted(params)))
    metrics = db.execute("SELECT name, key_id FROM metric JOIN key ON key.id = key_id WHERE run_id = ?", [run])
    for name, key in sorted(metrics.fetchall()):
        series = read_curve(db, run, key)
        yield Curve(name, series.steps, series.times, series.values)
    for row in db.query("SELECT * FROM run_data WHERE run_id = ? ORDER BY role, name", [run]):
        columns = None if row["columns"] is None else msgspec.json.decode(row["columns"])
        yield events.DataUsed(**{**row, "run_id": run_id, "columns": columns})
    for row in db.query("SELECT * FROM artifact WHERE run_id = ? ORDER BY path", [run]):
        yield events.ArtifactLogged(**{**row, "run_id": run_id})


def _program(db: Database, run: int, run_id: str) -> Iterator[Core]:
    executions = db.query(
        "SELECT cell_execution.* FROM run_program JOIN cell_execution USING (session, number)"
        " WHERE run_id = ? ORDER BY session, number",
        [run],
    )
    yield from (events.CellExecuted(**row) for row in executions)
    numbers = db.execute(
        "SELECT session, number FROM run_program WHERE run_id = ? ORDER BY session, number", [run]
    ).fetchall()
    for session, group in groupby(numbers, key=lambda row: row[0]):
        yield events.ProgramFound(run_id, session, tuple(number for _, number in group))
    facts = db.execute("SELECT name, content FROM run_fact WHERE run_id = ? ORDER BY name", [run]).fetchall()
    yield from (events.FactNoted(run_id, name, content) for name, content in facts)


def _attempts(db: Database, run_id: str) -> dict[str, Attempt]:
    rows = db.execute(
        "SELECT reproduction_id, verdict, content, start_time, end_time, user FROM reproduction WHERE run_id = ?",
        [run_id],
    ).fetchall()
    return {key: Attempt(*values) for key, *values in rows}
