"""From journal events to tables.  Pure of files and locks: the caller holds both and the transaction.

Events of one run may come from several processes and arrive in any order, so a fact about a run that is not
known yet makes the run's row, and its start fills it in later.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Any

import msgspec

from trackbook.store import events
from trackbook.store.connection import Database
from trackbook.store.curves import add_points
from trackbook.store.dataset_rows import insert_new_content
from trackbook.store.edits import edit, project_edits
from trackbook.store.events import Event
from trackbook.store.metrics import Series
from trackbook.store.objects import Objects
from trackbook.store.points import decode

RUNNING = "RUNNING"
KILLED = "KILLED"
GONE = "ProcessGone"
"""Type of the error of a run whose processes are gone; an end that turns up later takes its place."""


class Ingester:
    """Applies events inside one transaction, remembering the integer keys that it has looked up."""

    def __init__(self, db: Database, objects: Objects) -> None:
        self._db = db
        self._objects = objects
        self._runs: dict[str, int] = {}
        self._known: set[str] = set()  # runs of which something was applied before the event at hand
        self._keys: dict[str, int] = {}
        self._experiments: dict[int, int | None] = {}
        self._series: dict[tuple[str, str], Series] = defaultdict(Series)

    def apply(self, batch: Iterable[Event]) -> None:
        """Write all of `batch` to the tables; metric points go in together at the end."""
        for event in batch:
            handler = _HANDLERS.get(type(event))
            if handler is not None:
                handler(self, event)
        self._write_points()
        note_change(self._db, self._runs.values())

    def note_writer(self, journal: str) -> None:
        """Remember that `journal` writes those of the applied runs that are still going on."""
        self._db.executemany(
            "INSERT OR IGNORE INTO run_writer (run_id, journal) SELECT id, ? FROM run WHERE id = ? AND status = ?",
            [(journal, run, RUNNING) for run in self._runs.values()],
        )

    # -- runs

    def _run_started(self, event: events.RunStarted) -> None:
        run, known = self._run(event.run_id), event.run_id in self._known
        columns = {**msgspec.structs.asdict(event), "experiment_id": self._experiment(event.experiment)}
        del columns["experiment"], columns["run_id"]
        self._update_run(event.run_id, columns)
        self._experiments[run] = columns["experiment_id"]
        if known:
            self._adopt(run, columns["experiment_id"])

    def _adopt(self, run: int, experiment: int) -> None:
        """Set right what came before the run's start: the experiment of its params and metrics, and its edits."""
        for table in ("param", "metric"):
            self._db.execute(f"UPDATE {table} SET experiment_id = ? WHERE run_id = ?", [experiment, run])  # noqa: S608 - ours
        project_edits(self._db, run)

    def _run_ended(self, event: events.RunEnded) -> None:
        columns = msgspec.structs.asdict(event)
        del columns["run_id"]
        self._update_run(event.run_id, columns)

    def _code_located(self, event: events.CodeLocated) -> None:
        columns = msgspec.structs.asdict(event)
        del columns["run_id"]
        self._update_run(event.run_id, columns)

    def _environment_seen(self, event: events.EnvironmentSeen) -> None:
        if event.content is not None:
            self._db.execute("INSERT OR IGNORE INTO environment VALUES (?, ?)", [event.digest, event.content])
        self._update_run(event.run_id, {"environment": event.digest})

    def _run_resumed(self, event: events.RunResumed) -> None:
        gone = dict.fromkeys(("end_time", "error_type", "error_message", "traceback"))
        self._update_run(event.run_id, {"status": RUNNING, **gone})

    def _run_edited(self, event: events.RunEdited) -> None:
        edit(self._db, self._run(event.run_id), event)

    # -- executions of cells

    def _cell_executed(self, event: events.CellExecuted) -> None:
        columns = msgspec.structs.asdict(event)
        names = ", ".join(columns)
        marks = ", ".join("?" * len(columns))
        sql = f"INSERT OR REPLACE INTO cell_execution ({names}) VALUES ({marks})"  # noqa: S608 - names of struct fields
        self._db.execute(sql, list(columns.values()))

    def _program_found(self, event: events.ProgramFound) -> None:
        run = self._run(event.run_id)
        self._db.executemany(
            "INSERT OR IGNORE INTO run_program (run_id, session, number) VALUES (?, ?, ?)",
            [(run, event.session, number) for number in event.executions],
        )

    def _fact_noted(self, event: events.FactNoted) -> None:
        self._db.execute(
            "INSERT OR REPLACE INTO run_fact (run_id, name, content) VALUES (?, ?, ?)",
            [self._run(event.run_id), event.name, event.content],
        )

    def _step_kept(self, event: events.StepKept) -> None:
        self._db.execute(
            "INSERT INTO step_cache (key, step, outputs, run_id, time) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " step = excluded.step, outputs = excluded.outputs, run_id = excluded.run_id, time = excluded.time"
            " WHERE excluded.time >= step_cache.time",
            [event.key, event.step, event.outputs, event.run_id, event.time],
        )

    # -- what a run holds

    def _tags_set(self, event: events.TagsSet) -> None:
        run = self._run(event.run_id)
        self._db.executemany(
            "INSERT INTO tag VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
            [(run, key, value) for key, value in event.tags.items()],
        )

    def _data_used(self, event: events.DataUsed) -> None:
        columns = None if event.columns is None else msgspec.json.encode(event.columns).decode()
        self._db.execute(
            "INSERT OR REPLACE INTO run_data (run_id, role, name, kind, fingerprint, rows, size, columns, reason)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                self._run(event.run_id),
                event.role,
                event.name,
                event.kind,
                event.fingerprint,
                event.rows,
                event.size,
                columns,
                event.reason,
            ],
        )

    def _artifact_logged(self, event: events.ArtifactLogged) -> None:
        if event.content is not None:
            self._objects.put(event.content)  # before the transaction ends: a row never names what is not there
        self._db.execute(
            "INSERT OR REPLACE INTO artifact (run_id, path, digest, size, media_type) VALUES (?, ?, ?, ?, ?)",
            [self._run(event.run_id), event.path, event.digest, event.size, event.media_type],
        )

    def _dataset_kept(self, event: events.DatasetKept) -> None:
        insert_new_content(self._db, {**msgspec.structs.asdict(event), "origin": None, "automatic": 1})

    # -- params and metrics

    def _params_logged(self, event: events.ParamsLogged) -> None:
        run = self._run(event.run_id)
        experiment = self._experiment_of(run)
        self._db.executemany(
            "INSERT INTO param (run_id, key_id, value, number, experiment_id) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET value = excluded.value, number = excluded.number",
            [(run, self._key(name), value, _number(value), experiment) for name, value in event.params.items()],
        )

    def _metric_logged(self, event: events.MetricLogged) -> None:
        self._series[event.run_id, event.key].add(event.step, event.time, event.value)

    def _metrics_logged(self, event: events.MetricsLogged) -> None:
        for key, value in event.metrics.items():
            self._series[event.run_id, key].add(event.step, event.time, value)

    def _points_logged(self, event: events.PointsLogged) -> None:
        self._series[event.run_id, event.key].extend(decode(event.content))

    def _write_points(self) -> None:
        for (run_id, key), series in self._series.items():
            add_points(self._db, self._run(run_id), self._key(key), series)
        self._series.clear()

    # -- integer keys

    def _run(self, run_id: str) -> int:
        if run_id not in self._runs:
            made = self._db.execute("INSERT OR IGNORE INTO run (run_id, status) VALUES (?, ?)", [run_id, RUNNING])
            if made.rowcount == 0:
                self._known.add(run_id)
            self._runs[run_id] = self._scalar("SELECT id FROM run WHERE run_id = ?", run_id)
        else:
            self._known.add(run_id)
        return self._runs[run_id]

    def _update_run(self, run_id: str, columns: dict[str, Any]) -> None:
        names = ", ".join(f"[{name}] = ?" for name in columns)
        self._db.execute(f"UPDATE run SET {names} WHERE id = ?", [*columns.values(), self._run(run_id)])  # noqa: S608 - names of struct fields

    def _key(self, name: str) -> int:
        if name not in self._keys:
            self._db.execute("INSERT OR IGNORE INTO key (name) VALUES (?)", [name])
            self._keys[name] = self._scalar("SELECT id FROM key WHERE name = ?", name)
        return self._keys[name]

    def _experiment(self, name: str) -> int:
        self._db.execute("INSERT OR IGNORE INTO experiment (name) VALUES (?)", [name])
        return self._scalar("SELECT id FROM experiment WHERE name = ?", name)

    def _experiment_of(self, run: int) -> int | None:
        if run not in self._experiments:
            (found,) = self._db.execute("SELECT experiment_id FROM run WHERE id = ?", [run]).fetchone()
            self._experiments[run] = found
        return self._experiments[run]

    def _scalar(self, sql: str, value: str) -> int:
        return int(self._db.execute(sql, [value]).fetchone()[0])


def note_change(db: Database, runs: Collection[int]) -> None:
    """Number a change of `runs`: whoever looks for what is new asks for higher numbers."""
    if not runs:
        return
    (change,) = db.execute(
        "INSERT INTO counter VALUES ('change', 1) ON CONFLICT DO UPDATE SET value = value + 1 RETURNING value"
    ).fetchone()
    db.executemany("UPDATE run SET changed = ? WHERE id = ?", [(change, run) for run in runs])


def end_orphans(db: Database, journal: str, last_time: int) -> None:
    """End the runs that nobody can end any more, as the process of `journal`, their last writer, is gone.

    `last_time` is when it last wrote.  Runs that another process writes too go on.
    """
    runs = [run for (run,) in db.execute("SELECT run_id FROM run_writer WHERE journal = ?", [journal]).fetchall()]
    db.execute("DELETE FROM run_writer WHERE journal = ?", [journal])
    db.executemany(
        "UPDATE run SET status = ?, end_time = max(?, coalesce(start_time, 0)), error_type = ?, error_message = ?"
        " WHERE id = ? AND status = ? AND id NOT IN (SELECT run_id FROM run_writer)",
        [(KILLED, last_time, GONE, "its process was gone before the run had ended", run, RUNNING) for run in runs],
    )
    note_change(db, runs)


_HANDLERS: dict[type[Event], Any] = {
    events.DatasetKept: Ingester._dataset_kept,
    events.RunStarted: Ingester._run_started,
    events.RunEnded: Ingester._run_ended,
    events.CodeLocated: Ingester._code_located,
    events.EnvironmentSeen: Ingester._environment_seen,
    events.ParamsLogged: Ingester._params_logged,
    events.MetricLogged: Ingester._metric_logged,
    events.MetricsLogged: Ingester._metrics_logged,
    events.PointsLogged: Ingester._points_logged,
    events.TagsSet: Ingester._tags_set,
    events.DataUsed: Ingester._data_used,
    events.ArtifactLogged: Ingester._artifact_logged,
    events.RunResumed: Ingester._run_resumed,
    events.RunEdited: Ingester._run_edited,
    events.CellExecuted: Ingester._cell_executed,
    events.ProgramFound: Ingester._program_found,
    events.FactNoted: Ingester._fact_noted,
    events.StepKept: Ingester._step_kept,
}


def _number(text: str) -> float | None:
    """Return the finite number that a param's text stands for, so that params compare as numbers."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
