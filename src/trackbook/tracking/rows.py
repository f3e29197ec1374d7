"""From rows of the store to the values that runs are read back as."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from trackbook.errors import NotFoundError, UsageError, shown
from trackbook.store.metrics import from_stored
from trackbook.tracking.names import is_automatic
from trackbook.tracking.values import (
    Artifact,
    Execution,
    Reproduction,
    Run,
    RunData,
    RunError,
    RunSummary,
)

if TYPE_CHECKING:
    from trackbook.store import Database

_PREFIX = re.compile(r"[0-9a-f]{1,32}")
# The row numbers travel as one JSON value, so there may be any number of them.
_SUMMARY = """
    SELECT run.id, run.run_id, experiment.name, run_name, status, start_time, end_time, kind, parent_run_id, note,
           deleted_time
    FROM run LEFT JOIN experiment ON experiment.id = run.experiment_id
    WHERE run.id IN (SELECT value FROM json_each(?))
"""
_PARAMS = """
    SELECT run_id, key.name, value FROM param JOIN key ON key.id = key_id
    WHERE run_id IN (SELECT value FROM json_each(?)) ORDER BY 2
"""
# Metrics stand in the order in which the project first met them: what is logged first tends to matter most.
_METRICS = """
    SELECT run_id, key.name, last FROM metric JOIN key ON key.id = key_id
    WHERE run_id IN (SELECT value FROM json_each(?)) ORDER BY run_id, key_id
"""
_TAGS = "SELECT run_id, key, value FROM tag WHERE run_id IN (SELECT value FROM json_each(?)) ORDER BY run_id, key"


def find(db: Database, run_id: str) -> dict[str, Any]:
    """Return the row of the run with this id, or with the only id that begins so; raises NotFoundError."""
    if not isinstance(run_id, str):
        raise UsageError(f"a run is named by its id, a text such as `run.run_id`, not by {shown(run_id)}")
    if not _PREFIX.fullmatch(run_id):
        raise NotFoundError(f"{run_id!r:.60} is no run id (up to 32 hexadecimal characters); see `trackbook runs`")
    rows = list(db.query("SELECT * FROM run WHERE run_id >= ? AND run_id < ? LIMIT 2", [run_id, run_id + "g"]))
    if not rows:
        raise NotFoundError(f"there is no run {run_id!r}; `trackbook runs` lists them")
    if len(rows) > 1:
        raise NotFoundError(f"more than one run begins with {run_id!r}; give more characters")
    return rows[0]


def summaries(db: Database, numbers: Sequence[int]) -> list[RunSummary]:
    """Return the runs with these row numbers, in this order."""
    wanted = msgspec.json.encode(numbers).decode()
    params, metrics, tags = (_held(db, select, wanted) for select in (_PARAMS, _METRICS, _TAGS))
    found = {
        number: _summary(
            *columns,
            params=params.get(number, {}),
            metrics=_metrics(metrics.get(number, {})),
            tags=tags.get(number, {}),
        )
        for number, *columns in db.execute(_SUMMARY, [wanted])
    }
    return [found[number] for number in numbers]


def _summary(
    run_id: str,
    experiment: str | None,
    run_name: str | None,
    status: str,
    start_time: int | None,
    end_time: int | None,
    kind: str | None,
    parent_run_id: str | None,
    note: str | None,
    deleted_time: int | None,
    **held: Any,
) -> RunSummary:
    return RunSummary(
        run_id=run_id,
        experiment=experiment or "",
        run_name=run_name or "",
        status=status,
        start_time=start_time,
        end_time=end_time,
        kind=kind or "python",
        parent_run_id=parent_run_id,
        note=note,
        deleted_time=deleted_time,
        **held,
    )


def _metrics(stored: dict[str, Any]) -> dict[str, float]:
    """Return last values by name; what every fit leaves stands behind what the user measured."""
    names = sorted(stored, key=is_automatic) if any(map(is_automatic, stored)) else stored
    return {name: from_stored(stored[name]) for name in names}


def _held(db: Database, select: str, wanted: str) -> dict[int, dict[str, Any]]:
    """Return the values that the runs hold, by name, of a SELECT of row number, name and value."""
    held: dict[int, dict[str, Any]] = {}
    for run, name, value in db.execute(select, [wanted]):
        if run in held:
            held[run][name] = value
        else:
            held[run] = {name: value}
    return held


def full_run(db: Database, row: dict[str, Any]) -> Run:
    """Return everything that is kept about the run of a row that `find` returned."""
    summary = summaries(db, [row["id"]])[0]
    content = db.execute("SELECT content FROM environment WHERE digest = ?", [row["environment"]]).fetchone()
    children = db.execute(
        "SELECT run_id FROM run WHERE parent_run_id = ? AND (deleted_time IS NULL OR ?) ORDER BY start_time, id",
        [row["run_id"], row["deleted_time"] is not None],
    )
    return Run(
        summary=summary,
        user=row["user"] or "",
        source=row["source"],
        notebook=row["notebook"],
        cell_id=row["cell_id"],
        execution_count=row["execution_count"],
        git_commit=row["git_commit"],
        git_branch=row["git_branch"],
        environment_digest=row["environment"],
        environment=msgspec.json.decode(content[0]) if content else None,
        error=_error(row),
        data=_data(db, row["id"]),
        artifacts=_artifacts(db, row["id"]),
        children=tuple(child for (child,) in children.fetchall()),
        git_remote=row["git_remote"],
        git_patch=row["git_patch"],
        program=_program(db, row["id"]),
        facts=_facts(db, row["id"]),
        reproductions=reproductions_of(db, row["run_id"]),
    )


def _program(db: Database, run: int) -> tuple[Execution, ...]:
    rows = db.query(
        "SELECT cell_execution.* FROM run_program JOIN cell_execution USING (session, number)"
        " WHERE run_id = ? ORDER BY session, number",
        [run],
    )
    return tuple(Execution(**row) for row in rows)


def _facts(db: Database, run: int) -> dict[str, Any]:
    rows = db.execute("SELECT name, content FROM run_fact WHERE run_id = ? ORDER BY name", [run]).fetchall()
    return {name: msgspec.json.decode(content) for name, content in rows}


def reproductions_of(db: Database, run_id: str) -> tuple[Reproduction, ...]:
    """Return all attempts to repeat a run, newest first."""
    rows = db.execute("SELECT content FROM reproduction WHERE run_id = ? ORDER BY id DESC", [run_id]).fetchall()
    return tuple(msgspec.json.decode(content, type=Reproduction) for (content,) in rows)


def _error(row: dict[str, Any]) -> RunError | None:
    if row["error_type"] is None:
        return None
    return RunError(row["error_type"], row["error_message"] or "", row["traceback"] or "")


def _data(db: Database, run: int) -> tuple[RunData, ...]:
    rows = db.query("SELECT * FROM run_data WHERE run_id = ? ORDER BY role, kind = 'file', name", [run])
    return tuple(
        RunData(
            role=row["role"],
            name=row["name"],
            kind=row["kind"],
            fingerprint=row["fingerprint"],
            rows=row["rows"],
            size=row["size"],
            columns=msgspec.json.decode(row["columns"]) if row["columns"] else None,
            reason=row["reason"],
        )
        for row in rows
    )


def _artifacts(db: Database, run: int) -> tuple[Artifact, ...]:
    rows = db.execute("SELECT path, digest, size, media_type FROM artifact WHERE run_id = ? ORDER BY path", [run])
    return tuple(Artifact(*row) for row in rows.fetchall())
