"""The latest runs of a notebook's cells, read from the store and judged by the rules of `tracking.badges`."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from trackbook.capture.files.watcher import fingerprint_file
from trackbook.store import Store, iso
from trackbook.tracking.badges import (
    FILE,
    CellBadge,
    Key,
    Reason,
    SessionPrograms,
    UsedFile,
    changed_cells,
    files_read,
)
from trackbook.tracking.values import RUNNING, Execution

if TYPE_CHECKING:
    from trackbook.store import Database

SESSIONS_KEPT = 8


class NotebookBadges(msgspec.Struct, frozen=True):
    """The badges of a notebook; `session` is the one that executed a cell last, since `session_time`."""

    session: str | None
    session_time: int | None
    cells: tuple[CellBadge, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "session": self.session,
            "session_time": iso(self.session_time),
            "cells": [cell.to_dict() for cell in self.cells],
        }


class Badges:
    """Says of a notebook's cells which run is their latest, and whether it is stale."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._files = FileStates()
        self._lock = threading.Lock()
        self._sessions: OrderedDict[str, SessionPrograms] = OrderedDict()

    def of_notebook(self, *paths: str) -> NotebookBadges:
        """Return the badges of the notebook that lies at `paths`, all of them names of one file; blocks."""
        with self._store.read() as db, self._lock:
            runs = _latest_runs(db, paths)
            newest = _newest_executions(db, paths)
            programs = _programs(db, [run["id"] for run in runs])
            files = _files(db, programs)
            last = max(newest.values(), key=lambda execution: execution.start_time, default=None)

            def texts(execution: Execution) -> Sequence[str] | None:
                return self._session(db, execution.session).program(execution.number)

            cells = []
            for run in runs:
                program = programs.get(run["id"], ())
                reasons = changed_cells(program, newest, texts) if run["status"] != RUNNING else []
                cells.append(_badge(run, program, [*reasons, *self._changed_files(run, files)]))
            since = _begin(db, last.session) if last else None
        return NotebookBadges(last.session if last else None, since, tuple(cells))

    def _session(self, db: Database, session: str) -> SessionPrograms:
        """Return the programs of a session, with what was executed since they were last asked for."""
        known = self._sessions.pop(session, None) or SessionPrograms()
        self._sessions[session] = known
        while len(self._sessions) > SESSIONS_KEPT:
            self._sessions.popitem(last=False)
        rows = db.query(
            "SELECT * FROM cell_execution WHERE session = ? AND number >= ? ORDER BY number", [session, known.next]
        )
        known.extend(Execution(**row) for row in rows)
        return known

    def _changed_files(self, run: dict[str, Any], files: dict[int, list[UsedFile]]) -> list[Reason]:
        if run["status"] == RUNNING:
            return []
        folder = Path(run["notebook"]).parent
        states = [(file, self._files.state(folder / file.path, file)) for file in files.get(run["id"], ())]
        return [Reason(FILE, f"{Path(file.path).name} {state}") for file, state in states if state is not None]


class FileStates:
    """Tells whether files still hold what they held; what was hashed once is not hashed again."""

    def __init__(self) -> None:
        self._digests: dict[tuple[str, int, int], str | None] = {}

    def state(self, path: Path, used: UsedFile) -> str | None:
        """Return what has become of a file, None while it holds the same bytes.

        Size and time of change decide where they can; only a file of the same size that was written since is hashed.
        """
        try:
            status = path.stat()
        except FileNotFoundError:
            return "is gone"
        except OSError:
            return None  # nobody may look, so nobody can say
        if used.size is not None and status.st_size != used.size:
            return "changed"
        if used.size is not None and status.st_mtime_ns < used.time * 1_000_000:
            return None
        key = (str(path), status.st_mtime_ns, status.st_size)
        if key not in self._digests:
            self._digests[key] = fingerprint_file(path).digest
        return "changed" if self._digests[key] not in (used.fingerprint, None) else None


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))


def _latest_runs(db: Database, notebooks: Sequence[str]) -> list[dict[str, Any]]:
    """Return the newest run of every cell; SQLite takes the other columns from the row that has the maximum."""
    sql = (
        "SELECT id, run_id, run_name, status, source, notebook, cell_id, execution_count, error_type, error_message,"  # noqa: S608 - marks
        " max(start_time) AS start_time FROM run"
        f" WHERE notebook IN ({_marks(notebooks)}) AND cell_id IS NOT NULL AND kind = 'cell'"
        " AND deleted_time IS NULL GROUP BY cell_id"
    )
    return list(db.query(sql, list(notebooks)))


def _newest_executions(db: Database, notebooks: Sequence[str]) -> dict[str, Execution]:
    sql = (
        "SELECT *, max(start_time) AS newest FROM cell_execution"  # noqa: S608 - marks
        f" WHERE notebook IN ({_marks(notebooks)}) AND cell_id IS NOT NULL GROUP BY cell_id"
    )
    return {row["cell_id"]: _execution(row) for row in db.query(sql, list(notebooks))}


def _execution(row: dict[str, Any]) -> Execution:
    return Execution(**{name: row[name] for name in Execution.__struct_fields__})


def _programs(db: Database, runs: Sequence[int]) -> dict[int, tuple[Execution, ...]]:
    """Return the programs of many runs; an execution that several of them hold is read once."""
    ids = msgspec.json.encode(runs).decode()
    rows = db.execute(
        "SELECT run_id, session, number FROM run_program WHERE run_id IN (SELECT value FROM json_each(?))"
        " ORDER BY run_id, session, number",
        [ids],
    ).fetchall()
    found = db.query(
        "SELECT * FROM cell_execution WHERE (session, number) IN (SELECT session, number FROM run_program"
        " WHERE run_id IN (SELECT value FROM json_each(?)))",
        [ids],
    )
    executions: dict[Key, Execution] = {(row["session"], row["number"]): _execution(row) for row in found}
    return {
        run: tuple(executions[key] for _, *place in items if (key := (place[0], place[1])) in executions)
        for run, items in groupby(rows, key=lambda row: row[0])
    }


def _files(db: Database, programs: dict[int, tuple[Execution, ...]]) -> dict[int, list[UsedFile]]:
    """Return, for each run, the files that the tracked cells of its program read."""
    keys = {(execution.session, execution.number) for program in programs.values() for execution in program}
    rows = db.query(
        "SELECT run_program.session, run_program.number, run.start_time, role, name, fingerprint, size"
        " FROM json_each(?) AS wanted"
        " JOIN cell_execution AS cell ON cell.session = wanted.value ->> 0 AND cell.number = wanted.value ->> 1"
        " JOIN run ON run.notebook = cell.notebook AND run.cell_id = cell.cell_id AND run.kind = 'cell'"
        "  AND run.execution_count IS cell.execution_count"
        " JOIN run_program ON run_program.run_id = run.id AND run_program.session = cell.session"
        "  AND run_program.number = cell.number"
        " JOIN run_data ON run_data.run_id = run.id AND run_data.kind = 'file' AND fingerprint IS NOT NULL"
        " ORDER BY role, name",
        [msgspec.json.encode(sorted(keys)).decode()],
    )
    seen: dict[Key, list[UsedFile]] = {}
    for row in rows:
        file = UsedFile(row["role"], row["name"], row["fingerprint"], row["size"], row["start_time"] or 0)
        seen.setdefault((row["session"], row["number"]), []).append(file)
    return {
        run: files_read(file for e in program for file in seen.get((e.session, e.number), ()))
        for run, program in programs.items()
    }


def _begin(db: Database, session: str) -> int:
    return int(db.execute("SELECT min(start_time) FROM cell_execution WHERE session = ?", [session]).fetchone()[0])


def _badge(run: dict[str, Any], program: Sequence[Execution], reasons: list[Reason]) -> CellBadge:
    error = f"{run['error_type']}: {run['error_message'] or ''}".rstrip(": ") if run["error_type"] else None
    return CellBadge(
        cell_id=run["cell_id"],
        run_id=run["run_id"],
        run_name=run["run_name"] or run["run_id"][:8],
        status=run["status"],
        start_time=run["start_time"],
        execution_count=run["execution_count"],
        source=run["source"] or "",
        session=program[-1].session if program else None,
        error=error,
        reasons=tuple(reasons),
    )
